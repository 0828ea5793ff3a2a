"""The page Events: every metric of the catalogue over one time, drawn as it says, with how whole that is."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import duckdb

from gitpulse_assets.charts import metrics as charts
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import Metric
from gitpulse_assets.metrics.clock import TooLong
from gitpulse_assets.metrics.coverage import Coverage
from gitpulse_assets.metrics.parameters import UNITS, Value
from gitpulse_assets.page.html import cell
from gitpulse_assets.page.story import ChartCard, card
from gitpulse_assets.processes.stopping import each_in_threads

# The widest first: how much came when, and what of it is whole.
FIRST = "events_per_minute"
COUNT_LEAST = 10
# A page shows what can be had soon, and says of the rest that the API takes longer.
SECONDS_MAX = 6.0
READERS = 4
SHADED = "Grey: missing. Orange: thin."
NOT_COMPUTED = "It cannot be computed; the server's log says why."
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """A metric on the page: a chart with its rows, one value, or rows alone.

    `reason`: why it is not the whole truth, or why there is nothing.
    """

    metric: Metric
    card: ChartCard
    value: str | None
    reason: str | None

    @property
    def is_drawn(self) -> bool:
        """Whether it has a chart."""
        return bool(self.card.document)


@dataclass(frozen=True)
class EventsPage:
    """Everything that stands on the page; `coverage` is that of the whole time chosen."""

    coverage: Coverage
    events: Sequence[Shown]
    issues: Sequence[Shown]


def events_page(answers: MetricAnswers, metrics: Sequence[Metric], minutes: int) -> EventsPage:
    """Ask every metric for the last so many minutes; raises NoEvents where there are none."""
    ordered = sorted(metrics, key=lambda metric: metric.id != FIRST)
    coverage = answers.coverage(ordered[0], values_of(ordered[0], minutes))
    said = coverage.reason()
    told = each_in_threads(lambda metric: shown(answers, metric, minutes, said), ordered, READERS)
    every = [one.result() for one in told]
    return EventsPage(
        coverage,
        [one for one in every if one.metric.is_of_events],
        [one for one in every if not one.metric.is_of_events],
    )


def shown(answers: MetricAnswers, metric: Metric, minutes: int, said: str | None) -> Shown:
    """Ask one metric; one that fails is told and does not take the others with it. `said`: what all lack."""
    values = values_of(metric, minutes)
    try:
        answered = answers.ask(metric, values, SECONDS_MAX)
    except TooLong as error:
        return untold(metric, values, f"{str(error)[:1].upper()}{str(error)[1:]}. The HTTP API waits longer.")
    except duckdb.Error as error:
        logger.error("metric %s: %s", metric.id, error)
        return untold(metric, values, NOT_COMPUTED)
    return told(metric, values, answered if answered.reason != said else replace(answered, reason=None))


def told(metric: Metric, values: Mapping[str, Value], answered: Answered) -> Shown:
    """A metric with its answer."""
    rows, names = answered.rows.to_pylist(), [column.name for column in metric.columns]
    value = None
    if metric.entry.visualisation == "value":
        value = f"{cell(rows[0][names[0]] if rows else None)} {metric.entry.unit}"
    return Shown(metric, drawn(metric, values, rows, answered.coverage), value, answered.reason)


def untold(metric: Metric, values: Mapping[str, Value], reason: str) -> Shown:
    """A metric without an answer."""
    return Shown(metric, drawn(metric, values, [], None), None, reason)


def drawn(
    metric: Metric, values: Mapping[str, Value], rows: Sequence[Mapping[str, Any]], coverage: Coverage | None
) -> ChartCard:
    """The card of a metric; without a document where it is a table or a value."""
    entry, names = metric.entry, [column.name for column in metric.columns]
    stretches = [vars(one) for one in coverage.stretches] if coverage else []
    subtitle = " ".join(one for one in (entry.description, time_told(metric, values)) if one)
    if entry.visualisation == "line" and stretches:
        subtitle = f"{subtitle} {SHADED}"
    columns = [(name, charts.spoken(name)) for name in names]
    if entry.visualisation == "line":
        document = charts.line(entry.name, subtitle, entry.unit, names, rows, stretches)
    else:
        document = charts.bars(entry.name, subtitle, entry.unit, names if len(names) > 1 else names * 2, rows)
    made = card(metric.id, document, columns, rows)
    return made if entry.visualisation in ("bar", "line") else replace(made, document={})


def values_of(metric: Metric, minutes: int) -> dict[str, Value]:
    """The parameters by default, and the time chosen in the unit and the bounds of the metric's window.

    Of so few hours or days a line says nothing: then it is the metric's own time.
    """
    values: dict[str, Value] = {one.name: one.default for one in metric.entry.parameters}
    if window := metric.window:
        count = math.ceil(timedelta(minutes=minutes) / UNITS[window.unit or "minutes"])
        least, most = window.bounds
        if window.default is None or count >= COUNT_LEAST:
            values[window.name] = int(max(least, min(count, most)))
    return values


def time_told(metric: Metric, values: Mapping[str, Value]) -> str | None:
    """Over which time it is."""
    window = metric.window
    if window is None:
        return None
    length = window.window_length(values[window.name])
    if length is None:
        return "All that was collected."
    unit = next(
        (unit for unit in ("days", "hours") if length > UNITS[unit] and not length % UNITS[unit]), "minutes"
    )
    return f"The last {length // UNITS[unit]:,} {unit}."
