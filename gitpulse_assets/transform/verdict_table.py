"""Reads one repository's marts and ledger on a DuckDB connection and makes `mart_backlog_verdict` of them.

What a window's answer is stands in verdict.py, its words in verdict_text.py, its sums in
sql/gold/verdict_*.sql. Nothing here reads or writes the lake or knows Dagster.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.mart import FLOW_NAMES
from gitpulse_assets.lake.duck import rows_of
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.transform.bursts import burst_days
from gitpulse_assets.transform.gold import label_windows
from gitpulse_assets.transform.pace import HISTORY_DAYS
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.transform.verdict import WINDOWS_DAYS, BacklogAge, Verdict, WindowCounts, judge
from gitpulse_assets.transform.verdict_bulk import BurstDay, DailyCounts, find_bulk
from gitpulse_assets.transform.verdict_text import confidence, words

LABELS_EACH_WAY = 3

Rows = list[dict[str, Any]]


def build_verdicts(
    con: duckdb.DuckDBPyConnection,
    as_of_at: datetime,
    incomplete_slices: Sequence[str] = (),
    windows_days: Sequence[int] = WINDOWS_DAYS,
    scope: str = "",
) -> pa.Table:
    """Return the verdict of every window and leave it as the temporary table `mart_backlog_verdict`.

    `con` holds `mart_issue_daily_flow`, `mart_issue_lifecycle` and `issue_transitions` of one repository.
    `incomplete_slices`: in a few words each, what was not collected whole; the answer repeats them.
    `scope` follows the repository's name in the words, where the backlog is a part of it.
    Raises ValueError for an `as_of_at` without time zone.
    """
    if as_of_at.tzinfo is None:
        raise ValueError(f"as_of_at must carry its time zone, got {as_of_at.isoformat()}")
    rows = [
        _row(owner, name, verdict, scope)
        for owner, name in con.sql(
            "select distinct repo_owner, repo_name from mart_issue_daily_flow"
        ).fetchall()
        for verdict in _judge_windows(con, as_of_at, incomplete_slices, windows_days)
    ]
    verdicts = pa.Table.from_pylist(rows, MART_BACKLOG_VERDICT.arrow_schema)
    con.register("incoming", verdicts)
    con.execute("create or replace temp table mart_backlog_verdict as select * from incoming")
    con.unregister("incoming")
    return verdicts


def _judge_windows(
    con: duckdb.DuckDBPyConnection,
    as_of_at: datetime,
    incomplete: Sequence[str],
    windows_days: Sequence[int],
) -> list[Verdict]:
    def query(name: str) -> Rows:
        return _query(con, name, as_of_at, windows_days)

    days = _daily_counts(query("verdict_day"))
    bulk = find_bulk(burst_days(_table(con, "verdict_movement", as_of_at, windows_days)), days)
    label_windows(
        con, windows_days, as_of_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    labels = query("verdict_label")
    backlog = query("verdict_backlog")[0]
    age = BacklogAge(
        backlog["median_open_age_days"], backlog["p90_open_age_days"], backlog["share_open_over_1_year"]
    )
    query("flow_window")
    windows = [_window(row) for row in query("verdict_window")]
    return [
        judge(window, days, bulk, _label_changes(labels, window.window_days), age, incomplete)
        for window in windows
    ]


def _query(
    con: duckdb.DuckDBPyConnection, name: str, as_of_at: datetime, windows_days: Sequence[int]
) -> Rows:
    return _table(con, name, as_of_at, windows_days).to_pylist()


def _table(
    con: duckdb.DuckDBPyConnection, name: str, as_of_at: datetime, windows_days: Sequence[int]
) -> pa.Table:
    parameters = {
        "as_of_at": as_of_at,
        # What is usual, and so what is bulk, is told from the same days whichever windows are asked for.
        "observed_days": HISTORY_DAYS + max(*WINDOWS_DAYS, *windows_days),
        "windows_days": list(windows_days),
    }
    create_table(con, "gold", name, parameters)
    return rows_of(con, f"from {name}").to_arrow_table()


def _daily_counts(rows: Rows) -> DailyCounts:
    import numpy as np

    def series(name: str) -> "np.ndarray":
        return np.array([row[name] for row in rows], dtype=float)

    first = rows[0]["flow_date"] if rows else date.min
    return DailyCounts(first, series("intake_count"), series("reopened_count"), series("resolution_count"))


def _window(row: dict[str, Any]) -> WindowCounts:
    return WindowCounts(
        window_days=row["window_days"],
        start_date=row["start_date"],
        end_date=row["end_date"],
        observed_days=row["observed_days"],
        flows={name: row[name] for name in FLOW_NAMES},
        net_change=row["net_change"],
        open_at_end=row["open_at_end"],
        bot_departed_count=row["bot_departed_count"],
    )


def _label_changes(rows: Rows, window_days: int) -> list[tuple[str, int]]:
    changes = [(row["label_name"], row["net_change"]) for row in rows if row["window_days"] == window_days]
    up = [change for change in changes if change[1] > 0][:LABELS_EACH_WAY]
    down = [change for change in changes if change[1] < 0][:LABELS_EACH_WAY]
    return up + down


def _row(owner: str, name: str, verdict: Verdict, scope: str) -> dict[str, Any]:
    told = words(f"{owner}/{name}{scope}", verdict)
    return {"repo_owner": owner, "repo_name": name, **_judged(verdict), **told}


def _judged(verdict: Verdict) -> dict[str, Any]:
    counts, pace, weeks = verdict.counts, verdict.pace, verdict.weeks
    goal = {"growing": "weeks_to_double", "shrinking": "weeks_to_zero"}.get(verdict.direction, "")
    return {
        "window_days": counts.window_days,
        "window_start_date": counts.start_date,
        "window_end_date": counts.end_date,
        "observed_days": counts.observed_days,
        "history_days": verdict.history_days,
        "open_at_start": counts.open_at_start,
        "open_at_end": counts.open_at_end,
        "net_change": counts.net_change,
        **counts.flows,
        "direction": verdict.direction,
        "confidence": confidence(verdict),
        "pace_per_week": pace and pace.per_week,
        "pace_low_per_week": pace and pace.low,
        "pace_high_per_week": pace and pace.high,
        "flat_margin_per_week": verdict.flat_margin_per_week,
        "bulk_departed_count": sum(b.day_count for b in verdict.bulk if not b.is_arrival),
        "bulk_arrived_count": sum(b.day_count for b in verdict.bulk if b.is_arrival),
        "bulk_movements": [_bulk_movement(burst) for burst in verdict.bulk],
        "bot_departed_count": counts.bot_departed_count,
        "intake_count": verdict.intake.now,
        "intake_before_count": verdict.intake.before,
        "resolution_count": verdict.resolution.now,
        "resolution_before_count": verdict.resolution.before,
        "reopened_before_count": verdict.reopenings.before,
        "drivers": list(verdict.drivers),
        "label_changes": [{"label_name": n, "net_change": c} for n, c in verdict.label_changes],
        "median_open_age_days": verdict.age.median_days,
        "p90_open_age_days": verdict.age.p90_days,
        "share_open_over_1_year": verdict.age.share_over_1_year,
        **({goal: weeks.expected} if weeks else {}),
        "weeks_soonest": weeks and weeks.soonest,
        "weeks_latest": weeks and weeks.latest,
        "unknowns": list(verdict.unknowns),
    }


def _bulk_movement(burst: BurstDay) -> dict[str, Any]:
    return {
        "started_at": burst.started_at,
        "is_arrival": burst.is_arrival,
        "actor_login": burst.actor_login or None,
        "is_bot": burst.is_bot,
        "issue_count": burst.day_count,
    }
