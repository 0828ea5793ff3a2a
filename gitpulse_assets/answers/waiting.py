"""Whom to answer first: what `mart_follow_up` and `mart_pending_response` say, counted and put into words.

The latest come first: who has waited for years loses nothing by another day, who fell overdue this morning
can still be won back (ADR 22). The order is that of the marts' answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.answers.conversations import ListFilter, matched, query
from gitpulse_assets.answers.published import Published
from gitpulse_assets.contracts.mart import COUNT, TEXT, Mart
from gitpulse_assets.contracts.model import Column
from gitpulse_assets.marts import follow_up, pending_response

FIRST_SHOWN = 3
Row = dict[str, Any]

COLUMNS = (
    Column("overdue_count", COUNT, "Issues and pull requests that wait longer than promised.", False),
    Column("waiting_count", COUNT, "All that wait for a maintainer, the overdue among them.", False),
    Column("pending_count", COUNT, "Those that carry a waiting label and were answered to it.", False),
    Column("overdue_numbers", pa.list_(pa.int64()), "The first of the overdue, the latest first.", False),
    Column("pending_numbers", pa.list_(pa.int64()), "The first of the pending, the latest first.", False),
    Column(
        "said", TEXT, "The same in words: how many, the latest and the oldest, for how long and why.", False
    ),
)


@dataclass(frozen=True)
class Waiting:
    """How many wait for a maintainer; `overdue` and `pending` are the rows of those who came to wait last.

    `oldest_overdue` and `oldest_pending`: who waits longest. `gaps`: what all that lacks, in words.
    `singular` and `plural`: what is counted.
    """

    overdue_count: int
    waiting_count: int
    pending_count: int
    overdue: Sequence[Row]
    pending: Sequence[Row]
    oldest_overdue: Row | None = None
    oldest_pending: Row | None = None
    gaps: tuple[str, ...] = ()
    singular: str = "issue or pull request"
    plural: str = "issues and pull requests"

    @property
    def headline(self) -> str:
        """Whom to answer first, in a sentence."""
        if not self.first:
            return "Nobody waits longer than promised"
        return f"Answer #{self.first[0]['issue_number']} first: it {self.first[0]['why']}"

    @property
    def first(self) -> list[Row]:
        """The latest of the overdue and of the pending, each once, with why in words as `why`."""
        found = {
            row["issue_number"]: row | {"why": f"waits {business_days(row)}, longer than promised"}
            for row in self.overdue
        }
        for row in self.pending:
            gave = f"gave what its waiting label asks for {row['waiting_days']:,.1f} days ago"
            known = found.get(row["issue_number"])
            found[row["issue_number"]] = row | {"why": f"{known['why']}, and {gave}" if known else gave}
        return list(found.values())

    @property
    def said(self) -> str:
        """The answer in words."""
        return " ".join(part for part in (self._overdue(), self._pending(), self._others()) if part)

    def record(self) -> Row:
        """The answer as `COLUMNS` has it."""
        counts = {name: getattr(self, name) for name in ("overdue_count", "waiting_count", "pending_count")}
        numbers = {
            "overdue_numbers": [row["issue_number"] for row in self.overdue],
            "pending_numbers": [row["issue_number"] for row in self.pending],
        }
        return counts | numbers | {"said": self.said}

    def _overdue(self) -> str:
        if not self.overdue:
            return "Nobody waits longer than promised for a maintainer's word."
        counted = f"{self._counted(self.overdue_count)} {verb(self.overdue_count)} longer than promised"
        ends = self._ends(self.overdue, self.oldest_overdue, overdue_since)
        return f"{counted} for a maintainer's word, {ends}."

    def _pending(self) -> str:
        if not self.pending:
            return ""
        gave = "got what its" if self.pending_count == 1 else "got what their"
        counted = f"{self._counted(self.pending_count)} {gave} waiting label asks for"
        ends = self._ends(self.pending, self.oldest_pending, answered_ago)
        return f"{counted} and no maintainer's word since, {ends}."

    @staticmethod
    def _ends(latest: Sequence[Row], oldest: Row | None, told: Callable[[Row], str]) -> str:
        """The latest of those who wait, and the oldest where that is another, with for how long."""
        first = latest[0]
        if oldest is None or oldest["issue_number"] == first["issue_number"]:
            return f"#{first['issue_number']}: {told(first)}"
        last = f"#{oldest['issue_number']} the oldest: {told(oldest)}"
        return f"#{first['issue_number']} the latest: {told(first)}; {last}"

    def _counted(self, count: int) -> str:
        return f"{count:,} {self.singular if count == 1 else self.plural}"

    def _others(self) -> str:
        others = self.waiting_count - self.overdue_count
        if not others:
            return ""
        counted = f"{others:,} more" if self.overdue_count else self._counted(others)
        return f"{counted} {verb(others)} within the promise."


def verb(count: int) -> str:
    """Wait, or waits."""
    return "waits" if count == 1 else "wait"


def business_days(row: Row) -> str:
    """For how many business days a row of `mart_follow_up` has waited."""
    count = row["business_days_waiting"]
    return f"{count:,} business day{'' if count == 1 else 's'}"


def overdue_since(row: Row) -> str:
    """For how long a row of `mart_follow_up` has waited, and since when."""
    return f"{business_days(row)}, since {row['waiting_since']:%Y-%m-%d}"


def answered_ago(row: Row) -> str:
    """How long ago a row of `mart_pending_response` was answered to its label."""
    return f"{row['waiting_days']:,.1f} days ago"


def waiting(
    database: duckdb.DuckDBPyConnection, published: Published, chosen: ListFilter, gaps: tuple[str, ...]
) -> Waiting:
    """Count who waits, and take the first of them; raises as `list_page` does."""
    with matched(database, published, follow_up.MART, chosen) as con:
        ((overdue_count, waiting_count),) = con.sql(
            "select count(*) filter (is_overdue), count(*) from matched"
        ).fetchall()
        overdue, oldest_overdue = ends(con, follow_up.MART, "is_overdue")
    with matched(database, published, pending_response.MART, chosen) as con:
        ((pending_count,),) = con.sql("select count(*) from matched").fetchall()
        pending, oldest_pending = ends(con, pending_response.MART, "true")
    noun = ("pull request", "pull requests") if chosen.is_pull_request else ()
    counts = (overdue_count, waiting_count, pending_count)
    return Waiting(*counts, overdue, pending, oldest_overdue, oldest_pending, gaps, *noun)


def ends(con: duckdb.DuckDBPyConnection, mart: Mart, which: str) -> tuple[list[Row], Row | None]:
    """The first of a list's rows that are so, in the list's order, and the one that has waited longest."""
    rows = f"from ({query(mart)}) where {which}"
    first = con.sql(f"{rows} limit {FIRST_SHOWN}").to_arrow_table().to_pylist()
    oldest = con.sql(f"{rows} order by waiting_since, issue_number limit 1").to_arrow_table().to_pylist()
    return first, next(iter(oldest), None)
