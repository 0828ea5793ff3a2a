"""Prints which wheels there are of each version that locks pin: `python scripts/list_wheels.py LOCK...`.

A lock holds hashes only, from which nobody can tell what they are of. A line is `name==version` and the tags
of its wheels; addresses, which uv tells too, stay out. Needs uv; `make lock` runs it.
"""

import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any


def main() -> None:
    """Print the wheels of all that the locks pin, each version once.

    A lock that pins a version for one system alone has the wheels of that system only.
    """
    tags: defaultdict[str, set[str]] = defaultdict(set)
    for lock in sys.argv[1:]:
        for package in packages(Path(lock)):
            tags[f"{package['name']}=={package['version']}"] |= tags_of(package)
    print(*(" ".join([pin, *sorted(tags[pin])]) for pin in sorted(tags)), sep="\n")


def packages(lock: Path) -> list[dict[str, Any]]:
    """What uv knows of each package of a lock."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "pylock.toml")
        options = ["--quiet", "--universal", "--no-deps", "--no-annotate", "--python-version", "3.11"]
        subprocess.run(["uv", "pip", "compile", *options, str(lock), "-o", str(out)], check=True)
        return tomllib.loads(out.read_text(encoding="utf-8"))["packages"]


def tags_of(package: dict[str, Any]) -> set[str]:
    """The tags of a version's wheels."""
    return {tag_of(wheel) for wheel in package.get("wheels", [])}


def tag_of(wheel: dict[str, Any]) -> str:
    """The last three parts of a wheel's file name: interpreter, ABI, platform."""
    name = wheel.get("name") or wheel["url"].rpartition("/")[2]
    return "-".join(name.removesuffix(".whl").rsplit("-", 3)[1:])


if __name__ == "__main__":
    main()
