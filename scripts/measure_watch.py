"""Measure the watch over many repositories: `python scripts/measure_watch.py [--repositories 1000]`.

A stand-in GitHub in a process of its own serves tiny generated repositories. Printed: seconds, requests and
quota of a round of the sensor changed_repositories over all of them at rest, the same after some changed;
seconds, CPU and event rows a repository of a batch, and CPU and rows of one at rest in a run of its own. All
in a temporary folder.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import httpx

from gitpulse_assets.automation.watching import changed_repositories, sensor_client
from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.definitions import build_defs
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.kinds import REFRESH_WATCHED_JOB, SWEEP_OP
from gitpulse_assets.runs.launch import prepare_home, refresh, run_config
from gitpulse_assets.runs.sqlite_connections import keep_connections
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.process import serve_generated_apart
from gitpulse_assets.settings import load_settings
from gitpulse_assets.watch.looking import mark
from gitpulse_assets.watch.state import Member, Membership, Sight, Sights, membership, sights


def keys(count: int) -> list[str]:
    return [f"many/repository-{number:04d}" for number in range(count)]


def watch_all(names: list[str], instance: dg.DagsterInstance) -> None:
    """Make members of all, as though a run had dealt with what each is now."""
    lake, client = open_lake(load_settings()), sensor_client(load_settings())
    now = datetime.now(UTC)
    members, seen = membership(lake.store), sights(lake.store)
    members.load()
    members.save(Membership({key: Member(key, "measured", now) for key in names}))
    seen.load()
    probes = {key: client.probe(Repo.parse(key), ISSUE_LIST) for key in names}
    seen.save(Sights({key: Sight(probe.etag, settled_mark=mark(probe)) for key, probe in probes.items()}))
    for start in range(0, len(names), 500):
        instance.add_dynamic_partitions(REPOS_PARTITIONS, names[start : start + 500])


def rounds(instance: dg.DagsterInstance, base_url: str, count: int) -> Iterator[str]:
    """Tick until every repository was looked at; one line for the round."""
    before = len(httpx.get(f"{base_url}/_sandbox/requests").json())
    cursor, ticks, asked = "", [], 0
    while True:
        began = time.perf_counter()
        result = changed_repositories(dg.build_sensor_context(instance=instance, cursor=cursor))
        ticks.append(time.perf_counter() - began)
        assert isinstance(result, dg.SensorResult)
        asked += len(result.run_requests or [])
        log = httpx.get(f"{base_url}/_sandbox/requests").json()[before:]
        if len({line["target"] for line in log}) >= count:
            break
        cursor = result.cursor or ""
    yield (
        f"{count} repositories: {sum(ticks):.1f} s in {len(ticks)} ticks (longest {max(ticks):.1f} s), "
        f"{len(log)} requests, {sum(line['cost'] for line in log)} quota units, {asked} runs asked for"
    )


def batch(instance: dg.DagsterInstance, names: list[str]) -> Iterator[str]:
    """Take some repositories through a batch, the first time whole, then at rest, and one of them alone."""
    defs, count = build_defs(), len(names)
    job = defs.resolve_job_def(REFRESH_WATCHED_JOB)
    for what in ("first refresh", "at rest", "at rest again", "full walk at rest"):
        began, cpu = time.perf_counter(), time.process_time()
        config = run_config({SWEEP_OP: {"keys": names, "full": what.startswith("full")}})
        done = job.execute_in_process(instance=instance, run_config=config)
        assert done.success
        seconds, cpu_seconds = ((time.perf_counter() - began) / count, (time.process_time() - cpu) / count)
        rows = len(instance.all_logs(done.run_id)) / count
        yield (
            f"batch of {count}, {what}: {seconds:.2f} s a repository, {cpu_seconds:.3f} s of CPU, "
            f"{rows:.1f} event rows"
        )
    cpu = time.process_time()
    alone = refresh(defs, instance, Repo.parse(names[0]), is_full=False)
    cpu_seconds = time.process_time() - cpu
    yield f"one alone, at rest: {cpu_seconds:.3f} s of CPU, {len(instance.all_logs(alone.run_id))} event rows"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--changed-after-hours", type=float, default=8.0)
    parser.add_argument("--batch", type=int, default=20, help="repositories of the batch; 0: none")
    arguments = parser.parse_args()
    names = keys(arguments.repositories)
    plans = [HistoryPlan(key, seed, issue_count=3, day_count=60) for seed, key in enumerate(names)]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        limits = Limits(token_per_hour=10**6, graphql_points_per_hour=10**6)
        with serve_generated_apart(plans, limits=limits) as base_url:
            os.environ |= {
                "GITHUB_API_URL": base_url,
                "GITHUB_GRAPHQL_URL": f"{base_url}/graphql",
                "GITHUB_TOKEN": "sandbox",
                "GITPULSE_LAKE_URL": f"{folder}/lake",
                "DAGSTER_HOME": f"{folder}/dagster",
            }
            prepare_home(Path(folder) / "dagster")
            with dg.DagsterInstance.get() as instance:
                keep_connections(instance)
                watch_all(names, instance)
                for line in rounds(instance, base_url, len(names)):
                    print(f"at rest, {line}", flush=True)
                seconds = round(arguments.changed_after_hours * 3600)
                httpx.post(f"{base_url}/_sandbox/advance", json={"seconds": seconds}).raise_for_status()
                for line in rounds(instance, base_url, len(names)):
                    print(f"after changes, {line}", flush=True)
            if not arguments.batch:
                return
            os.environ |= {"GITPULSE_LAKE_URL": f"{folder}/batch", "DAGSTER_HOME": f"{folder}/other"}
            prepare_home(Path(folder) / "other")
            with dg.DagsterInstance.get() as instance:
                instance.add_dynamic_partitions(REPOS_PARTITIONS, names[: arguments.batch])
                for line in batch(instance, names[: arguments.batch]):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
