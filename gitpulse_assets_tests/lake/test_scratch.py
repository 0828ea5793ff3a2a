"""The scratch folder is this user's alone, whoever made something of its name before."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.scratch import machine_scratch


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folder will be."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"gitpulse-{os.getuid()}"


def test_it_is_made_for_this_user_and_taken_again(place: Path):
    assert machine_scratch() == machine_scratch() == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def link_to_a_folder(place: Path) -> None:
    (place.parent / "another's").mkdir(mode=0o700)
    place.symlink_to(place.parent / "another's")


def link_to_nothing(place: Path) -> None:
    place.symlink_to(place.parent / "absent")


def folder_for_everybody(place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)


@pytest.mark.parametrize("make", [link_to_a_folder, link_to_nothing, folder_for_everybody, Path.touch])
def test_what_is_not_this_users_alone_is_refused(place: Path, make: Callable[[Path], None]):
    make(place)
    with pytest.raises(LakeError, match=r"only this user may use: .* set TMPDIR to a folder of your own$"):
        machine_scratch()


def test_a_folder_of_another_user_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch):
    other = os.getuid() + 1
    place.with_name(f"gitpulse-{other}").mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: other)
    with pytest.raises(LakeError, match="set TMPDIR"):
        machine_scratch()


def test_a_temporary_folder_that_is_gone_is_one_line(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(place / "gone"))
    with pytest.raises(LakeError, match=r"^/.*: No such file or directory: set TMPDIR to a folder you may"):
        machine_scratch()
