"""What the measured processes do: `python -m bench.tasks NAME ARGUMENTS` prints its result as a JSON line.

Each task reads the sandbox and the lake from the environment, like GitPulse itself, and counts from its
first request: imports and opening Dagster's instance are in the process's seconds, not in the task's.
"""

import json
import os
import sys
import time
from typing import Any

from gitpulse_assets.repo import Repo

Result = dict[str, Any]


def walk(name: str) -> Result:
    """Fetch the whole list with httpx and look at nothing: the sandbox's own rate."""
    import httpx

    url: str | None = f"{os.environ['GITHUB_API_URL']}/repos/{name}/issues"
    params: dict[str, str] | None = {"state": "all", "sort": "created", "direction": "asc", "per_page": "100"}
    page_count = size_bytes = 0
    with httpx.Client(headers={"User-Agent": "bench"}) as client:
        began = time.monotonic()
        while url:
            answer = client.get(url, params=params).raise_for_status()
            page_count, size_bytes = page_count + 1, size_bytes + len(answer.content)
            url, params = answer.links.get("next", {}).get("url"), None
        seconds = time.monotonic() - began
    return {"seconds": seconds, "page_count": page_count, "size_bytes": size_bytes}


def cores(*names: str) -> Result:
    """Refresh without Dagster."""
    from bench.cores import timed_refresh
    from gitpulse_assets.github.client import GitHubClient
    from gitpulse_assets.resources import open_lake
    from gitpulse_assets.settings import load_settings

    settings = load_settings()
    lake = open_lake(settings)
    refreshed = []
    for name in names:
        client = GitHubClient(
            api_url=settings.github_api_url,
            graphql_url=settings.github_graphql_url,
            tokens=settings.github_tokens,
            requests_at_once=settings.requests_at_once,
        )
        with client:
            began, began_cpu = time.monotonic(), time.process_time()
            parts = timed_refresh(lake, client, Repo.parse(name))
            spent = client.spending
        refreshed.append(
            {
                "seconds": time.monotonic() - began,
                "cpu_seconds": time.process_time() - began_cpu,
                "parts": parts,
                "request_count": spent.request_count,
                "quota_cost": spent.quota_cost,
            }
        )
    return {"refreshes": refreshed}


def dagster(*names: str) -> Result:
    """Refresh through Dagster, in this process, on an instance with SQLite."""
    from gitpulse_assets.commands.refresh import instance_of
    from gitpulse_assets.definitions import build_defs
    from gitpulse_assets.runs.launch import refresh
    from gitpulse_assets.settings import load_settings

    refreshed = []
    with instance_of(load_settings()) as instance:
        defs = build_defs()
        for name in names:
            began, began_cpu = time.monotonic(), time.process_time()
            outcome = refresh(defs, instance, Repo.parse(name), is_full=False)
            seconds, cpu_seconds = time.monotonic() - began, time.process_time() - began_cpu
            assert outcome.is_success, outcome.message
            stats = instance.get_run_step_stats(outcome.run_id)
            steps = {s.step_key: (s.end_time or 0) - (s.start_time or 0) for s in stats}
            refreshed.append({"seconds": seconds, "cpu_seconds": cpu_seconds, "parts": steps})
    return {"refreshes": refreshed}


def manifest(name: str) -> Result:
    """What the newest run asked for, by the manifest."""
    from gitpulse_assets.resources import open_lake
    from gitpulse_assets.settings import load_settings

    rows = open_lake(load_settings()).manifest(Repo.parse(name)).rows()
    rows = [row for row in rows if row.run_id == rows[-1].run_id]
    return {
        "request_count": sum(row.request_count for row in rows),
        "quota_cost": sum(row.quota_cost for row in rows),
        "record_count": sum(row.record_count for row in rows if row.stream == "issues"),
        "walk_kinds": {row.stream: row.walk_kind for row in rows},
    }


def import_events(first: str, last: str) -> Result:
    """Bring the hour files of some days, as `gitpulse events backfill` does."""
    from datetime import date

    from gitpulse_assets.commands.events import backfill_days
    from gitpulse_assets.settings import load_settings

    settings = load_settings()
    return {"exit_code": backfill_days(settings, date.fromisoformat(first), date.fromisoformat(last))}


def poll_feeds(rounds: str, rows: str) -> Result:
    """Poll feeds of which most rows are known, or none."""
    from bench.feeds import poll_feeds

    return poll_feeds(rounds, rows)


def poll_at_rest(count: str) -> Result:
    """Poll feeds in which nothing is new."""
    from bench.feeds import poll_at_rest

    return poll_at_rest(count)


def judge_days(days: str) -> Result:
    """Ask a metric over so many days, and over a minute less, whose months are judged by then."""
    from contextlib import closing

    from gitpulse_assets.answers.lake_answers import LakeAnswers
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.metrics.answers import MetricAnswers
    from gitpulse_assets.metrics.catalogue import shipped_metrics

    metric = next(one for one in shipped_metrics() if one.id == "event_count_offset")
    lake = Lake.open(os.environ["GITPULSE_LAKE_URL"], is_writable=False)
    found: Result = {}
    with closing(LakeAnswers(lake)) as of_lake, closing(MetricAnswers(lake, of_lake)) as answers:
        for name, less in (("first", 0), ("again", 1)):
            began = time.process_time(), time.monotonic()
            answered = answers.ask(metric, {"offset": int(days) * 1_440 - less}, 600)
            found[name], found[f"{name}_seconds"] = (
                time.process_time() - began[0],
                time.monotonic() - began[1],
            )
            assert answered.coverage
            found["whole_hours"] = answered.coverage.hour_counts["whole"]
    return found


TASKS = {
    "walk": walk,
    "cores": cores,
    "dagster": dagster,
    "manifest": manifest,
    "import_events": import_events,
    "poll_feeds": poll_feeds,
    "poll_at_rest": poll_at_rest,
    "judge_days": judge_days,
}


if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
