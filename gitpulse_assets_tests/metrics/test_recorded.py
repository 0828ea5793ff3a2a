"""Metrics over a recorded hour file, against a few lines of Python over its distinct keys."""

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.metrics.parameters import read_values
from gitpulse_assets.setting_values.archives import parse_archives

HOUR = datetime(2015, 1, 1, tzinfo=UTC)


@pytest.mark.recorded
def test_the_recorded_hour_is_counted_as_python_counts_it(recorded_data: Path, tmp_path: Path):
    folder = recorded_data / "gharchive"
    with gzip.open(folder / "2015-01-01-0.json.gz", "rt", encoding="utf-8") as file:
        sent = [json.loads(line) for line in file]
    events = {(e["id"], e["type"], e["created_at"]): e for e in sent}.values()
    lake = Lake.open(str(tmp_path / "lake"))
    with connect() as con, Fetcher() as fetcher:
        backfill = Backfill(lake, con, fetcher, projections(), lambda: datetime(2015, 2, 1, tzinfo=UTC))
        backfill.days(parse_archives(f"a={folder}"), HOUR.date(), HOUR.date())
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    by_id = {metric.id: metric for metric in shipped_metrics()}

    def rows(name: str, **given: str):
        return answers.ask(by_id[name], read_values(by_id[name].entry.parameters, given)).rows.to_pylist()

    types = {r["event_type"]: r["event_count"] for r in rows("event_count_offset", offset="5256000")}
    assert types == Counter(one["type"] for one in events)
    opened = defaultdict[int, list[float]](list)
    for one in events:
        if one["type"] == "PullRequestEvent" and one["payload"]["action"] == "opened":
            opened[one["repo"]["id"]].append(datetime.fromisoformat(one["created_at"]).timestamp() / 60)
    wanted = {key: mean(b - a for a, b in pairwise(sorted(at))) for key, at in opened.items() if len(at) > 1}
    found = {r["repository_id"]: r["average_minutes"] for r in rows("avg_pr_time", limit="1000")}
    assert found == pytest.approx(wanted)
    print(f"\n{sum(types.values())} events, {len(wanted)} repositories with several pull requests")
    answers.close()
    of_lake.close()
