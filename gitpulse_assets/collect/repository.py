"""The repository itself: the first request of every run.

It finds a wrong name, a bad token or disabled issues at the price of one unit, and refuses a name that has
passed to another repository.
"""

from gitpulse_assets.collect.session import Session, Stream
from gitpulse_assets.contracts.bronze import REPOSITORY
from gitpulse_assets.contracts.silver import REPOSITORY as KNOWN_REPOSITORY
from gitpulse_assets.github.errors import GitHubError


class RepositoryReplaced(GitHubError):
    """The name now belongs to a repository with another id, whose issues must not mix with the old one's."""


def collect_repository(session: Session) -> int:
    """Ask for the repository, keep the answer as received unless nothing changed, and return its id."""
    state = session.known_state(REPOSITORY)
    known_id = known_repository_id(session)
    stream = Stream(session, REPOSITORY)
    answer = session.client.repository(session.repo, etag=state.etag if known_id else None)
    stream.open("unchanged" if answer.is_unchanged else "full", answer.date, etag=answer.etag)
    if answer.repository_id is not None:
        refuse_replaced(session, answer.repository_id, known_id)
        row = {
            "fetched_at": answer.date,
            "repository_id": answer.repository_id,
            "payload_json": answer.payload.decode(),
        }
        stream.keep(session.table(REPOSITORY, [row]), answer.date, page_count=1)
    stream.close("complete")
    return answer.repository_id or known_id or 0


def refuse_replaced(session: Session, repository_id: int, known_id: int | None) -> None:
    """Raise RepositoryReplaced where the name now belongs to another id."""
    if known_id not in (None, repository_id):
        raise RepositoryReplaced(
            f"{session.repo} is now another repository (id {repository_id}, not {known_id}); "
            "follow the old one under its new name, or remove its tables to begin again"
        )


def known_repository_id(session: Session) -> int | None:
    """Return the id the name had so far; a retry of a first run has none yet."""
    known = session.lake.dataset(KNOWN_REPOSITORY, session.repo).to_table(columns=["repository_id"])
    return next(iter(known["repository_id"].to_pylist()), None)
