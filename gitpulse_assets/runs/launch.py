"""Launches Dagster runs from this process; `gitpulse refresh` has no second pipeline beside them.

A run made here is the same as one made in the UI: it is recorded in the persistent instance with the
origin of its job, without which the UI could show it but not execute it again.
"""

import fcntl
import logging
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.plan import active
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.partitions import register
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.kinds import REBUILD_JOB, REFRESH_JOB, repo_tags
from gitpulse_assets.runs.marks import INTERRUPTED, LIMITED, MISUSED
from gitpulse_assets.runs.process import process_tag
from gitpulse_assets.runs.sqlite_connections import remember_revisions
from gitpulse_assets.settings import SettingsError

CODE_LOCATION = "gitpulse"
DEFINITIONS_MODULE = "gitpulse_assets.definitions"

WORKSPACE = f"""\
load_from:
  - python_module:
      module_name: {DEFINITIONS_MODULE}
      location_name: {CODE_LOCATION}
"""

LOCK = ".lock"
# What Dagster keeps names private repositories too, with samples of their rows.
PRIVATE = 0o700

TELEMETRY_OFF = "telemetry: {enabled: false}\nnux: {enabled: false}\n"


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended; `message` is the one line that says why it failed, empty when it did not.

    `is_interrupted`: by Ctrl-C or a signal. `limited_until`: by a limit of GitHub's, that ends then, UTC.
    `is_misused`: by a setting. `tables`: what Dagster shows of each table the run made, by `layer/table`.
    """

    repo: Repo
    run_id: str
    is_success: bool
    message: str
    is_interrupted: bool = False
    limited_until: datetime | None = None
    is_misused: bool = False
    tables: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def open_instance(dagster_home: Path) -> dg.DagsterInstance:
    """Open the instance of a home, which is made where there is none yet, by one process at a time.

    Dagster's own creation of its databases ruins them where two do it at once.
    Raises SettingsError where the home cannot be written or holds no instance that can be opened.
    """
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    remember_revisions()
    with home_lock(dagster_home):
        prepare_home(dagster_home)
        try:
            return dg.DagsterInstance.get()
        except Exception as error:
            raise SettingsError(
                f"DAGSTER_HOME: {dagster_home} holds no instance that can be opened "
                f"({type(error).__name__}: {str(error).strip()})".splitlines()[0]
                + f"; {advice(error)}"
            ) from None


def advice(error: Exception) -> str:
    """What to do about an instance that cannot be opened."""
    if "alembic" in str(error):
        return (
            "its databases are half made or damaged: with no command at work, move its folders history and "
            "schedules away, which hold how runs ended and no table, then run again"
        )
    return "mend its dagster.yaml or set another folder"


@contextmanager
def home_lock(dagster_home: Path) -> Iterator[None]:
    """Keep a home to oneself; one that cannot be written has been made by others, and needs no making."""
    try:
        dagster_home.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        file = (dagster_home / LOCK).open("ab")
    except OSError:
        file = None
    with file or nullcontext():
        if file:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare_home(dagster_home: Path) -> None:
    """Make Dagster's home where there is none yet, with the dagster.yaml of the working directory if any.

    Raises SettingsError where it cannot be written.
    """
    try:
        dagster_home.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        target, source = dagster_home / "dagster.yaml", Path("dagster.yaml")
        if not target.exists():
            target.write_text(source.read_text() if source.exists() else TELEMETRY_OFF, encoding="utf-8")
        # A home made by others, such as the one in the image, may not be writable, and has its own.
        if not (workspace := dagster_home / "workspace.yaml").exists():
            workspace.write_text(WORKSPACE, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"DAGSTER_HOME: {dagster_home} cannot be written ({error.strerror}); set it to a folder you may "
            "write, and see that its disk is not full"
        ) from None


def refresh(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    repo: Repo,
    *,
    is_full: bool,
    with_events: bool = False,
) -> RunOutcome:
    """Execute one refresh run of the repository in this process and wait for its end."""
    register(instance, repo.key)
    config = {"bronze": {"full": is_full, "events": with_events}}
    run_id, events = execute(defs, instance, REFRESH_JOB, config, repo_tags(repo.key), repo)
    return outcome(repo, run_id, events)


def rebuild(
    defs: dg.Definitions, instance: dg.DagsterInstance, repo: Repo, *, accepts_loss: bool = False
) -> RunOutcome:
    """Execute one run that makes the repository's silver and gold tables anew, and wait for its end."""
    register(instance, repo.key)
    config = {"silver": {"rebuild": True, "accept_loss": accepts_loss}}
    run_id, events = execute(defs, instance, REBUILD_JOB, config, repo_tags(repo.key), repo)
    return outcome(repo, run_id, events)


def execute(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    job_name: str,
    op_config: Mapping[str, Mapping[str, object]],
    tags: Mapping[str, str] | None = None,
    repo: Repo | None = None,
) -> tuple[str, list[dg.DagsterEvent]]:
    """Execute one run of a job in this process and return its id and events, the repository's being told."""
    job = defs.resolve_job_def(job_name)
    return execute_job(job, instance, run_config(op_config), tags or {}, repo)


def execute_job(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    config: Mapping[str, object],
    tags: Mapping[str, str],
    repo: Repo | None = None,
    assets: Collection[dg.AssetKey] | None = None,
) -> tuple[str, list[dg.DagsterEvent]]:
    """Do the same with a job as it is at hand, under a run's whole configuration."""
    run = recorded_run(job, instance, config, tags, assets)
    logger = logging.getLogger(active.__name__)
    logger.addFilter(is_true)
    try:
        events = execute_run_iterator(InMemoryJob(job), run, instance)
        return run.run_id, list(told(repo, events) if repo else events)
    finally:
        # What logging keeps outlives the modules, and DuckDB with them, which then complains.
        logger.removeFilter(is_true)


def recorded_run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    config: Mapping[str, object],
    tags: Mapping[str, str],
    assets: Collection[dg.AssetKey] | None = None,
) -> dg.DagsterRun:
    """Record a run of the job that this process is to execute, so that it can be executed again in the UI.

    `assets`: those chosen of the job, without which a run of a choice could not be executed again.
    """
    return instance.create_run_for_job(
        job_def=job,
        run_config=config,
        tags={**job.run_tags, **process_tag(), **tags},
        asset_selection=frozenset(assets) if assets else None,
        remote_job_origin=repository_origin().get_job_origin(job.name),
    )


def is_true(record: logging.LogRecord) -> bool:
    """Let pass all but one warning, which is wrong here.

    Of a step behind a skipped one Dagster says that it proceeds without blocking checks, and skips it.
    """
    return "will proceed without gating on it" not in record.getMessage()


def outcome(repo: Repo, run_id: str, events: Sequence[dg.DagsterEvent]) -> RunOutcome:
    """Tell from a run's events how it ended and what its tables show."""
    return RunOutcome(
        repo,
        run_id,
        is_success=is_success(events),
        message=failure_message(events),
        is_interrupted=any(map(is_interruption, events)),
        limited_until=limited_until(events),
        is_misused=any(mark_of(event, MISUSED) for event in events),
        tables=dict(map(shown, filter(is_materialization, events))),
    )


def is_success(events: Iterable[dg.DagsterEvent]) -> bool:
    """Whether the run ended well."""
    return any(event.event_type == dg.DagsterEventType.RUN_SUCCESS for event in events)


def told(repo: Repo, events: Iterable[dg.DagsterEvent]) -> Iterator[dg.DagsterEvent]:
    """Pass events on, telling whoever watches which step begins."""
    for event in events:
        if event.event_type == dg.DagsterEventType.STEP_START:
            tell(WalkProgress(repo, 0, 0, step=event.step_key or ""))
        yield event


def is_materialization(event: dg.DagsterEvent) -> bool:
    """Whether the event says that a table was made."""
    return event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION


def shown(event: dg.DagsterEvent) -> tuple[str, Mapping[str, object]]:
    """The table of a materialization, as `layer/table`, and what Dagster shows of it."""
    materialization = event.step_materialization_data.materialization
    values = {name: value.value for name, value in materialization.metadata.items()}
    return materialization.asset_key.to_user_string(), values


def is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether the event says that somebody stopped the run."""
    if event.is_step_failure:
        return bool(mark_of(event, INTERRUPTED))
    data = event.event_specific_data
    return isinstance(data, JobFailureData) and data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION


def mark_of(event: dg.DagsterEvent, mark: str) -> object:
    """What stands under this name in the metadata of a step's failure; None where nothing does."""
    failure = event.step_failure_data.user_failure_data if event.is_step_failure else None
    value = failure.metadata.get(mark) if failure else None
    return value.value if value else None


def limited_until(events: Iterable[dg.DagsterEvent]) -> datetime | None:
    """When the limit of GitHub's ends that a step failed by, UTC; None where none did."""
    ends = (mark_of(event, LIMITED) for event in events)
    return next((datetime.fromisoformat(str(end)) for end in ends if end), None)


def run_config(op_config: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Dagster's configuration of a run, from that of its ops by their names."""
    # Dagster's console would print every event; the CLI shows progress of its own.
    loggers = {"console": {"config": {"log_level": "CRITICAL"}}}
    return {"ops": {name: {"config": config} for name, config in op_config.items()}, "loggers": loggers}


def repository_origin() -> RemoteRepositoryOrigin:
    """Say where the job's code is, in the same words as `workspace.yaml`."""
    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=DEFINITIONS_MODULE, working_directory=str(Path.cwd())
    )
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, CODE_LOCATION)
    return RemoteRepositoryOrigin(location, "__repository__")


def failure_message(events: Sequence[dg.DagsterEvent]) -> str:
    """Return the first failed step's own words, or those of the exception that nobody foresaw."""
    for event in events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description
            return " ".join(data.error_display_string.split("\n\nStack Trace")[0].split())
        # A run that its code server marks as failed has no data.
        data = event.event_specific_data
        if isinstance(data, JobFailureData) and data.error:
            return " ".join(data.error.message.split())
    return ""
