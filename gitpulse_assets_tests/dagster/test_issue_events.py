"""REST issue events in Dagster runs: asked for by the run's config, said in its log, shown on the assets."""

import pytest

from gitpulse_assets.contracts.silver import LIFECYCLE_COVERAGE
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT

SNAPSHOT_ONLY = "history: snapshot only, earlier closings, reopenings and transfers are missing"


@pytest.fixture
def tokenless(home, sandbox, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    sandbox.app.limits.anonymous_per_hour = 1000


def unknowns(read):
    """What every window's verdict says it does not know of what was collected."""
    told = [set(row["unknowns"]) for row in read(MART_BACKLOG_VERDICT)]
    return set.intersection(*told)


@pytest.mark.slow
def test_a_run_that_asks_for_events_has_a_history(run, read, instance, tokenless):
    assert run().is_success
    assert SNAPSHOT_ONLY in unknowns(read)
    outcome = run(with_events=True)
    assert outcome.is_success, outcome.message
    assert unknowns(read) == set()
    shown = outcome.tables["bronze/issue_timeline"]
    assert (shown["status"], shown["is_capped"]) == ("complete", False)
    logged = [entry.user_message for entry in instance.all_logs(outcome.run_id)]
    needed = f"issue events: {shown['page_count'] - 1} more requests needed"
    assert any(message.startswith(needed) for message in logged)


@pytest.mark.slow
def test_a_cap_is_seen_on_the_asset_and_in_the_verdict(run, read, sandbox, tokenless):
    sandbox.app._routes.event_rows_max = 300
    outcome = run(with_events=True)
    assert outcome.is_success, outcome.message
    shown = outcome.tables["bronze/issue_timeline"]
    assert (shown["status"], shown["is_capped"], shown["record_count"]) == ("partial", True, 300)
    cut = sum(not row["is_complete"] for row in read(LIFECYCLE_COVERAGE))
    (told,) = unknowns(read)
    assert told.startswith(f"{cut} issues whose lifecycle GitHub did not give whole: #")
