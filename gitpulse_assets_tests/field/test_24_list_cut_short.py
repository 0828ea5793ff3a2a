"""A list that was cut short is completed or told as incomplete; it never passes for whole.

Reported by the project's own judge; elsewhere as octokit/core.js#695 (100 results, and no Link) and
HeddleCo/heddle#450 (partial read as complete where a full page has no next).
"""

import pytest

from gitpulse_assets.collect.list_end import ListCut
from gitpulse_assets.contracts import silver
from gitpulse_assets.github.errors import AnswerUnusable
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets_tests.field.lists import EVENTS, LIST, REPO, Watched, synced

RECORDS = 418


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


@pytest.fixture
def tokenless(tmp_path):
    watched = Watched(tmp_path, token="", with_events=True)
    watched.product.app.limits.anonymous_per_hour = 1000
    return watched


@pytest.mark.parametrize(
    "kind",
    [
        "no_link",
        "short",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("empty", "repeated", "leads_back")),
    ],
)
def test_24_one_false_page_of_a_first_walk_costs_nothing_but_a_request(watched, kind):
    """Before, the records from the false page on were missing, and no word of it."""
    watched.faults.append(Fault(kind, match=LIST, skip=2))
    row = watched.sync()
    assert (row.status, watched.present_count(), watched.judged().wrong_days) == ("complete", RECORDS, 0)
    assert watched.product.unknown_slices() == []


@pytest.mark.parametrize("kind", ["no_link", pytest.param("empty", marks=pytest.mark.slow)])
def test_24_a_list_cut_short_for_good_is_partial_and_gone_on_with(watched, kind):
    """`page=3` is the third page alone, whoever asks for it again."""
    watched.faults.append(Fault(kind, match="&page=3", times=ALWAYS))
    with pytest.raises(ListCut, match=r"ended after \d00 records of this run, but not #\d+, its newest"):
        watched.sync()
    assert watched.product.table(silver.ISSUE_CURRENT).num_rows == 0
    watched.faults.clear()
    assert watched.sync().resumed_run_id == "run-001"
    assert (watched.present_count(), watched.judged().wrong_days) == (RECORDS, 0)


def test_24_a_first_page_without_link_for_good_is_no_whole_list(watched):
    watched.faults.append(Fault("no_link", match=LIST, times=ALWAYS))
    with pytest.raises(ListCut, match="ended after 100 records"):
        watched.sync()
    assert watched.product.lake.manifest(watched.product.repo).rows()[-1].status == "partial"


@pytest.mark.parametrize("kind", ["repeated", pytest.param("leads_back", marks=pytest.mark.slow)])
def test_24_pages_that_never_lead_on_end_the_walk_loudly(watched, kind):
    watched.faults.append(Fault(kind, match="&page=3", times=ALWAYS))
    with pytest.raises(AnswerUnusable, match=r"(the|a) page before it"):
        watched.sync()
    watched.faults.clear()
    watched.sync()
    assert (watched.present_count(), watched.judged().wrong_days) == (RECORDS, 0)


@pytest.mark.dear
def test_24_a_hole_that_stays_in_the_list_is_loud_in_its_first_run(watched):
    """Two walks of one run may meet the same cache: they make no difference known."""
    watched.faults.append(Fault("short", match="&page=4", times=ALWAYS))
    watched.sync()
    slice_, _ = watched.product.unknown_slices()
    assert slice_.startswith("why GitHub counts 68 open issues and we, also after walking its whole lists, 5")
    assert "walking them whole did not settle it" in (watched.error_of("control_total") or "")
    watched.faults.clear()
    watched.world.advance(seconds=86_400)
    watched.sync()
    assert (watched.product.unknown_slices(), watched.judged().wrong_days) == ([], 0)


@pytest.mark.parametrize("times", [1, pytest.param(ALWAYS, marks=pytest.mark.slow)])
def test_24_an_incremental_walk_loses_no_change(pytestconfig, tmp_path, times):
    """150 changes on two pages; before, those of the second were lost without a word."""
    watched = synced(pytestconfig, tmp_path)
    acts = watched.world.acts_on("acme/rocket")
    watched.world.advance(seconds=86_400)
    for issue in list(acts.repository.issues.values())[:150]:
        acts.retitle(issue, watched.world.clock, None, "Changed")
    watched.faults.append(Fault("no_link", match=LIST, times=times))
    if times == ALWAYS:
        with pytest.raises(ListCut):
            watched.sync()
        watched.faults.clear()
    watched.sync()
    titles = watched.product.table(silver.ISSUE_CURRENT)["title"].to_pylist()
    assert titles.count("Changed") == 150


@pytest.mark.parametrize("kind", ["empty", pytest.param("no_link", marks=pytest.mark.slow)])
@pytest.mark.parametrize("skip", [1, *(pytest.param(page, marks=pytest.mark.slow) for page in (0, 5))])
def test_24_events_come_to_the_end_that_their_first_page_told(tokenless, kind, skip):
    """Before, the older events were missing, and every issue was called whole."""
    tokenless.faults.append(Fault(kind, match=EVENTS, skip=skip))
    tokenless.sync()
    assert (tokenless.judged().wrong_days, tokenless.product.unknown_slices()) == (0, [])


def test_24_events_cut_short_for_good_are_partial_and_gone_on_with(tokenless):
    tokenless.faults.append(Fault("empty", match=f"{EVENTS}?per_page=100&page=3", times=ALWAYS))
    with pytest.raises(AnswerUnusable, match="ends a list that goes on beyond row 1,000 by its first page"):
        tokenless.sync()
    tokenless.faults.clear()
    tokenless.sync()
    assert (tokenless.judged().wrong_days, tokenless.product.unknown_slices()) == (0, [])


def test_24_an_events_page_without_link_for_good_is_gone_past(tokenless):
    """What follows a full page of a counted list is asked for by its number."""
    tokenless.faults.append(Fault("no_link", match=EVENTS, times=ALWAYS))
    tokenless.sync()
    assert (tokenless.judged().wrong_days, tokenless.product.unknown_slices()) == (0, [])


@pytest.mark.slow
def test_24_a_list_of_events_that_stays_empty_proves_no_history(tokenless):
    """Before, every issue was called whole, though what is closed was closed by an event."""
    tokenless.faults.append(Fault("empty", match=EVENTS, times=ALWAYS))
    tokenless.sync()
    (slice_,) = tokenless.product.unknown_slices()
    assert "lifecycle" in slice_
    tokenless.faults.clear()
    tokenless.world.advance(seconds=60)
    tokenless.sync()
    assert (tokenless.judged().wrong_days, tokenless.product.unknown_slices()) == (0, [])


def test_24_a_repository_where_nothing_was_closed_may_have_no_events(tmp_path):
    quiet = Watched(tmp_path, generate([HistoryPlan(REPO.key, seed=1, issue_count=0)]), "", with_events=True)
    acts = quiet.world.acts_on(REPO.key)
    acts.open(quiet.world.clock - 60, None, "Alone")
    quiet.sync()
    assert (quiet.present_count(), quiet.product.unknown_slices()) == (1, [])


@pytest.mark.slow
def test_24_a_304_page_stored_without_next_does_not_end_the_next_walk(watched):
    """As a version before this rule has stored it: its ETag is right, and its next address is missing."""
    watched.sync()
    watched.world.advance(seconds=60)
    watched.faults.append(Fault("no_link", match="&page=3"))
    row = watched.sync(is_full=True)
    assert (row.status, watched.present_count()) == ("complete", RECORDS)
    assert watched.asked(LIST).count(304) == 4
