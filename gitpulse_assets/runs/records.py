"""Reads long lists of runs by pages."""

from collections.abc import Iterator

import dagster as dg

RECORDS_A_QUERY = 500


def run_records(instance: dg.DagsterInstance, wanted: dg.RunsFilter) -> Iterator[dg.RunRecord]:
    """The runs that fit, the newest first."""
    cursor = None
    while found := instance.get_run_records(wanted, limit=RECORDS_A_QUERY, cursor=cursor):
        yield from found
        cursor = found[-1].dagster_run.run_id
