"""Reads long lists of runs by pages, and what a run told."""

from collections.abc import Iterator

import dagster as dg

RECORDS_A_QUERY = 500


def run_records(instance: dg.DagsterInstance, wanted: dg.RunsFilter) -> Iterator[dg.RunRecord]:
    """The runs that fit, the newest first."""
    cursor = None
    while found := instance.get_run_records(wanted, limit=RECORDS_A_QUERY, cursor=cursor):
        yield from found
        cursor = found[-1].dagster_run.run_id


def events_of(
    instance: dg.DagsterInstance, run_id: str, kinds: dg.DagsterEventType | set[dg.DagsterEventType]
) -> list[dg.DagsterEvent]:
    """A run's events of these kinds, in order."""
    entries = instance.all_logs(run_id, of_type=kinds)
    return [entry.dagster_event for entry in entries if entry.dagster_event]
