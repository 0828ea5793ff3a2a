"""What one run collects of one repository, in order."""

from gitpulse_assets.collect.issues import collect_issues
from gitpulse_assets.collect.repository import collect_repository
from gitpulse_assets.collect.session import Session
from gitpulse_assets.lake.manifest import ManifestRow


def collect(session: Session, *, is_full: bool) -> ManifestRow:
    """Bring everything that changed into bronze; return the issue walk's manifest row."""
    collect_repository(session)
    return collect_issues(session, is_full=is_full)
