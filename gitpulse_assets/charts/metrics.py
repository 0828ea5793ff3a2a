"""The charts of metrics: a bar or a line from whatever rows one has, with the time that is not whole shaded.

The first column is what the second is of. Titles are the metric's name; times are UTC, in tooltips as text.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import altair as alt

from gitpulse_assets.charts.charts import LABELS_MAX
from gitpulse_assets.charts.parts import Document, bar_height, finish, hover_width, rows_of
from gitpulse_assets.charts.titles import Rows
from gitpulse_assets.metrics.coverage import hour_of

BAR_PIXELS = 23
# A point for each of so few: a value between two gaps has no line.
POINTS_MAX = 60
CLOCK = "utcFormat(datum.value, utchours(datum.value) || utcminutes(datum.value) ? '%H:%M' : '%e %b')"
SHADE = {"missing": ("pale", 0.7), "thin": ("opened", 0.24)}


def bars(title: str, subtitle: str, unit: str, columns: Sequence[str], rows: Rows) -> Document:
    """The first rows as bars, each named by its first column."""
    label, value = columns[:2]
    shown = [{"label": named(row[label]), "value": row[value]} for row in rows[:LABELS_MAX]]
    # Room for a number at the end of the longest bar.
    most = 1.15 * max((row["value"] or 0 for row in shown), default=0) or 1
    base = rows_of("rows").encode(
        x=alt.X("value:Q", title=unit, scale=alt.Scale(domain=[0, most], nice=False)),
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=190)),
        tooltip=[
            alt.Tooltip("label:N", title=spoken(label)),
            alt.Tooltip("value:Q", title=unit, format=",~r"),
        ],
    )
    bar = base.mark_bar(style="closed", height={"band": 0.7})
    text = base.mark_text(align="left", dx=4).encode(text=alt.Text("value:Q", format=",.4~r"))
    chart = alt.layer(bar, text).properties(height=bar_height(shown, BAR_PIXELS))
    return finish(chart, title, subtitle, rows=shown)


def line(
    title: str, subtitle: str, unit: str, columns: Sequence[str], rows: Rows, not_whole: Rows
) -> Document:
    """The rows as a line over time; `not_whole`: stretches with `from_at`, `to_at` and their `verdict`."""
    time, value = columns[:2]
    shown = [
        {
            "at": row[time],
            "value": row[value],
            "said": moment(row[time]),
            "hours": hours_at(row[time], not_whole),
        }
        for row in rows
    ]
    shades = [shade(verdict) for verdict in SHADE if any(one["verdict"] == verdict for one in not_whole)]
    base = rows_of("rows").encode(x=time_axis("at:T"))
    drawn = base.mark_line(style="closed", point={"size": 24} if len(rows) <= POINTS_MAX else False).encode(
        y=alt.Y("value:Q", title=unit)
    )
    tables: dict[str, Rows] = {
        verdict: [one for one in not_whole if one["verdict"] == verdict] for verdict in SHADE
    }
    told = {name: found for name, found in tables.items() if found}
    return finish(alt.layer(*shades, drawn, pointed(unit)), title, subtitle, rows=shown, **told)


def hours_at(at: dt.date, not_whole: Rows) -> str:
    """What is said of the hour of a moment; of a day, which is many, nothing."""
    if not isinstance(at, dt.datetime):
        return ""
    within = next((one for one in not_whole if hour_of(one["from_at"]) <= at < one["to_at"]), None)
    return f"{within['verdict']}: {within['reason'].replace('_', ' ')}" if within else ""


def shade(verdict: str) -> alt.Chart:
    """Stretches of one verdict behind the line."""
    style, opacity = SHADE[verdict]
    return (
        rows_of(verdict)
        .mark_rect(style=style, opacity=opacity)
        .encode(x=time_axis("from_at:T"), x2="to_at:T")
    )


def pointed(unit: str) -> alt.Chart:
    """An unseen line a row that answers the pointer with its figure."""
    under = alt.selection_point(fields=["at"], on="pointerover", clear="pointerout", empty=False)
    tooltip = [
        alt.Tooltip("said:N", title="UTC"),
        alt.Tooltip("told:N", title=unit),
        alt.Tooltip("hours:N", title="not whole"),
    ]
    return (
        rows_of("rows")
        .transform_calculate(told="isValid(datum.value) ? format(datum.value, ',.4~r') : 'not known'")
        .mark_rule(style="muted", strokeWidth=hover_width("rows"), aria=False)
        .encode(
            x=time_axis("at:T"), opacity=alt.condition(under, alt.value(0.25), alt.value(0)), tooltip=tooltip
        )
        .add_params(under)
    )


def time_axis(field: str) -> alt.X:
    """UTC time from left to right."""
    return alt.X(
        field,
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(grid=False, tickCount=6, labelOverlap=True, labelExpr=CLOCK),
    )


def moment(at: dt.date) -> str:
    """A day, or a moment to the minute, UTC."""
    return f"{at:%Y-%m-%d %H:%M}" if isinstance(at, dt.datetime) else f"{at}"


def named(value: Any) -> str:
    """What a bar is called."""
    return "–" if value is None else str(value)


def spoken(column: str) -> str:
    """A column's name in words."""
    return column.replace("_", " ")
