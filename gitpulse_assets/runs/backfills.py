"""Which backfills are under way, and of what: questions to Dagster's instance."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.execution.backfill import PartitionBackfill


def open_backfills(instance: dg.DagsterInstance) -> dict[str, "PartitionBackfill"]:
    """The backfills that were requested and have not ended, by their ids."""
    from dagster._core.execution.backfill import (
        BULK_ACTION_TERMINAL_STATUSES,
        BulkActionsFilter,
        BulkActionStatus,
    )

    ongoing = [status for status in BulkActionStatus if status not in BULK_ACTION_TERMINAL_STATUSES]
    found = instance.get_backfills(filters=BulkActionsFilter(statuses=ongoing))
    return {backfill.backfill_id: backfill for backfill in found}


def backfilled_keys(instance: dg.DagsterInstance) -> set[str]:
    """The partition keys of the backfills under way, also of those whose runs are not requested yet."""
    return {key for backfill in open_backfills(instance).values() for key in _keys_of(backfill)}


def _keys_of(backfill: "PartitionBackfill") -> Iterator[str]:
    yield from backfill.partition_names or ()
    if backfill.asset_backfill_data:
        target = backfill.asset_backfill_data.target_subset
        for subset in target.partitions_subsets_by_asset_key.values():
            yield from subset.get_partition_keys()
