"""The locks install on every machine there is support for, by any pip: no network is asked.

What the metadata of what is installed asks for is held against the locks, and the locks against
`requirements.wheels`, which `make lock` writes.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distributions
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms, parse_tag
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
LAUNCHERS = ROOT / "requirements-launchers.lock"
PEERS = [*sorted((ROOT / "bench/peers").glob("*.lock")), ROOT / "examples/requirements.lock"]
PYTHONS = [(3, minor) for minor in range(11, 15)]
# The oldest system of each kind: glibc 2.28 (Debian 10, RHEL 8) and macOS 14.
GLIBC = ["manylinux1", "manylinux2010", "manylinux2014", *(f"manylinux_2_{minor}" for minor in range(5, 29))]
PLATFORMS = {
    ("linux", "x86_64"): [f"{glibc}_x86_64" for glibc in GLIBC],
    ("linux", "aarch64"): [f"{glibc}_aarch64" for glibc in GLIBC],
    ("darwin", "arm64"): list(mac_platforms((14, 0), "arm64")),
}
MACHINES = list(product(PYTHONS, PLATFORMS))
# The only pins that are built from source: one in pure Python, of a peer that is only measured, and one that
# Dagster takes below version 7 only, older than Python 3.14; it needs Apple's command line tools.
BUILT = {("nested-lookup", machine) for machine in MACHINES} | {("watchdog", ((3, 14), ("darwin", "arm64")))}

Environment = dict[str, str]
Machine = tuple[tuple[int, int], tuple[str, str]]


def environment(python: tuple[int, int], platform: tuple[str, str]) -> Environment:
    """What markers are evaluated with on a machine."""
    system, machine = platform
    version = f"{python[0]}.{python[1]}"
    return {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "implementation_version": f"{version}.0",
        "python_version": version,
        "python_full_version": f"{version}.0",
        "os_name": "posix",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "platform_machine": machine,
    }


ENVIRONMENTS = [environment(python, platform) for python, platform in MACHINES]


def pins(lock: str) -> list[Requirement]:
    """The requirements of a lock's text, without their hashes."""
    lines = [line.removesuffix("\\").strip() for line in lock.splitlines() if line and line[0].isalnum()]
    return [Requirement(line) for line in lines]


def is_meant(requirement: Requirement, on: Environment) -> bool:
    """Whether it is one on this machine."""
    return requirement.marker is None or requirement.marker.evaluate(on)


def pin_for(pinned: list[Requirement], name: str, on: Environment) -> Requirement | None:
    """What the lock installs by a name, as locks and `canonicalize_name` write it, on a machine."""
    return next((pin for pin in pinned if pin.name == name and is_meant(pin, on)), None)


@cache
def asked_with_extra() -> list[tuple[str, Requirement]]:
    """What is asked for with an extra, and by which installed distribution."""
    return [
        (canonicalize_name(distribution.name), requirement)
        for distribution in distributions()
        for text in distribution.requires or ()
        if (requirement := Requirement(text)).extras
    ]


def asked_by_installed(pinned: list[Requirement]) -> Iterator[tuple[str, Requirement, Environment]]:
    """Who asks for what with an extra on which machine, of all that is installed and pinned."""
    for (who, requirement), on in product(asked_with_extra(), ENVIRONMENTS):
        own = pin_for(pinned, who, on)
        extras = {"", *own.extras} if own else set()
        if any(is_meant(requirement, on | {"extra": extra}) for extra in extras):
            yield who, requirement, on


def asked_by_us(lock: Path) -> Iterator[tuple[str, Requirement, Environment]]:
    """What a lock was made from, where it is asked for with an extra."""
    if lock in PEERS:
        texts = lock.with_suffix(".in").read_text().splitlines()
    else:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        groups = project["dependency-groups"]
        texts = [
            *project["project"]["dependencies"],
            *groups["build"],
            *(groups["dev"] if lock == DEV else ()),
            *(project["project"]["optional-dependencies"]["launchers"] if lock == LAUNCHERS else ()),
        ]
    for requirement, on in product(map(Requirement, texts), ENVIRONMENTS):
        if requirement.extras:
            yield lock.name, requirement, on


def keeps(pinned: list[Requirement], requirement: Requirement, on: Environment) -> bool:
    """Whether the lock pins a requirement with all its extras."""
    pin = pin_for(pinned, canonicalize_name(requirement.name), on)
    return pin is not None and requirement.extras <= pin.extras


def unpinned(asked: Iterator[tuple[str, Requirement, Environment]], pinned: list[Requirement]) -> list[str]:
    """The requirements whose extra the lock does not keep, with who asks."""
    return sorted(
        {
            f"{requirement.name}[{','.join(sorted(requirement.extras))}] of {who}"
            for who, requirement, on in asked
            if not keeps(pinned, requirement, on)
        }
    )


@pytest.mark.parametrize("lock", [RUNTIME, DEV, LAUNCHERS, *PEERS], ids=lambda path: path.name)
def test_a_lock_keeps_the_extras_of_what_it_was_made_from(lock: Path):
    assert unpinned(asked_by_us(lock), pins(lock.read_text())) == []


@pytest.mark.parametrize("lock", [RUNTIME, DEV], ids=lambda path: path.name)
def test_a_lock_keeps_the_extras_that_what_is_installed_asks_for(lock: Path):
    """pip before 23.3 resolves `gql[requests]` apart from `gql` and refuses the newest release it finds."""
    pinned = pins(lock.read_text())
    assert unpinned(asked_by_installed(pinned), pinned) == []


@pytest.mark.parametrize("lock", [DEV, LAUNCHERS], ids=lambda path: path.name)
def test_what_is_added_changes_no_version(lock: Path):
    """Tests, and the image for several machines, have what everybody's has."""
    assert set(map(str, pins(RUNTIME.read_text()))) - set(map(str, pins(lock.read_text()))) == set()


def test_a_lock_without_an_extra_is_found():
    """As it was: the extras of `gql`, `pyjwt` and `uvicorn` were stripped from what asked for them."""
    text = DEV.read_text().replace("gql[requests]==", "gql==").replace("pyjwt[crypto]==", "pyjwt==")
    pinned = pins(text)
    assert "gql[requests] of dagster-graphql" in unpinned(asked_by_installed(pinned), pinned)
    assert unpinned(asked_by_us(DEV), pinned) == ["pyjwt[crypto] of requirements-dev.lock"]


@cache
def wheels() -> Mapping[str, frozenset[Tag]]:
    """The tags of each version's wheels, by `name==version`."""
    lines = [line.split() for line in (ROOT / "requirements.wheels").read_text().splitlines()]
    return {pin: frozenset().union(*map(parse_tag, tags)) for pin, *tags in lines}


@cache
def tags_of(python: tuple[int, int], platform: tuple[str, str]) -> frozenset[Tag]:
    """The tags of the wheels that a machine takes."""
    platforms = PLATFORMS[platform]
    interpreter = f"cp{python[0]}{python[1]}"
    return frozenset(
        [*cpython_tags(python, platforms=platforms), *compatible_tags(python, interpreter, platforms)]
    )


def without_wheel(
    pinned: list[Requirement],
    known: Mapping[str, frozenset[Tag]],
    machine: Machine,
) -> list[str]:
    """The pins that a machine would have to build, or of which nothing is known."""
    taken, on = tags_of(*machine), environment(*machine)
    return [
        str(pin)
        for pin in pinned
        if is_meant(pin, on)
        and (pin.name, machine) not in BUILT
        and not taken & known.get(f"{pin.name}{pin.specifier}", frozenset())
    ]


@pytest.mark.parametrize("machine", MACHINES, ids=str)
@pytest.mark.parametrize("lock", [RUNTIME, DEV, LAUNCHERS, *PEERS], ids=lambda path: path.name)
def test_every_pin_has_a_wheel_for_every_machine(lock: Path, machine):
    assert without_wheel(pins(lock.read_text()), wheels(), machine) == []


def test_a_pin_without_a_wheel_is_found():
    """A wheel of another Python or platform is none, and so is a version of which nothing is known."""
    pinned = pins("numpy==1.0.0 \\\n    --hash=sha256:0\nnobody==1.0.0 ; sys_platform == 'darwin'\n")
    known = {"numpy==1.0.0": parse_tag("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64")}
    assert without_wheel(pinned, known, ((3, 11), ("linux", "x86_64"))) == []
    assert without_wheel(pinned, known, ((3, 14), ("linux", "x86_64"))) == ["numpy==1.0.0"]
    assert len(without_wheel(pinned, known, ((3, 11), ("darwin", "arm64")))) == 2
