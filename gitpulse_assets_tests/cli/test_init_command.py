"""`gitpulse init`: its questions on a terminal, and what it says where there is none."""

import os
import pty
import select
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gitpulse_assets.cli import cli
from gitpulse_assets.commands import init
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from gitpulse_assets.settings import load_settings
from gitpulse_assets.watch.watch_list import watch_list
from gitpulse_assets_tests.cli.conftest import REPO, TOKEN

SECONDS_MAX = 240


@pytest.fixture
def ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`ask("answer", …)`: the command on a terminal without GITHUB_TOKEN, up to its refresh."""
    monkeypatch.setenv("GITHUB_TOKEN", "")
    monkeypatch.setenv("GITPULSE_LAKE_URL", "")
    monkeypatch.setattr(init, "has_terminal", lambda: True)
    monkeypatch.setattr(init, "refresh_repos", lambda settings, repos, is_full: DONE)
    monkeypatch.setattr(init, "answers", lambda settings, repos: DONE)

    def run(*answers: str, arguments: tuple[str, ...] = ()) -> Result:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = CliRunner().invoke(
                cli, ["init", *arguments], input="".join(f"{one}\n" for one in answers)
            )
        assert TOKEN not in result.output
        return result

    return run


def test_what_is_answered_is_written_for_the_owner_alone(ask, home):
    result = ask("acme/rocket", TOKEN, "my lake's", "y")
    assert result.exit_code == DONE, result.output
    assert "first refresh: " in result.output
    assert "enough" in result.output
    for name in ("gitpulse.yaml", ".env"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    os.environ.update(GITHUB_TOKEN="", GITPULSE_LAKE_URL="")
    settings = load_settings()
    assert [token.get_secret_value() for token in settings.github_tokens] == [TOKEN]
    assert settings.lake_url == str(home / "my lake's")
    assert watch_list(settings).repos == [REPO]


def test_without_a_token_none_is_written_and_what_is_lacking_is_said(ask, home):
    result = ask("", "", "y", arguments=("acme/rocket",))
    assert result.exit_code == DONE, result.output
    assert "no history of reopenings" in result.output
    assert (home / "gitpulse.yaml").exists()
    assert not (home / ".env").exists()


def test_a_name_that_is_none_and_a_bad_token_are_asked_for_again(ask):
    result = ask("rocket", "acme/rocket", "bad_token", "", TOKEN, "y")
    assert result.exit_code == DONE, result.output
    assert "401" in result.output


def test_a_repository_the_token_may_not_see_is_named_and_nothing_written(ask, home):
    result = ask("acme/rocket acme/secret", TOKEN, "")
    assert result.exit_code == FAILED
    assert "acme/secret" in result.output
    assert not list(home.glob("g*")) + list(home.glob(".env"))


@pytest.mark.parametrize("name", ["gitpulse.yaml", ".env"])
def test_a_file_that_is_there_is_replaced_only_when_asked(ask, home, name):
    (home / name).write_text("# mine\n")
    result = ask("acme/rocket", TOKEN, "", "n")
    assert result.exit_code == WRONG_USE
    assert (home / name).read_text() == "# mine\n"
    assert ask("acme/rocket", TOKEN, "", "y", "y").exit_code == DONE
    assert "mine" not in (home / name).read_text()


@pytest.mark.parametrize(
    ("answers", "code"), [(("acme/rocket", TOKEN, "", "n"), WRONG_USE), ((), INTERRUPTED)]
)
def test_who_declines_or_breaks_off_has_nothing_written(ask, home, answers, code):
    result = ask(*answers)
    assert result.exit_code == code
    assert "nothing was written" in result.output
    assert not (home / "gitpulse.yaml").exists()


def test_without_a_terminal_it_says_what_is_missing(home):
    result = CliRunner().invoke(cli, ["init"])
    assert result.exit_code == WRONG_USE
    assert "gitpulse init OWNER/NAME" in result.output
    (home / "gitpulse.yaml").write_text("# mine\n")
    assert CliRunner().invoke(cli, ["init", "acme/rocket"]).exit_code == WRONG_USE
    assert (home / "gitpulse.yaml").read_text() == "# mine\n"


def test_on_a_real_terminal_from_an_empty_folder_to_the_answer(tmp_path, sandbox):
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GITHUB_API_URL": sandbox.base_url}
    command = [Path(sys.executable).parent / "gitpulse", "init"]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    seen = ""
    try:
        for question, answer in (
            ("several by blanks", "acme/rocket"),
            ("not shown; Enter for none", TOKEN),
            ("Where to keep the tables", ""),
            ("refresh now?", ""),
        ):
            seen += read_until(ours, question)
            os.write(ours, f"{answer}\n".encode())
        seen += read_until(ours, "gitpulse serve shows it")
        assert process.wait(SECONDS_MAX) == DONE
    finally:
        process.kill()
        os.close(ours)
    assert "acme/rocket, 90 days to" in seen
    assert TOKEN not in seen
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert list(tmp_path.glob(".gitpulse/lake/gold/mart_backlog_verdict/*/*/data.parquet"))


def read_until(terminal: int, words: str) -> str:
    """What the terminal shows up to some words; fails where they do not come."""
    seen = ""
    while words not in seen:
        ready, _, _ = select.select([terminal], [], [], SECONDS_MAX)
        assert ready, f"{words!r} did not come after:\n{seen}"
        try:
            seen += os.read(terminal, 65_536).decode()
        except OSError:
            pytest.fail(f"ended before {words!r}:\n{seen}")
    return seen
