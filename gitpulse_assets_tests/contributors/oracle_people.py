"""The marts of people after the issue's text."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from gitpulse_assets_tests.contributors.oracle_acts import (
    Act,
    acts,
    is_human,
    is_maintainer,
    name_of,
    person,
    present,
)
from gitpulse_assets_tests.contributors.oracle_numbers import month_end, month_of, months
from gitpulse_assets_tests.contributors.oracle_pull_requests import merge_at
from gitpulse_assets_tests.contributors.truth import World

Row = dict[str, Any]


def human_acts(world: World) -> dict[int, list[Act]]:
    """The acts of each human in their order."""
    found: dict[int, list[Act]] = {}
    for act in sorted(acts(world), key=lambda act: act.at):
        if act.is_human:
            found.setdefault(act.person, []).append(act)
    return found


def is_maintainer_now(world: World, done: list[Act]) -> bool:
    """By the association of the latest act (any of several at once), judged at the as-of moment."""
    return any(
        is_maintainer(world, act.author, act.association, world.as_of_at)
        for act in done
        if act.at == done[-1].at
    )


def contributor_row(world: World, person_id: int, done: list[Act]) -> Row:
    opened = [act.thread for act in done if act.kind == "opening"]
    return {
        "person_id": person_id,
        "person_login": name_of(done[0].author),
        "first_act_at": done[0].at,
        "last_act_at": done[-1].at,
        "issues_opened": sum(not thread.is_pull_request for thread in opened),
        "pull_requests_opened": sum(thread.is_pull_request for thread in opened),
        "pull_requests_merged": sum(thread.state == "merged" for thread in opened),
        "review_count": sum(act.kind == "review" and not act.is_authors for act in done),
        "comment_count": sum(act.kind in ("comment", "review_comment") for act in done),
        "is_maintainer": is_maintainer_now(world, done),
    }


def contributor(world: World) -> list[Row]:
    return [contributor_row(world, key, done) for key, done in human_acts(world).items()]


def is_returning(done: list[Act], month: date) -> bool:
    pairs = pairwise(done)
    return any(
        month_of(later.at) == month and later.at - earlier.at >= timedelta(days=180)
        for earlier, later in pairs
    )


def absence_factor(world: World, month: date) -> int | None:
    end = month_end(month, world.as_of_at)
    made = Counter(
        person(thread.author)
        for thread in present(world)
        if thread.is_pull_request and is_human(thread.author, world)
        and (at := merge_at(thread)) and end - timedelta(days=365) < at <= end
    )  # fmt: skip
    counts = sorted(made.values(), reverse=True)
    return next(
        (place for place in range(1, len(counts) + 1) if 2 * sum(counts[:place]) >= sum(counts)), None
    )


def contributor_month(world: World, people: dict[int, list[Act]], month: date) -> Row:
    long_ago = world.as_of_at - timedelta(days=90)
    everyone = people.values()
    return {
        "month": month,
        "active_count": sum(any(month_of(act.at) == month for act in done) for done in everyone),
        "new_count": sum(month_of(done[0].at) == month for done in everyone),
        "returning_count": sum(is_returning(done, month) for done in everyone),
        "one_time_count": sum(
            len(done) == 1 and done[0].at < long_ago and month_of(done[0].at) == month for done in everyone
        ),
        "absence_factor": absence_factor(world, month),
    }


def contributor_monthly(world: World) -> list[Row]:
    people = human_acts(world)
    seen = [month_of(act.at) for done in people.values() for act in done]
    if not seen:
        return []
    last = max(*seen, month_of(world.as_of_at))
    return [contributor_month(world, people, month) for month in months(min(seen), last)]
