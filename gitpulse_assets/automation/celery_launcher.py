"""The run launcher that deploy/workers/dagster.yaml names: dagster-celery's own, which asks the run's lease.

Only an image with the extra `launchers` can import this module.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher  # pyright: ignore[reportMissingImports]
from dagster_celery.tags import (  # pyright: ignore[reportMissingImports]
    DAGSTER_CELERY_RUN_PRIORITY_TAG,
    DAGSTER_CELERY_TASK_ID_TAG,
)
from kombu.exceptions import OperationalError  # pyright: ignore[reportMissingImports]
from redis import RedisError  # pyright: ignore[reportMissingImports]

from gitpulse_assets.automation.run_launcher import health_in_own_process
from gitpulse_assets.automation.run_lease import is_held, is_lost, redis_at
from gitpulse_assets.runs.process import is_in_own_process

QUEUE = "dagster"
# Of the launcher and of the workers.
CELERY = {
    # Redis gives what is held in reserve out again after an hour, and two workers have it.
    "worker_disable_prefetch": True,
    "worker_prefetch_multiplier": 1,
    # Nothing of a run stands in its result, and who gives it out would listen for it.
    "task_ignore_result": True,
    "broker_connection_retry_on_startup": True,
    # A process that has executed thousands takes a quarter more CPU for each.
    "worker_max_tasks_per_child": 100,
    # Dagster captures what a run writes; Celery would make warnings of it.
    "worker_redirect_stdouts": False,
}
SILENT = "the broker does not answer, or was started anew; asked again later"
NO_BROKER = "the broker does not answer; the run waits in the queue"
WORKER_GONE = "the worker that executed it is gone"
# Of the four that Redis tells apart (0, 3, 6, 9) it serves this one last.
PRIORITY_MAX = 9


class WatchedCeleryLauncher(CeleryRunLauncher):
    """Gives each run to the workers of a broker; a run is dead when its lease ended.

    `broker`: address of a Redis, as redis://host:6379/0.
    """

    def __init__(self, broker: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(QUEUE, broker, backend=broker, config_source=CELERY, inst_data=inst_data)
        self.redis = redis_at(broker)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """What dagster.yaml may say."""
        return {"broker": dg.Field(dg.StringSource)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "WatchedCeleryLauncher":
        """Make the launcher of what dagster.yaml says."""
        return cls(config_value["broker"], inst_data)

    @property
    def supports_resume_run(self) -> bool:
        """Never: dagster-celery's resuming ends in a TypeError. What died is retried."""
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return FAILED when no worker executes the run any more, else RUNNING."""
        if is_in_own_process(run):
            return health_in_own_process(self._instance, run)
        match is_held(self.redis, run.run_id):
            case True:
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            case None:
                return CheckRunHealthResult(WorkerStatus.RUNNING, SILENT)
            case False:
                return CheckRunHealthResult(WorkerStatus.FAILED, WORKER_GONE)

    def _launch_celery_task_run(self, run: dg.DagsterRun, *arguments: Any, **named: Any) -> None:
        """Give a run to the broker, sooner the higher its priority; Redis serves 0 first (celery#4028)."""
        asked = run.tags.get(DAGSTER_CELERY_RUN_PRIORITY_TAG, "")
        priority = min(int(asked), PRIORITY_MAX) if asked.isdecimal() else 0
        turned = {**run.tags, DAGSTER_CELERY_RUN_PRIORITY_TAG: str(PRIORITY_MAX - priority)}
        try:
            super()._launch_celery_task_run(run.with_tags(turned), *arguments, **named)
        except (OperationalError, RedisError) as error:
            # Of all errors this one puts the run back into the queue; the others fail it.
            raise DagsterUserCodeUnreachableError(NO_BROKER) from error

    def is_lost_before_start(self, run: dg.DagsterRun) -> bool:
        """Whether a worker took the run and died before it began, which Dagster asks nobody."""
        return is_lost(self.redis, run.run_id)

    def terminate(self, run_id: str) -> bool:
        """End a run, or call it off in the queue; False where no worker was given it."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        # Else it ends as failed, and is retried.
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)
