"""`gitpulse check`: read everything a repository or a day of events has, and name what is damaged.

What is examined, and what a finding means, is `lake/integrity.py`'s affair.
"""

from collections.abc import Sequence

from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.commands.refresh import worst
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.integrity import Finding
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.place import Place
from gitpulse_assets.settings import Settings


def check_places(settings: Settings, places: Sequence[Place]) -> int:
    """Check each place, print what was found, and return the worst exit code."""
    try:
        lake = open_lake(settings, is_writable=False)
        return worst([check_place(lake, place) for place in places])
    except LakeError as error:
        return refused(error, FAILED)


def check_place(lake: Lake, place: Place) -> int:
    """Check one place; damage is a failure."""
    found = examined(lake, place)
    if not found:
        return DONE
    return refused(f"{place}: {counted(len(found))}; run gitpulse repair {place}", FAILED)


def examined(lake: Lake, place: Place) -> list[Finding]:
    """Print what is damaged of a place, and return it."""
    found = lake.examine(place)
    for line in map(told, found):
        say(line)
    if not found:
        say(f"{place}: nothing is damaged")
    return found


def told(one: Finding) -> str:
    """A finding in words."""
    return f"{one.uri}\n  damage: {one.damage}\n  lost:   {one.lost}\n  remedy: {one.remedy}"


def counted(count: int) -> str:
    """The number of damaged objects."""
    return "1 object is damaged" if count == 1 else f"{count:,} objects are damaged"
