"""24 in the figures of its report: each list is cut short as it was there, and nothing is lost or untold.

Reported by the project's own judge; threads of the kind stand in test_24_list_cut_short.py.
"""

import pytest

from gitpulse_assets.checks.control_total import control_total_result
from gitpulse_assets.collect.list_end import ListCut
from gitpulse_assets.collect.progress import listener
from gitpulse_assets.commands.refresh import left_undone
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, ISSUE_LABELS
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets_tests.field.judged import judged_world
from gitpulse_assets_tests.field.lists import EVENTS, LIST, REPO, Watched, synced

OPENING_OR_CLOSING = ("closed", "reopened")
KINDS = ["no_link", pytest.param("empty", marks=pytest.mark.slow)]


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path, judged_world())


@pytest.fixture
def tokenless(tmp_path):
    watched = Watched(tmp_path, judged_world(), token="", with_events=True)
    watched.product.app.limits.anonymous_per_hour = 1000
    return watched


@pytest.fixture
def notes():
    """What the walks have to say."""
    heard: list[str] = []
    token = listener.set(lambda progress: heard.append(progress.note))
    yield heard
    listener.reset(token)


def open_count(watched: Watched) -> int:
    rows = watched.product.table(ISSUE_CURRENT).to_pylist()
    return sum(row["state"] == "open" and not row["is_pull_request"] for row in rows)


def verdicts(watched: Watched) -> list[dict]:
    """The published verdict, a row a window."""
    with watched.product.gold():
        return watched.product.lake.dataset(MART_BACKLOG_VERDICT, REPO).to_table().to_pylist()


def untold(watched: Watched) -> str:
    """For what a command would end with exit code 3; empty where it ends with 0."""
    run_id = f"run-{watched.product.run_count:03}"
    rows = watched.product.lake.manifest(REPO).rows()
    return left_undone([row for row in rows if row.run_id == run_id])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_24_judged_a_first_walk_of_420_records_with_one_answer_cut(
    watched, kind, pytestconfig, tmp_path_factory
):
    """It was: exit 0, 300 records, 26 open instead of 68, wrong days, a verdict of another direction."""
    watched.faults.append(Fault(kind, match=LIST, skip=2 if kind == "no_link" else 3))
    watched.sync()
    assert (watched.present_count(), open_count(watched)) == (420, 68)
    assert (watched.judged().wrong_days, untold(watched)) == (0, "")
    if kind == "no_link":
        whole = synced(pytestconfig, tmp_path_factory.mktemp("whole"), judged_world)
        assert verdicts(watched) == verdicts(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_24_judged_the_same_cut_for_good_publishes_nothing_and_is_partial(watched, kind):
    watched.faults.append(Fault(kind, match="&page=3", times=ALWAYS))
    with pytest.raises(ListCut, match=r"ended after \d00 records of this run, but not #420, its newest"):
        watched.sync()
    (row,) = [row for row in watched.product.lake.manifest(REPO).rows() if row.stream == "issues"]
    # What exit code 3 is told by.
    assert (row.status, bool(row.next_url)) == ("partial", True)
    assert watched.product.table(ISSUE_CURRENT).num_rows == 0


@pytest.mark.dear
def test_24_judged_a_hole_that_github_counts_is_told_in_exit_code_check_and_verdict(watched):
    """A page that lacks its last 40 records for good looks like any other."""
    watched.faults.append(Fault("short", match="&page=4", times=ALWAYS))
    watched.sync()
    assert "GitHub" in untold(watched)
    with connect() as con:
        for table in (ISSUE_CURRENT, silver.CONTROL_TOTAL):
            con.register(table.name, watched.product.lake.dataset(table, REPO))
        check = control_total_result(con)
    assert (check.is_passed, check.is_error) == (False, True)
    for row in verdicts(watched):
        assert any("why GitHub counts 68 open issues and we" in words for words in row["unknowns"])
        assert "why GitHub counts 68 open issues" in row["paragraph"].partition("Not known:")[2]
    watched.faults.clear()
    watched.world.advance(seconds=3600)
    watched.sync()
    assert (open_count(watched), untold(watched), watched.judged().wrong_days) == (68, "", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_24_judged_370_events_without_a_token_with_one_answer_cut(tokenless, notes, kind):
    """It was: "13 more requests needed", then two, 94 of 370 events, 170 wrong days, and no sign of it."""
    tokenless.faults.append(Fault(kind, match=EVENTS, skip=1 if kind == "no_link" else 2))
    tokenless.sync()
    assert any("13 more requests needed" in note for note in notes)
    kinds = tokenless.product.table(silver.ISSUE_EVENT)["kind"].to_pylist()
    assert sum(name in OPENING_OR_CLOSING for name in kinds) == 370
    assert tokenless.product.table(silver.LIFECYCLE_COVERAGE).num_rows == 314
    assert (tokenless.judged().wrong_days, untold(tokenless)) == (0, "")
    assert tokenless.product.unknown_slices() == []


def test_24_judged_370_events_cut_for_good_are_told(tokenless):
    """Then nothing is called whole: exit code, and every verdict once the list is published."""
    tokenless.faults.append(Fault("empty", match=f"{EVENTS}?per_page=100&page=3", times=ALWAYS))
    with pytest.raises(Exception, match="ends a list that goes on beyond row"):
        tokenless.sync()
    rows = {row.stream: row for row in tokenless.product.lake.manifest(REPO).rows()}
    assert (rows["issue_timeline"].status, bool(rows["issue_timeline"].next_url)) == ("partial", True)
    tokenless.product.merge()
    (slice_,) = tokenless.product.unknown_slices()
    assert "lifecycle" in slice_ or "snapshot only" in slice_


@pytest.mark.slow
def test_24_judged_150_label_changes_with_one_answer_cut(pytestconfig, tmp_path):
    """It was: 49 of them lost without a warning."""
    watched = synced(pytestconfig, tmp_path, judged_world)
    watched.world.advance(seconds=86_400)
    acts = watched.world.acts_on(REPO.key)
    (label,) = acts.repository.labels
    changed = list(acts.repository.issues.values())[-150:]
    for number, issue in enumerate(changed):
        acts.label(issue, watched.world.clock + number, None, label)
    watched.world.advance(seconds=600)
    watched.faults.append(Fault("no_link", match=LIST))
    watched.sync()
    labelled = {row["issue_id"] for row in watched.product.table(ISSUE_LABELS).to_pylist()}
    assert labelled == {issue.issue_id for issue in acts.repository.issues.values() if label in issue.labels}
    assert len(changed) == 150
    assert untold(watched) == ""
