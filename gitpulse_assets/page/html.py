"""HTML from the templates: everything is escaped, links lead to http(s) only, times are told in UTC.

What is told belongs in story.py, where it is served in `serve/`.
"""

import datetime as dt
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from gitpulse_assets.charts.theme import DARK, LIGHT, css_variables
from gitpulse_assets.charts.titles import DAY_SECONDS, days, percent, signed


def render(template: str, **values: Any) -> str:
    """Fill a template of `templates/`."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """The templates with their filters, made once a process."""
    made = Environment(
        loader=PackageLoader("gitpulse_assets.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cell": cell,
        "count": count,
        "moment": moment,
        "safe_url": safe_url,
        "signed": signed,
        "whole_days": whole_days,
    }
    return made


@cache
def stylesheet() -> str:
    """The page's CSS: the colours that charts share with it, then the rules."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {css_variables(DARK)} }} }}"
    return f":root {{ {css_variables(LIGHT)} }}\n{dark}\n{static('page.css')}"


@cache
def static(name: str) -> str:
    """Read a file of `static/`."""
    return (files("gitpulse_assets.page") / "static" / name).read_text("utf-8")


def cell(value: Any, field: str = "") -> str:
    """A value as a table shows it; a field's name tells its unit."""
    if value is None:
        return "–"
    if isinstance(value, dt.date):
        return day_or_moment(value, field)
    if isinstance(value, bool) or field.endswith("_id"):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if isinstance(value, int | float):
        return number(value, field)
    return ", ".join(value) or "–" if isinstance(value, list) else str(value)


def number(value: float, field: str) -> str:
    """A number in the unit that its field's name tells."""
    if field.startswith("share_"):
        return percent(value)
    if field.endswith("_seconds"):
        return days(value / DAY_SECONDS)
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:+,}" if "net_change" in field else f"{value:,}"


def day_or_moment(value: dt.date, field: str) -> str:
    """A day, a month where it stands for one, or a moment to the minute, UTC."""
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
    return f"{value:%B %Y}" if field.endswith("month") else f"{value}"


def count(value: int, noun: str = "") -> str:
    """A number with its noun: 1 issue, 2 issues."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}".strip() if noun else f"{value:,}"


def whole_days(value: float | None) -> str:
    """Whole days, as many as are over."""
    return "–" if value is None else f"{int(value):,}"


def moment(value: dt.datetime | None) -> str:
    """A moment to the minute, UTC."""
    return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if value else "never"


def safe_url(value: str | None) -> str:
    """An address as it may stand in a link; another scheme than http(s) leads nowhere."""
    return value if value and urlsplit(value).scheme in ("http", "https") else "#"
