"""Bursts, held against a walk over the movements one by one."""

from collections import Counter
from datetime import UTC, date, datetime
from itertools import groupby
from random import Random

import pyarrow as pa
import pytest

from gitpulse_assets.transform.bursts import burst_days
from gitpulse_assets.transform.pace import FEWEST_BULK

SCHEMA = pa.schema(
    [
        ("delta", pa.int64()),
        ("actor_login", pa.string()),
        ("is_bot", pa.bool_()),
        ("is_reopening", pa.bool_()),
        ("moved_us", pa.int64()),
    ]
)
SECOND_US = 1_000_000
NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)


def us(at: datetime) -> int:
    return int(at.timestamp()) * SECOND_US


def moves(*ago_seconds, actor="octo", delta=-1, is_bot=False, is_reopening=False):
    return [(delta, actor, is_bot, is_reopening, us(NOON) - ago * SECOND_US) for ago in ago_seconds]


def found(rows):
    columns = zip(*rows, strict=True) if rows else [[]] * len(SCHEMA)
    return burst_days(pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA))


def walked(rows):
    """Each burst as its movements in order, by going through all of them."""
    ordered = sorted(rows, key=lambda row: (row[0], row[1], row[4]))
    bursts = []
    for _, group in groupby(ordered, key=lambda row: row[:2]):
        last = None
        for row in group:
            gap_us = (3600 if row[1] else 300) * SECOND_US
            if last is None or row[4] - last > gap_us:
                bursts.append([])
            bursts[-1].append(row)
            last = row[4]
    return bursts


def day(moved_us: int) -> date:
    return datetime.fromtimestamp(moved_us // SECOND_US, UTC).date()


def test_no_movement_is_no_burst():
    assert found([]) == []


@pytest.mark.parametrize(("actor", "gap_seconds"), [("octo", 3600), ("", 300)])
def test_a_gap_ends_a_burst_when_it_is_longer(actor, gap_seconds):
    rows = moves(*range(0, 12 * gap_seconds, gap_seconds), actor=actor)
    assert {burst.burst_count for burst in found(rows)} == {12}
    apart = moves(*range(0, 12 * (gap_seconds + 1), gap_seconds + 1), actor=actor)
    assert {burst.burst_count for burst in found(apart)} == {1}


def test_a_burst_is_of_one_actor_and_one_way():
    rows = [*moves(*range(10)), *moves(*range(11), actor="ann"), *moves(*range(12), delta=1)]
    assert [(b.actor_login, b.is_arrival, b.burst_count) for b in found(rows)] == [
        ("octo", True, 12),
        ("ann", False, 11),
        ("octo", False, 10),
    ]


def test_a_burst_across_midnight_is_told_by_day_and_by_whether_it_reopened():
    midnight = 12 * 3600
    rows = moves(*(midnight + ago for ago in range(-4, 6)), delta=1)
    rows += moves(midnight - 4, midnight - 3, delta=1, is_reopening=True, is_bot=True)
    told = [(b.flow_date.day, b.is_reopening, b.is_bot, b.day_count, b.burst_count) for b in found(rows)]
    assert told == [(29, False, False, 5, 12), (30, False, False, 5, 12), (30, True, True, 2, 12)]


@pytest.mark.parametrize("seed", range(20))
def test_the_bursts_are_those_that_a_walk_finds(seed):
    rng = Random(f"bursts {seed}")
    actors = ["", "ann", "bob", "carol[bot]"]
    rows = [
        (rng.choice([-1, 1]), rng.choice(actors), rng.random() < 0.3, rng.random() < 0.3, us(NOON) + at)
        for at in (rng.randrange(0, 400_000) * SECOND_US for _ in range(rng.choice([3, 200, 900])))
    ]
    bursts = walked(rows)
    large = {
        (b[0][0], b[0][1], b[0][4], day(row[4]), row[3]): len(b)
        for b in bursts
        if len(b) >= FEWEST_BULK
        for row in b
    }
    told = {
        (
            1 if b.is_arrival else -1,
            b.actor_login,
            us(b.started_at),
            b.flow_date,
            b.is_reopening,
        ): b.burst_count
        for b in found(rows)
        if b.burst_count >= FEWEST_BULK
    }
    assert told == large
    largest, told_largest = Counter(), Counter()
    for b in bursts:
        key = (b[0][0] > 0, day(b[0][4]))
        largest[key] = max(largest[key], len(b))
    for b in found(rows):
        key = (b.is_arrival, b.started_at.date())
        told_largest[key] = max(told_largest[key], b.burst_count)
    assert told_largest == largest
    assert sum(b.day_count for b in found(rows) if b.burst_count >= FEWEST_BULK) == sum(
        len(b) for b in bursts if len(b) >= FEWEST_BULK
    )
