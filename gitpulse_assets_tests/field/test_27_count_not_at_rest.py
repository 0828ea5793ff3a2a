"""A count that was taken while something moved settles nothing, and is taken again.

Reported by the project's own judge; no thread found that names the count, galaxyproject/galaxy#2707 has the
walk that skips rows where others leave in mid-list.
"""

from itertools import product

import pytest

from gitpulse_assets.contracts import silver
from gitpulse_assets_tests.field.lists import LIST, REPO, Watched


@pytest.mark.parametrize(
    ("departure", "number"),
    [("hide", 5)]
    + [pytest.param(*case, marks=pytest.mark.slow) for case in product(["delete", "hide"], [1, 3])]
    + [pytest.param("delete", 5, marks=pytest.mark.slow)],
)
def test_27_an_open_issue_that_leaves_during_the_walk_is_noticed_by_the_next_run(
    tmp_path, monkeypatch, departure, number
):
    """Before, the next refresh was unchanged and did not count: one open issue too many for good."""
    watched = Watched(tmp_path)
    acts = watched.world.acts_on(REPO.key)
    leaving = next(i for i in acts.repository.issues.values() if i.state == "open" and not i.is_pull_request)

    meanwhile(watched, monkeypatch, number, lambda: getattr(acts, departure)(leaving, watched.world.clock))
    settled(watched)
    assert watched.asked("graphql") == []


@pytest.mark.parametrize(
    ("act", "token"),
    [("transfer", "good-token"), pytest.param("close_pull_request", "", marks=pytest.mark.slow)]
    + [pytest.param(act, "good-token", marks=pytest.mark.slow) for act in ("close", "close_pull_request")]
    + [pytest.param(act, "", marks=pytest.mark.slow) for act in ("close", "transfer")],
)
def test_27_whatever_moves_during_the_walk_is_counted_again(tmp_path, monkeypatch, act, token):
    """Cousins: something closes, or leaves for a repository that nobody watches; also without a token."""
    watched = Watched(tmp_path, token=token)
    acts = watched.world.acts_on(REPO.key)
    is_wanted = act == "close_pull_request"
    issue = next(
        i for i in acts.repository.issues.values() if i.state == "open" and i.is_pull_request == is_wanted
    )
    more = {"close": ("completed",), "transfer": (None,), "close_pull_request": ()}[act]
    meanwhile(
        watched, monkeypatch, 3, lambda: getattr(acts, act)(issue, watched.world.clock, issue.author, *more)
    )
    settled(watched)


@pytest.mark.slow
def test_27_an_issue_that_leaves_during_an_incremental_walk_is_noticed(tmp_path, monkeypatch):
    """Cousin: no later walk of what changed comes by it."""
    watched = Watched(tmp_path)
    watched.sync()
    watched.world.clock += 3600
    acts = watched.world.acts_on(REPO.key)
    issues = [i for i in acts.repository.issues.values() if i.state == "open" and not i.is_pull_request]
    commented, leaving, *_ = issues
    acts.comment(commented, watched.world.clock - 60)
    meanwhile(watched, monkeypatch, 1, lambda: acts.delete(leaving, watched.world.clock))
    settled(watched)


def meanwhile(watched, monkeypatch, page_count: int, act) -> None:
    """Let something happen once, right after so many pages of the list were answered."""
    answer, done = watched.product.app.answer, []

    def answer_and_act(request):
        reply = answer(request)
        if len(watched.asked(LIST)) == page_count and not done:
            done.append(act())
        return reply

    monkeypatch.setattr(watched.product.app, "answer", answer_and_act)


def settled(watched) -> None:
    """The run in which it happens and the next one settle it, and a third has nothing to do."""
    watched.sync()
    watched.world.clock += 3600
    watched.sync()
    open_count = sum(issue.state == "open" for issue in watched.world.repository(REPO.key).listed)
    rows = watched.product.table(silver.ISSUE_CURRENT).to_pylist()
    assert sum(row["state"] == "open" and row["departed_at"] is None for row in rows) == open_count
    assert watched.present_count() == len(watched.world.repository(REPO.key).listed)
    assert not [words for words in watched.product.unknown_slices() if "GitHub counts" in words]
    watched.world.clock += 3600
    assert watched.sync().walk_kind == "unchanged"
