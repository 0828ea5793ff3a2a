"""Reads from the lake whom alerts about answers name: who waits for a maintainer, by repository.

When that becomes a message is decided in `alerting/rules.py`.
"""

from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from gitpulse_assets.alerting.rules import Owed
from gitpulse_assets.settings import Settings

if TYPE_CHECKING:
    from gitpulse_assets.answers.repository import RepositoryAnswers


def owed_in(settings: Settings, repo_keys: Iterable[str]) -> dict[str, list[Owed]]:
    """Return who waits in each of the repositories, the longest first.

    Those of which nothing is published, or that cannot be read, are left out: their runs tell of it.
    """
    from gitpulse_assets.answers.errors import NoAnswer
    from gitpulse_assets.answers.lake_answers import LakeAnswers
    from gitpulse_assets.lake.errors import LakeError
    from gitpulse_assets.repo import Repo
    from gitpulse_assets.resources import open_lake

    found: dict[str, list[Owed]] = {}
    try:
        with closing(LakeAnswers(open_lake(settings))) as answers:
            for key in repo_keys:
                try:
                    found[key] = answers.ask(Repo.parse(key), owed)
                except (NoAnswer, LakeError):
                    continue
    except LakeError:
        return {}
    return found


def owed(asked: "RepositoryAnswers") -> list[Owed]:
    """Everyone who waits in one repository: `mart_follow_up`, and of `mart_pending_response` the others."""
    from gitpulse_assets.marts import follow_up, pending_response

    waiting, pending = rows_of(asked, follow_up.MART), rows_of(asked, pending_response.MART)
    numbers = {row["issue_number"] for row in pending}
    known = {row["issue_number"] for row in waiting}
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
        for row in [*waiting, *(row for row in pending if row["issue_number"] not in known)]
    ]


def rows_of(asked: "RepositoryAnswers", mart: Any) -> list[dict[str, Any]]:
    """All rows of a list, in its order."""
    from gitpulse_assets.answers.conversations import EVERYTHING

    found: list[dict[str, Any]] = []
    asked.read_listed(mart, EVERYTHING, lambda rows: found.extend(rows.read_all().to_pylist()))
    return found
