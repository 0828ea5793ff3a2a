"""`gitpulse repair`: mend what `gitpulse check` names, and make the tables anew where they need it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
from rich.console import Console

from gitpulse_assets.commands.check import examined
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.commands.rebuild import rebuild_told
from gitpulse_assets.commands.refresh import instance_of, load_definitions, worst
from gitpulse_assets.events.projection import projections
from gitpulse_assets.events.repairing import repair_day
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.integrity import Finding
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.place import Day, Organization, Place
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.busy import busy_keys
from gitpulse_assets.settings import Settings, SettingsError


def repair_places(settings: Settings, places: Sequence[Place], *, accepts_loss: bool) -> int:
    """Repair each place and return the worst exit code."""
    try:
        lake = open_lake(settings)
        codes = [repair_events(settings, lake, day) for day in places if isinstance(day, Day)]
        codes += [refuse_members(lake, one) for one in places if isinstance(one, Organization)]
        repos = [repo for repo in places if isinstance(repo, Repo)]
        if repos:
            with instance_of(settings) as instance:
                codes += [
                    repair_repo(settings, instance, lake, repo, accepts_loss=accepts_loss) for repo in repos
                ]
        return worst(codes)
    except (SettingsError, LakeError) as error:
        return refused(error, WRONG_USE if isinstance(error, SettingsError) else FAILED)


def refuse_members(lake: Lake, place: Organization) -> int:
    """Say of an organisation's damaged members that nothing else tells since when they are."""
    if not examined(lake, place):
        return DONE
    return refused(
        f"{place}: put its objects back from a backup, or remove every {place.folder} below silver/, and the "
        "next refresh looks for the first time",
        FAILED,
    )


def repair_events(settings: Settings, lake: Lake, day: Day) -> int:
    """Mend one day of public events, and say what was lost."""
    found = examined(lake, day)
    if not found:
        return DONE
    with connect(settings.duckdb_memory_limit) as con:
        repair_day(lake, con, projections(), day, found)
    if left := lake.examine(day):
        return refused(f"{left[0].uri}: {left[0].damage}; put it back from a backup", FAILED)
    say(f"{day}: repaired; run gitpulse events backfill {day} {day}, to fetch what is not kept")
    return DONE


def repair_repo(
    settings: Settings, instance: dg.DagsterInstance, lake: Lake, repo: Repo, *, accepts_loss: bool
) -> int:
    """Mend one repository's objects, make its tables anew if need be, and say what was lost."""
    if repo.key in busy_keys(instance, datetime.now(UTC)):
        return refused(f"a run is at work on {repo}; let it end, or stop it first", FAILED)
    found = examined(lake, repo)
    if not found:
        return DONE
    if lake.mend(repo, found) and (code := made_anew(settings, instance, repo, accepts_loss=accepts_loss)):
        return code
    if left := lake.examine(repo):
        return refused(f"{left[0].uri}: {left[0].damage}; put it back from a backup", FAILED)
    say(f"{repo}: repaired{further(repo, found)}")
    return DONE


def made_anew(settings: Settings, instance: dg.DagsterInstance, repo: Repo, *, accepts_loss: bool) -> int:
    """Rebuild the tables and return the exit code."""
    defs, console = load_definitions(), Console(stderr=True)
    return rebuild_told(settings, defs, instance, console, repo, accepts_loss=accepts_loss)


def further(repo: Repo, found: Sequence[Finding]) -> str:
    """What only GitHub can give back."""
    is_fetched_again = any(one.kind in ("batch", "manifest") for one in found)
    return f"; run gitpulse refresh --full {repo}, to fetch what GitHub still has" if is_fetched_again else ""
