"""The charts of pull requests, answers and people, from the rows of their marts; titles say what is seen.

Durations are drawn in days. Months are UTC months, by the creation unless said otherwise.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt

from gitpulse_assets.charts import conversation_titles as titles
from gitpulse_assets.charts.charts import AGE_TICKS, pointed
from gitpulse_assets.charts.parts import Document, day_axis, finish, hover, month_axis, rows_of
from gitpulse_assets.charts.titles import DAY_SECONDS, Rows

FLOW_FIELDS = ("flow_date", "open_at_end", "drafts_at_end", "opened_count", "merged_count")
STOCKS = {"open": "open_at_end", "drafts among them": "drafts_at_end"}
DASHES = [[1, 0], [7, 3]]


def open_pull_requests(flow: Rows) -> Document:
    """Open pull requests day by day, and the drafts among them."""
    rows = [{name: row[name] for name in FLOW_FIELDS} for row in flow]
    names = list(STOCKS)
    lines = (
        rows_of("flow")
        .transform_fold(list(STOCKS.values()), as_=["stock", "pull_requests"])
        .transform_calculate(said=f"datum.stock === 'open_at_end' ? '{names[0]}' : '{names[1]}'")
        .mark_line(interpolate="step-after")
        .encode(
            x=day_axis(),
            y=alt.Y("pull_requests:Q", title="pull requests"),
            color=alt.Color("said:N", scale=alt.Scale(domain=names)),
            strokeDash=alt.StrokeDash("said:N", scale=alt.Scale(domain=names, range=DASHES)),
        )
    )
    tooltip = [
        alt.Tooltip("day:N", title="day"),
        alt.Tooltip("open_at_end:Q", title="open at its end", format=","),
        alt.Tooltip("drafts_at_end:Q", title="drafts", format=","),
        alt.Tooltip("opened_count:Q", title="opened", format=","),
        alt.Tooltip("merged_count:Q", title="merged", format=","),
    ]
    chart = alt.layer(lines, hover("flow", tooltip))
    return finish(chart, titles.open_pull_requests(flow), "At the end of each UTC day", flow=rows)


def waits(months: Rows, names: Mapping[str, str], title: str) -> Document:
    """How long it took by month: each measure's column holds seconds."""
    rows = [
        {"begun_month": row["month"], "measure": measure, "value": row[column] / DAY_SECONDS}
        for measure, column in names.items()
        for row in months
        if row[column] is not None
    ]
    chart = rows_of("rows").encode(
        x=month_axis("begun_month"),
        y=alt.Y(
            "value:Q",
            axis=alt.Axis(values=[0.1, *AGE_TICKS], title="days, log scale", format=",.1~f"),
            scale=alt.Scale(type="symlog", constant=0.1),
        ),
        tooltip=[
            alt.Tooltip("month:N", title="month"),
            alt.Tooltip("measure:N", title="what"),
            alt.Tooltip("value:Q", title="days", format=",.2f"),
        ],
    )
    subtitle = (
        "By UTC month of the creation; those that still wait are counted by Kaplan and Meier's estimate"
    )
    return finish(pointed(chart, list(names)), title, subtitle, rows=rows)


def active_people(months: Rows) -> Document:
    """How many people acted each month, the new and those who are back among them."""
    names = {"active": "active_count", "new": "new_count", "back after half a year": "returning_count"}
    rows: list[dict[str, Any]] = [
        {"begun_month": row["month"], "measure": measure, "value": row[column]}
        for measure, column in names.items()
        for row in months
    ]
    chart = rows_of("rows").encode(
        x=month_axis("begun_month"),
        y=alt.Y("value:Q", title="people"),
        tooltip=[
            alt.Tooltip("month:N", title="month"),
            alt.Tooltip("measure:N", title="who"),
            alt.Tooltip("value:Q", title="people", format=","),
        ],
    )
    return finish(pointed(chart, list(names)), titles.active_people(months), "By UTC month", rows=rows)
