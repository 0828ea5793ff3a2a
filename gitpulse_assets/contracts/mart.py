"""What a mart is: its table, its checks and its answer, and the columns and rules that several have.

A mart of issues never counts pull requests, nor the other way round. The marts themselves are declared in
`marts/`, one a file, and computed by `sql/gold/<name>.sql`; `catalog/tables.py` collects them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

Order = tuple[str, Literal["ascending", "descending"]]


@dataclass(frozen=True)
class Answer:
    """How the mart answers: at `/api/repository/{owner}/{name}/<route>`.

    `question`: what it tells, in a sentence. `over`: which rows the mart's own statement is given for one
    window of days, as `answers/over.py` has them; or that the published rows are given: those of the `time`
    in the window, or a page of a list of `threads` or `people`, which `answers/conversations.py` narrows.
    `columns`: the answer's, where they are not the mart's. `needs_reviews`: whether it lacks something where
    reviews are not collected. `needs_members`: whether it asks who maintains, of which a list of
    members may not tell all.
    """

    route: str
    question: str
    over: Literal["days", "flow", "closings", "backlog", "labels", "time", "threads", "people"]
    sort: tuple[Order, ...] = ()
    columns: tuple[Column, ...] = ()
    needs_reviews: bool = False
    needs_members: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it is given a page at a time."""
        return self.over in ("threads", "people")


@dataclass(frozen=True)
class Mart:
    """One mart; everything that lists marts, their checks, routes and columns follows from it.

    `is_made_by_code`: whether code makes it, or what its statement reads. A subject's are made together.
    `statements`: the files of `sql/gold/` it is made from, where that is not the one of its name; `computed`:
    from which of their columns (`statement.column`) code computes a column that none of them has.
    `label_windows_days`: of which windows up to the as-of moment its statement finds `label_window` made.
    `is_of_cohorts`: whether its statement finds `closure_cohort` and `closure_survival` made.
    """

    contract: TableContract
    checks: tuple[Check, ...] = ()
    answer: Answer | None = None
    is_made_by_code: bool = False
    statements: tuple[str, ...] = ()
    computed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    label_windows_days: tuple[int, ...] = ()
    is_of_cohorts: bool = False

    @property
    def name(self) -> str:
        """The table's name."""
        return self.contract.name

    @property
    def sources(self) -> tuple[str, ...]:
        """The files of `sql/gold/` it is made from."""
        return self.statements or (self.name,)

    @property
    def answer_columns(self) -> tuple[Column, ...]:
        """The columns of its answer: without the repository, which the envelope names."""
        if self.answer and self.answer.columns:
            return self.answer.columns
        return tuple(column for column in self.contract.columns if column not in REPO_COLUMNS)


TEXT = pa.string()
TEXT_LIST = pa.list_(pa.string())
COUNT = pa.int64()
ID = pa.int64()
FLAG = pa.bool_()
DAY = pa.date32()
REAL = pa.float64()

LEDGER_NOTE = (
    "Where no lifecycle events were collected, from the snapshot alone: earlier closings and reopenings are "
    "missing."
)

# What only a pull request has, or is told of the record; an issue's row has the rest of issue_current.
NOT_OF_ISSUES = ("is_pull_request", "is_draft", "merged_at", "is_reason_told")

# Every flow counts only what changes the stock: net_change = the first four minus the last four.
FLOW_COLUMNS = (
    Column("opened_count", COUNT, "Issues opened on the day. Not those transferred in.", nullable=False),
    Column("reopened_count", COUNT, f"Closed issues opened again on the day. {LEDGER_NOTE}", nullable=False),
    Column(
        "transferred_in_count",
        COUNT,
        "Issues that arrived open from another repository on the day, whenever they were created. "
        f"{LEDGER_NOTE}",
        nullable=False,
    ),
    Column(
        "returned_count",
        COUNT,
        f"Departed issues seen here again, open, on the day. {LEDGER_NOTE}",
        nullable=False,
    ),
    Column(
        "closed_count",
        COUNT,
        "Open issues closed on the day. A second closing that only changes the reason is not counted, one "
        f"dated before created_at counts on the day of created_at. {LEDGER_NOTE}",
        nullable=False,
    ),
    Column(
        "converted_count",
        COUNT,
        f"Open issues converted to a discussion on the day. {LEDGER_NOTE}",
        nullable=False,
    ),
    Column(
        "transferred_out_count",
        COUNT,
        "Open issues that left for another repository on the day (or, if unknown, were noticed gone). "
        f"{LEDGER_NOTE}",
        nullable=False,
    ),
    Column(
        "deleted_count",
        COUNT,
        f"Open issues deleted on the day (or, if unknown, noticed gone). {LEDGER_NOTE}",
        nullable=False,
    ),
)
FLOW_NAMES = tuple(column.name for column in FLOW_COLUMNS)


def never_negative(names: tuple[str, ...]) -> Rule:
    """The rule that none of the columns is below 0."""
    return Rule(
        "counts_not_negative",
        f"least({', '.join(names)}) < 0",
        "A count is never below 0.",
    )


def shares_within_bounds(names: tuple[str, ...]) -> Rule:
    """The rule that each of the columns is a share."""
    return Rule(
        "shares_between_0_and_1",
        " or ".join(f"not {name} between 0 and 1" for name in names),
        "A share lies between 0 and 1, both included.",
    )


def in_window(column: Column) -> Column:
    """A daily flow's column as one of a window's sum."""
    words = column.description.replace("on the day", "in the window")
    return Column(column.name, column.type, words, nullable=False)
