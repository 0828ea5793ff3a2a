"""GitHub's own count: when a difference to ours calls for a walk, and when it is GitHub's for good."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from gitpulse_assets.collect.control import (
    ControlTotal,
    OpenCount,
    is_known_difference,
    is_known_missing,
    is_known_pull_request_difference,
    is_usual_walk,
    pull_request_columns,
)
from gitpulse_assets.github.client import PullRequestCounts
from gitpulse_assets.lake.manifest import ManifestRow

AT = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)


def total(before: int, after: int, *, is_quiet: bool = True, is_whole: bool = True) -> ControlTotal:
    """Ours are 10 open issues."""
    return ControlTotal(OpenCount(before, False, AT), OpenCount(after, False, AT), is_quiet, 10, is_whole)


def row(difference: int, *, is_whole: bool | None = True, is_known: bool | None = False) -> dict[str, Any]:
    counts = {"our_count": 10, "open_count_before": 10 - difference, "open_count_after": 10 - difference}
    how = {"is_quiet": True, "has_pull_requests": False}
    return counts | how | {"is_whole_walk": is_whole, "is_known_difference": is_known}


@pytest.mark.parametrize(
    ("counts", "is_contradicted"),
    [
        (total(10, 10), False),
        (total(9, 9), True),
        (total(9, 10), False),
        (total(9, 9, is_quiet=False), False),
    ],
    ids=["equal", "differs", "moving", "not-quiet"],
)
def test_only_a_count_at_rest_contradicts(counts: ControlTotal, is_contradicted: bool):
    assert counts.is_contradicted is is_contradicted


@pytest.mark.parametrize(
    ("counts", "earlier", "is_known"),
    [
        (total(9, 9), [], False),
        (total(9, 9), [row(1)], True),
        (total(9, 9), [row(1, is_whole=False)], False),
        (total(9, 9), [row(1, is_whole=None, is_known=None)], False),
        (total(9, 9, is_whole=False), [row(1)], False),
        (total(9, 9, is_whole=False), [row(1, is_known=True)], True),
        (total(8, 8), [row(1, is_known=True)], False),
        (total(9, 9), [row(1, is_known=True), row(0)], False),
        (total(9, 9), [row(1) | {"has_pull_requests": True}], False),
        (total(9, 9), [row(1) | {"is_quiet": False}], False),
        (total(10, 10), [row(0)], False),
    ],
    ids=[
        "first",
        "second",
        "not-whole-before",
        "by-an-older-version",
        "not-whole",
        "known-before",
        "changed",
        "settled-between",
        "counted-otherwise",
        "not-at-rest-before",
        "equal",
    ],
)
def test_a_difference_is_known_after_the_second_whole_walk_that_ended_with_it(counts, earlier, is_known):
    assert is_known_difference(counts, earlier) is is_known


def pull_requests(*theirs: int, is_whole: bool = True, is_quiet: bool = True) -> ControlTotal:
    """Ours are 4 open ones and 9 others."""
    count = OpenCount(10, False, AT, 10, PullRequestCounts(*theirs))
    return ControlTotal(count, count, is_quiet, 10, is_whole, our_pull_requests=(4, 9))


def row_of(total: ControlTotal, *, is_known: bool = False) -> dict[str, Any]:
    how = {"is_quiet": total.is_quiet, "is_whole_walk": total.is_whole_walk}
    return how | pull_request_columns(total) | {"is_known_pull_request_difference": is_known}


@pytest.mark.parametrize(
    ("counts", "earlier", "is_known"),
    [
        (pull_requests(4, 6, 5), [], False),
        (pull_requests(4, 6, 5), [row_of(pull_requests(4, 5, 6))], True),
        (pull_requests(4, 6, 5), [row_of(pull_requests(5, 6, 4))], False),
        (pull_requests(4, 6, 5, is_whole=False), [row_of(pull_requests(4, 6, 5))], False),
        (pull_requests(4, 6, 5, is_whole=False), [row_of(pull_requests(4, 6, 5), is_known=True)], True),
        (pull_requests(4, 6, 5, is_quiet=False), [row_of(pull_requests(4, 6, 5))], False),
        (pull_requests(4, 6, 3), [row_of(pull_requests(4, 6, 3))], False),
    ],
    ids=["first", "second", "of-others", "not-whole", "known-before", "moving", "equal"],
)
def test_of_pull_requests_a_difference_is_known_by_the_same_rule(counts, earlier, is_known):
    assert is_known_pull_request_difference(counts, earlier) is is_known


def lacking(count: int, *, is_whole: bool = True, is_usual: bool = True) -> ControlTotal:
    walked = total(10, 11, is_quiet=False, is_whole=is_whole)
    return replace(walked, missing_count=count, is_usual_walk=is_usual)


def lacked(
    count: int | None, *, is_whole: bool | None = True, is_known: bool | None = False
) -> dict[str, Any]:
    """A row that was not counted at rest: what pages were short of needs no rest."""
    row = {"is_quiet": False, "has_pull_requests": False, "missing_count": count, "lacked_count": count}
    return row | {"is_whole_walk": is_whole, "is_known_missing": is_known}


@pytest.mark.parametrize(
    ("counts", "earlier", "is_known"),
    [
        (lacking(40), [], False),
        (lacking(40), [lacked(40)], True),
        (lacking(40), [lacked(40, is_whole=False)], False),
        (lacking(40, is_whole=False), [lacked(40)], False),
        (lacking(40, is_whole=False), [lacked(40, is_known=True)], True),
        (lacking(80), [lacked(40)], True),
        (lacking(81), [lacked(40)], False),
        (lacking(39), [lacked(40)], True),
        (lacking(39), [lacked(40, is_known=True)], True),
        (lacking(14), [lacked(0) | {"lacked_count": 7}], True),
        (lacking(15), [lacked(0) | {"lacked_count": 7}], False),
        (lacking(41, is_whole=False, is_usual=False), [lacked(40, is_known=True)], False),
        (lacking(41, is_whole=False), [lacked(40, is_known=True)], True),
        (lacking(2, is_whole=False), [lacked(0) | {"lacked_count": 7}], True),
        (lacking(2, is_whole=False), [lacked(0)], False),
        (lacking(-1), [lacked(-2)], False),
        (lacking(-2), [lacked(-2)], True),
        (lacking(40), [lacked(40, is_known=True), lacked(0)], False),
        (lacking(40), [lacked(40) | {"has_pull_requests": True}], False),
        (lacking(0), [lacked(0)], False),
        (lacking(40), [lacked(None, is_whole=None, is_known=None)], False),
    ],
    ids=[
        "first",
        "second",
        "not-whole-before",
        "not-whole",
        "known-before",
        "grown",
        "grown-too-much",
        "less",
        "less-than-known",
        "issues-where-pull-requests-are-hidden",
        "too-many-issues-where-pull-requests-are-hidden",
        "changes-that-lack-more-than-is-usual",
        "further-changes",
        "further-changes-where-pull-requests-are-hidden",
        "first-short-page-of-changes",
        "counts-fewer-still",
        "counts-fewer-twice",
        "healed-between",
        "counted-otherwise",
        "none",
        "by-an-older-version",
    ],
)
def test_what_the_lists_lack_is_known_after_the_second_whole_walk_with_the_same(counts, earlier, is_known):
    assert is_known_missing(counts, earlier) is is_known
    assert counts.is_contradicted is bool(counts.missing_count)


def walked(run_id: str, lacked_count: int | None, walk_kind: str, **told: Any) -> ManifestRow:
    lacks = {
        "walk_kind": walk_kind,
        "lacked_count": lacked_count,
        "page_batch_count": int(walk_kind == "full"),
    }
    return ManifestRow(run_id, "acme", "rocket", "issues", "complete", started_at=AT, **lacks | told)


@pytest.mark.parametrize(
    ("lacked_count", "known", "is_usual"),
    [
        (1, 1, True),
        (2, 1, True),
        (3, 1, False),
        (41, 1, False),
        (1, 0, False),
        (1, None, False),
        (0, None, True),
    ],
)
def test_what_is_known_to_be_hidden_covers_no_larger_hole(
    lacked_count: int, known: int | None, is_usual: bool
):
    """A page of changes lacks more than the newest full walk did, more than by its growth."""
    full, changes = walked("run-1", known, "full"), walked("run-2", lacked_count, "incremental", sequence=2)
    assert is_usual_walk([full, changes], changes) is is_usual


def test_what_an_earlier_try_of_the_walk_lacked_counts_too():
    full, tried = walked("run-1", 1, "full"), walked("run-2", 2, "incremental", sequence=2)
    changes = walked("run-3", 1, "incremental", sequence=3, resumed_run_id="run-2")
    assert not is_usual_walk([full, tried, changes], changes)
