"""What a step works with, be it for one repository in a run of its own or for each of a batch."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import BACKFILL_ID_TAG

from gitpulse_assets.resources import DuckDB, GitHubResource, LakeResource, settings_or_failure
from gitpulse_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from gitpulse_assets.github.client import GitHubClient
    from gitpulse_assets.github.transport import Wait
    from gitpulse_assets.lake.lake import Lake

Context = dg.AssetExecutionContext | dg.OpExecutionContext


@dataclass(frozen=True)
class Work:
    """A run, and what it works with.

    `client`: opens GitHub's client, `connection` a fresh connection of DuckDB, each for a `with` block.
    """

    run: dg.DagsterRun
    instance: dg.DagsterInstance
    log: dg.DagsterLogManager
    settings: Settings
    lake: "Lake"
    client: "Callable[[], AbstractContextManager[GitHubClient]]"
    connection: "Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]"

    @property
    def is_backfill(self) -> bool:
        """Whether a backfill asked for it, which counts what is made and nothing that was merely seen."""
        return BACKFILL_ID_TAG in self.run.tags


def work_of(
    context: Context, lake: LakeResource, duckdb: DuckDB, github: GitHubResource | None = None
) -> Work:
    """What a run works with; a wrong setting or a lake out of reach ends the step."""
    settings = settings_or_failure()
    # A step that is executed again was under way before.
    was_reached = context.retry_number > 0

    def warn(wait: "Wait") -> None:
        context.log.warning(wait_line(wait))

    return Work(
        context.run,
        context.instance,
        context.log,
        settings,
        lake.open(settings),
        lambda: (github or GitHubResource()).client(settings, warn, was_reached=was_reached),
        lambda: duckdb.get_connection(settings),
    )


def wait_line(wait: "Wait") -> str:
    """Say which host makes the run wait, for how long and until when."""
    return f"limit of {wait.host} reached, waiting {wait.seconds:.0f} s until {wait.resumes_at:%H:%M:%S} UTC"
