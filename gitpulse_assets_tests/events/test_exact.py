"""Every event of the whole hour files is there once, whatever they hold and wherever runs died."""

import random

import pytest

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets_tests.events.hours import START, Hours
from gitpulse_assets_tests.lake.test_crash import Crash, CrashingStore

# A few by default; `make prove` tries all.
SEEDS = [pytest.param(seed, marks=() if seed < 1 else pytest.mark.slow) for seed in range(500)]


def brought(lake: Lake, run, archives: str, rng: random.Random) -> int:
    """Run until the work is done; each run but the last dies at a write. Returns how many died."""
    for deaths in range(40):
        store = CrashingStore(lake.store, rng.randrange(1, 60), is_after=rng.random() < 0.5)
        if deaths >= 4:
            store.writes_left = 0
        try:
            run(Lake(store), archives)
            return deaths
        except Crash:
            continue
    raise AssertionError("it never ended")


@pytest.mark.parametrize("seed", SEEDS)
def test_case_19_and_17_every_event_is_there_once_in_its_longest_copy(seed: int, tmp_path, lake, run, stored):
    hours = Hours(seed)
    archives = hours.write(tmp_path / "archives")
    brought(lake, run, archives, random.Random(seed))
    rows = stored()
    keys = [(row["event_id"], row["event_type"], row["created_at"]) for row in rows]
    truth = hours.truth()
    assert len(set(keys)) == len(keys)
    assert {key: row["payload_json"] for key, row in zip(keys, rows, strict=True)} == truth
    first_seen_is_the_first_files(hours, rows, run(lake, archives))
    typed_is_of_the_same(stored, truth)


def first_seen_is_the_first_files(hours: Hours, rows, ledger) -> None:
    received = {(row.source, row.file_hour_at): row.received_at for row in ledger if row.status == "whole"}
    assert set(received) == set(hours.files)
    seen: dict[int, list[tuple]] = {}
    for place, events in hours.files.items():
        for one in events:
            seen.setdefault((int(one["id"]), one["type"], one["created_at"][:4]), []).append(
                (received[place], place[0])
            )
    for row in rows:
        key = (row["event_id"], row["event_type"], str(row["created_at"].year))
        assert (row["first_seen_at"], row["first_seen_source"]) == min(seen[key])


def typed_is_of_the_same(stored, truth) -> None:
    wanted = {(key[0], key[2]) for key in truth if key[1] == "PullRequestEvent"}
    typed = stored("public_pull_request") if wanted else []
    assert len(typed) == len(wanted)
    assert {(row["event_id"], row["created_at"]) for row in typed} == wanted
    hours = stored("event_hour")
    assert sum(row["event_count"] for row in hours) == len(truth)


def test_doing_it_again_writes_nothing(tmp_path, lake, run):
    archives = Hours(1).write(tmp_path / "archives")
    first = run(lake, archives)
    before = list(lake.store.list("silver/public_event/"))
    assert before
    again = run(lake, archives)
    assert list(lake.store.list("silver/public_event/")) == before
    whole = [row for row in first if row.status == "whole"]
    assert [row for row in again if row.status == "whole"] == whole
    assert START.date() in {row.file_hour_at.date() for row in whole}
