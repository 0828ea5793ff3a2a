"""What a chart shows, in words: the titles of charts and of the page's cards.

Counts come from the rows a chart draws, so that a title never says other than its picture. Judging belongs to
the verdict, drawing to charts.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

DAY_SECONDS = 86_400

Row = Mapping[str, Any]
Rows = Sequence[Row]

NO_LABEL = "(no label)"
DIRECTIONS = ("growing", "shrinking", "flat", "unclear")


def backlog(flow: Rows) -> str:
    """Say how the number of open issues moved over the days given."""
    if not flow:
        return "No day of the backlog is known in this window"
    end = flow[-1]["open_at_end"]
    change = end - (flow[0]["open_at_end"] - flow[0]["net_change"])
    if not change:
        return f"Backlog ended where it began, at {end:,}"
    return f"Backlog {'grew' if change > 0 else 'shrank'} by {abs(change):,} to {end:,}"


def pace(verdict: Row) -> str:
    """Say the trend with its interval, or why there is none."""
    if verdict["pace_per_week"] is None:
        return "The window or its history is too short, or too long, for a trend"
    low, high = signed(verdict["pace_low_per_week"]), signed(verdict["pace_high_per_week"])
    trend = signed(verdict["pace_per_week"])
    return f"Dashed: the trend, {trend} a week; the band: its 95 % interval, {low} to {high}"


def flow(rows: Rows) -> str:
    """Say whether intake outran closing."""
    opened, closed = (sum(row[name] for row in rows) for name in ("opened_count", "closed_count"))
    if opened == closed:
        return f"{opened:,} opened and as many closed"
    outran = "more opened than closed" if opened > closed else "more closed than opened"
    return f"{opened:,} opened, {closed:,} closed: {abs(opened - closed):,} {outran}"


def swings(days: Rows) -> str:
    """Name the day that moved the backlog most, and the one that did the other way."""
    if not days:
        return "No day moved the backlog"
    most = max(days, key=lambda day: abs(day["net_change"]))
    others = [day for day in days if day["net_change"] * most["net_change"] < 0]
    if not others:
        return moved(most)
    return f"{moved(most)}; {moved(max(others, key=lambda day: abs(day['net_change'])))}"


def moved(day: Row) -> str:
    """Say by how much a day moved the backlog."""
    change = day["net_change"]
    return f"{day['flow_date']} {'added' if change > 0 else 'removed'} {abs(change):,}"


def closure_age(in_window: Row) -> str:
    """Say how long closing takes, for what was closed and with what is still open."""
    if in_window["median_closure_age_days"] is None:
        return "Nothing was closed in this window"
    said = f"Half of what was closed was older than {days(in_window['median_closure_age_days'])}"
    estimate = in_window["kaplan_meier_median_closure_age_days"]
    if estimate is None:
        return f"{said}; with open issues counted, more than half stay open"
    return f"{said}; with open issues counted, closing takes {days(estimate)}"


def closure_shares(in_window: Row) -> str:
    """Say whether new or old work is being closed."""
    quick, old = in_window["share_closed_within_7d"], in_window["share_closed_after_90d"]
    if quick is None:
        return "Nothing was closed in this window"
    return f"{percent(quick)} of the closings came within 7 days, {percent(old)} after more than 90"


def weekdays(rhythm: Rows) -> str:
    """Name the busiest weekdays."""
    opened, closed = (most_of(rhythm, kind) for kind in ("opened", "closed"))
    said = [f"opened on {opened}"] if opened else []
    said += [f"closed on {closed}"] if closed else []
    return f"Most are {', most '.join(said)}" if said else "Nothing was opened or closed in this window"


def most_of(rhythm: Rows, kind: str) -> str:
    """The busiest weekday, as in "on Fridays"; empty where nothing happened."""
    counts = {row["weekday_name"]: row["issue_count"] for row in rhythm if row["event_type"] == kind}
    return f"{max(counts, key=counts.__getitem__)}s" if any(counts.values()) else ""


def labels(rows: Rows) -> str:
    """Name the label with the largest backlog."""
    named = [row for row in rows if row["label_name"] != NO_LABEL and row["open_issue_count"]]
    if not named:
        return "No open issue has a label"
    most = max(named, key=lambda row: row["open_issue_count"])
    return f"{most['label_name']} has the largest backlog: {most['open_issue_count']:,} open"


def ages(bands: Rows) -> str:
    """Say how much of the backlog is old."""
    total = sum(band["open_issue_count"] for band in bands)
    if not total:
        return "No issue is open"
    old = next(band["open_issue_count"] for band in bands if band["to_days"] is None)
    return f"{percent(old / total)} of the {total:,} open issues are older than a year"


def comparison(verdicts: Rows) -> str:
    """Count the repositories by where they are going."""
    counts = {way: sum(row["direction"] == way for row in verdicts) for way in DIRECTIONS}
    said = [f"{count:,} {way}" for way, count in counts.items() if count]
    return f"Backlogs: {', '.join(said)}" if said else "No repository has a verdict yet"


def percent(share: float) -> str:
    """A share (0 to 1) as a percentage."""
    return f"{share:.0%}".replace("%", " %")


def days(value: float) -> str:
    """Days as people say them: a number below ten keeps a decimal."""
    shown = f"{value:,.1f}".removesuffix(".0") if value < 10 else f"{value:,.0f}"
    return f"{shown} day" if shown == "1" else f"{shown} days"


def signed(value: float) -> str:
    """One decimal with its sign; two below 1, so that a slow pace is not shown as 0."""
    return f"{value:+,.1f}" if abs(value) >= 1 else f"{value:+.2f}"
