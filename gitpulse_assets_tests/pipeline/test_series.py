"""Any series of merges gives the same tables, marts and verdicts, whether some ranges are read or everything.

Ranges are of three numbers here. The control merges the same runs in one object a table, and reads it whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.checks.result import CheckResult, ChecksFailed
from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.lake import ranges
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.pipeline import marts
from gitpulse_assets.pipeline import merge as merging
from gitpulse_assets.pipeline.marts import make_marts
from gitpulse_assets.pipeline.refresh import publish_watermarks
from gitpulse_assets_tests.pipeline.told import REPO, Repository, runs, store

SERIES = 4
PROVEN = 300
RUN_COUNT = 7
ALL = 10**9
WIDTHS = (3, 3, 3, 2, 5, ALL)

Verdicts = dict[tuple[str, str], tuple[bool, int]]


@dataclass
class Kept:
    """A lake whose tables lie in ranges of so many numbers, and what its merges did."""

    lake: Lake
    width: int
    is_control: bool = False

    def merge(self) -> Verdicts:
        with in_ranges(self.width, is_control=self.is_control), connect() as con:
            try:
                made = merging.merge(con, self.lake, REPO)
            except ChecksFailed as error:
                return verdicts(error.results)
            made.publish()
            return verdicts(made.checks)

    def gold(self) -> Verdicts:
        publish_watermarks(self.lake, REPO)
        with in_ranges(self.width, is_control=self.is_control), connect() as con:
            made = make_marts(con, self.lake, REPO)
            made.publish()
            return verdicts(made.checks)

    def tables(self, layer: Layer) -> dict[str, pa.Table]:
        wanted = [table for table in (*MERGED_TABLES, *MART_TABLES) if table.layer == layer]
        found = self.lake.snapshot(layer, REPO, wanted).datasets
        return {t.name: found[t.name].to_table().sort_by([(n, "ascending") for n in t.key]) for t in wanted}


def verdicts(results: list[CheckResult]) -> Verdicts:
    """Each check's verdict, and how many rows break it."""
    return {
        (result.table.name, result.name): (result.is_passed, result.metadata.get("broken_count", 0))
        for result in results
    }


@contextmanager
def in_ranges(width: int, *, is_control: bool = False) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "NARROW", width)
        patch.setattr(ranges, "WIDE", width)
        if is_control:
            patch.setattr(merging, "may_be_narrow", lambda *_: False)
            patch.setattr(marts, "standing_marts", lambda *_: {})
        yield


def play(seed: str, folder: Path, run_count: int = RUN_COUNT) -> None:
    """Merge a series both ways, and hold tables and verdicts against each other after every merge."""
    rng, repository = Random(seed), Repository(seed, 14)
    kept = Kept(Lake.open(str(folder / "ranges")), rng.choice(WIDTHS))
    control = Kept(Lake.open(str(folder / "control")), ALL, is_control=True)
    for number, received in enumerate(runs(repository, run_count), 1):
        told = f"{seed}, run {number}: {sorted(received)}"
        for one in (kept, control):
            store(one.lake, repository, received)
        kept.width = rng.choice(WIDTHS) if rng.random() < 0.15 else kept.width
        assert kept.merge() == control.merge(), told
        assert differing(kept.tables("silver"), control.tables("silver")) == {}, told
        if number == run_count or rng.random() < 0.6:
            assert kept.gold() == control.gold(), told
            assert differing(kept.tables("gold"), control.tables("gold")) == {}, told


def differing(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> dict[str, Any]:
    """The tables that differ, with the number of rows of each."""
    return {
        name: (one[name].num_rows, other[name].num_rows)
        for name in one.keys() | other.keys()
        if not one[name].equals(other[name])
    }


@pytest.mark.parametrize("seed", range(SERIES))
def test_a_series_of_merges_gives_the_same_as_of_whole_tables(seed, tmp_path):
    play(f"series {seed}", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SERIES, PROVEN))
def test_many_series_of_merges_give_the_same_as_of_whole_tables(seed, tmp_path):
    play(f"series {seed}", tmp_path)
