"""Is the backlog growing or shrinking, a row a window.

How the pace is estimated and what flat means: docs/adr/0005-pace-interval.md.
"""

import pyarrow as pa

from gitpulse_assets.contracts.mart import FLOW_COLUMNS, FLOW_NAMES, Mart, in_window
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

BULK_MOVEMENT = pa.struct(
    [
        pa.field("started_at", UTC_TIMESTAMP),
        pa.field("is_arrival", pa.bool_()),
        pa.field("actor_login", pa.string()),
        pa.field("is_bot", pa.bool_()),
        pa.field("issue_count", pa.int64()),
    ]
)
LABEL_CHANGE = pa.struct([pa.field("label_name", pa.string()), pa.field("net_change", pa.int64())])
# A row stored before its parts had columns of their own has them in its paragraph alone.
WORDS = (
    Column("paragraph", pa.string(), "The answer in plain English, to paste into an issue.", False),
    Column("headline", pa.string(), "The answer in one sentence.", False),
    Column(
        "opening",
        pa.string(),
        "Whose backlog, which window and which way: the paragraph's beginning.",
        False,
    ),
    Column("explanation", pa.string(), "The paragraph without its bold beginning.", False),
)

MART_BACKLOG_VERDICT = TableContract(
    layer="gold",
    name="mart_backlog_verdict",
    description=(
        "Is the backlog growing or shrinking, how fast, why, and how sure is that. The change in the window "
        "is exact (a census); the pace is an estimate with its interval, bulk movements set aside."
    ),
    grain="one row a window of 28, 90 and 180 days, each ending with the last complete UTC day",
    key=("repo_owner", "repo_name", "window_days"),
    order_by=("window_days",),
    sample=("window_days", "direction"),
    columns=(
        *REPO_COLUMNS,
        Column("window_days", pa.int64(), "Length of the window in days: 28, 90 or 180.", False),
        Column("window_start_date", pa.date32(), "First UTC day of the window.", False),
        Column("window_end_date", pa.date32(), "Its last: the last complete UTC day.", False),
        Column("observed_days", pa.int64(), "Days of the window since the ledger's first day.", False),
        Column("history_days", pa.int64(), "Days before it that tell the noise, at most 1,092.", False),
        Column("open_at_start", pa.int64(), "Issues open at the start of the window.", False),
        Column("open_at_end", pa.int64(), "Issues open at the end of its last day.", False),
        Column("net_change", pa.int64(), "Exact change in the window: open_at_end - open_at_start.", False),
        *map(in_window, FLOW_COLUMNS),
        Column("direction", pa.string(), "growing, shrinking, flat or unclear.", False),
        Column("confidence", pa.string(), "In words, how sure the direction is and why.", False),
        Column(
            "pace_per_week",
            pa.float64(),
            "Issues a week the backlog gains (or loses, below 0), bulk movements set aside. Null under 28 "
            "observed days.",
        ),
        Column("pace_low_per_week", pa.float64(), "Lower end of its 95 % interval."),
        Column("pace_high_per_week", pa.float64(), "Upper end of its 95 % interval."),
        Column(
            "flat_margin_per_week",
            pa.float64(),
            "Pace that would change the open backlog by a fifth within a year, at least 5 issues a year; "
            "flat means the interval lies within it, either way.",
            False,
        ),
        Column("bulk_departed_count", pa.int64(), "Issues that left in bulk in the window.", False),
        Column("bulk_arrived_count", pa.int64(), "Issues that entered in bulk in the window.", False),
        Column(
            "bulk_movements",
            pa.list_(BULK_MOVEMENT),
            "The bulk movements: when they began, which way, by whom, how many issues in the window.",
            False,
        ),
        Column("bot_departed_count", pa.int64(), "Issues a bot closed or moved away, bulk or not.", False),
        Column("intake_count", pa.int64(), "Opened, transferred in or returned, bulk set aside.", False),
        Column("intake_before_count", pa.int64(), "The same in the window before; null if not observed."),
        Column(
            "resolution_count",
            pa.int64(),
            "Closed, converted, transferred out or deleted, bulk set aside.",
            False,
        ),
        Column("resolution_before_count", pa.int64(), "The same in the window before."),
        Column("reopened_before_count", pa.int64(), "Reopened in the window before, bulk set aside."),
        Column(
            "drivers",
            pa.list_(pa.string()),
            "What changed against the window before by more than the noise explains, largest first: intake, "
            "resolution or reopenings, up or down. Empty when nothing did or there is no window before.",
            False,
        ),
        Column(
            "label_changes",
            pa.list_(LABEL_CHANGE),
            "The labels that moved the backlog most in the window, by the labels issues have now; at most 3 "
            "each way.",
            False,
        ),
        Column("median_open_age_days", pa.float64(), "Median age of the issues open at the as-of moment."),
        Column("p90_open_age_days", pa.float64(), "90th percentile of their age in days."),
        Column("share_open_over_1_year", pa.float64(), "Share (0 to 1) of them older than 365 days."),
        Column("weeks_to_zero", pa.float64(), "At this pace; only when the interval lies below 0."),
        Column("weeks_to_double", pa.float64(), "At this pace; only when the interval lies above 0."),
        Column("weeks_soonest", pa.float64(), "The same at the fast end of the interval."),
        Column("weeks_latest", pa.float64(), "The same at the slow end of the interval."),
        Column("unknowns", pa.list_(pa.string()), "What the answer does not know; empty if nothing.", False),
        *WORDS,
    ),
    rules=(
        Rule(
            "counts_not_negative",
            f"least({', '.join((*FLOW_NAMES, 'open_at_start', 'open_at_end'))}) < 0",
            "A count is never below 0.",
        ),
        Rule(
            "change_is_exact",
            "net_change <> open_at_end - open_at_start or net_change <> opened_count + reopened_count"
            " + transferred_in_count + returned_count - closed_count - converted_count"
            " - transferred_out_count - deleted_count",
            "The change equals the flows and the difference of the stocks.",
        ),
        Rule(
            "direction_follows_interval",
            "case direction when 'growing' then not pace_low_per_week > 0"
            " when 'shrinking' then not pace_high_per_week < 0"
            " when 'flat' then not (pace_low_per_week >= -flat_margin_per_week"
            " and pace_high_per_week <= flat_margin_per_week) when 'unclear' then false else true end",
            "Growing and shrinking exclude 0, flat lies within the margin.",
        ),
        Rule(
            "pace_in_interval",
            "not pace_per_week between pace_low_per_week and pace_high_per_week",
            "The pace lies in its interval.",
        ),
    ),
)

# What code makes of the sums: transform/verdict.py and pace.py.
BULK = ("verdict_movement.moved_us", "verdict_movement.delta", "verdict_movement.actor_login")
JUDGED = ("verdict_day.intake_count", "verdict_day.resolution_count", "verdict_day.reopened_count", *BULK)
ANSWER = (*JUDGED, "verdict_window.open_at_end")

MART = Mart(
    MART_BACKLOG_VERDICT,
    checks=(Check("history_is_complete", is_blocking=False),),
    is_made_by_code=True,
    statements=(
        "verdict_window",
        "verdict_day",
        "verdict_movement",
        "verdict_label",
        "verdict_backlog",
        "incomplete_slice",
    ),
    computed={
        "repo_owner": ("mart_issue_daily_flow.repo_owner",),
        "repo_name": ("mart_issue_daily_flow.repo_name",),
        "window_start_date": ("verdict_window.start_date",),
        "window_end_date": ("verdict_window.end_date",),
        "history_days": ("verdict_day.flow_date",),
        "open_at_start": ("verdict_window.open_at_end", "verdict_window.net_change"),
        **dict.fromkeys(
            (
                *("direction", "confidence", "pace_per_week", "pace_low_per_week", "pace_high_per_week"),
                *("drivers", "weeks_to_zero", "weeks_to_double", "weeks_soonest", "weeks_latest"),
            ),
            ANSWER,
        ),
        "flat_margin_per_week": ("verdict_window.open_at_end",),
        "bulk_departed_count": BULK,
        "bulk_arrived_count": BULK,
        "bulk_movements": (*BULK, "verdict_movement.is_bot"),
        "intake_count": ("verdict_day.intake_count", *BULK),
        "intake_before_count": ("verdict_day.intake_count", *BULK),
        "resolution_count": ("verdict_day.resolution_count", *BULK),
        "resolution_before_count": ("verdict_day.resolution_count", *BULK),
        "reopened_before_count": ("verdict_day.reopened_count", *BULK),
        "label_changes": ("verdict_label.label_name", "verdict_label.net_change"),
        "unknowns": ("incomplete_slice.slice",),
        "headline": (*ANSWER, "incomplete_slice.slice"),
        "opening": (*ANSWER, "incomplete_slice.slice", "verdict_window.end_date"),
        **dict.fromkeys(
            ("paragraph", "explanation"),
            (*ANSWER, "verdict_label.net_change", "incomplete_slice.slice"),
        ),
    },
)
