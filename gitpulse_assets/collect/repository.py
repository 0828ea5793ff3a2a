"""The repository itself: the first request of every run.

It finds a wrong name, a bad token or disabled issues at the price of one unit, and refuses a name that has
passed to another repository.
"""

import datetime as dt
from dataclasses import dataclass

from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.contracts.bronze import REPOSITORY
from gitpulse_assets.contracts.silver import REPOSITORY as KNOWN_REPOSITORY
from gitpulse_assets.github.errors import GitHubError


class RepositoryReplaced(GitHubError):
    """The name now belongs to a repository with another id, whose issues must not mix with the old one's."""


@dataclass(frozen=True)
class CollectedRepository:
    """What a run begins with: the repository's id, and how many issues and pull requests are open there.

    `is_unchanged`: GitHub said that nothing about the repository changed since an earlier run.
    `owner_type`: User or Organization, where GitHub said so now.
    """

    repository_id: int
    open_count: int | None
    date: dt.datetime
    is_unchanged: bool
    owner_type: str | None = None


def collect_repository(session: Session) -> CollectedRepository:
    """Ask for the repository and keep the answer as received unless nothing changed."""
    state = session.known_state(REPOSITORY)
    known_id, known_count = known_repository(session)
    stream = StreamRun(session, REPOSITORY)
    answer = session.client.repository(session.repo, etag=state.etag if known_id else None)
    if answer.is_unchanged:
        stream.look(answer.date, etag=answer.etag)
        return CollectedRepository(known_id or 0, known_count, answer.date, is_unchanged=True)
    stream.prepare("full", answer.date, etag=answer.etag)
    if answer.repository_id is not None:
        refuse_replaced(session, answer.repository_id, known_id)
        row = {
            "fetched_at": answer.date,
            "repository_id": answer.repository_id,
            "payload_json": answer.payload.decode(),
        }
        stream.end(session.table(REPOSITORY, [row]), answer.date, page_count=1)
    else:
        stream.close("complete")
    return CollectedRepository(
        answer.repository_id or known_id or 0,
        answer.open_issues_count,
        answer.date,
        is_unchanged=False,
        owner_type=answer.owner_type,
    )


def refuse_replaced(session: Session, repository_id: int, known_id: int | None) -> None:
    """Raise RepositoryReplaced where the name now belongs to another id."""
    if known_id not in (None, repository_id):
        raise RepositoryReplaced(
            f"{session.repo} is now another repository (id {repository_id}, not {known_id}); "
            "follow the old one under its new name, or remove its tables to begin again"
        )


def known_repository(session: Session) -> tuple[int | None, int | None]:
    """Return the id the name had so far and GitHub's open count then; a retry of a first run has none yet."""
    columns = ["repository_id", "open_issues_and_pull_requests_count"]
    known = session.lake.dataset(KNOWN_REPOSITORY, session.repo).to_table(columns=columns).to_pylist()
    return tuple(known[0].values()) if known else (None, None)
