"""A metric over public events, and how whole they are, on either store."""

from collections import Counter
from pathlib import Path

from gitpulse_assets.lake.hour_name import file_name
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
