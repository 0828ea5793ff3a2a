"""The history from REST issue events: without a token, on request, resumable, and honest about its cap."""

import json
from datetime import UTC, datetime

import pytest

from gitpulse_assets.collect.progress import listener
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.sandbox.faults import ALWAYS, Fault

EVENTS = "/issues/events"


@pytest.fixture
def tokenless(world, make_product):
    """A product on an empty lake, to be synced without a token."""
    return make_product(world)


@pytest.fixture(scope="module")
def history_folder(make_world, make_product):
    """The lake after a first run without a token that received every event, to be copied."""
    product = make_product(make_world())
    product.app.limits.anonymous_per_hour = 1000
    product.sync(with_events=True, token="")
    return product.folder


@pytest.fixture
def known(world, make_product, history_folder):
    """A product that made that run."""
    product = make_product(world, copy_of=history_folder)
    product.app.limits.anonymous_per_hour = 1000
    return product


@pytest.fixture
def notes():
    """What the walks have to say."""
    said = []
    token = listener.set(lambda progress: said.append(progress.note) if progress.note else None)
    yield said
    listener.reset(token)


def rows_of(product, stream, run_id=None):
    rows = [row for row in product.lake.manifest(product.repo).rows() if row.stream == stream]
    return [row for row in rows if run_id in (None, row.run_id)]


def asked(product):
    return [served for served in product.app.log if EVENTS in served.target]


def walks(product):
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in rows_of(product, "event_walk")]
    return product.lake.bronze_dataset(bronze.EVENT_WALK, product.repo, batches).to_table().to_pylist()


def events(product):
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in rows_of(product, "issue_timeline")]
    stored = product.lake.bronze_dataset(bronze.ISSUE_TIMELINE, product.repo, batches).to_table()
    return [json.loads(payload)["id"] for payload in stored["payload_json"].to_pylist()]


def served_events(product):
    listed = product.world.repository(product.repo.key).listed
    return {event.event_id for issue in listed for event in issue.events}


def test_without_being_asked_for_no_event_is_fetched(tokenless):
    tokenless.sync(token="")
    assert (asked(tokenless), rows_of(tokenless, "issue_timeline")) == ([], [])
    assert tokenless.unknown_slices() == [
        "history: snapshot only, earlier closings, reopenings and transfers are missing"
    ]


def test_every_event_is_received_and_the_history_is_whole(tokenless, notes):
    tokenless.app.limits.anonymous_per_hour = 1000
    tokenless.sync(with_events=True, token="")
    (row,) = rows_of(tokenless, "issue_timeline")
    assert set(events(tokenless)) == served_events(tokenless)
    assert (row.status, row.walk_kind, row.next_url) == ("complete", "full", None)
    assert row.request_count == row.quota_cost == row.page_count == len(asked(tokenless))
    assert tokenless.unknown_slices() == []
    assert notes == [
        f"issue events: {row.page_count - 1} more requests needed, "
        f"{1000 - len(tokenless.app.log) + row.page_count - 1} left until 13:00 UTC"
    ]


def test_the_ledger_is_that_of_graphql(known, product):
    """But for what REST leaves out: the reason `completed`, and the repository that an issue came from."""
    compared = [name for name in silver.ISSUE_TRANSITIONS.column_names if name != "reason"]
    rest, graphql = (
        one.table(silver.ISSUE_TRANSITIONS).select(compared).to_pylist() for one in (known, product)
    )
    assert rest == graphql


def test_a_later_walk_ends_at_the_newest_known_event(known, world):
    world.advance(seconds=86_400)
    known.sync(with_events=True, token="")
    first, second = walks(known)
    assert len(asked(known)) == 1
    assert second["newest_event_id"] == max(events(known)) > first["newest_event_id"]
    assert second["whole_walk_at"] == first["as_of_at"] < second["as_of_at"]
    assert served_events(known) <= set(events(known))
    assert known.unknown_slices() == []


@pytest.mark.slow
def test_a_full_walk_reads_the_whole_list_again(tokenless):
    tokenless.app.limits.anonymous_per_hour = 1000
    tokenless.sync(with_events=True, token="")
    whole = len(asked(tokenless))
    tokenless.sync(with_events=True, is_full=True, token="")
    assert len(asked(tokenless)) == whole > 10


@pytest.mark.parametrize("skip", [7, *(pytest.param(page, marks=pytest.mark.slow) for page in (1, 12))])
def test_a_walk_cut_short_is_gone_on_with(tokenless, world, skip):
    """At a page before the one that failed, since events that came meanwhile push the others down."""
    tokenless.app.limits.anonymous_per_hour = 1000
    tokenless.app.faults.append(Fault("status", match=EVENTS, skip=skip, times=ALWAYS, status=500))
    with pytest.raises(GitHubError, match="answered 500"):
        tokenless.collect(with_events=True, token="")
    (cut,) = rows_of(tokenless, "issue_timeline")
    assert (cut.status, cut.page_count) == ("partial", skip)
    assert walks(tokenless) == []
    tokenless.app.faults.clear()
    world.advance(seconds=86_400)
    tokenless.sync(with_events=True, token="")
    (walk,) = walks(tokenless)
    pages = -(-len(served_events(tokenless)) // 100)
    assert rows_of(tokenless, "issue_timeline", "run-002")[0].resumed_run_id == "run-001"
    assert len(asked(tokenless)) <= pages - skip + 2
    assert walk["as_of_at"] == datetime(2026, 6, 30, 12, tzinfo=UTC)
    # What happened since the walk began is the next one's.
    tokenless.sync(with_events=True, token="")
    assert len(asked(tokenless)) == 1
    assert served_events(tokenless) <= set(events(tokenless))
    assert tokenless.unknown_slices() == []


@pytest.mark.slow
def test_events_that_vanished_meanwhile_have_the_walk_begin_anew(tokenless, world):
    tokenless.app.limits.anonymous_per_hour = 1000
    tokenless.app.faults.append(Fault("status", match=EVENTS, skip=3, times=ALWAYS, status=500))
    with pytest.raises(GitHubError):
        tokenless.collect(with_events=True, token="")
    tokenless.app.faults.clear()
    acts = world.acts_on("acme/rocket")
    newest = sorted(
        acts.repository.listed, key=lambda issue: max((event.event_id for event in issue.events), default=0)
    )
    for issue in newest[-150:]:
        acts.delete(issue, world.clock)
    tokenless.sync(with_events=True, token="")
    assert served_events(tokenless) <= set(events(tokenless))
    assert asked(tokenless)[-1].target.endswith(f"page={-(-len(served_events(tokenless)) // 100)}")


def test_a_capped_walk_is_not_complete_and_says_so_and_the_next_adds_what_is_new(tokenless, world):
    tokenless.show(world, event_rows_max=400)
    tokenless.sync(with_events=True, token="")
    (row,), (walk,) = rows_of(tokenless, "issue_timeline"), walks(tokenless)
    assert (row.status, row.is_capped, row.record_count) == ("partial", True, 400)
    assert walk["is_capped"]
    assert walk["complete_since_at"] is not None
    coverage = tokenless.table(silver.LIFECYCLE_COVERAGE).to_pylist()
    arrived = {
        row["issue_id"]: row["created_at"] for row in tokenless.table(silver.ISSUE_CURRENT).to_pylist()
    }
    for event in tokenless.table(silver.ISSUE_EVENT).to_pylist():
        if event["kind"] == "transferred":
            arrived[event["issue_id"]] = event["happened_at"]
    cut = {row["issue_id"] for row in coverage if not row["is_complete"]}
    assert cut == {
        row["issue_id"] for row in coverage if arrived[row["issue_id"]] < walk["complete_since_at"]
    }
    assert 0 < len(cut) < len(coverage)
    (told,) = tokenless.unknown_slices()
    assert told.startswith(f"{len(cut)} issues whose lifecycle GitHub did not give whole: #")
    world.advance(seconds=86_400)
    tokenless.sync(with_events=True, token="")
    assert len(asked(tokenless)) == 1
    assert walks(tokenless)[1]["complete_since_at"] == walk["complete_since_at"]
    assert tokenless.unknown_slices() == [told]


def test_with_a_token_graphql_stays_the_way(tokenless, notes):
    tokenless.sync(with_events=True)
    assert asked(tokenless) == []
    assert notes == ["issue events are not asked for: with a token GraphQL tells every lifecycle for less"]


@pytest.mark.parametrize("skip", [4, pytest.param(0, marks=pytest.mark.slow)])
def test_a_token_that_comes_later_is_not_misled_by_events(tokenless, world, skip):
    """Whole or cut short, a walk of events is no cursor for GraphQL to go on with."""
    tokenless.app.limits.anonymous_per_hour = 1000
    if skip:
        tokenless.app.faults.append(Fault("status", match=EVENTS, skip=skip, times=ALWAYS, status=500))
        with pytest.raises(GitHubError):
            tokenless.collect(with_events=True, token="")
    else:
        tokenless.sync(with_events=True, token="")
    world.advance(seconds=86_400)
    row = tokenless.sync()
    assert row.status == "complete"
    assert rows_of(tokenless, "issue_timeline", "run-002")[0].status == "complete"
    assert tokenless.unknown_slices() == []


@pytest.mark.slow
def test_an_issue_back_from_hiding_is_not_known_whole(tokenless, world):
    acts = world.acts_on("acme/rocket")
    tokenless.app.limits.anonymous_per_hour = 1000
    issue = next(one for one in acts.repository.listed if one.state == "open" and not one.is_pull_request)
    tokenless.sync(with_events=True, token="")
    world.advance(seconds=7200)
    acts.close(issue, world.clock, None)
    acts.hide(issue, world.clock)
    tokenless.sync(with_events=True, is_full=True, token="")
    world.advance(seconds=7200)
    acts.restore(issue, world.clock)
    tokenless.sync(with_events=True, token="")
    (told,) = tokenless.unknown_slices()
    assert told.startswith("1 issue whose lifecycle GitHub did not give whole: #")
