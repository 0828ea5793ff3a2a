"""The gold tables: what each mart's rows and columns mean, with their units.

Issues only, never pull requests. How a mart is computed stands in `sql/gold/<name>.sql`; which tables exist
over all layers stands in `contracts/catalog.py`.
"""

import pyarrow as pa

from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, REPO_COLUMNS

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

# What only a pull request has; an issue's row has the rest of issue_current, in its order and words.
PULL_REQUEST_ONLY = ("is_pull_request", "is_draft", "merged_at")

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


def _never_negative(names: tuple[str, ...]) -> Rule:
    return Rule(
        "counts_not_negative",
        f"least({', '.join(names)}) < 0",
        "A count is never below 0.",
    )


def _shares_within_bounds(names: tuple[str, ...]) -> Rule:
    return Rule(
        "shares_between_0_and_1",
        " or ".join(f"not {name} between 0 and 1" for name in names),
        "A share lies between 0 and 1, both included.",
    )


MART_ISSUE_LIFECYCLE = TableContract(
    layer="gold",
    name="mart_issue_lifecycle",
    description=(
        "Every issue with its present state, its ages and what its labels say. Departed issues stay, with "
        "departed_at; they are not open."
    ),
    grain="one row an issue, never a pull request",
    key=("repo_owner", "repo_name", "issue_id"),
    order_by=("issue_number",),
    sample=("issue_number", "issue_id"),
    columns=(
        *(column for column in ISSUE_CURRENT.columns if column.name not in PULL_REQUEST_ONLY),
        Column("created_date", DAY, "UTC day of created_at.", nullable=False),
        Column(
            "closed_date",
            DAY,
            "UTC day the latest closing took effect: that of closed_at, but never before created_at; where "
            "GitHub "
            "says closed without a time, that of the ledger's last closing or of updated_at. Null while "
            "open.",
        ),
        Column("is_open", FLAG, "Whether its state is open and it has not departed.", nullable=False),
        Column("is_closed", FLAG, "Whether its state is closed.", nullable=False),
        Column(
            "closure_age_days",
            REAL,
            "Days from created_at to the latest closing, from exact seconds (two minutes across midnight are "
            "0.0014), 0 where GitHub dates the closing earlier. Null while open.",
        ),
        Column(
            "first_closed_at",
            UTC_TIMESTAMP,
            "When it was first closed here, UTC, also if reopened since; a closing before it was transferred "
            f"in counts only if it was the latest. {LEDGER_NOTE}",
        ),
        Column("times_reopened", COUNT, f"How often it was reopened. {LEDGER_NOTE}", nullable=False),
        Column(
            "open_seconds",
            COUNT,
            "Whole seconds it was in this backlog, all stretches added, up to the as-of moment; 0 for one "
            "that "
            f"arrived closed. {LEDGER_NOTE}",
            nullable=False,
        ),
        Column(
            "label_names",
            TEXT_LIST,
            "Names of its labels as they are now, sorted; empty without one.",
            nullable=False,
        ),
        Column(
            "label_group",
            TEXT,
            "First of the configured groups (bug, feature, docs, question) whose pattern one of its labels "
            "matches, else other.",
            nullable=False,
        ),
        Column(
            "assignee_logins",
            TEXT_LIST,
            "Logins of its assignees, sorted; empty without one.",
            nullable=False,
        ),
    ),
    rules=(
        _never_negative(("times_reopened", "open_seconds")),
        Rule("closure_age_not_negative", "closure_age_days < 0", "An age is never below 0 days."),
        Rule("not_open_and_closed", "is_open and is_closed", "An issue is not open and closed at once."),
        Rule(
            "closed_has_age",
            "is_closed <> (closure_age_days is not null) or is_closed <> (closed_date is not null)",
            "A closed issue has a closing day and an age, another has neither.",
        ),
        Rule(
            "first_closing_of_closed",
            "is_closed and first_closed_at is null",
            "A closed issue was closed a first time.",
        ),
    ),
)

MART_ISSUE_DAILY_FLOW = TableContract(
    layer="gold",
    name="mart_issue_daily_flow",
    description=(
        "The backlog day by day: what entered and left it, and how many issues were open at the end. UTC "
        "days, "
        "none missing, from the first day of the ledger to the as-of day; a repository without issues has "
        "one "
        "row of zeros on the as-of day."
    ),
    grain="one row a UTC day",
    key=("repo_owner", "repo_name", "flow_date"),
    order_by=("flow_date",),
    sample=("flow_date",),
    columns=(
        *REPO_COLUMNS,
        Column("flow_date", DAY, "The UTC day.", nullable=False),
        *FLOW_COLUMNS,
        Column(
            "net_change",
            COUNT,
            "Issues: opened + reopened + transferred in + returned - closed - converted - transferred out - "
            "deleted.",
            nullable=False,
        ),
        Column(
            "cumulative_net_change",
            COUNT,
            "Sum of net_change from the first day to this one, in issues.",
            nullable=False,
        ),
        Column(
            "open_at_end",
            COUNT,
            "Issues open at the next midnight UTC; on the last day at the as-of moment. Summed from the "
            "ledger's "
            f"own +1 and -1, apart from the counts by kind. {LEDGER_NOTE}",
            nullable=False,
        ),
        Column(
            "rolling_7d_opened",
            COUNT,
            "Sum of opened_count alone (no reopened, transferred in or returned ones) over this day and the "
            "six "
            "before it; over fewer in the first six days.",
            nullable=False,
        ),
        Column(
            "rolling_7d_closed",
            COUNT,
            "Sum of closed_count alone over the same days.",
            nullable=False,
        ),
        Column(
            "rolling_7d_net_change",
            COUNT,
            "Sum of net_change, so of all eight flows, over the same days; not rolling_7d_opened less "
            "rolling_7d_closed where an issue was reopened, moved, converted or deleted.",
            nullable=False,
        ),
    ),
    rules=(
        _never_negative((*FLOW_NAMES, "rolling_7d_opened", "rolling_7d_closed")),
        Rule("stock_not_negative", "open_at_end < 0", "Never fewer than 0 issues are open."),
    ),
)

MART_ISSUE_CLOSURE_AGE_MONTHLY = TableContract(
    layer="gold",
    name="mart_issue_closure_age_monthly",
    description=(
        "How old issues were when closed, by the UTC month of the closing, and how long closing takes when "
        "the "
        "issues still open are counted too. An issue closed more than once belongs to its latest closing."
    ),
    grain="one row a UTC month, none missing",
    key=("repo_owner", "repo_name", "closed_month"),
    order_by=("closed_month",),
    sample=("closed_month",),
    columns=(
        *REPO_COLUMNS,
        Column("closed_month", DAY, "First day of the UTC month of the closing.", nullable=False),
        Column(
            "closed_issue_count",
            COUNT,
            "Issues whose latest closing took effect in the month and that are closed now; 0 in a quiet "
            "month.",
            nullable=False,
        ),
        Column(
            "median_closure_age_days",
            REAL,
            "Exact median of their closure_age_days. Biased: it leaves out the issues still open, so it "
            "falls when "
            "a team closes only the easy ones and rises when it clears old ones. Null without a closing.",
        ),
        Column(
            "p90_closure_age_days",
            REAL,
            "Exact 90th percentile of their closure_age_days, interpolated; biased as the median is.",
        ),
        Column(
            "share_closed_within_7d",
            REAL,
            "Share (0 to 1) of them closed within 7 days of 24 hours of creation, 7 included.",
        ),
        Column(
            "share_closed_after_90d",
            REAL,
            "Share (0 to 1) of them closed more than 90 days of 24 hours after creation.",
        ),
        Column(
            "kaplan_meier_median_closure_age_days",
            REAL,
            "Days within which half of the issues get closed, by Kaplan and Meier: over the issues created "
            "in the "
            "365 days up to the month's end (in the last month, the as-of moment), those open then counted "
            "as "
            "lasting at least that long, those departed as lasting until they left. Null when more than half "
            "outlast what could be observed.",
        ),
        Column("cohort_issue_count", COUNT, "Issues in that estimate.", nullable=False),
        Column(
            "cohort_censored_count",
            COUNT,
            "Those of them not closed by the month's end, whose time to close is known only to be longer.",
            nullable=False,
        ),
    ),
    rules=(
        _never_negative(
            ("closed_issue_count", "cohort_censored_count", "cohort_issue_count - cohort_censored_count")
        ),
        _shares_within_bounds(("share_closed_within_7d", "share_closed_after_90d")),
        Rule(
            "quantiles_in_order",
            "median_closure_age_days < 0 or p90_closure_age_days < median_closure_age_days",
            "0 <= median <= 90th percentile.",
        ),
    ),
)

MART_ISSUE_WEEKDAY_RHYTHM = TableContract(
    layer="gold",
    name="mart_issue_weekday_rhythm",
    description="On which UTC weekdays issues are opened and closed, over the repository's whole history.",
    grain="one row a weekday and event type, always 14",
    key=("repo_owner", "repo_name", "weekday_num", "event_type"),
    order_by=("weekday_num", "event_type"),
    sample=("weekday_num", "event_type"),
    columns=(
        *REPO_COLUMNS,
        Column("weekday_num", COUNT, "Weekday, Monday 0 to Sunday 6, UTC.", nullable=False),
        Column("weekday_name", TEXT, "Its English name.", nullable=False),
        Column("event_type", TEXT, "opened or closed.", nullable=False),
        Column(
            "issue_count",
            COUNT,
            "Sum of opened_count or closed_count of the daily flow over these weekdays, 0 where nothing "
            "happened; "
            "an issue closed twice counts twice.",
            nullable=False,
        ),
    ),
    rules=(
        _never_negative(("issue_count",)),
        Rule("weekday_from_0_to_6", "not weekday_num between 0 and 6", "Monday is 0, Sunday is 6."),
        Rule(
            "event_type_known",
            "event_type not in ('opened', 'closed')",
            "Only openings and closings are counted.",
        ),
    ),
)

MART_ISSUE_SWING_DAYS = TableContract(
    layer="gold",
    name="mart_issue_swing_days",
    description=(
        "The days that moved the backlog most: the 10 largest by net_change each way, with the issues "
        "behind them. "
        "A day without net change is none; of days that moved it equally, the later ranks first."
    ),
    grain="one row a direction and rank",
    key=("repo_owner", "repo_name", "direction", "swing_rank"),
    order_by=("direction", "swing_rank"),
    sample=("direction", "swing_rank", "flow_date"),
    columns=(
        *REPO_COLUMNS,
        Column("direction", TEXT, "up when the backlog grew, down when it shrank.", nullable=False),
        Column("swing_rank", COUNT, "1 for the day that moved it most, to 10.", nullable=False),
        Column("flow_date", DAY, "The UTC day.", nullable=False),
        Column("net_change", COUNT, "As in the daily flow, in issues; never 0.", nullable=False),
        *FLOW_COLUMNS,
        Column("open_at_end", COUNT, "As in the daily flow, in issues.", nullable=False),
        Column(
            "issue_numbers",
            pa.list_(pa.int64()),
            "Numbers, ascending, of the issues that moved the backlog in this direction that day: on a day "
            "up those "
            "that entered it, on a day down those that left. One that did both is in neither list.",
            nullable=False,
        ),
        Column(
            "offset_issue_numbers",
            pa.list_(pa.int64()),
            "Numbers, ascending, of those that moved it the other way; issue_numbers less these is the net "
            "change.",
            nullable=False,
        ),
    ),
    rules=(
        _never_negative((*FLOW_NAMES, "open_at_end")),
        Rule(
            "direction_is_that_of_net_change",
            "direction <> if(net_change > 0, 'up', 'down') or net_change = 0",
            "Up days grew the backlog, down days shrank it, unmoved days are none.",
        ),
        Rule("rank_from_1_to_10", "not swing_rank between 1 and 10", "Ranks run from 1 to 10."),
    ),
)

MART_BACKLOG_BY_LABEL = TableContract(
    layer="gold",
    name="mart_backlog_by_label",
    description=(
        "The open backlog and its latest flows by the labels issues have now. An issue counts under each of "
        "its "
        "labels, so rows do not add up to the backlog; flows are of issues that have the label now, "
        "whenever they got it."
    ),
    grain="one row a label some issue has now, and one for issues without label",
    key=("repo_owner", "repo_name", "label_id"),
    order_by=("label_id",),
    sample=("label_id", "label_name"),
    columns=(
        *REPO_COLUMNS,
        Column("label_id", ID, "GitHub's id of the label; 0 for issues without label.", nullable=False),
        Column(
            "label_name",
            TEXT,
            "Its name on the record read last; (no label) for issues without label.",
            nullable=False,
        ),
        Column("issue_count", COUNT, "Issues with the label, in any state.", nullable=False),
        Column("open_issue_count", COUNT, "Issues with the label that are open.", nullable=False),
        Column(
            "share_of_open",
            REAL,
            "Share (0 to 1) of the open issues that have the label; null when none is open.",
        ),
        Column(
            "opened_28d_count",
            COUNT,
            "Openings (not reopenings) in the 28 days of 24 hours before the as-of moment.",
            nullable=False,
        ),
        Column("closed_28d_count", COUNT, f"Closings in the same 28 days. {LEDGER_NOTE}", nullable=False),
        Column(
            "net_change_28d",
            COUNT,
            "Change of the backlog by these issues in the same 28 days, by all eight flows.",
            nullable=False,
        ),
        Column("opened_90d_count", COUNT, "Openings in the 90 days before the as-of moment.", nullable=False),
        Column("closed_90d_count", COUNT, f"Closings in the same 90 days. {LEDGER_NOTE}", nullable=False),
        Column(
            "net_change_90d",
            COUNT,
            "Change of the backlog by these issues in the same 90 days, by all eight flows.",
            nullable=False,
        ),
    ),
    rules=(
        _never_negative(
            (
                "open_issue_count",
                "issue_count - open_issue_count",
                "opened_28d_count",
                "closed_28d_count",
                "opened_90d_count - opened_28d_count",
                "closed_90d_count - closed_28d_count",
            )
        ),
        _shares_within_bounds(("share_of_open",)),
    ),
)

MART_BACKLOG_BY_AGE = TableContract(
    layer="gold",
    name="mart_backlog_by_age",
    description=(
        "How old the open issues are at the as-of moment, in five bands; a transferred one since it was "
        "created."
    ),
    grain="one row an age band, always 5",
    key=("repo_owner", "repo_name", "band_num"),
    order_by=("band_num",),
    sample=("age_band",),
    columns=(
        *REPO_COLUMNS,
        Column("band_num", COUNT, "1 for the youngest band, to 5.", nullable=False),
        Column("age_band", TEXT, "0-7 d, 8-30 d, 31-90 d, 91-365 d or > 365 d.", nullable=False),
        Column("from_days", COUNT, "Days of 24 hours the issues are older than.", nullable=False),
        Column("to_days", COUNT, "Days of 24 hours they are at most; null for the last band."),
        Column("open_issue_count", COUNT, "Open issues of that age.", nullable=False),
        Column("share_of_open", REAL, "Share (0 to 1) of all open issues; null when none is open."),
        Column("oldest_issue_number", ID, "Number of the oldest of them; null in an empty band."),
        Column("oldest_age_days", REAL, "Its age in days, from exact seconds; null in an empty band."),
    ),
    rules=(
        _never_negative(("open_issue_count",)),
        _shares_within_bounds(("share_of_open",)),
        Rule(
            "oldest_age_in_band",
            "oldest_age_days < from_days or oldest_age_days > to_days",
            "The oldest issue of a band is of the band's age.",
        ),
    ),
)

GOLD_TABLES: tuple[TableContract, ...] = (
    MART_ISSUE_LIFECYCLE,
    MART_ISSUE_DAILY_FLOW,
    MART_ISSUE_CLOSURE_AGE_MONTHLY,
    MART_ISSUE_WEEKDAY_RHYTHM,
    MART_ISSUE_SWING_DAYS,
    MART_BACKLOG_BY_LABEL,
    MART_BACKLOG_BY_AGE,
)
