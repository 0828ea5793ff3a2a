"""Which process executes a run that no code server started, and whether that process is gone.

The command line and the sweeps execute runs in their own process, of which Dagster knows nothing. What
follows from a process that is gone is the launcher's (`run_launcher.py`) and `runs.py`'s.
"""

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

from gitpulse_assets.processes.identity import is_gone, this_process

PROCESS_TAG = "gitpulse/process"
# The sweep in whose process a run is executed, by its run id.
SWEEP_TAG = "gitpulse/sweep"


def process_tag() -> dict[str, str]:
    """Name this process in the tags of a run."""
    return {PROCESS_TAG: this_process()}


def is_in_own_process(run: dg.DagsterRun) -> bool:
    """Say whether a sweep or a command executes the run itself, so that no launcher has a worker of it.

    A run that is executed again inherits the tags, but is launched.
    """
    return not run.parent_run_id and not run.tags.keys().isdisjoint({PROCESS_TAG, SWEEP_TAG})


def is_process_gone(run: dg.DagsterRun) -> bool:
    """Say whether the run was executed by a process of this host that surely is no more.

    A run that is executed again inherits the tags, not the process.
    """
    tag = run.tags.get(PROCESS_TAG)
    if tag is None or run.parent_run_id or GRPC_INFO_TAG in run.tags:
        return False
    return is_gone(tag)
