"""Who the members of the repository's organisation are: its own affair, looked at by whichever run is due."""

from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.collect.repository import CollectedRepository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.members.looking import look_when_due
from gitpulse_assets.place import Organization

IS_ORGANIZATION = {"Organization": True, "User": False}


def collect_members(session: Session, repository: CollectedRepository) -> None:
    """Look at the members where that is due; a list that cannot be read, or believed, stops nothing else."""
    looked = look_when_due(
        session.client,
        session.lake,
        Organization(session.repo.owner),
        repository.date,
        is_organization=IS_ORGANIZATION.get(repository.owner_type or ""),
    )
    for note in (*looked.doubts, *([looked.trouble] if looked.trouble else [])):
        tell(WalkProgress(session.repo, 0, 0, note=note))
