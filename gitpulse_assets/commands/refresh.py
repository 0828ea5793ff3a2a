"""`gitpulse refresh`: one Dagster run a repository, in this process, on the persistent instance.

What a run did is put into words in `summary.py`.
"""

import time
from collections.abc import Sequence

import dagster as dg
from rich.console import Console

from gitpulse_assets.commands.console import refused, say, tell, watching
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, PARTIAL, WRONG_USE
from gitpulse_assets.commands.summary import summary
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.launch import RunOutcome, open_instance, refresh
from gitpulse_assets.runs.sqlite_connections import keep_connections
from gitpulse_assets.settings import Settings, SettingsError


def refresh_repos(
    settings: Settings, repos: Sequence[Repo], *, is_full: bool, with_events: bool = False
) -> int:
    """Refresh each repository and return the worst exit code; one that fails does not stop the others."""
    from gitpulse_assets.github.connection import check_environment
    from gitpulse_assets.github.errors import UnusableEnvironment

    console = Console(stderr=True)
    try:
        check_environment()
        with instance_of(settings) as instance:
            return worst(refresh_each(settings, instance, console, repos, is_full, with_events))
    except (SettingsError, UnusableEnvironment) as error:
        return refused(error, WRONG_USE)
    except KeyboardInterrupt:
        return refused("interrupted", INTERRUPTED)


def refresh_each(
    settings: Settings,
    instance: dg.DagsterInstance,
    console: Console,
    repos: Sequence[Repo],
    is_full: bool,
    with_events: bool,
) -> list[int]:
    """Refresh the repositories one after the other and return their exit codes; Ctrl-C ends the command."""
    codes = []
    defs = load_definitions()
    for repo in repos:
        began = time.monotonic()
        with watching(console):
            outcome = refresh_one(defs, instance, repo, is_full=is_full, with_events=with_events)
        rows = run_rows(settings, outcome)
        code = exit_code(outcome, rows)
        if outcome.is_success:
            say(summary(outcome, time.monotonic() - began))
        if code != DONE:
            tell(console, trouble(outcome, code, rows))
        codes.append(code)
        if code == INTERRUPTED:
            break
    return codes


def refresh_one(
    defs: dg.Definitions, instance: dg.DagsterInstance, repo: Repo, *, is_full: bool, with_events: bool
) -> RunOutcome:
    """Make the run; trouble of Dagster's own storage (a full disk) ends this repository only."""
    try:
        return refresh(defs, instance, repo, is_full=is_full, with_events=with_events)
    except Exception as error:
        message = f"Dagster cannot keep the run: {first_line(error)}"
        return RunOutcome(repo, "", is_success=False, message=message)


def first_line(error: Exception) -> str:
    """Return the kind of an error and the first line it says."""
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]


def worst(codes: Sequence[int]) -> int:
    """Of several repositories' codes the worst: interrupted, wrong use, failed, partial, done."""
    return next((code for code in (INTERRUPTED, WRONG_USE, FAILED, PARTIAL) if code in codes), DONE)


def instance_of(settings: Settings) -> dg.DagsterInstance:
    """Open the persistent instance that the UI of the same settings shows.

    Raises SettingsError where its folder or its dagster.yaml cannot be used.
    """
    instance = open_instance(settings.dagster_home)
    keep_connections(instance)
    return instance


def load_definitions() -> dg.Definitions:
    """Build the definitions that the command's runs execute."""
    from gitpulse_assets.definitions import build_defs

    return build_defs()


def exit_code(outcome: RunOutcome, rows: Sequence[ManifestRow]) -> int:
    """Tell a run that can be gone on with from one that failed, and one that left something undone."""
    if outcome.is_success:
        return PARTIAL if left_undone(rows) else DONE
    if outcome.is_interrupted:
        return INTERRUPTED
    if outcome.is_misused:
        return WRONG_USE
    return PARTIAL if outcome.limited_until or any(map(can_go_on, rows)) else FAILED


def can_go_on(row: ManifestRow) -> bool:
    """Whether another run goes on where this one was cut short: from an address, or behind what came.

    A list that GitHub ended early is partial too, but nothing goes on from it.
    """
    is_told_apart = row.stream == ISSUE_TIMELINE.name and not row.is_capped
    return row.status == "partial" and bool(row.next_url or is_told_apart)


def left_undone(rows: Sequence[ManifestRow]) -> str:
    """What a run that published could not do: a limit came, or GitHub's count contradicts its lists."""
    return next((row.error for row in rows if row.error and row.status != "complete"), "")


def run_rows(settings: Settings, outcome: RunOutcome) -> list[ManifestRow]:
    """What the run left in the manifest; nothing where the lake cannot be read."""
    try:
        rows = open_lake(settings).manifest(outcome.repo).rows()
    except LakeError:
        return []
    return [row for row in rows if row.run_id == outcome.run_id]


def trouble(outcome: RunOutcome, code: int, rows: Sequence[ManifestRow]) -> str:
    """Say in one line why a repository was not refreshed whole, and what to do."""
    failed = f"failed: {outcome.message}"
    words = {
        PARTIAL: f"partial, run it again to go on: {outcome.message or left_undone(rows)}",
        INTERRUPTED: "interrupted; what has come is kept, run it again to go on",
    }
    return f"{outcome.repo}: {words.get(code, failed)}"
