"""What several charts are made of: axes, colours, rows as JSON, the line that answers a pointer.

The charts themselves belong in charts.py.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import altair as alt

from gitpulse_assets.charts.titles import Rows

# Least width of what answers a pointer.
HOVER_PIXELS = 8
HEIGHT = 260
NUMBERS_SHOWN = 12
DAY = "flow_date:T"

Document = dict[str, Any]


def rows_of(table: str) -> alt.Chart:
    """A chart of a table by its name: the rows go into the document unread, where Altair would check each."""
    return alt.Chart(alt.NamedData(table))


def hover_width(table: str) -> alt.ExprRef:
    """As wide as a row's share of the chart, so that a pointer between two days is answered, too."""
    return alt.ExprRef(f"max({HOVER_PIXELS}, width / length(data('{table}')))")


def hover(table: str, tooltip: list[alt.Tooltip]) -> alt.Chart:
    """An unseen line a day that answers the pointer with the day's figures."""
    under = alt.selection_point(fields=["flow_date"], on="pointerover", clear="pointerout", empty=False)
    return (
        rows_of(table)
        .mark_rule(style="muted", strokeWidth=hover_width(table), aria=False)
        .encode(x=day_axis(), opacity=alt.condition(under, alt.value(0.25), alt.value(0)), tooltip=tooltip)
        .add_params(under)
    )


def day_axis() -> alt.X:
    """UTC days from left to right."""
    return alt.X(
        DAY,
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(grid=False, tickCount=6, labelOverlap=True),
    )


def month_axis(field: str = "closed_month") -> alt.X:
    """UTC months from left to right: of closing, or of another field."""
    axis = alt.Axis(format="%b %Y", tickCount="month", labelOverlap=True, grid=False)
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def stock_axis(field: str = "open_at_end") -> alt.Y:
    """Open issues; it need not begin at 0, since changes are what is looked for."""
    return alt.Y(f"{field}:Q", title="open issues", scale=alt.Scale(zero=False, nice=True))


def side_colour() -> alt.Color:
    """Opened and closed in their own colours."""
    return alt.Color("side:N", scale=alt.Scale(domain=["opened", "closed"]))


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON has it, with its day or month as text beside the moment that is drawn."""
    shown = {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}
    if isinstance(day := row.get("flow_date"), dt.date):
        shown["day"] = f"{day:%a} {day}"
    if isinstance(month := row.get("closed_month") or row.get("begun_month"), dt.date):
        shown["month"] = f"{month:%B %Y}"
    return shown


def numbers(found: list[int]) -> str:
    """The first issue numbers, and how many more."""
    shown = ", ".join(f"#{number}" for number in found[:NUMBERS_SHOWN])
    return f"{shown} and {len(found) - NUMBERS_SHOWN} more" if len(found) > NUMBERS_SHOWN else shown


def bar_height(rows: Rows, pixels: int) -> int:
    """The height of a chart with a bar a row; said outright, since a page fits the width alone."""
    return max(2, len(rows)) * pixels


def finish(chart: Any, title: str, subtitle: str = "", **tables: Rows) -> Document:
    """Give a chart its title and its tables, and say to a screen reader what it says to the eye.

    The document is held to Vega-Lite's schema by the tests, not each time it is made.
    """
    said = alt.TitleParams(title, subtitle=subtitle) if subtitle else alt.TitleParams(title)
    chart = chart.properties(title=said, description=f"{title}. {subtitle}".rstrip(". ") + ".")
    data = {name: [plain(row) for row in rows] for name, rows in tables.items()}
    return {"height": HEIGHT, **chart.to_dict(validate=False), "datasets": data}
