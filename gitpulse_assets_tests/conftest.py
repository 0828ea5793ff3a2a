"""Fixtures that find the real parts a test needs, or skip with the reason; and settings nobody set.

`GITPULSE_REQUIRE=recorded,s3,browser,postgres,caddy,compose,tmpfs` turns such a skip into a failure: CI sets
it where the part can be had.
"""

import atexit
import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gitpulse_assets.settings import Settings
from gitpulse_assets_tests import shared

# How often a generated test is tried, unless it says so itself; the second is that of `make prove`.
settings.register_profile("suite", max_examples=15)
settings.register_profile("prove", max_examples=500)
settings.load_profile("suite")

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 2 * 1024**3


def pytest_configure() -> None:
    """Spare what proves nothing: compiling at every process start, and waiting for the disk.

    Importing takes twice the time uncompiled; a refresh calls fsync some eighty times, and a killed process,
    unlike a machine, loses nothing of what it wrote without.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage among what stays, a million objects of modules and tests, and then seldom."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(50_000)
        # DuckDB's binding tells of what is left at the end; before, pytest looks for garbage three times.
        atexit.register(gc.unfreeze)


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Iterator[None]:
    """Make no tests of slow cases, thousands of seeds and points, where slow ones are left out anyway."""
    yield
    if "not slow" in metafunc.config.option.markexpr:
        # There is no other way to shorten its list; one of a slow test stays, to be told as left out.
        calls, is_slow = metafunc._calls, metafunc.definition.get_closest_marker("slow") is not None
        cheap = [call for call in calls if not is_slow and all(mark.name != "slow" for mark in call.marks)]
        calls[:] = cheap or calls[:1]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what the workers shared, once all of them are through."""
    if not hasattr(session.config, "workerinput"):
        shared.end(shared.folder_of(session.config))


def absent(part: str, reason: str) -> None:
    """Skip for want of a real part, or fail where that part is required."""
    if part in os.environ.get("GITPULSE_REQUIRE", "").split(","):
        pytest.fail(f"GITPULSE_REQUIRE names {part!r}, but {reason}")
    pytest.skip(reason)


def forget_settings(patch: pytest.MonkeyPatch) -> None:
    """Let the settings be the defaults, whatever the environment of the tests says."""
    for field in Settings.model_fields.values():
        patch.delenv(str(field.validation_alias), raising=False)


@pytest.fixture
def process_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes a time zone the process's own, as long as the test runs."""

    def become(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield become
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded real GitHub data, named by GITPULSE_RECORDED_DATA."""
    path = os.environ.get("GITPULSE_RECORDED_DATA")
    if not path:
        absent("recorded", "GITPULSE_RECORDED_DATA is not set")
    folder = Path(str(path)).resolve()
    if not folder.is_dir():
        absent("recorded", f"GITPULSE_RECORDED_DATA names {folder}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def github_spec(recorded_data: Path) -> Path:
    """The folder with GitHub's own OpenAPI file and GraphQL schema, beside the recorded data."""
    return recorded_data.parent / "spec"
