"""`gitpulse action`: what a workflow is told where not all goes well; the whole is tried in `action/`."""

import shutil
from pathlib import Path

import pyarrow.compute as pc
import pytest

from gitpulse_assets.action.kept_issue import MARK, kept_number
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.contracts.silver import ISSUE_BODY, ISSUE_CURRENT
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.sandbox.writing import AUTHOR
from gitpulse_assets_tests.answer_lakes import publish
from gitpulse_assets_tests.cli.conftest import REPO
from gitpulse_assets_tests.history.product import Reader

STRANGER = User(5, "stranger", "User", "U_5", "NONE")
APP = User(7, "of-an-app[bot]", "Bot", "BOT_7", "NONE")
MEMBER = User(6, "member", "User", "U_6", "MEMBER")


@pytest.fixture
def runner(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the files of a workflow's step."""
    monkeypatch.setenv("GITHUB_REPOSITORY", REPO.key)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(home / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(home / "output"))
    return home


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch):
    """A sandbox of the test's own, which the settings name."""
    with serve(generate([HistoryPlan(REPO.key, seed=7, issue_count=150, day_count=200)])) as running:
        monkeypatch.setenv("GITHUB_API_URL", running.base_url)
        yield running


def test_a_limit_fails_no_workflow_and_the_next_run_goes_on(runner, world, gitpulse, monkeypatch):
    monkeypatch.setenv("GITPULSE_PATIENCE_SECONDS", "0")
    world.app.limits = Limits(token_per_hour=4)
    first = gitpulse("action")
    assert first.exit_code == DONE, first.output
    assert "::warning title=GitPulse::acme/rocket is not refreshed whole" in first.output
    assert "first" in (runner / "summary").read_text()
    assert not (runner / "output").exists()
    world.app.limits = Limits()
    assert gitpulse("action").exit_code == DONE
    assert "direction=" in (runner / "output").read_text()


def test_a_token_that_may_not_write_fails_after_the_answer_is_told(
    runner, first_refresh, gitpulse, monkeypatch
):
    shutil.copytree(first_refresh.home / ".gitpulse" / "lake", runner / ".gitpulse" / "lake")
    monkeypatch.setenv("GITHUB_TOKEN", "read_only_token")
    result = gitpulse("action", "--keep-issue", "true")
    assert result.exit_code == FAILED
    assert "permissions: {issues: write}" in result.output
    assert "read_only_token" not in result.output
    assert "### Where to act first" in (runner / "summary").read_text()


@pytest.mark.slow
def test_a_limit_opens_no_second_issue_and_hides_no_output(runner, world, gitpulse, monkeypatch):
    """The issue of the first run is not in the tables before a refresh that comes to its end."""
    assert gitpulse("action", "--keep-issue", "true").exit_code == DONE
    count = len(world.world.repository(REPO.key).issues)
    (runner / "output").unlink()
    monkeypatch.setenv("GITPULSE_PATIENCE_SECONDS", "0")
    world.world.advance(seconds=86_400)
    world.app.limits = Limits(token_per_hour=3)
    result = gitpulse("action", "--keep-issue", "true")
    assert result.exit_code == DONE, result.output
    assert "is not refreshed whole" in result.output
    assert "direction=" in (runner / "output").read_text()
    assert len(world.world.repository(REPO.key).issues) == count


def test_a_repository_that_is_none_fails_and_the_summary_says_where_to_look(runner, world, gitpulse):
    assert gitpulse("action", "acme/unknown").exit_code == FAILED
    assert "could not refresh acme/unknown" in (runner / "summary").read_text()


def test_an_issue_without_a_token_is_wrong_use(runner, gitpulse, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert gitpulse("action", "--keep-issue", "true").exit_code == WRONG_USE


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Whoever wrote an issue with the mark, in this order, and the silver tables of their repository."""
    world, authors = World(), [STRANGER, MEMBER, APP, AUTHOR]
    acts = world.add_repository(REPO.key)
    for author in authors:
        issue = acts.open(world.clock, author, "title")
        acts.rewrite(issue, world.clock, author, "title", f"text {MARK}")
    reader = Reader(world, REPO, tmp_path_factory.mktemp("four"))
    reader.sync()
    tables = (ISSUE_CURRENT, ISSUE_BODY)
    return authors, {table: reader.lake.dataset(table, REPO).to_table() for table in tables}


@pytest.mark.parametrize(
    ("writers", "kept"),
    [
        ([STRANGER], None),
        ([STRANGER, AUTHOR], AUTHOR),
        ([MEMBER, AUTHOR], MEMBER),
        ([APP, AUTHOR], APP),
        ([], None),
    ],
)
def test_only_an_issue_of_who_may_write_here_is_rewritten(tmp_path, four, writers, kept):
    """Anyone can open an issue with the mark; another's text is not ours to replace."""
    authors, tables = four
    numbers = {author.login: number for number, author in enumerate(authors, start=1)}
    there = pc.field("issue_number").isin([numbers[author.login] for author in writers])
    ids = tables[ISSUE_CURRENT].filter(there)["issue_id"]
    lake = Lake.open(str(tmp_path))
    written = {table: rows.filter(pc.is_in(rows["issue_id"], ids)) for table, rows in tables.items()}
    publish(lake, "silver", REPO, written)
    assert kept_number(lake, REPO) == (kept and numbers[kept.login])
