"""The public events in Dagster: a partition is a UTC day, which a run brings from the archives.

How a file is read and merged stands in `events/`. What feeds bring is no run's business and no asset here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from gitpulse_assets.assets.specs import asset_spec
from gitpulse_assets.checks.specs import partitioned_check_spec
from gitpulse_assets.contracts.events import HOURS_CHECK, POLLED_TABLES, PUBLIC_EVENT
from gitpulse_assets.events.tables import EVENT_CONTRACTS
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.partitions import event_days
from gitpulse_assets.place import Day
from gitpulse_assets.resources import DuckDB, LakeResource, settings_or_failure
from gitpulse_assets.runs.telling import report_by_run
from gitpulse_assets.settings import Settings

if TYPE_CHECKING:
    from gitpulse_assets.events.ledger import HourRow
    from gitpulse_assets.lake.commit import Commit
    from gitpulse_assets.metrics.coverage import Coverage

DAY_TABLES = tuple(contract for contract in EVENT_CONTRACTS if contract not in POLLED_TABLES)
STARS_CHECK = "stars_agree"


@dg.multi_asset(
    name="public_events",
    specs=[asset_spec(contract) for contract in DAY_TABLES],
    check_specs=[
        partitioned_check_spec(
            HOURS_CHECK,
            PUBLIC_EVENT,
            is_blocking=False,
            description=(
                "Every hour of the day has what its archive usually brings, and the files that its late "
                "events come in were read, as far as they were when the day or one of the three after it "
                "was brought; where no archive serves it, every feed that is followed is proven whole."
            ),
        ),
        partitioned_check_spec(
            STARS_CHECK,
            PUBLIC_EVENT,
            is_blocking=False,
            description=(
                "No followed repository counts more new stars than its feed, which is whole, tells of, and "
                "none says that it has no star after ten and more."
            ),
        ),
    ],
    partitions_def=event_days,
)
def public_events(
    context: dg.AssetExecutionContext, lake: LakeResource, duckdb: DuckDB
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Bring the hour files of a day; what is there whole costs nothing."""
    from gitpulse_assets.metrics.event_days import coverage_of_day, star_trouble_of_day

    day, settings = Day(date.fromisoformat(context.partition_key)), settings_or_failure()
    with lake_errors(), duckdb.get_connection(settings) as con:
        target = lake.open(settings)
        rows = bring(context, settings, target, con, day)
        coverage, stars = coverage_of_day(target, con, day), star_trouble_of_day(target, con, day)
        judge_again(context, target, con, day)
        commit = target.commit("silver", day)
    for contract in DAY_TABLES:
        yield dg.MaterializeResult(
            asset_key=list(contract.asset_key),
            metadata={"dagster/partition_row_count": count(commit, contract)},
        )
    yield hours_result(coverage)
    yield dg.AssetCheckResult(
        asset_key=list(PUBLIC_EVENT.asset_key), check_name=STARS_CHECK, **stars_found(stars)
    )
    # Behind what was brought: a later run asks for it again.
    if silent := next((row for row in rows if row.status == "unreachable"), None):
        raise dg.Failure(f"{silent.source}: {silent.detail}")


def bring(
    context: dg.AssetExecutionContext, settings: Settings, lake: Any, con: Any, day: Day
) -> "list[HourRow]":
    """Bring a day from every archive that serves it; each file is told in the run's log."""
    from gitpulse_assets.events.backfill import Backfill, refusal
    from gitpulse_assets.events.fetching import Fetcher
    from gitpulse_assets.events.ledger import in_words
    from gitpulse_assets.events.projection import projections
    from gitpulse_assets.github.errors import UnusableEnvironment

    if trouble := refusal(settings.archives, day.event_date, day.event_date):
        raise dg.Failure(trouble, allow_retries=False)
    try:
        with Fetcher() as fetcher:
            backfill = Backfill(lake, con, fetcher, projections())
            told = lambda row: context.log.info(in_words(row))  # noqa: E731
            return backfill.days(settings.archives, day.event_date, day.event_date, told)
    except UnusableEnvironment as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def judge_again(context: dg.AssetExecutionContext, lake: Any, con: Any, day: Day) -> None:
    """Report anew how whole the days before are: what is late of them may have come with this one."""
    from gitpulse_assets.contracts.events import ARCHIVE_HOUR
    from gitpulse_assets.events.ledger import UNTRUE_HOURS
    from gitpulse_assets.lake.parts import parts_of
    from gitpulse_assets.metrics.event_days import coverage_of_day

    for back in range(1, UNTRUE_HOURS // 24 + 1):
        earlier = Day(day.event_date - timedelta(days=back))
        if parts_of(lake.commit("silver", earlier), ARCHIVE_HOUR):
            found = hours_result(coverage_of_day(lake, con, earlier))
            report_by_run(context.instance, context.run_id, found, earlier.key)


def count(commit: "Commit | None", contract: Any) -> int:
    """Rows of a table in a day, over its parts."""
    from gitpulse_assets.lake.parts import parts_of

    return sum(table.row_count for table in parts_of(commit, contract).values())


def stars_found(trouble: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the check of stars came to, for a run and for a sensor."""
    from gitpulse_assets.events.stars import IN_WORDS

    told = [
        f"{row['repository_name']}: {IN_WORDS[row['reason']]} ({row['count_before']:,} at "
        f"{row['before_at']:%Y-%m-%d %H:%M}, {row['star_count']:,} at {row['counted_at']:%Y-%m-%d %H:%M}, "
        f"{row['given_count']:,} events)"
        for row in trouble
    ]
    return {
        "passed": not told,
        "description": "; ".join(told[:3]) or "counts and events agree, as far as both are there",
        "metadata": {"contradicted_count": len(told), "contradicted": told},
    }


def hours_result(coverage: "Coverage") -> dg.AssetCheckResult:
    """The day's hours as a run tells of them."""
    key = list(PUBLIC_EVENT.asset_key)
    return dg.AssetCheckResult(asset_key=key, check_name=HOURS_CHECK, **hours_found(coverage))


def hours_found(coverage: "Coverage") -> dict[str, Any]:
    """The day's hours as Dagster shows them, for a run and for a sensor."""
    counts = {f"{verdict}_hour_count": number for verdict, number in coverage.hour_counts.items()}
    stretches = [
        f"{one.from_at:%H:%M} to {one.to_at:%H:%M}: {one.verdict}, {one.reason.replace('_', ' ')}"
        for one in coverage.stretches
    ]
    return {
        "passed": not coverage.stretches,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": coverage.reason() or "every hour is whole",
        "metadata": {**counts, "not_whole": stretches},
    }
