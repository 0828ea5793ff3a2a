"""How a step of the pipeline is shown to Dagster: its checks first, and then, if they let it, its tables."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from gitpulse_assets.checks.result import ChecksFailed
from gitpulse_assets.checks.specs import asset_check_result

if TYPE_CHECKING:
    from gitpulse_assets.pipeline.step import Made

M = TypeVar("M", bound="Made")


def checked(make: Callable[[], M]) -> Generator[dg.AssetCheckResult, None, M]:
    """Run a step, yield the results of its checks, and return what it made.

    Where a blocking one failed the step ends behind its results, before its first output: a blocking check
    alone would not do, since Dagster 1.13 stores every output of a multi-asset although a blocking check of
    it failed before them.
    """
    try:
        made = make()
    except ChecksFailed as failed:
        yield from map(asset_check_result, failed.results)
        raise dg.Failure(description=str(failed), allow_retries=False) from None
    yield from map(asset_check_result, made.checks)
    return made
