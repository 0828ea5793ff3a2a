"""Whom to answer first: what `mart_follow_up` and `mart_pending_response` say, counted and put into words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.answers.conversations import ListFilter, matched, query
from gitpulse_assets.answers.published import Published
from gitpulse_assets.contracts.mart import COUNT, TEXT
from gitpulse_assets.contracts.model import Column
from gitpulse_assets.marts import follow_up, pending_response

FIRST_SHOWN = 3
Row = dict[str, Any]

COLUMNS = (
    Column("overdue_count", COUNT, "Issues and pull requests that wait longer than promised.", False),
    Column("waiting_count", COUNT, "All that wait for a maintainer, the overdue among them.", False),
    Column("pending_count", COUNT, "Those that carry a waiting label and were answered to it.", False),
    Column("overdue_numbers", pa.list_(pa.int64()), "The first of the overdue, the longest first.", False),
    Column("pending_numbers", pa.list_(pa.int64()), "The first of the pending, the longest first.", False),
    Column("said", TEXT, "The same in words: how many, which longest, for how long and why.", False),
)


@dataclass(frozen=True)
class Waiting:
    """How many wait for a maintainer; `overdue` and `pending` are the rows of those who wait longest.

    `gaps`: what that lacks, in words. `singular` and `plural`: what is counted.
    """

    overdue_count: int
    waiting_count: int
    pending_count: int
    overdue: Sequence[Row]
    pending: Sequence[Row]
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
        """The overdue and the pending who wait longest, each once, with why in words as `why`."""
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
        longest = self.overdue[0]
        return (
            f"{self._counted(self.overdue_count)} {verb(self.overdue_count)} longer than promised for a "
            f"maintainer's word, #{longest['issue_number']} the longest: "
            f"{business_days(longest)}, since {longest['waiting_since']:%Y-%m-%d}."
        )

    def _pending(self) -> str:
        if not self.pending:
            return ""
        longest = self.pending[0]
        gave = "got what its" if self.pending_count == 1 else "got what their"
        return (
            f"{self._counted(self.pending_count)} {gave} waiting label asks for and no maintainer's word "
            f"since, #{longest['issue_number']} the longest ago: {longest['waiting_days']:,.1f} days."
        )

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


def waiting(
    database: duckdb.DuckDBPyConnection, published: Published, chosen: ListFilter, gaps: tuple[str, ...]
) -> Waiting:
    """Count who waits, and take the first of them; raises as `list_page` does."""
    with matched(database, published, follow_up.MART, chosen) as con:
        ((overdue_count, waiting_count),) = con.sql(
            "select count(*) filter (is_overdue), count(*) from matched"
        ).fetchall()
        first = con.sql(f"{query(follow_up.MART)} limit {FIRST_SHOWN}").to_arrow_table().to_pylist()
    with matched(database, published, pending_response.MART, chosen) as con:
        ((pending_count,),) = con.sql("select count(*) from matched").fetchall()
        pending = con.sql(f"{query(pending_response.MART)} limit {FIRST_SHOWN}").to_arrow_table().to_pylist()
    overdue = [row for row in first if row["is_overdue"]]
    noun = ("pull request", "pull requests") if chosen.is_pull_request else ()
    return Waiting(overdue_count, waiting_count, pending_count, overdue, pending, gaps, *noun)
