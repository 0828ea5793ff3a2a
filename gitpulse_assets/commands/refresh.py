"""`gitpulse refresh`: one Dagster run a repository, in this process, on the persistent instance."""

import os
import sys
from collections.abc import Sequence

import dagster as dg
from rich.console import Console

from gitpulse_assets.automation.launch import RunOutcome, prepare_home, refresh
from gitpulse_assets.console import watching
from gitpulse_assets.contracts.silver import RECONCILIATION
from gitpulse_assets.exit_codes import DONE, FAILED, PARTIAL
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import open_lake
from gitpulse_assets.settings import Settings
from gitpulse_assets.transform.repairs import repair_line, repairs_of


def refresh_repos(settings: Settings, repos: Sequence[Repo], *, is_full: bool) -> int:
    """Refresh each repository and return the worst exit code; one that fails does not stop the others."""
    console = Console(stderr=True)
    codes = [DONE]
    with instance_of(settings) as instance:
        defs = load_definitions()
        for repo in repos:
            with watching(console):
                outcome = refresh(defs, instance, repo, is_full=is_full)
            code = exit_code(settings, outcome)
            codes.append(code)
            print_outcome(console, outcome, code, repairs(settings, outcome) if code == DONE else "")
    return FAILED if FAILED in codes else max(codes)


def instance_of(settings: Settings) -> dg.DagsterInstance:
    """Open the persistent instance that the UI of the same settings shows."""
    prepare_home(settings.dagster_home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    return dg.DagsterInstance.get()


def load_definitions() -> dg.Definitions:
    from gitpulse_assets.definitions import build_defs

    return build_defs()


def exit_code(settings: Settings, outcome: RunOutcome) -> int:
    """Tell a walk that stopped half-way and can be gone on with from one that failed."""
    if outcome.is_success:
        return DONE
    try:
        row = open_lake(settings).manifest(outcome.repo).row(outcome.run_id, "issues")
    except LakeError:
        return FAILED
    return PARTIAL if row is not None and row.status == "partial" else FAILED


def repairs(settings: Settings, outcome: RunOutcome) -> str:
    """Say what the run's full walk repaired; nothing where it made none."""
    try:
        walks = open_lake(settings).dataset(RECONCILIATION, outcome.repo).to_table()
    except LakeError:
        return ""
    counts = repairs_of(walks, outcome.run_id)
    return f"; {repair_line(counts)}" if counts else ""


def print_outcome(console: Console, outcome: RunOutcome, code: int, repaired: str) -> None:
    if code == DONE:
        print(f"{outcome.repo}: refreshed (run {outcome.run_id}){repaired}", file=sys.stdout)
        return
    word = "partial, run it again to go on" if code == PARTIAL else "failed"
    console.print(f"{outcome.repo}: {word}: {outcome.message}", highlight=False, soft_wrap=True, markup=False)
