"""The story of one repository's backlog in one window, from top to bottom, for the page and the report alike.

Each card asks one question, answers it in words, draws the chart and keeps its rows for those who cannot see
it. What a figure means belongs to the answers, how a card looks to the templates.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitpulse_assets.answers.conversations import ListFilter
from gitpulse_assets.answers.errors import NotCollected, UnknownFilter
from gitpulse_assets.answers.published import Published
from gitpulse_assets.answers.repository import ClosureAge, RepositoryAnswers
from gitpulse_assets.answers.waiting import Waiting
from gitpulse_assets.answers.window import Window
from gitpulse_assets.charts import charts, titles
from gitpulse_assets.charts.parts import Document
from gitpulse_assets.charts.render import untitled
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects

Row = Mapping[str, Any]
SWING_DAYS_SHOWN = 6

DayLink = Callable[[dt.date], str]


@dataclass(frozen=True)
class ChartCard:
    """A chart, its title, which says what it shows, and the rows behind it, by (field, heading)."""

    name: str
    title: str
    subtitle: str
    description: str
    document: dict[str, Any]
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Story:
    """Everything that is told of one repository, for one window and perhaps one label."""

    published: Published
    window: Window
    label: str | None
    verdict: dict[str, Any]
    header: dict[str, Any]
    swing_days: Sequence[Row]
    cards: Mapping[str, ChartCard]
    waiting: Waiting | None = None


STOCK_COLUMNS = (
    ("flow_date", "UTC day"),
    ("open_at_end", "open at its end"),
    ("net_change", "net change"),
)
FLOW_COLUMNS = (
    ("flow_date", "UTC day"),
    ("opened_count", "opened"),
    ("closed_count", "closed"),
    ("net_change", "net change"),
    ("rolling_7d_opened", "opened in 7 days"),
    ("rolling_7d_closed", "closed in 7 days"),
    ("rolling_7d_net_change", "net change in 7 days"),
)
SWING_COLUMNS = (
    ("flow_date", "UTC day"),
    ("net_change", "net change"),
    ("opened_count", "opened"),
    ("closed_count", "closed"),
)
MONTH_COLUMNS = (
    ("closed_month", "month"),
    ("closed_issue_count", "closings"),
    ("median_closure_age_days", "median age, days"),
    ("p90_closure_age_days", "9 in 10 within, days"),
    ("kaplan_meier_median_closure_age_days", "median with open issues, days"),
    ("share_closed_within_7d", "closed within 7 days"),
    ("share_closed_after_90d", "closed after 90 days"),
)
LABEL_COLUMNS = (
    ("label_name", "label"),
    ("open_issue_count", "open"),
    ("opened_count", "opened"),
    ("closed_count", "closed"),
    ("net_change", "net change"),
)
AGE_COLUMNS = (("age_band", "age"), ("open_issue_count", "open"), ("share_of_open", "share"))
WEEKDAY_COLUMNS = (("weekday_name", "UTC weekday"), ("event_type", "what"), ("issue_count", "issues"))


def tell(answers: RepositoryAnswers, window: Window, label: str | None, day_link: DayLink) -> Story:
    """Ask every question of one window; `day_link` says where the issues behind a swing day are shown."""
    verdict = answers.verdict(window, label)
    days = largest(answers.swing_days(window, label).to_pylist())
    linked = [day | {"url": day_link(day["flow_date"])} for day in days]
    flow = answers.daily_flow(window, label).to_pylist()
    made = [
        card("backlog", charts.backlog(flow, verdict), STOCK_COLUMNS, flow[::-1]),
        card("flow", charts.opened_and_closed(flow), FLOW_COLUMNS, flow[::-1]),
        card("swings", charts.swing_days(linked), SWING_COLUMNS, linked),
        *closure_cards(answers.closure_age(window, label)),
        *shape_cards(answers, window, label),
    ]
    return Story(
        published=answers.published,
        window=window,
        label=label,
        verdict=verdict,
        header=answers.header(window, label),
        swing_days=linked,
        cards={one.name: one for one in made},
        waiting=act_first(answers, window, label),
    )


def act_first(answers: RepositoryAnswers, window: Window, label: str | None) -> Waiting | None:
    """Who waits now; None of a window that is over, where it is not chosen, and before it was collected."""
    is_past = window.end_date != answers.published.last_complete_date
    if is_past or CONTRIBUTORS not in chosen_subjects():
        return None
    try:
        return answers.waiting(ListFilter(label))
    except (NotCollected, UnknownFilter):
        return None


def largest(days: Sequence[Row]) -> list[dict[str, Any]]:
    """The first few swing days each way; the tenth is seldom more than noise."""
    return [dict(day) for day in days if day["swing_rank"] <= SWING_DAYS_SHOWN]


def closure_cards(closure: ClosureAge) -> list[ChartCard]:
    """How old issues were when closed, and which part was new or old work."""
    months = closure.months.to_pylist()
    return [
        card("closure_age", charts.closure_age(months, closure.in_window), MONTH_COLUMNS, months),
        card("closure_shares", charts.closure_shares(months, closure.in_window), MONTH_COLUMNS, months),
    ]


def shape_cards(answers: RepositoryAnswers, window: Window, label: str | None) -> list[ChartCard]:
    """When it happens, which labels the backlog has, and how old it is."""
    rhythm = answers.weekday_rhythm(window, label).to_pylist()
    labels = answers.labels(window, label).to_pylist()
    ages = answers.ages(window, label).to_pylist()
    return [
        card("weekdays", charts.weekday_rhythm(rhythm), WEEKDAY_COLUMNS, rhythm),
        card("labels", charts.backlog_by_label(labels), LABEL_COLUMNS, labels),
        card("ages", charts.backlog_by_age(ages), AGE_COLUMNS, ages),
    ]


def card(name: str, document: Document, columns: Sequence[tuple[str, str]], rows: Sequence[Row]) -> ChartCard:
    """Take a chart's title off: above the card it is text that wraps, can be read out and copied."""
    title = document["title"]
    return ChartCard(
        name=name,
        title=title["text"],
        subtitle=title.get("subtitle", ""),
        description=document["description"],
        document=untitled(document),
        columns=columns,
        rows=rows,
    )


def figures(story: Story) -> list[tuple[str, str, str]]:
    """The header's figures as (what, value, note)."""
    header, verdict = story.header, story.verdict
    return [
        ("Open now", f"{header['open_now_count']:,}", f"{header['open_at_end']:,} at the window's end"),
        ("Net change", f"{header['net_change']:+,}", f"from {header['open_at_start']:,}, exact"),
        pace_figure(verdict),
        ("Opened", f"{header['opened_count']:,}", f"{header['opened_per_week']:,.1f} a week"),
        ("Closed", f"{header['closed_count']:,}", f"{header['closed_per_week']:,.1f} a week"),
        age_figure(verdict),
    ]


def pace_figure(verdict: Row) -> tuple[str, str, str]:
    """The pace with its interval, or that there is none."""
    if verdict["pace_per_week"] is None:
        return ("Pace", "unknown", "needs 28 days of history")
    low, high = (titles.signed(verdict[name]) for name in ("pace_low_per_week", "pace_high_per_week"))
    return ("Pace a week", titles.signed(verdict["pace_per_week"]), f"95 % interval {low} to {high}")


def age_figure(verdict: Row) -> tuple[str, str, str]:
    """How old what is open is."""
    median, share = verdict["median_open_age_days"], verdict["share_open_over_1_year"]
    if median is None:
        return ("Median age", "none open", "")
    return ("Median age of open", titles.days(median), f"{titles.percent(share)} older than a year")
