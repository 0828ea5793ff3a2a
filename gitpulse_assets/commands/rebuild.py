"""`gitpulse rebuild`: silver and gold anew from bronze, without GitHub, as one Dagster run a repository."""

import time
from collections.abc import Sequence

import dagster as dg
from rich.console import Console

from gitpulse_assets.commands.console import refused, say, tell, watching
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from gitpulse_assets.commands.refresh import first_line, instance_of, load_definitions, worst
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.launch import RunOutcome, rebuild
from gitpulse_assets.settings import Settings, SettingsError


def rebuild_repos(settings: Settings, repos: Sequence[Repo], *, accepts_loss: bool = False) -> int:
    """Rebuild each repository and return the worst exit code; one that fails does not stop the others."""
    console = Console(stderr=True)
    try:
        with instance_of(settings) as instance:
            defs = load_definitions()
            return worst(
                [
                    rebuild_told(settings, defs, instance, console, repo, accepts_loss=accepts_loss)
                    for repo in repos
                ]
            )
    except SettingsError as error:
        return refused(error, WRONG_USE)
    except KeyboardInterrupt:
        return refused("interrupted", INTERRUPTED)


def rebuild_told(
    settings: Settings,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    console: Console,
    repo: Repo,
    *,
    accepts_loss: bool = False,
) -> int:
    """Rebuild one repository, print how it ended, and return the exit code."""
    began = time.monotonic()
    with watching(console):
        outcome = rebuild_one(settings, defs, instance, repo, accepts_loss=accepts_loss)
    if not outcome.is_success:
        tell(console, f"{repo}: {outcome.message or 'interrupted; the tables are as they were'}")
        return INTERRUPTED if outcome.is_interrupted else FAILED
    seconds = time.monotonic() - began
    say(f"{repo}: {len(outcome.tables)} tables made anew from bronze in {seconds:.1f} s")
    return DONE


def rebuild_one(
    settings: Settings,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    repo: Repo,
    *,
    accepts_loss: bool,
) -> RunOutcome:
    """Make the run, unless there is nothing to make tables from."""
    try:
        if open_lake(settings).manifest(repo).rows():
            return rebuild(defs, instance, repo, accepts_loss=accepts_loss)
        message = f"nothing is known of {repo} yet; run gitpulse refresh {repo}"
    except LakeError as error:
        message = str(error)
    except Exception as error:
        message = f"Dagster cannot keep the run: {first_line(error)}"
    return RunOutcome(repo, "", is_success=False, message=message)
