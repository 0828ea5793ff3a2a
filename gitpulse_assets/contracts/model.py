"""What a table promises: its columns, grain, key, order and rules.

A contract is data. The Arrow schema, the path in the lake, the name of the view, the Dagster column
schema, the contract check and the table reference in `docs/tables.md` are all derived from it.
No table is declared here, and nothing here imports Dagster or DuckDB.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pyarrow as pa

UTC_TIMESTAMP = pa.timestamp("us", tz="UTC")

Layer = Literal["bronze", "silver", "gold"]


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, what it means (with its unit), and whether it may be null."""

    name: str
    type: pa.DataType
    description: str
    nullable: bool = True


@dataclass(frozen=True)
class Rule:
    """Something no row may do, as a SQL predicate that is true for the rows that break it."""

    name: str
    broken_when: str
    description: str
    is_blocking: bool = True


@dataclass(frozen=True)
class Check:
    """A statement of `sql/checks/`, which returns the rows that break it; one that does not block reports.

    `beside`: another statement there, whose rows are named beside the verdict: those it says nothing of.
    """

    name: str
    is_blocking: bool = True
    beside: str = ""


@dataclass(frozen=True)
class TableContract:
    """Everything the rest of the project needs to know about one table.

    `order_by` is the order rows are stored in, so that Parquet statistics make filters cheap.
    `place` says whose tables are published together: a repository's, an organisation's, or a UTC day's.
    `sample` names the columns that identify a row to a person in the metadata of a failed check.
    `is_ranged`: whether it lies in several objects, by the numbers of issues (`lake/ranges.py`).
    """

    layer: Layer
    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    sample: tuple[str, ...] = field(default=())
    place: Literal["repository", "organization", "day"] = "repository"
    is_ranged: bool = False

    @property
    def asset_key(self) -> tuple[str, str]:
        """The table's asset in Dagster: layer and name."""
        return (self.layer, self.name)

    @property
    def view_name(self) -> str:
        """The name people's BI queries use: `silver_github_<table>`, `gold_<table>`."""
        return f"silver_github_{self.name}" if self.layer == "silver" else f"{self.layer}_{self.name}"

    @property
    def folder(self) -> str:
        """The table's folder below the lake's root; bronze says which source it came from."""
        return f"bronze/github/{self.name}" if self.layer == "bronze" else f"{self.layer}/{self.name}"

    @property
    def files(self) -> str:
        """The pattern, below its folder, of the objects it is published in."""
        return {"day": "*/*.parquet", "organization": "*/*.parquet"}.get(self.place, "*/*/*.parquet")

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The columns with their Arrow types and whether they may be null."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])
