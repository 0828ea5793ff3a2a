"""Measure the sensors over many repositories: `python scripts/measure_ticks.py [--repositories 10000]`.

On a PostgreSQL of its own so many are members of the watch list, new to it, and registered. Printed with
seconds and CPU seconds without the server's: the tick of `watch_list` that seeks who is due for a first run;
then, when each verdict was told of twice, the morning's tick of `alerts`, which repositories have a run at
work, and what a batch of 50 reads of when it was told beside what all would be. Nothing is asked of GitHub.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.utils import make_new_run_id

from gitpulse_assets.automation.alerts import alerts
from gitpulse_assets.automation.watching import watch_list
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.busy import busy_keys
from gitpulse_assets.runs.chunks import chunks
from gitpulse_assets.runs.history import VERDICT, refreshed_at
from gitpulse_assets.runs.kinds import REFRESH_WATCHED_JOB
from gitpulse_assets.runs.telling import tell_dagster
from gitpulse_assets.settings import load_settings
from gitpulse_assets.watch.state import Member, Membership, membership
from gitpulse_assets_tests.deployment import postgres

# What a verdict's metadata take: three windows in words.
METADATA = {f"verdict_{days}_days": "word " * 150 for days in (7, 30, 90)}
COPY = """
insert into event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
select run_id, replace(event, partition, other), dagster_event_type, timestamp, step_key, asset_key, other
from event_logs, unnest(%(others)s) as other where partition = %(first)s"""
KINDS = (dg.AssetMaterialization, dg.AssetObservation)


def watched(names: list[str], instance: dg.DagsterInstance) -> None:
    """Make all members that are due for a first run, and partitions."""
    Path("gitpulse.yaml").write_text(f"repositories: [{', '.join(names)}]\n")
    stored = membership(open_lake(load_settings()).store)
    stored.load()
    now = datetime.now(UTC)
    stored.save(Membership({key: Member(key, "gitpulse.yaml", now, is_first_run_due=True) for key in names}))
    for some in chunks(names):
        instance.add_dynamic_partitions(REPOS_PARTITIONS, list(some))


def told(names: list[str], instance: dg.DagsterInstance, database: postgres.Server) -> None:
    """Tell of the first verdict that it was made, and found to hold, and write the same of the others."""
    # Of no status that alerts read a run of: ten thousand never end in one tick.
    status = dg.DagsterRunStatus.CANCELED
    run = instance.add_run(dg.DagsterRun(REFRESH_WATCHED_JOB, make_new_run_id(), status=status))
    tell_dagster(
        instance, run.run_id, [kind(VERDICT, partition=names[0], metadata=METADATA) for kind in KINDS]
    )
    with database.cursor() as cursor:
        cursor.execute(COPY, {"first": names[0], "others": names[1:]})


@contextmanager
def measured(what: str) -> Iterator[Callable[[str], None]]:
    """Print what was measured, with what is added to it."""
    added: list[str] = []
    began, cpu = time.perf_counter(), time.process_time()
    yield added.append
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    print(f"{what}: {seconds:.1f} s, {cpu_seconds:.1f} s of CPU; {', '.join(added)}", flush=True)


def ticks(names: list[str], instance: dg.DagsterInstance, database: postgres.Server) -> None:
    """Let the sensors tick."""
    watched(names, instance)
    with measured("watch_list") as add:
        found = watch_list(dg.build_sensor_context(instance=instance))
        assert isinstance(found, dg.SensorResult)
        add(f"{len(found.run_requests or [])} runs asked for")
    told(names, instance, database)
    with measured("alerts in the morning") as add:
        found = alerts(dg.build_sensor_context(instance=instance))
        assert isinstance(found, dg.SkipReason)
        add(str(found.skip_message))
    with measured("who has a run") as add:
        add(f"{len(busy_keys(instance, datetime.now(UTC)))} repositories")
    for some in (names[:50], names):
        with measured("when a batch was told") as add:
            add(f"{len(refreshed_at(instance, some))} repositories")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=10_000)
    names = [f"many/repository-{number:05d}" for number in range(parser.parse_args().repositories)]
    with tempfile.TemporaryDirectory() as folder, postgres.served("secret") as database:
        os.chdir(folder)
        Path("dagster.yaml").write_text(database.instance)
        os.environ |= {"DAGSTER_HOME": folder, "GITPULSE_LAKE_URL": f"{folder}/lake"}
        with dg.DagsterInstance.get() as instance:
            ticks(names, instance, database)


if __name__ == "__main__":
    main()
