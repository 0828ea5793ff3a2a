"""`gitpulse kpi`: the metrics in the terminal: rows as CSV, and beside them what they stand on."""

from collections.abc import Mapping, Sequence

import duckdb
from rich.console import Console

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.commands.console import refused, say, tell
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.metrics.answers import Answered, MetricAnswers
from gitpulse_assets.metrics.catalogue import Metric, read_metrics, shipped_metrics
from gitpulse_assets.metrics.clock import TooLong
from gitpulse_assets.metrics.event_days import NoEvents
from gitpulse_assets.metrics.parameters import BadParameter, MetricParameter, read_values
from gitpulse_assets.serve.media import encode_csv
from gitpulse_assets.settings import Settings, SettingsError


def print_kpi(settings: Settings, metric_id: str | None, given: Mapping[str, str]) -> int:
    """Print the rows of a metric, or the catalogue where none is named; return the exit code."""
    try:
        metrics = catalogue(settings)
        if metric_id is None:
            say("\n".join(listed(metrics)))
            return DONE
        by_id = {metric.id: metric for metric in metrics}
        if metric_id not in by_id:
            return refused(f"{metric_id!r} is no metric; known are {', '.join(by_id)}", WRONG_USE)
        answered = asked(settings, by_id[metric_id], given)
    except (SettingsError, BadParameter, TooLong) as error:
        return refused(error, WRONG_USE)
    except (LakeError, NoEvents, duckdb.Error) as error:
        return refused(error, FAILED)
    say(encode_csv(answered.rows).rstrip())
    tell(Console(stderr=True), stands_on(answered))
    return DONE


def catalogue(settings: Settings) -> tuple[Metric, ...]:
    """The shipped metrics, and those of the user's file; raises SettingsError where that is wrong."""
    shipped = shipped_metrics()
    if settings.metrics_file is None:
        return shipped
    return (*shipped, *read_metrics(settings.metrics_file, frozenset(metric.id for metric in shipped)))


def asked(settings: Settings, metric: Metric, given: Mapping[str, str]) -> Answered:
    """Ask one metric."""
    values = read_values(metric.entry.parameters, given)
    lake = open_lake(settings, is_writable=False)
    of_lake = LakeAnswers(lake)
    answers = MetricAnswers(lake, of_lake)
    try:
        return answers.ask(metric, values)
    finally:
        answers.close()
        of_lake.close()


def listed(metrics: Sequence[Metric]) -> list[str]:
    """The catalogue, a metric and then its parameters."""
    return [
        line
        for metric in metrics
        for line in (
            f"{metric.id}: {metric.entry.description}",
            *(f"  {one.name}={default_of(one)}: {one.meaning}" for one in metric.entry.parameters),
        )
    ]


def default_of(parameter: MetricParameter) -> str:
    """What is taken where nothing is said."""
    return "" if parameter.default is None else str(parameter.default)


def stands_on(answered: Answered) -> str:
    """Up to when the rows hold, and how much of the time asked for is whole."""
    moment = f"{answered.as_of_at:%Y-%m-%d %H:%M} UTC" if answered.as_of_at else "never"
    coverage = answered.coverage
    whole = f", {100 * coverage.share_whole:.1f} % of the time asked for is whole" if coverage else ""
    return f"as of {moment}{whole}. {answered.reason or ''}".strip()
