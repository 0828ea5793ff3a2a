"""An issue that its author turns into a pull request keeps its number, and must not stop the refreshes."""

from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.pipeline.refresh import refresh
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")
DAY_SECONDS = 86_400


def test_an_issue_turned_into_a_pull_request_leaves_the_backlog_and_every_check_holds(tmp_path):
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    issues = [acts.open(world.clock, None, "T") for _ in range(3)]
    reader = Reader(world, REPO, tmp_path)
    stock = []
    for day in range(4):
        if day == 1:
            acts.turn_into_pull_request(issues[0], world.clock, None)
        world.advance(seconds=DAY_SECONDS)
        with reader.client(reader.token) as client:
            refresh(reader.lake, client, REPO, f"run-{day}")
        flow = reader.lake.dataset(MART_ISSUE_DAILY_FLOW, REPO).to_table().sort_by("flow_date").to_pylist()
        stock.append((flow[-1]["open_at_end"], sum(row["converted_count"] for row in flow)))
    assert stock == [(3, 0), (2, 1), (2, 1), (2, 1)]
