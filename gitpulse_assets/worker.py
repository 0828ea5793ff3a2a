"""What workers execute: `celery -A gitpulse_assets.worker worker`.

Only an image with the extra `launchers` can import this module.
"""

import os
from typing import Any

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME  # pyright: ignore[reportMissingImports]
from dagster_celery.make_app import make_app  # pyright: ignore[reportMissingImports]

# Before the processes that execute runs are forked, so that no run pays for it.
import gitpulse_assets.definitions  # noqa: F401
from gitpulse_assets.automation.celery_launcher import CELERY, QUEUE
from gitpulse_assets.automation.run_lease import held, redis_at

BROKER = os.environ.get("GITPULSE_BROKER_URL", "")
if not BROKER:
    raise SystemExit(
        "GITPULSE_BROKER_URL: a worker needs the address of Redis, as redis://host:6379/0; set it"
    )

app = make_app({"broker": BROKER, "backend": BROKER, "config_source": CELERY, "task_default_queue": QUEUE})


# At once: else one of the same name that dagster-celery shares with all apps would come first.
@app.task(name=TASK_EXECUTE_JOB_NAME, lazy=False, shared=False)
def execute_job(execute_job_args_packed: Any) -> None:
    """Execute a run that the launcher gave out; once, however often the broker gives it out."""
    run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
    with redis_at(BROKER) as redis, held(redis, run_id) as is_ours:
        if is_ours:
            execute(run_id)


def execute(run_id: str) -> None:
    """Execute a run that waits for it: not one that ended, was called off or is given out again."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and run.status == dg.DagsterRunStatus.STARTING:
            _execute_run_command_body(run_id, instance, lambda _: None, set_exit_code_on_failure=False)
