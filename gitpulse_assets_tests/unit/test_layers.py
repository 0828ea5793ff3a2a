"""Which room may import which: what computes, fetches and stores can be used and tested without Dagster."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gitpulse_assets

PACKAGE = Path(gitpulse_assets.__file__).parent
WITHOUT_DAGSTER = (
    "alerting",
    "answers",
    "bi",
    "catalog",
    "charts",
    "collect",
    "contracts",
    "events",
    "github",
    "lake",
    "lineage",
    "marts",
    "members",
    "metrics",
    "page",
    "pipeline",
    "processes",
    "sandbox",
    "serve",
    "setting_values",
    "streams",
    "texts",
    "transform",
    "upkeep",
    "watch",
)
# What Dagster runs, and who starts it: no room below may know of them.
ABOVE = (
    "assets",
    "automation",
    "cli",
    "commands",
    "definitions",
    "io_manager",
    "partitions",
    "resources",
    "runs",
    "worker",
)
# Of the checks Dagster needs the specs alone.
SPECS = PACKAGE / "checks" / "specs.py"


@cache
def imports_of(path: Path) -> frozenset[str]:
    """What a file imports, wherever in it: modules, and each name of a `from` as if it were one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def strays(paths: Iterable[Path], *forbidden: str) -> list[str]:
    """Imports of forbidden modules or of what lies in them, as file: module."""
    return [
        f"{path.relative_to(PACKAGE)}: {module}"
        for path in paths
        for module in sorted(imports_of(path))
        if any(module == name or module.startswith(f"{name}.") for name in forbidden)
    ]


def files(room: str) -> list[Path]:
    """The modules of a room."""
    found = sorted((PACKAGE / room).rglob("*.py"))
    assert found, room
    return found


def used_by(room: str) -> list[Path]:
    """The modules of a room and all of ours that they import, directly or through others."""
    reached = reached_from(map(dotted, files(room)), graph(str))
    return [modules()[name] for name in sorted(reached)]


def reached_from(names: Iterable[str], imports: Mapping[str, set[str]]) -> set[str]:
    """These, what they import, what that imports, and so on."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += imports.get(name, ())
    return found


@pytest.mark.parametrize("room", WITHOUT_DAGSTER)
def test_a_room_below_the_assets_knows_neither_dagster_nor_what_runs_in_it(room: str):
    above = [f"gitpulse_assets.{name}" for name in ABOVE]
    assert strays(used_by(room), "dagster", "dagster_aws", "dagster_duckdb", *above) == []


def test_of_the_checks_the_specs_alone_know_dagster():
    others = [path for path in files("checks") if path != SPECS]
    assert strays(others, "dagster", "gitpulse_assets.partitions", "gitpulse_assets.checks.specs") == []


def test_github_and_the_lake_know_nothing_of_each_other():
    assert strays(used_by("github"), "gitpulse_assets.lake") == []
    assert strays(used_by("lake"), "gitpulse_assets.github") == []


def test_what_is_imported_through_others_would_be_seen():
    assert reached_from(["a"], {"a": {"b"}, "b": {"c"}, "d": {"e"}}) == {"a", "b", "c"}


@cache
def modules() -> dict[str, Path]:
    """Every module of ours and its file."""
    return {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def graph(name_of: Callable[[str], str]) -> dict[str, set[str]]:
    """Who imports whom, of all there is: imports within a function and for types alone are some, too."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        used = {each if each in modules() else each.rpartition(".")[0] for each in imports_of(path)}
        found[name_of(module)] |= {name_of(each) for each in used & modules().keys()} - {name_of(module)}
    return found


def dotted(path: Path) -> str:
    """The module that a file is."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """The folder a module lies in, or itself where it lies in none."""
    return ".".join(module.split(".")[:2])


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """A circle of who imports whom, in order; none where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("name_of", [str, room_of], ids=["module", "room"])
def test_there_is_no_circle(name_of: Callable[[str], str]):
    assert circle_in(graph(name_of)) == []


def test_a_circle_would_be_seen():
    assert set(circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def test_readme_says_what_every_room_is_for():
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"`(\w+)/`", text.partition("## Where things are")[2].partition("\n## ")[0])
    rooms = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(told) == sorted(rooms)
