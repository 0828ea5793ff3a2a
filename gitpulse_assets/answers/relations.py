"""The relations an answer's statements read, put onto a DuckDB session under the names the marts' own use.

A mart's statement run over the window's rows answers for the window by the mart's own rule. `lifecycle` and
`daily_flow` are the repository's, or those of one label; `issue_transitions` is their ledger.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.answers.published import Published
from gitpulse_assets.answers.window import Window
from gitpulse_assets.contracts.silver import (
    CONTROL_TOTAL,
    ISSUE_CURRENT,
    ISSUE_TRANSITIONS,
    LIFECYCLE_COVERAGE,
    QUARANTINE,
    REPOSITORY,
)
from gitpulse_assets.lake.duck import session
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.transform.sql_file import create_table

LIFECYCLE, FLOW, TRANSITIONS = MART_ISSUE_LIFECYCLE.name, MART_ISSUE_DAILY_FLOW.name, ISSUE_TRANSITIONS.name


class Relations:
    """One DuckDB session over one repository's published tables, of one label where one is given."""

    def __init__(self, con: duckdb.DuckDBPyConnection, published: Published, label: str | None) -> None:
        self.con = con
        self._published = published
        if label is None:
            con.register("lifecycle", published.datasets[LIFECYCLE])
            con.register(TRANSITIONS, published.datasets[TRANSITIONS])
            con.register("daily_flow", published.flow)
        else:
            self._narrow(label)

    def _narrow(self, label: str) -> None:
        datasets = self._published.datasets
        self.con.register("all_lifecycle", datasets[LIFECYCLE])
        self.con.register("all_transitions", datasets[TRANSITIONS])
        self.con.register(REPOSITORY.name, datasets[REPOSITORY.name])
        self.make("answers", "labelled_issue", "lifecycle", label=label)
        self.make("answers", "labelled_transition", TRANSITIONS)
        self.make("gold", FLOW, "daily_flow", as_of_at=self._published.as_of_at)

    def make(self, folder: str, name: str, relation: str | None = None, **parameters: object) -> None:
        """Run a statement into a temporary table."""
        create_table(self.con, folder, name, parameters, relation)

    def table(self, folder: str, name: str, **parameters: object) -> pa.Table:
        """Run a statement and return its rows."""
        self.make(folder, name, "answer", **parameters)
        return self.con.sql("from answer").to_arrow_table()

    def row(self, folder: str, name: str, **parameters: object) -> dict[str, Any]:
        """Run a statement of one row."""
        return self.table(folder, name, **parameters).to_pylist()[0]

    def window_flow(self, window: Window) -> None:
        """Make the daily flow that of the window."""
        self.make("answers", "window_flow", FLOW, start_date=window.start_date, end_date=window.end_date)

    def whole(self) -> None:
        """Put the marts and what tells of unknowns under the names the verdict's statements use."""
        self.whole_flow()
        self.con.execute(f"create or replace temp view {LIFECYCLE} as from lifecycle")
        for contract in (ISSUE_CURRENT, LIFECYCLE_COVERAGE, QUARANTINE, CONTROL_TOTAL):
            self.con.register(contract.name, self._published.datasets[contract.name])

    def whole_flow(self) -> None:
        """Make the daily flow that of the whole history."""
        self.con.execute(f"create or replace temp view {FLOW} as from daily_flow")

    def closings(self, window: Window) -> None:
        """Make the lifecycle that of the closings in the window and the cohorts around them."""
        self.make("answers", "closing_issue", start_date=window.start_date, end_date=window.end_date)
        self.con.execute(f"create or replace temp view {LIFECYCLE} as from closing_issue")

    def closings_in_one(self, window: Window) -> None:
        """The same with the whole window as one month; after `closings`."""
        self.make("answers", "closing_in_one", LIFECYCLE + "_in_one", end_date=window.end_date)
        self.con.execute(f"create or replace temp view {LIFECYCLE} as from {LIFECYCLE}_in_one")
        last = Window(window.end_date, window.end_date)
        self.window_flow(last)

    def backlog(self, window: Window) -> None:
        """Make the lifecycle tell who was open at the as-of moment, or when a window of the past ended."""
        name = "open_now" if self._is_latest(window) else "open_then"
        self.make("answers", name, "open_issue", as_of_at=window.end_at)
        self.make("answers", "issue_then", LIFECYCLE)

    def moment(self, window: Window) -> datetime:
        """Return the moment up to which a window's stock is told, of the latest the as-of moment."""
        if self._is_latest(window):
            return self._published.as_of_at
        return window.end_at - timedelta(microseconds=1)

    def _is_latest(self, window: Window) -> bool:
        return window.end_date == self._published.last_complete_date


@contextmanager
def relations(
    database: duckdb.DuckDBPyConnection, published: Published, label: str | None = None
) -> Iterator[Relations]:
    """Open a session for one answer."""
    with session(database) as con:
        yield Relations(con, published, label)
