"""A handful of the generated histories through Dagster runs over a real connection, every check in force."""

import dagster as dg
import pytest

from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import refresh
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.truth import Walk
from gitpulse_assets_tests.conftest import forget_settings
from gitpulse_assets_tests.history.histories import FULL_NAME, script
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.verdicts import judge_days, judge_ledger

REPO = Repo.parse(FULL_NAME.lower())


@pytest.fixture(scope="module")
def defs():
    return build_defs()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Point the product's settings at a stand-in and at a lake in the test's folder."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", "good-token")
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return monkeypatch


@pytest.mark.dear
@pytest.mark.parametrize(
    ("mode", "seed"), [("full", 101), pytest.param("increments", 102, marks=pytest.mark.slow)]
)
def test_no_day_is_wrong_through_dagster(mode, seed, defs, instance, settings, tmp_path):
    played = script(seed, mode)
    truth = played.world.truth(FULL_NAME)
    reader = Reader(played.world, REPO, tmp_path / "lake")
    walks = []
    with serve(played.world) as sandbox:
        settings.setenv("GITHUB_API_URL", sandbox.base_url)
        for gap_seconds in (0, *played.gaps_seconds):
            played.world.advance(seconds=gap_seconds)
            outcome = refresh(defs, instance, REPO, is_full=len(walks) == len(played.gaps_seconds))
            assert outcome.is_success, outcome.message
            row = reader.lake.manifest(REPO).row(outcome.run_id, "issues")
            walks.append(Walk(played.world.clock, row.walk_kind == "full"))
    with connect() as con:
        for table in (MART_ISSUE_DAILY_FLOW, ISSUE_CURRENT):
            con.register(table.name, reader.lake.dataset(table, REPO))
        verdict = judge_days(con, truth, walks) + judge_ledger(reader.transitions(), truth, walks)
    print(verdict)
    assert verdict.mistakes == []
