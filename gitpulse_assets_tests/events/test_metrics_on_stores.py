"""A metric over public events, and how whole they are, on either store."""

import random
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets_tests.events.hours import START, event, packed
from gitpulse_assets_tests.events.organisation import ask
from gitpulse_assets_tests.s3_server import no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]


def test_figures_and_their_coverage_are_those_of_the_events_on_either_store(storage, run, tmp_path: Path):
    lake, kinds = storage.open(), ("PushEvent", "WatchEvent", "WatchEvent")
    (tmp_path / "a").mkdir()
    made = [event(number, START, kind, repository=1 + number % 2) for number, kind in enumerate(kinds)]
    (tmp_path / "a" / file_name(START)).write_bytes(packed(made))
    run(lake, f"a={tmp_path / 'a'}", days=1)
    by_type = ask(lake, "event_count_offset", offset="60")
    assert {row["event_type"]: row["event_count"] for row in by_type.rows.to_pylist()} == Counter(kinds)
    by_repository = ask(lake, "active_repositories").rows.to_pylist()
    assert [(row["repository_name"], row["event_count"]) for row in by_repository] == [
        ("acme/r1", 2),
        ("acme/r2", 1),
    ]
    assert by_type.coverage is not None
    assert by_type.coverage.hour_counts["missing"] == 1


def test_a_part_that_a_merge_takes_away_before_it_is_read_is_answered_from_the_newer_ones(
    storage, run, tmp_path: Path, monkeypatch
):
    """An event's longer copy comes into its day while the metric has opened the part and not read it yet."""
    lake = storage.open()
    # Longer than what opening it on S3 reads.
    long = random.Random(1).randbytes(150_000).hex()
    for name, note in (("a", long), ("b", f"{long} and longer")):
        (tmp_path / name).mkdir()
        body = event(1, START, "WatchEvent", payload={"note": note})
        (tmp_path / name / file_name(START)).write_bytes(packed([body]))
    run(lake, f"a={tmp_path / 'a'}", days=1)
    put, left = MetricAnswers._put_marts, [f"b={tmp_path / 'b'}"]

    def merged_meanwhile(self, *given):
        while left:
            run(lake, left.pop(), days=1)
        return put(self, *given)

    monkeypatch.setattr(MetricAnswers, "_put_marts", merged_meanwhile)
    (row,) = ask(lake, "active_repositories").rows.to_pylist()
    assert (row["repository_name"], row["event_count"], left) == ("acme/r1", 1, [])


@contextmanager
def few_files(count: int) -> Iterator[None]:
    """A process that may open so many files beside those it has open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(path.name) for path in Path("/dev/fd").iterdir()}
    free = [number for number in range(soft) if number not in taken][:count]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1] + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_metric_over_more_days_than_files_may_be_open_is_answered(lake, run, tmp_path: Path):
    (tmp_path / "a").mkdir()
    first = START - timedelta(days=15)
    for day in range(16):
        at = first + timedelta(days=day)
        (tmp_path / "a" / file_name(at)).write_bytes(packed([event(day, at, "WatchEvent")]))
    run(lake, f"a={tmp_path / 'a'}", days=16, first=first)
    with few_files(14):
        (row,) = ask(lake, "event_count_offset", offset=str(16 * 1_440)).rows.to_pylist()
    assert row["event_count"] == 16
