"""The marts of responses, labels and the lists one acts from, after the issue's text."""

from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from holidays import country_holidays

from gitpulse_assets_tests.contributors.oracle_acts import Act, act, present, words_of
from gitpulse_assets_tests.contributors.oracle_numbers import (
    DAY,
    days,
    kaplan_meier_median,
    month_of,
    months,
    quantile,
    seconds,
    share,
)
from gitpulse_assets_tests.contributors.oracle_pull_requests import (
    observed,
    ready_at,
    response_row,
)
from gitpulse_assets_tests.contributors.truth import REACTIONS, Thread, World

Row = dict[str, Any]


def issues(world: World) -> list[Thread]:
    return [thread for thread in present(world) if not thread.is_pull_request]


def first_response_row(world: World, thread: Thread) -> Row:
    found = response_row(world, thread)
    first, closed_at = found["first_response_at"], thread.closed_at
    is_late = first is None or (closed_at is not None and first > closed_at)
    return {
        "issue_number": thread.number,
        "title": thread.title,
        "state": thread.state,
        "created_at": thread.created_at,
        "closed_at": closed_at,
        "first_response_at": first,
        "first_maintainer_response_at": found["first_maintainer_response_at"],
        "time_to_first_response_seconds": seconds(thread.created_at, first) if first else None,
        "is_censored": first is None,
        "is_closed_without_response": closed_at is not None and is_late,
    }


def first_response(world: World) -> list[Row]:
    return [first_response_row(world, thread) for thread in issues(world)]


def answered_within(world: World, threads: list[Thread], limit: timedelta) -> float | None:
    """Of those created so long ago, how many were answered so soon."""
    old = [thread for thread in threads if thread.created_at + limit <= world.as_of_at]
    first = [(thread, response_row(world, thread)["first_response_at"]) for thread in old]
    return share([at is not None and at - thread.created_at <= limit for thread, at in first])


def first_response_month(world: World, month: date) -> Row:
    created = [thread for thread in issues(world) if month_of(thread.created_at) == month]
    first = [(thread, response_row(world, thread)["first_response_at"]) for thread in created]
    known = [seconds(thread.created_at, at) for thread, at in first if at]
    shares = {
        f"share_answered_within_{limit}d": answered_within(world, created, limit * DAY) for limit in (1, 3, 7)
    }
    return {
        "month": month,
        "issue_count": len(created),
        "answered_count": len(known),
        "median_first_response_seconds": quantile(known, 0.5),
        "p90_first_response_seconds": quantile(known, 0.9),
        "kaplan_meier_median_first_response_seconds": kaplan_meier_median(
            observed(world, thread, at) for thread, at in first
        ),
        **shares,
    }


def first_response_monthly(world: World) -> list[Row]:
    created = [month_of(thread.created_at) for thread in issues(world)]
    if not created:
        return []
    last = max(*created, month_of(world.as_of_at))
    return [first_response_month(world, month) for month in months(min(created), last)]


def label_row(world: World, thread: Thread, label_id: int) -> Row:
    spans = [span for span in thread.labels if span.label_id == label_id]
    ends = [min(span.until or world.as_of_at, world.as_of_at) for span in spans]
    spent = [max(seconds(span.since, end), 0) for span, end in zip(spans, ends, strict=True)]
    return {
        "issue_number": thread.number,
        "is_pull_request": thread.is_pull_request,
        "label_id": label_id,
        "label_name": spans[0].name,
        "first_entered_at": min(span.since for span in spans),
        "last_entered_at": max(span.since for span in spans),
        "times_entered": len(spans),
        "total_seconds": sum(spent),
        "is_in_label": any(span.until is None for span in spans),
    }


def time_in_label(world: World) -> list[Row]:
    return [
        label_row(world, thread, label_id)
        for thread in world.threads
        for label_id in {span.label_id for span in thread.labels}
    ]


def counted_row(thread: Thread, counted: list[Act], number: str, count: str) -> Row:
    kinds = {f"reaction_{kind}_count": thread.reactions.get(kind, 0) for kind in REACTIONS}
    return {
        number: thread.number,
        "title": thread.title,
        count: len(counted),
        "people_count": len({word.person for word in counted}),
        "last_counted_at": max(word.at for word in counted),
        "reaction_count": sum(kinds.values()),
        **kinds,
    }


def ranked(rows: list[Row], number: str, count: str, most: int | None) -> list[Row]:
    rows = sorted(rows, key=lambda row: (-row[count], -row["last_counted_at"].timestamp(), row[number]))
    return [{**row, "rank": rank} for rank, row in enumerate(rows[:most], start=1)]


def outside_words(world: World, thread: Thread, since: datetime, kinds: tuple[str, ...]) -> list[Act]:
    """Words of humans who are no maintainers, later than `since` and up to as-of."""
    return [
        word
        for word in words_of(world, thread)
        if word.is_human and not word.is_maintainer and word.kind in kinds
        and since < word.at <= world.as_of_at
    ]  # fmt: skip


def trending(
    world: World, threads: list[Thread], number: str, count: str, kinds: tuple[str, ...]
) -> list[Row]:
    since = world.as_of_at - 7 * DAY
    found = [
        (thread, outside_words(world, thread, since, kinds)) for thread in threads if thread.state == "open"
    ]
    return ranked(
        [counted_row(thread, words, number, count) for thread, words in found if words], number, count, 10
    )


def trending_issue(world: World) -> list[Row]:
    return trending(world, issues(world), "issue_number", "comment_count", ("comment",))


def trending_pull_request(world: World) -> list[Row]:
    threads = [thread for thread in present(world) if thread.is_pull_request]
    kinds = ("comment", "review", "review_comment")
    return trending(world, threads, "pull_request_number", "word_count", kinds)


def trending_closed_issue(world: World) -> list[Row]:
    rows = []
    for thread in issues(world):
        if thread.closed_at is None:
            continue
        since = max(thread.closed_at, world.as_of_at - 14 * DAY)
        if words := outside_words(world, thread, since, ("comment",)):
            row = counted_row(thread, words, "issue_number", "comment_count")
            rows.append({**row, "closed_at": thread.closed_at})
    return ranked(rows, "issue_number", "comment_count", None)


def is_waiting_label(world: World, name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in world.waiting_labels)


def unanswered(words: list[Act]) -> list[Act]:
    """Words of human non-maintainers after the last of a maintainer; one of the same second is answered."""
    spoken = [word for word in words if word.is_human]
    answers = [word.at for word in spoken if word.is_maintainer]
    return [word for word in spoken if not word.is_maintainer and (not answers or word.at > max(answers))]


def pending_row(world: World, thread: Thread) -> Row | None:
    waiting = [
        span.since for span in thread.labels if span.until is None and is_waiting_label(world, span.name)
    ]
    if not waiting or thread.state != "open":
        return None
    since = [word.at for word in unanswered(words_of(world, thread)) if word.at >= min(waiting)]
    if not since:
        return None
    wait = max((world.as_of_at - min(since)).total_seconds(), 0.0)
    return {
        "issue_number": thread.number,
        "is_pull_request": thread.is_pull_request,
        "title": thread.title,
        "waiting_since": min(since),
        "waiting_days": wait / 86_400,
    }


def pending_response(world: World) -> list[Row]:
    return [row for thread in present(world) if (row := pending_row(world, thread))]


def business_days(world: World, since: datetime) -> int:
    zone = ZoneInfo(world.time_zone)
    first, last = since.astimezone(zone).date(), world.as_of_at.astimezone(zone).date()
    free = country_holidays(*world.calendar.split("-")) if world.calendar else ()
    return sum(day.weekday() < 5 and day not in free for day in days(first + DAY, last))


def follow_up_row(world: World, thread: Thread) -> Row | None:
    if thread.state != "open" or (thread.is_pull_request and thread.is_draft):
        return None
    opening = act(world, thread, "opening", thread.created_at, thread.author, thread.association)
    since = [word.at for word in unanswered([opening, *words_of(world, thread)])]
    if not since:
        return None
    ready = ready_at(thread) if thread.is_pull_request else None
    waiting_since = max(min(since), ready) if ready else min(since)
    waited = business_days(world, waiting_since)
    return {
        "issue_number": thread.number,
        "is_pull_request": thread.is_pull_request,
        "title": thread.title,
        "waiting_since": waiting_since,
        "business_days_waiting": waited,
        "is_overdue": waited > world.response_days,
    }


def follow_up(world: World) -> list[Row]:
    return [row for thread in present(world) if (row := follow_up_row(world, thread))]
