"""The charts: one function a chart, from the rows of a mart to a Vega-Lite document.

Each takes a small table as a sequence of rows; the title of its document says what is seen, its description
the same to a screen reader. Colours have their meanings from theme.py, titles their words from titles.py;
how a document becomes a picture belongs in render.py. Days are UTC days: they are drawn on UTC scales and
told in tooltips as text, which no viewer's time zone shifts.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import altair as alt

from gitpulse_assets.charts import titles
from gitpulse_assets.charts.parts import (
    Document,
    bar_height,
    day_axis,
    finish,
    hover,
    month_axis,
    numbers,
    rows_of,
    side_colour,
    stock_axis,
)
from gitpulse_assets.charts.titles import Row, Rows

LABELS_MAX = 15
# Room for a number at the end of a bar.
LABEL_PIXELS = 30
# Opened and closed differ in more than colour.
DASHES = [[1, 0], [7, 3]]
FLOW_FIELDS = (
    "flow_date",
    "open_at_end",
    "net_change",
    "rolling_7d_opened",
    "rolling_7d_closed",
    "rolling_7d_net_change",
)
BY_MONTH = "By UTC month of closing, as far as it lies in the window"
AGE_TICKS = [0, 1, 7, 30, 90, 365, 1000, 3000]


def backlog(flow: Rows, verdict: Row) -> Document:
    """Open issues day by day with the trend of the window and its 95 % interval."""
    stock = rows_of("flow").encode(x=day_axis(), y=stock_axis())
    line = stock.mark_line(style="closed", interpolate="step-after", strokeWidth=2.5)
    tooltip = [
        alt.Tooltip("day:N", title="day"),
        alt.Tooltip("open_at_end:Q", title="open at its end", format=","),
        alt.Tooltip("net_change:Q", title="change", format="+,"),
    ]
    tables = {"flow": flow_rows(flow), "trend": trend_rows(flow, verdict), "bulk": bulk_rows(flow, verdict)}
    # A layer without rows has no extent, of which Vega warns.
    band = trend() if tables["trend"] else []
    marks = bulk_marks() if tables["bulk"] else []
    chart = alt.layer(*band, line, *marks, hover("flow", tooltip))
    return finish(chart, titles.backlog(flow), titles.pace(verdict), **tables)


def trend() -> list[alt.Chart]:
    """The pace from the window's start, with the fan of its interval."""
    chart = rows_of("trend").encode(x=day_axis())
    band = chart.mark_area(style="opened", opacity=0.18).encode(y=stock_axis("low"), y2="high")
    pace = chart.mark_line(style="opened", strokeDash=[6, 4]).encode(y=stock_axis("pace"))
    return [band, pace]


def trend_rows(flow: Rows, verdict: Row) -> list[dict[str, Any]]:
    """The two ends of the trend; none where there is no pace."""
    if verdict["pace_per_week"] is None or not flow:
        return []
    start, weeks = verdict["open_at_start"], len(flow) / 7
    ends = [(flow[0]["flow_date"] - dt.timedelta(days=1), 0), (flow[-1]["flow_date"], weeks)]
    return [
        {
            "flow_date": day,
            "pace": start + verdict["pace_per_week"] * week,
            "low": max(0, start + verdict["pace_low_per_week"] * week),
            "high": max(0, start + verdict["pace_high_per_week"] * week),
        }
        for day, week in ends
    ]


def bulk_marks() -> list[alt.Chart]:
    """Where the trend does not follow the line: the days of the bulk movements that it sets aside."""
    base = rows_of("bulk").encode(x=day_axis(), y=stock_axis())
    text = base.mark_text(style="muted", dy=16, align="right").encode(text="said:N")
    return [base.mark_point(style="ink", filled=True, size=50, opacity=1), text]


def bulk_rows(flow: Rows, verdict: Row) -> list[dict[str, Any]]:
    """The days with bulk movements, and in words how many issues they moved."""
    counts: dict[Any, int] = {}
    for move in verdict["bulk_movements"] or []:
        day = move["started_at"].astimezone(dt.UTC).date()
        counts[day] = counts.get(day, 0) + move["issue_count"] * (1 if move["is_arrival"] else -1)
    return [
        {
            "flow_date": row["flow_date"],
            "open_at_end": row["open_at_end"],
            "said": f"{counts[row['flow_date']]:+,} in bulk",
        }
        for row in flow
        if row["flow_date"] in counts
    ]


def flow_rows(flow: Rows) -> list[dict[str, Any]]:
    """The days with no more fields than the charts draw."""
    return [{name: row[name] for name in FLOW_FIELDS} for row in flow]


def opened_and_closed(flow: Rows) -> Document:
    """Opened against closed over seven days, and the net change of the backlog in them."""
    data = rows_of("flow").encode(x=day_axis())
    net = data.mark_area(style="pale", interpolate="step").encode(
        y=alt.Y("rolling_7d_net_change:Q", title="issues in 7 days")
    )
    sides: list[str | alt.FieldName] = ["rolling_7d_opened", "rolling_7d_closed"]
    legend = alt.Legend(labelExpr=f"slice(datum.label, {len('rolling_7d_')})")
    scale = alt.Scale(domain=sides)
    lines = (
        data.transform_fold(sides, as_=["side", "issue_count"])
        .mark_line()
        .encode(
            y=alt.Y("issue_count:Q", title="issues in 7 days"),
            color=alt.Color("side:N", scale=scale, legend=legend),
            strokeDash=alt.StrokeDash("side:N", scale=alt.Scale(domain=sides, range=DASHES), legend=legend),
        )
    )
    tooltip = [
        alt.Tooltip("day:N", title="7 days to"),
        alt.Tooltip("rolling_7d_opened:Q", title="opened", format=","),
        alt.Tooltip("rolling_7d_closed:Q", title="closed", format=","),
        alt.Tooltip("rolling_7d_net_change:Q", title="net change", format="+,"),
    ]
    subtitle = (
        "Sums over 7 days; the filled area is the net change of the backlog, all ways in and out counted"
    )
    chart = alt.layer(net, lines, hover("flow", tooltip))
    return finish(chart, titles.flow(flow), subtitle, flow=flow_rows(flow))


def swing_days(days: Rows) -> Document:
    """The days that moved the backlog most; `url` in a row makes its bar a link to the issues behind it."""
    rows = [
        {
            "day": f"{row['flow_date']:%a} {row['flow_date']}",
            "net_change": row["net_change"],
            "way": "grew" if row["net_change"] > 0 else "shrank",
            "issues": numbers(row["issue_numbers"]),
            **({"url": row["url"]} if "url" in row else {}),
        }
        for row in days
    ]
    base = rows_of("rows").encode(
        x=alt.X("net_change:Q", title="change of the backlog, issues", scale=alt.Scale(padding=LABEL_PIXELS)),
        y=alt.Y("day:N", title=None, sort=None),
        tooltip=[
            alt.Tooltip("day:N", title="day"),
            alt.Tooltip("net_change:Q", title="change", format="+,"),
            alt.Tooltip("issues:N", title="issues behind it"),
        ],
    )
    if any("url" in row for row in rows):
        base = base.encode(href="url:N")
    colour = alt.Color("way:N", scale=alt.Scale(domain=["grew", "shrank"]), legend=None)
    label = alt.Text("net_change:Q", format="+,")
    bars = base.mark_bar(height={"band": 0.7}).encode(color=colour)
    up = base.transform_filter("datum.net_change > 0").mark_text(align="left", dx=4).encode(text=label)
    down = base.transform_filter("datum.net_change < 0").mark_text(align="right", dx=-4).encode(text=label)
    chart = alt.layer(bars, up, down).properties(height=bar_height(rows, 26))
    subtitle = "Opened, reopened and arrived less closed and departed, a UTC day"
    return finish(chart, titles.swings(days), subtitle, rows=rows)


def closure_age(months: Rows, in_window: Row) -> Document:
    """How old issues were when closed, by month, and the estimate that counts the open ones too."""
    names = {
        "median of the closed": "median_closure_age_days",
        "9 in 10 of the closed": "p90_closure_age_days",
        "median, open ones counted": "kaplan_meier_median_closure_age_days",
    }
    rows = measures(months, names)
    axis = alt.Axis(values=AGE_TICKS, title="days to close, log scale")
    chart = rows_of("rows").encode(
        x=month_axis(),
        y=alt.Y("value:Q", axis=axis, scale=alt.Scale(type="symlog", constant=1)),
        tooltip=[
            alt.Tooltip("month:N", title="month"),
            alt.Tooltip("measure:N", title="what"),
            alt.Tooltip("value:Q", title="days", format=",.1f"),
            alt.Tooltip("closed_issue_count:Q", title="closings", format=","),
        ],
    )
    subtitle = f"{BY_MONTH}; open issues are counted by Kaplan and Meier's estimate"
    return finish(pointed(chart, list(names)), titles.closure_age(in_window), subtitle, rows=rows)


def closure_shares(months: Rows, in_window: Row) -> Document:
    """Which part of each month's closings was new work and which part old."""
    names = {"within 7 days": "share_closed_within_7d", "after more than 90 days": "share_closed_after_90d"}
    rows = measures(months, names)
    axis = alt.Axis(format="%", title="share of the closings")
    chart = rows_of("rows").encode(
        x=month_axis(),
        y=alt.Y("value:Q", axis=axis, scale=alt.Scale(domain=[0, 1])),
        tooltip=[
            alt.Tooltip("month:N", title="month"),
            alt.Tooltip("measure:N", title="closed"),
            alt.Tooltip("value:Q", title="share", format=".0%"),
            alt.Tooltip("closed_issue_count:Q", title="closings", format=","),
        ],
    )
    return finish(pointed(chart, list(names)), titles.closure_shares(in_window), BY_MONTH, rows=rows)


def measures(months: Rows, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row a month and measure that is known."""
    return [
        {
            "closed_month": row["closed_month"],
            "measure": measure,
            "value": row[name],
            "closed_issue_count": row["closed_issue_count"],
        }
        for measure, name in names.items()
        for row in months
        if row[name] is not None
    ]


def pointed(chart: alt.Chart, names: list[str]) -> alt.LayerChart | alt.FacetChart:
    """Lines with points, since a window may lie in one month; the measures differ in more than colour."""
    scale, legend = alt.Scale(domain=names), alt.Legend(columns=1, labelLimit=400)
    points = chart.encode(
        color=alt.Color("measure:N", scale=scale, legend=legend),
        shape=alt.Shape("measure:N", scale=scale, legend=legend),
    )
    lines = chart.encode(color=alt.Color("measure:N", scale=scale, legend=legend))
    return alt.layer(lines.mark_line(), points.mark_point(filled=True, size=70, opacity=1))


def weekday_rhythm(rhythm: Rows) -> Document:
    """On which UTC weekdays issues are opened and closed."""
    rows = [
        dict(row) | {"weekday": str(row["weekday_name"])[:3], "side": row["event_type"]} for row in rhythm
    ]
    chart = (
        rows_of("rows")
        .mark_bar()
        .encode(
            x=alt.X("weekday:N", sort=None, title="UTC weekday", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("side:N", sort=["opened", "closed"]),
            y=alt.Y("issue_count:Q", title="issues"),
            color=side_colour(),
            tooltip=[
                alt.Tooltip("weekday_name:N", title="weekday"),
                alt.Tooltip("side:N", title="what"),
                alt.Tooltip("issue_count:Q", title="issues", format=","),
            ],
        )
    )
    return finish(chart, titles.weekdays(rhythm), rows=rows)


def backlog_by_label(labels: Rows) -> Document:
    """Open issues by label, the largest first; an issue counts under each of its labels."""
    largest = sorted(labels, key=lambda row: -row["open_issue_count"])[:LABELS_MAX]
    base = rows_of("rows").encode(
        x=alt.X("open_issue_count:Q", title="open issues"),
        y=alt.Y("label_name:N", sort=None, title=None, axis=alt.Axis(labelLimit=150)),
        tooltip=[
            alt.Tooltip("label_name:N", title="label"),
            alt.Tooltip("open_issue_count:Q", title="open", format=","),
            alt.Tooltip("share_of_open:Q", title="share of the backlog", format=".0%"),
            alt.Tooltip("net_change:Q", title="change in the window", format="+,"),
        ],
    )
    bars = base.mark_bar(style="closed", height={"band": 0.7})
    text = base.mark_text(align="left", dx=4).encode(text="said:N")
    chart = alt.layer(bars, text.transform_calculate(said=SAID)).properties(height=bar_height(largest, 23))
    subtitle = "An issue counts under each of its labels; in brackets the change in the window"
    return finish(chart, titles.labels(labels), subtitle, rows=largest)


SAID = "format(datum.open_issue_count, ',') + ' (' + format(datum.net_change, '+,') + ')'"


def backlog_by_age(bands: Rows) -> Document:
    """Open issues by how old they are now."""
    base = rows_of("rows").encode(
        x=alt.X("age_band:N", sort=None, title="age of the open issue, days", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("open_issue_count:Q", title="open issues"),
        tooltip=[
            alt.Tooltip("age_band:N", title="age"),
            alt.Tooltip("open_issue_count:Q", title="open", format=","),
            alt.Tooltip("share_of_open:Q", title="share of the backlog", format=".0%"),
            alt.Tooltip("oldest_issue_number:Q", title="oldest issue", format="d"),
        ],
    )
    bars = base.mark_bar(style="closed", width={"band": 0.7})
    text = base.mark_text(dy=-8).encode(text=alt.Text("open_issue_count:Q", format=","))
    return finish(alt.layer(bars, text), titles.ages(bands), rows=bands)


def comparison(verdicts: Rows) -> Document:
    """The pace of several repositories with its 95 % interval, the fastest growing first."""
    rows = [dict(row) | {"repository": f"{row['repo_owner']}/{row['repo_name']}"} for row in verdicts]
    rows = [row for row in rows if row["pace_per_week"] is not None]
    rows.sort(key=lambda row: row["pace_per_week"], reverse=True)
    kept = (
        "repository",
        "direction",
        "pace_per_week",
        "pace_low_per_week",
        "pace_high_per_week",
        "net_change",
    )
    shown = [{name: row[name] for name in kept} for row in rows]
    base = rows_of("rows").encode(
        y=alt.Y("repository:N", sort=None, title=None),
        tooltip=[
            alt.Tooltip("repository:N"),
            alt.Tooltip("direction:N"),
            alt.Tooltip("pace_per_week:Q", title="pace a week", format="+,.1f"),
            alt.Tooltip("pace_low_per_week:Q", title="95 % from", format="+,.1f"),
            alt.Tooltip("pace_high_per_week:Q", title="to", format="+,.1f"),
            alt.Tooltip("net_change:Q", title="exact change", format="+,"),
        ],
    )
    title = "pace of the backlog, issues a week, with its 95 % interval"
    zero = rows_of("zero").mark_rule(style="muted", strokeDash=[4, 4]).encode(x=alt.X("zero:Q", title=title))
    interval = base.mark_rule(style="closed", strokeWidth=2).encode(
        x=alt.X("pace_low_per_week:Q", title=title), x2="pace_high_per_week"
    )
    point = base.mark_point(style="closed", filled=True, size=80).encode(
        x=alt.X("pace_per_week:Q", title=title)
    )
    chart = alt.layer(zero, interval, point).properties(height=bar_height(rows, 30))
    return finish(chart, titles.comparison(verdicts), rows=shown, zero=[{"zero": 0}])
