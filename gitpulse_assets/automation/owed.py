"""Reads from the lake whom alerts about answers name: who waits for a maintainer, by repository.

When that becomes a message is decided in `alerting/rules.py`.
"""

import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitpulse_assets.alerting.rules import Owed
from gitpulse_assets.settings import Settings

if TYPE_CHECKING:
    from gitpulse_assets.answers.repository import RepositoryAnswers

# Dagster ends a tick after 60 seconds, and a tick may read twice.
READING_SECONDS_MAX = 20.0


@dataclass
class OwedFound:
    """Who waits, by repository, the overdue first; `unread`: those that could not be read, or not in time."""

    owed: dict[str, list[Owed]] = field(default_factory=dict[str, list[Owed]])
    unread: list[str] = field(default_factory=list[str])


def owed_in(settings: Settings, repo_keys: Iterable[str]) -> OwedFound:
    """Return who waits in each of the repositories; those of which nothing is published are left out.

    Raises LakeError where the lake cannot be opened, or nothing in it be read.
    """
    from gitpulse_assets.answers.errors import NoAnswer
    from gitpulse_assets.answers.lake_answers import LakeAnswers
    from gitpulse_assets.lake.errors import LakeError
    from gitpulse_assets.repo import Repo
    from gitpulse_assets.resources import open_lake

    found, until, trouble = OwedFound(), time.monotonic() + READING_SECONDS_MAX, None
    with closing(LakeAnswers(open_lake(settings))) as answers:
        for key in repo_keys:
            if time.monotonic() >= until:
                found.unread.append(key)
                continue
            try:
                found.owed[key] = answers.ask(Repo.parse(key), owed)
            except NoAnswer:
                continue
            except LakeError as error:
                trouble = error
                found.unread.append(key)
    if trouble and not found.owed:
        raise trouble
    return found


def owed(asked: "RepositoryAnswers") -> list[Owed]:
    """Everyone who waits in one repository, by `mart_follow_up` and `mart_pending_response`.

    The overdue, then the pending, then the others, of each the latest first.
    """
    from gitpulse_assets.marts import follow_up, pending_response

    waiting, pending = rows_of(asked, follow_up.MART), rows_of(asked, pending_response.MART)
    numbers = {row["issue_number"] for row in pending}
    rows = {row["issue_number"]: row for row in [*pending, *waiting]}
    overdue = [row for row in waiting if row["is_overdue"]]
    turns = dict.fromkeys(row["issue_number"] for row in [*overdue, *pending, *waiting])
    return [
        Owed(
            number=row["issue_number"],
            title=row["title"] or "",
            url=row["html_url"] or "",
            since=row["waiting_since"],
            business_days=row.get("business_days_waiting"),
            is_overdue=row.get("is_overdue", False),
            is_pending=row["issue_number"] in numbers,
        )
        for row in map(rows.__getitem__, turns)
    ]


def rows_of(asked: "RepositoryAnswers", mart: Any) -> list[dict[str, Any]]:
    """All rows of a list, in its order."""
    from gitpulse_assets.answers.conversations import EVERYTHING

    found: list[dict[str, Any]] = []
    asked.read_listed(mart, EVERYTHING, lambda rows: found.extend(rows.read_all().to_pylist()))
    return found
