"""Measure the purge of what Dagster keeps: `python scripts/measure_purge.py [--copies 300]`.

On a PostgreSQL of its own ten tiny generated repositories are refreshed by one run of many, at rest by
another, and each at rest by a run of its own. So many copies of those twelve runs are written as forty days
old; then all is refreshed once more, so that nothing stands on the copies, and `gitpulse maintain`'s purge is
let go. Printed: rows and bytes of events before and after, seconds and CPU seconds.
"""

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from gitpulse_assets.definitions import build_defs
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.kinds import REFRESH_WATCHED_JOB, SWEEP_OP
from gitpulse_assets.runs.launch import refresh, run_config
from gitpulse_assets.runs.purge import purged
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.process import serve_generated_apart
from gitpulse_assets_tests.deployment import postgres

KEYS = [f"many/repository-{number}" for number in range(10)]
OLD = timedelta(days=40)
# Each run gets an id of its own, also where it is written into what Dagster keeps as text.
COPY = """
create temp table fresh as select run_id as old, gen_random_uuid()::text as new from runs where {which};
insert into runs (run_id, snapshot_id, pipeline_name, mode, status, run_body, partition, partition_set,
  create_timestamp, update_timestamp, start_time, end_time)
select new, snapshot_id, pipeline_name, mode, status, replace(run_body, old, new), partition, partition_set,
  create_timestamp - interval '{days} days', update_timestamp - interval '{days} days',
  start_time - {seconds}, end_time - {seconds} from runs join fresh on run_id = old;
insert into run_tags (run_id, key, value) select new, key, value from run_tags join fresh on run_id = old;
insert into event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
select new, replace(event, old, new), dagster_event_type, timestamp - interval '{days} days', step_key,
  asset_key, partition from event_logs join fresh on run_id = old order by id;
drop table fresh"""
SIZES = "select count(*), pg_total_relation_size('event_logs') from event_logs"


def refreshed(instance: dg.DagsterInstance) -> None:
    """Refresh all by one run, at rest by another, and each at rest by its own."""
    defs = build_defs()
    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    for _ in range(2):
        config = run_config({SWEEP_OP: {"keys": KEYS}})
        assert job.execute_in_process(instance=instance, run_config=config).success
    for key in KEYS:
        assert refresh(defs, instance, Repo.parse(key), is_full=False).is_success


def copied(database: postgres.Server, copies: int) -> None:
    """Write so many copies of all runs there are as old ones."""
    with database.cursor() as cursor:
        cursor.execute("select run_id from runs")
        which = f"run_id in ({', '.join(repr(row[0]) for row in cursor.fetchall())})"
        for _ in range(copies):
            cursor.execute(COPY.format(which=which, days=OLD.days, seconds=OLD.total_seconds()))


def sizes(database: postgres.Server) -> str:
    """Rows of events and their bytes, when what went has been given back."""
    with database.cursor() as cursor:
        cursor.execute("vacuum full event_logs")
        cursor.execute(SIZES)
        rows, size = cursor.fetchone()
    return f"{rows:,} rows of events, {size / 1e6:,.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=300)
    arguments = parser.parse_args()
    plans = [HistoryPlan(key, seed, issue_count=3, day_count=60) for seed, key in enumerate(KEYS)]
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_generated_apart(plans) as base_url,
        postgres.served("secret") as database,
    ):
        os.chdir(folder)
        Path("dagster.yaml").write_text(database.instance)
        os.environ |= {
            "GITHUB_API_URL": base_url,
            "GITHUB_GRAPHQL_URL": f"{base_url}/graphql",
            "GITHUB_TOKEN": "sandbox",
            "GITPULSE_LAKE_URL": f"{folder}/lake",
            "DAGSTER_HOME": folder,
        }
        with dg.DagsterInstance.get() as instance:
            instance.add_dynamic_partitions(REPOS_PARTITIONS, KEYS)
            refreshed(instance)
            copied(database, arguments.copies)
            refreshed(instance)
            print("before:", sizes(database), flush=True)
            began, cpu = time.perf_counter(), time.process_time()
            for line in purged(instance, timedelta(days=30), datetime.now(UTC)):
                print(line, flush=True)
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
            print(f"{seconds:.0f} s, {cpu_seconds:.0f} s of CPU without the server's")
            print("after:", sizes(database))


if __name__ == "__main__":
    main()
