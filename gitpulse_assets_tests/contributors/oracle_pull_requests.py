"""The marts of pull requests after the issue's text."""

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from gitpulse_assets_tests.contributors.oracle_acts import (
    Act,
    is_human,
    name_of,
    openings,
    person,
    present,
    words_of,
)
from gitpulse_assets_tests.contributors.oracle_numbers import (
    day_of,
    days,
    kaplan_meier_median,
    month_of,
    months,
    quantile,
    seconds,
    share,
)
from gitpulse_assets_tests.contributors.truth import Move, Thread, World

Row = dict[str, Any]


def pull_requests(world: World) -> list[Thread]:
    return [thread for thread in present(world) if thread.is_pull_request]


def first_at(found: list[Act]) -> datetime | None:
    return min((act.at for act in found), default=None)


def responses(world: World, thread: Thread) -> list[Act]:
    """Words by others at or after the creation, also of bots."""
    return [word for word in words_of(world, thread) if not word.is_authors and word.at >= thread.created_at]


def response_row(world: World, thread: Thread) -> Row:
    by_others = responses(world, thread)
    people = [word for word in by_others if word.is_human]
    return {
        "first_response_at": first_at(people),
        "first_maintainer_response_at": first_at([word for word in people if word.is_maintainer]),
        "first_review_at": first_at([word for word in people if word.kind == "review"]),
        "first_bot_response_at": first_at([word for word in by_others if not word.is_human]),
    }


def effective_at(thread: Thread, move: Move) -> datetime:
    """What is dated before the creation took effect at it."""
    return max(move.at, thread.created_at)


def ended_at(thread: Thread) -> datetime | None:
    """When its closing or merge took effect; None while open."""
    return effective_at(thread, thread.last_end) if thread.last_end else None


def merge_at(thread: Thread) -> datetime | None:
    """When its merge took effect; None unless merged."""
    return ended_at(thread) if thread.state == "merged" else None


def ready_at(thread: Thread) -> datetime | None:
    if thread.is_draft:
        return None
    left = [effective_at(thread, move) for move in thread.moves if move.kind == "ready"]
    return left[-1] if left else thread.created_at


def approved_at(world: World, thread: Thread) -> datetime | None:
    merged_at = merge_at(thread)
    if merged_at is None:
        return None
    return first_at(
        [
            word
            for word in words_of(world, thread)
            if word.kind == "review" and word.state == "APPROVED" and word.is_human and not word.is_authors
            and word.at <= merged_at
            and (word.dismissed_at is None or word.dismissed_at > merged_at)
        ]
    )  # fmt: skip


def merge_row(thread: Thread, first_review_at: datetime | None) -> Row:
    merge, merged_at = thread.last_end, merge_at(thread)
    if merge is None or merged_at is None:
        names = ("merged_by_login", "is_self_merged", "is_merged_without_review", "review_seconds")
        return dict.fromkeys(names)
    is_reviewed = first_review_at is not None and first_review_at <= merged_at
    is_known = not merge.by.is_deleted and not thread.author.is_deleted
    later = first_review_at is not None and merged_at > first_review_at
    return {
        "merged_by_login": None if merge.by.is_deleted else merge.by.login,
        "is_self_merged": is_known and person(merge.by) == person(thread.author),
        "is_merged_without_review": not is_reviewed,
        "review_seconds": seconds(first_review_at, merged_at) if later and first_review_at else None,
    }


def open_seconds(thread: Thread, as_of_at: datetime) -> int:
    total, since = 0, min(thread.created_at, as_of_at)
    is_open = True
    for move in thread.moves:
        at = min(effective_at(thread, move), as_of_at)
        if is_open and move.kind in ("closed", "merged"):
            total, is_open = total + seconds(since, at), False
        elif move.kind == "reopened":
            since, is_open = at, True
    return total + (seconds(since, as_of_at) if is_open else 0)


def lifecycle_row(world: World, thread: Thread) -> Row:
    answered = response_row(world, thread)
    first = answered["first_response_at"]
    reviews = [
        word
        for word in words_of(world, thread)
        if word.kind == "review" and word.is_human and not word.is_authors
    ]
    end = thread.last_end
    return {
        "pull_request_number": thread.number,
        "title": thread.title,
        "state": thread.state,
        "author_login": name_of(thread.author),
        "is_draft": thread.is_draft,
        "created_at": thread.created_at,
        "ready_at": ready_at(thread),
        **answered,
        "approved_at": approved_at(world, thread),
        "merged_at": merge_at(thread),
        "closed_at": ended_at(thread),
        **merge_row(thread, answered["first_review_at"]),
        "review_count": len(reviews),
        "reviewer_logins": sorted({name_of(word.author) for word in reviews}),
        "comment_count": sum(word.kind == "comment" for word in thread.words),
        "times_reopened": sum(move.kind == "reopened" for move in thread.moves),
        "time_to_first_response_seconds": seconds(thread.created_at, first) if first else None,
        "is_closed_by_commit": thread.state == "closed" and end is not None and end.is_by_commit,
        "open_seconds": open_seconds(thread, world.as_of_at),
    }


def lifecycle(world: World) -> list[Row]:
    return [lifecycle_row(world, thread) for thread in pull_requests(world)]


FLOWS = (
    "opened_count", "ready_count", "merged_count", "closed_unmerged_count", "closed_by_commit_count",
    "reopened_count", "opened_as_draft_count", "converted_to_draft_count", "draft_closed_count",
    "draft_reopened_count",
)  # fmt: skip


def flows_of(move: Move, is_draft: bool) -> list[str]:
    """Which counts a move of an open (or reopened) pull request adds to."""
    if move.kind == "ready":
        return ["ready_count"]
    if move.kind == "drafted":
        return ["converted_to_draft_count"]
    if move.kind == "reopened":
        return ["reopened_count"] + ["draft_reopened_count"] * is_draft
    found = ["merged_count"] if move.kind == "merged" else ["closed_unmerged_count"]
    by_commit = move.kind == "closed" and move.is_by_commit
    return found + ["closed_by_commit_count"] * by_commit + ["draft_closed_count"] * is_draft


def stock_moves(thread: Thread) -> list[tuple[date, list[str], int, int]]:
    """Each move with its day, the counts it adds to, and by how much open ones and open drafts change."""
    is_open, is_draft = True, thread.is_opened_as_draft
    created = ["opened_count"] + ["opened_as_draft_count"] * is_draft
    found = [(day_of(thread.created_at), created, 1, int(is_draft))]
    for move in thread.moves:
        before = (is_open, is_draft)
        is_open = {"closed": False, "merged": False, "reopened": True}.get(move.kind, is_open)
        is_draft = {"ready": False, "drafted": True}.get(move.kind, is_draft)
        names = flows_of(move, is_draft) if is_open or before[0] else []
        drafts = int(is_open and is_draft) - int(before[0] and before[1])
        found.append((day_of(effective_at(thread, move)), names, int(is_open) - int(before[0]), drafts))
    return found


def flow(world: World) -> list[Row]:
    moves = [move for thread in pull_requests(world) for move in stock_moves(thread)]
    as_of = day_of(world.as_of_at)
    known = [move[0] for move in moves] + [as_of]
    rows, stock, drafts = [], 0, 0
    for day in days(min(known), max(known)):
        today = [move for move in moves if move[0] == day]
        counts = Counter(name for move in today for name in move[1])
        stock += sum(move[2] for move in today)
        drafts += sum(move[3] for move in today)
        flows = {name: counts[name] for name in FLOWS}
        rows.append({"flow_date": day, **flows, "open_at_end": stock, "drafts_at_end": drafts})
    return rows


def observed(world: World, thread: Thread, came_at: datetime | None) -> tuple[float, bool]:
    """How long until something, or how long it was seen without: until it closed or the as-of moment."""
    if came_at is not None:
        return float(seconds(thread.created_at, came_at)), True
    until = min(thread.closed_at or world.as_of_at, world.as_of_at)
    return float(max(seconds(thread.created_at, until), 0)), False


def waits(world: World, threads: list[Thread], name: str) -> Row:
    """Median, 90th percentile and Kaplan-Meier median of what `name` dates, in seconds from the creation."""
    ends = [(thread, response_row(world, thread)[f"{name}_at"]) for thread in threads]
    known = [seconds(thread.created_at, at) for thread, at in ends if at]
    return {
        f"median_{name}_seconds": quantile(known, 0.5),
        f"p90_{name}_seconds": quantile(known, 0.9),
        f"kaplan_meier_median_{name}_seconds": kaplan_meier_median(
            observed(world, thread, at) for thread, at in ends
        ),
    }


def mean_gap(threads: list[Thread]) -> float | None:
    at = sorted(thread.created_at for thread in threads)
    gaps = [seconds(*pair) for pair in pairwise(at)]
    return sum(gaps) / len(gaps) if gaps else None


def newcomers(world: World) -> set[int]:
    """The numbers of the pull requests that were their author's first here."""
    first: dict[int, tuple[datetime, int]] = {}
    for thread in pull_requests(world):
        key = (thread.created_at, thread.number)
        first[person(thread.author)] = min(first.get(person(thread.author), key), key)
    return {number for _, number in first.values()}


def monthly_row(world: World, month: date) -> Row:
    everyone = pull_requests(world)
    opened = [thread for thread in everyone if month_of(thread.created_at) == month]
    merges = [(thread, at) for thread in everyone if (at := merge_at(thread)) and month_of(at) == month]
    by_people = [thread for thread in opened if is_human(thread.author, world)]
    times = [seconds(thread.created_at, at) for thread, at in merges]
    lives = [lifecycle_row(world, thread) for thread, _ in merges]
    return {
        "month": month,
        "opened_count": len(opened),
        "merged_count": len(merges),
        **waits(world, opened, "first_response"),
        **waits(world, opened, "first_review"),
        "median_merge_seconds": quantile(times, 0.5),
        "p90_merge_seconds": quantile(times, 0.9),
        "kaplan_meier_median_merge_seconds": kaplan_meier_median(
            observed(world, thread, merge_at(thread)) for thread in opened
        ),
        "share_merged": share([thread.state == "merged" for thread in opened]),
        "share_merged_without_review": share([life["is_merged_without_review"] for life in lives]),
        "share_by_newcomers": share([thread.number in newcomers(world) for thread in by_people]),
        "average_seconds_between_opened": mean_gap(opened),
        "average_seconds_between_opened_ever": mean_gap(everyone),
    }


def monthly(world: World) -> list[Row]:
    created = [month_of(act.at) for act in openings(world) if act.thread.is_pull_request]
    last = month_of(world.as_of_at)
    merges = [month_of(at) for thread in pull_requests(world) if (at := merge_at(thread))]
    if not created:
        return []
    return [monthly_row(world, month) for month in months(min(created), max([*created, *merges, last]))]
