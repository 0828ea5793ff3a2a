"""Tells Dagster in a run's name what happened to a partition that is not the run's own."""

import os
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.events import (
    AssetObservationData,
    DagsterEventBatchMetadata,
    StepMaterializationData,
    generate_event_batch_id,
)

Telling = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def tell_dagster(
    instance: dg.DagsterInstance, run_id: str, tellings: Iterable[Telling], step_key: str = ""
) -> None:
    """Report events, each of the partition it names; neighbours of one kind go to the storage in one go."""
    for kind, group in groupby(map(event_data, tellings), lambda told: told[0]):
        told = list(group)
        batch_id = generate_event_batch_id()
        for number, (_, data) in enumerate(told, start=1):
            event = dg.DagsterEvent(
                event_type_value=kind.value,
                job_name="",
                event_specific_data=data,
                pid=os.getpid(),
                step_key=step_key or None,
            )
            end = DagsterEventBatchMetadata(batch_id, number == len(told))
            # A storage takes no others together.
            is_together = kind != dg.DagsterEventType.ASSET_CHECK_EVALUATION
            instance.report_dagster_event(event, run_id, batch_metadata=end if is_together else None)


def event_data(told: Telling) -> tuple[dg.DagsterEventType, Any]:
    """Of which kind the event is, and what Dagster keeps of it."""
    match told:
        case dg.AssetMaterialization():
            return dg.DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(told)
        case dg.AssetObservation():
            return dg.DagsterEventType.ASSET_OBSERVATION, AssetObservationData(told)
        case dg.AssetCheckEvaluation():
            return dg.DagsterEventType.ASSET_CHECK_EVALUATION, told


def report_by_run(
    instance: dg.DagsterInstance, run_id: str, result: dg.AssetCheckResult, partition: str
) -> None:
    """Tell Dagster of a check of another partition than the run's, as often as runs do.

    Without a run Dagster 1.13 takes one evaluation of a check and partition, and refuses the second; without
    the materialization that it is of, the partition is shown as one that was never checked.
    """
    tell_dagster(instance, run_id, evaluations_of(instance, [result], partition))


def evaluations_of(
    instance: dg.DagsterInstance, results: Iterable[dg.AssetCheckResult], partition: str
) -> list[dg.AssetCheckEvaluation]:
    """What checks found of a partition as it was made last: told behind that, one look an asset."""
    newest = cache(lambda key: newest_materialization(instance, key, partition))
    return [evaluation_of(one, partition, newest(one.asset_key or dg.AssetKey([]))) for one in results]


def newest_materialization(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, partition: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The newest materialization of a partition, as a check of it names it; None where there is none."""
    wanted = dg.AssetRecordsFilter(asset_key=asset_key, asset_partitions=[partition])
    for found in instance.fetch_materializations(wanted, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            run_id=found.run_id, storage_id=found.storage_id, timestamp=found.timestamp
        )
    return None


def evaluation_of(
    result: dg.AssetCheckResult,
    partition: str,
    target: AssetCheckEvaluationTargetMaterializationData | None = None,
) -> dg.AssetCheckEvaluation:
    """What a check found of a partition, as Dagster keeps it; `target`: of which materialization."""
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key or dg.AssetKey([]),
        check_name=result.check_name or "",
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
        partition=partition,
        target_materialization_data=target,
    )
