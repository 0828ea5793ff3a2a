"""The checks no single contract can say: what must hold between tables.

A check is a statement in `sql/checks/` that returns the rows that break it; its header says what it
proves. Rules about one table's own rows belong in its contract.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb

from gitpulse_assets.checks.specs import partitioned_check_spec, shown
from gitpulse_assets.contracts import gold, silver
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets.transform.sql_file import load_sql


@dataclass(frozen=True)
class SemanticCheck:
    """One statement of `sql/checks/` and the table whose check it is."""

    name: str
    table: TableContract
    is_blocking: bool = True

    @property
    def description(self) -> str:
        """The comment at the head of the statement."""
        lines = itertools.takewhile(
            lambda line: line.startswith("--"), load_sql("checks", self.name).splitlines()
        )
        return " ".join(line.removeprefix("--").strip() for line in lines)

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """The check as Dagster declares it."""
        return partitioned_check_spec(
            self.name, self.table, is_blocking=self.is_blocking, description=self.description
        )


SILVER_CHECKS = (
    SemanticCheck("no_orphan_labels", silver.ISSUE_LABELS),
    SemanticCheck("no_orphan_assignees", silver.ISSUE_ASSIGNEES),
    SemanticCheck("no_orphan_events", silver.ISSUE_EVENT, is_blocking=False),
    SemanticCheck("ledger_alternates", silver.ISSUE_TRANSITIONS),
    SemanticCheck("ledger_state_equals_snapshot", silver.ISSUE_TRANSITIONS),
    SemanticCheck("no_issue_open_before_arrival", silver.ISSUE_TRANSITIONS),
    SemanticCheck("payload_keys_known", silver.ISSUE_CURRENT, is_blocking=False),
    SemanticCheck("departures_are_few", silver.ISSUE_CURRENT, is_blocking=False),
    SemanticCheck("nothing_quarantined", silver.QUARANTINE, is_blocking=False),
)

SYNC_STATE_CHECKS = (
    SemanticCheck("sync_state_agrees", silver.SYNC_STATE),
    SemanticCheck("walk_is_recent", silver.SYNC_STATE, is_blocking=False),
)

GOLD_CHECKS = (
    SemanticCheck("no_pull_request_in_marts", gold.MART_ISSUE_LIFECYCLE),
    SemanticCheck("lifecycle_rows_equal_issues", gold.MART_ISSUE_LIFECYCLE),
    SemanticCheck("no_day_missing", gold.MART_ISSUE_DAILY_FLOW),
    SemanticCheck("net_change_identity", gold.MART_ISSUE_DAILY_FLOW),
    SemanticCheck("ledger_identity", gold.MART_ISSUE_DAILY_FLOW),
    SemanticCheck("open_at_end_equals_snapshot", gold.MART_ISSUE_DAILY_FLOW),
    SemanticCheck("closure_months_agree_with_lifecycle", gold.MART_ISSUE_CLOSURE_AGE_MONTHLY),
    SemanticCheck("weekday_rhythm_agrees_with_flow", gold.MART_ISSUE_WEEKDAY_RHYTHM),
    SemanticCheck("swing_days_agree_with_flow", gold.MART_ISSUE_SWING_DAYS),
    SemanticCheck("age_bands_agree_with_backlog", gold.MART_BACKLOG_BY_AGE),
    SemanticCheck("history_is_complete", MART_BACKLOG_VERDICT, is_blocking=False),
)


def check_specs(checks: Iterable[SemanticCheck]) -> list[dg.AssetCheckSpec]:
    """Return the declarations of several checks."""
    return [check.spec for check in checks]


def semantic_result(
    con: duckdb.DuckDBPyConnection, check: SemanticCheck, parameters: Mapping[str, object]
) -> dg.AssetCheckResult:
    """Run the check's statement on the tables of this connection; no row means that it holds."""
    count, samples = audit_sql(con, check.name, parameters)
    metadata: dict[str, Any] = {"broken_count": count}
    if samples:
        metadata["sample_keys"] = shown(samples)
    return dg.AssetCheckResult(
        passed=not count,
        asset_key=list(check.table.asset_key),
        check_name=check.name,
        severity=dg.AssetCheckSeverity.ERROR if check.is_blocking else dg.AssetCheckSeverity.WARN,
        description=f"{count} rows break it. {check.description}" if count else check.description,
        metadata=metadata,
    )
