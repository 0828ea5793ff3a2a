"""The run launcher that dagster.yaml names: Dagster's own, which also knows whether a run's process lives.

Dagster's default launcher has no health check: a run whose container died stays "started", and keeps its
repository's only slot, until its time is up. A process that dies alone is noticed by the code server within
a second; this is for the code server that dies with its runs.
"""

import socket
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._serdes import deserialize_value

from gitpulse_assets.runs.process import SWEEP_TAG, is_process_gone

if TYPE_CHECKING:
    from dagster._grpc.client import DagsterGrpcClient

NO_SERVER = "the run was not started by a code server"
SWEEP_ENDED = "the sweep in whose process it ran has ended"
COMMAND_GONE = "the command in whose process it ran is gone: killed, or the machine was started anew"
UNREACHABLE = "the code server does not answer; asked again later"
SERVER_GONE = "the code server that ran it is gone"
PROCESS_GONE = "the code server runs, but not this run: it was started anew"


class WatchedRunLauncher(DefaultRunLauncher):
    """Asks the code server that started a run whether it still runs it.

    The server must be `dagster api grpc`. The proxy of `dagster code-server start` answers for its newest
    child alone: after a reload it would disown runs that are alive.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Has Dagster's monitoring ask this launcher."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return FAILED when the run's process is surely gone, else RUNNING.

        Silence proves nothing: a server under load, or starting again, answers the next time.
        """
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return health_in_own_process(self._instance, run)
        try:
            is_running = run.run_id in current_runs(client)
        except DagsterUserCodeUnreachableError:
            if client.socket and not is_listening(client.socket):
                return CheckRunHealthResult(WorkerStatus.FAILED, SERVER_GONE)
            return CheckRunHealthResult(WorkerStatus.RUNNING, UNREACHABLE)
        if is_running:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, PROCESS_GONE)


def health_in_own_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> CheckRunHealthResult:
    """Say what is known of the sweep or the command whose process a run is; of another host nothing is."""
    sweep = instance.get_run_by_id(run.tags.get(SWEEP_TAG, ""))
    if sweep is not None and sweep.is_finished:
        return CheckRunHealthResult(WorkerStatus.FAILED, SWEEP_ENDED)
    if is_process_gone(run):
        return CheckRunHealthResult(WorkerStatus.FAILED, COMMAND_GONE)
    return CheckRunHealthResult(WorkerStatus.RUNNING, NO_SERVER)


def current_runs(client: "DagsterGrpcClient") -> frozenset[str]:
    """The ids of the runs the code server has processes of."""
    answer: Any = deserialize_value(client.get_current_runs())
    return frozenset(answer.current_runs)


def is_listening(path: str) -> bool:
    """Say whether any process answers at a socket of this machine; `dagster dev` makes one for each start."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
