"""Which backfills are under way: questions to Dagster's instance."""

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
