"""Runs that take several repositories, by name or as a range of partitions: asked for, and read again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.runs.kinds import (
    AT_WORK_TAG,
    RECONCILE_WATCHED_JOB,
    REFRESH_JOB,
    REFRESH_WATCHED_JOB,
    REPO_TAG,
    SWEEP_OP,
)

BATCH_JOBS = (REFRESH_WATCHED_JOB, RECONCILE_WATCHED_JOB)
# The partition keys there are, in the order of their registration.
Registered = Callable[[], Sequence[str]]


def registered_once(instance: dg.DagsterInstance) -> Registered:
    """The registered keys, read when the first run asks for them, and once."""
    return cache(lambda: instance.get_dynamic_partitions(REPOS_PARTITIONS))


def requests_for(keys: Sequence[str], size: int, run_key: str, since: datetime) -> list[dg.RunRequest]:
    """Ask for a refresh of each key, `size` in a run; one alone has a run as from the UI.

    Of requests of the same `run_key` Dagster makes one run.
    """
    alone = len(keys) == 1 or size == 1
    if alone:
        return [
            dg.RunRequest(f"{run_key}:{key}", partition_key=key, tags={REPO_TAG: key}, job_name=REFRESH_JOB)
            for key in keys
        ]
    return batch_requests(keys, size, run_key, REFRESH_WATCHED_JOB, since=since.isoformat())


def batch_requests(
    keys: Sequence[str], size: int, run_key: str, job_name: str, **config: object
) -> list[dg.RunRequest]:
    """Ask for a run for every `size` keys; `config` is what else each is told."""
    return [
        dg.RunRequest(
            f"{run_key}/{start // size + 1}",
            run_config={"ops": {SWEEP_OP: {"config": {**config, "keys": list(keys[start : start + size])}}}},
            job_name=job_name,
        )
        for start in range(0, len(keys), size)
    ]


def is_of_many(run: dg.DagsterRun) -> bool:
    """Whether the run takes several repositories."""
    first, last = ends_of(run)
    return run.job_name in BATCH_JOBS or first != last


def ends_of(run: dg.DagsterRun) -> tuple[str, str]:
    """The ends of the range a run takes, empty where it takes none."""
    return run.tags.get(ASSET_PARTITION_RANGE_START_TAG, ""), run.tags.get(ASSET_PARTITION_RANGE_END_TAG, "")


def key_of(run: dg.DagsterRun) -> str:
    """The partition key of a run of one, which a backfill asks for as a range; empty where there is none."""
    return run.tags.get(PARTITION_NAME_TAG, "") or ("" if is_of_many(run) else ends_of(run)[0])


def keys_taken(registered: Registered, run: dg.DagsterRun) -> list[str]:
    """The partition keys the run takes; of one that takes all there are, the one it is at work on."""
    if run.job_name in BATCH_JOBS:
        ops: Any = run.run_config.get("ops", {})
        config = ops.get(SWEEP_OP, {}).get("config", {})
        return list(config.get("keys", ())) or keys_at_work(run)
    return keys_between(registered(), run) if is_of_many(run) else []


def keys_at_work(run: dg.DagsterRun) -> list[str]:
    """The key that a run of many is at work on, if any."""
    key = run.tags.get(AT_WORK_TAG)
    return [key] if key and run.status == dg.DagsterRunStatus.STARTED else []


def keys_between(keys: Sequence[str], run: dg.DagsterRun) -> list[str]:
    """The keys of a range, in the order of their registration; none where an end is gone or another's."""
    first, last = ends_of(run)
    if first not in keys or last not in keys:
        return []
    return list(keys[keys.index(first) : keys.index(last) + 1])
