"""`gitpulse report` writes the file it promises, or says in one line why not."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gitpulse_assets.cli import cli
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.answer_lakes import EMPTY, HALF, ROCKET


@pytest.fixture
def folder(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITPULSE_LAKE_URL", lake.store.uri("").rstrip("/"))
    return tmp_path


def report(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments])


@pytest.mark.parametrize("repo", [ROCKET, EMPTY], ids=str)
def test_the_file_is_named_after_the_repository(folder: Path, repo):
    result = report(repo.key)
    assert result.exit_code == 0
    assert f"{repo.owner}-{repo.name}.html" in result.stdout
    assert repo.key in (folder / f"{repo.owner}-{repo.name}.html").read_text(encoding="utf-8")


def test_the_file_may_be_named(folder: Path):
    assert report(ROCKET.key, "--out", "here.html").exit_code == 0
    assert (folder / "here.html").stat().st_size < 400_000


@pytest.mark.parametrize("repo", [HALF.key, "nobody/nothing"])
def test_without_an_answer_the_command_to_run_is_named(folder: Path, repo: str):
    result = report(repo)
    assert result.exit_code == 1
    assert f"gitpulse refresh {repo}" in result.stderr
    assert not list(folder.iterdir())


def test_a_place_that_cannot_be_written_is_named(folder: Path):
    result = report(ROCKET.key, "--out", "missing/here.html")
    assert result.exit_code == 1
    assert "--out" in result.stderr
