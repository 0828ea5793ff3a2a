"""The run launcher that deploy/kubernetes/instance/dagster.yaml names: dagster-k8s' own.

To that one a run without a Job is dead, and so is every run whose Job it could not ask for. But sweeps and
commands execute runs in their own process, and a Kubernetes API that does not answer for a minute says
nothing of the runs.

Only an image with the extra `launchers` can import this module.
"""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_k8s import K8sRunLauncher  # pyright: ignore[reportMissingImports]

from gitpulse_assets.automation.run_launcher import health_in_own_process
from gitpulse_assets.runs.process import is_in_own_process

# What dagster-k8s says of a Job that Kubernetes answers not to have.
JOB_GONE = "could not be found"


class WatchedKubernetesLauncher(K8sRunLauncher):
    """Starts each run as a Job; a run is dead when Kubernetes says so, not when nobody answers."""

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return FAILED when the run's pod has ended or its Job is gone, else RUNNING or SUCCESS."""
        if is_in_own_process(run):
            return health_in_own_process(self._instance, run)
        result: CheckRunHealthResult = super().check_run_worker_health(run)
        if result.status != WorkerStatus.UNKNOWN:
            return result
        is_gone = result.msg is not None and result.msg.endswith(JOB_GONE)
        return CheckRunHealthResult(WorkerStatus.FAILED if is_gone else WorkerStatus.RUNNING, result.msg)

    def terminate(self, run_id: str) -> bool:
        """End a run's Job; False where it has none: it would count as canceled while its process works on."""
        run = self._instance.get_run_by_id(run_id)
        return run is not None and not is_in_own_process(run) and bool(super().terminate(run_id))
