"""Who the members of the repository's organisation are: its own affair, looked at by whichever run is due."""

from gitpulse_assets.checks.result import ChecksFailed
from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.collect.repository import CollectedRepository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.members.looking import Looked, look_when_due
from gitpulse_assets.place import Organization

IS_ORGANIZATION = {"Organization": True, "User": False}


def collect_members(session: Session, repository: CollectedRepository) -> None:
    """Look at the members where that is due; a list that cannot be read or published stops nothing else."""
    place = Organization(session.repo.owner)
    told = IS_ORGANIZATION.get(repository.owner_type or "")
    try:
        looked = look_when_due(session.client, session.lake, place, repository.date, is_organization=told)
    except ChecksFailed as error:
        looked = Looked(trouble=f"the members of {place.login} stay as they were: {error}")
    for note in (*looked.doubts, *([looked.trouble] if looked.trouble else [])):
        tell(WalkProgress(session.repo, 0, 0, note=note))
