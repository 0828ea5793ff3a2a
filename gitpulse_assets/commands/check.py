"""`gitpulse check`: read everything a repository has, and name what is damaged.

What is examined, and what a finding means, is `lake/integrity.py`'s affair.
"""

from collections.abc import Sequence

from gitpulse_assets.commands.refresh import worst
from gitpulse_assets.console import refused, say
from gitpulse_assets.exit_codes import DONE, FAILED
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.integrity import Finding
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.settings import Settings


def check_repos(settings: Settings, repos: Sequence[Repo]) -> int:
    """Check each repository, print what was found, and return the worst exit code."""
    try:
        lake = open_lake(settings, is_writable=False)
        return worst([check_repo(lake, repo) for repo in repos])
    except LakeError as error:
        return refused(error, FAILED)


def check_repo(lake: Lake, repo: Repo) -> int:
    """Check one repository; damage is a failure."""
    found = examined(lake, repo)
    if not found:
        return DONE
    return refused(f"{repo}: {counted(len(found))}; run gitpulse repair {repo}", FAILED)


def examined(lake: Lake, repo: Repo) -> list[Finding]:
    """Print what is damaged of a repository, and return it."""
    found = lake.examine(repo)
    for line in map(told, found):
        say(line)
    if not found:
        say(f"{repo}: nothing is damaged")
    return found


def told(one: Finding) -> str:
    """A finding in words."""
    return f"{one.uri}\n  damage: {one.damage}\n  lost:   {one.lost}\n  remedy: {one.remedy}"


def counted(count: int) -> str:
    """The number of damaged objects."""
    return "1 object is damaged" if count == 1 else f"{count:,} objects are damaged"
