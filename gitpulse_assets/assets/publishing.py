"""How a step is shown to Dagster: its tables, where the checks let them, and behind them what those found."""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from gitpulse_assets.checks.result import ChecksFailed
from gitpulse_assets.checks.specs import asset_check_result

if TYPE_CHECKING:
    from gitpulse_assets.pipeline.step import Made

M = TypeVar("M", bound="Made")


def made_unless_refused(make: Callable[[], M]) -> Generator[dg.AssetCheckResult, None, M]:
    """Run a step and return what it made, which `shown` tells.

    Where a blocking check failed the step ends behind the results, before its first output: a blocking check
    alone would not do, since Dagster 1.13 stores every output of a multi-asset although a blocking check of
    it failed before them.
    """
    try:
        return make()
    except ChecksFailed as failed:
        yield from map(asset_check_result, failed.results)
        raise dg.Failure(description=str(failed), allow_retries=False) from None


def shown(made: "Made", outputs: Iterable[dg.Output]) -> Iterator[dg.Output | dg.AssetCheckResult]:
    """Yield the tables of a step, and behind them what its checks found.

    Dagster takes a check to be of the materialization that is newest when it is told: told before, the
    partition is shown as not checked since it was made.
    """
    yield from outputs
    yield from map(asset_check_result, made.checks)
