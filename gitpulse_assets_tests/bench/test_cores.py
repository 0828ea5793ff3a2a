"""What the benchmark calls a refresh without Dagster is one: it merges, audits and publishes everything."""

from bench import cores
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")


def test_a_refresh_without_dagster_publishes_what_is_true_and_follows_changes(tmp_path):
    world = generate([HistoryPlan(REPO.key, seed=3, issue_count=60, day_count=60)])
    reader = Reader(world, REPO, tmp_path)
    for seconds in (0, 40 * 86_400):
        world.advance(seconds=seconds)
        with reader.client(reader.token) as client:
            parts = cores.timed_refresh(reader.lake, client, REPO)
        assert list(parts) == ["bronze", "silver", "sync_state", "gold"]
        flow = reader.lake.dataset(MART_ISSUE_DAILY_FLOW, REPO).to_table().sort_by("flow_date")
        told = flow.select(["flow_date", "open_at_end"]).to_pylist()[-1]
        day = world.truth(REPO.key).daily(world.clock)[-1]
        assert (told["flow_date"], told["open_at_end"]) == (day.date, day.open_at_end)
