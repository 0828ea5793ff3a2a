"""The counts that silver keeps of GitHub's: thinning them loses nothing that a later run asks for."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.collect.control import (
    ControlTotal,
    OpenCount,
    is_known_difference,
    is_known_missing,
)
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.sql_file import create_table

BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)
OURS = 10


def counts(rng: Random, number: int) -> list[dict[str, Any]]:
    """A row a run, oldest first: of each way to count, in motion and at rest, in few differences."""
    rows, at = [], BEGAN_AT
    for run in range(number):
        at += timedelta(hours=rng.choice((1, 5, 30, 300)))
        after = OURS - rng.choice((0, 1, 2))
        rows.append(
            {
                "repo_owner": "acme",
                "repo_name": "rocket",
                "run_id": f"run-{run:03}",
                "fetched_at": at,
                "has_pull_requests": rng.random() < 0.3,
                "open_count_before": after + (rng.random() < 0.3),
                "open_count_after": after,
                "is_quiet": rng.random() < 0.8,
                "our_count": OURS,
                "is_whole_walk": rng.random() < 0.6,
                "is_known_difference": rng.random() < 0.3,
                "repository_difference": rng.choice((None, 0, 1)),
                "lacked_count": rng.choice((None, 0, 1, 2)),
                "missing_count": rng.choice((None, 0, 1, 2)),
                "is_known_missing": rng.random() < 0.3,
            }
        )
    return rows


def thinned(stored: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a merge keeps, oldest first."""
    with connect() as con:
        con.register("stored_control_total", pa.Table.from_pylist(stored, silver.CONTROL_TOTAL.arrow_schema))
        con.register("bronze_control_total", pa.Table.from_pylist(new, bronze.CONTROL_TOTAL.arrow_schema))
        create_table(con, "silver", "control_total")
        return con.sql("select * from control_total order by fetched_at").to_arrow_table().to_pylist()


def missing_known(rows: list[dict[str, Any]]) -> bool:
    """Whether what is missing is known to a walk that counts as the newest row did."""
    count = OpenCount(OURS, rows[-1]["has_pull_requests"], BEGAN_AT)
    return is_known_missing(ControlTotal(count, count, True, OURS, True, missing_count=1), rows)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_a_known_difference_is_judged_the_same_by_what_is_kept(seed):
    """The row to compare with is the newest at rest of that way to count, however old it is."""
    rows = counts(Random(seed), 12)
    kept = thinned(rows, [])
    assert missing_known(kept) == missing_known(rows)
    for has_pull_requests in (False, True):
        for difference in (1, 2):
            count = OpenCount(OURS - difference, has_pull_requests, BEGAN_AT)
            total = ControlTotal(count, count, True, OURS, True)
            assert is_known_difference(total, kept) == is_known_difference(total, rows)
    assert kept[-1]["run_id"] == rows[-1]["run_id"]


@pytest.mark.parametrize("seed", range(5))
def test_merged_bit_by_bit_the_same_counts_are_kept(seed):
    rows, kept = counts(Random(seed), 12), []
    for row in rows:
        kept = thinned(kept, [row])
    assert kept == thinned([], rows)
