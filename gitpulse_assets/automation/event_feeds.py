"""The sensor that polls the feeds of what is watched: no run, since a poll is over in a second.

What a poll proves and how it is kept stands in `events/feeds.py`.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.instance.utils import RUNLESS_RUN_ID

from gitpulse_assets.assets.events import STARS_CHECK, hours_found, stars_found
from gitpulse_assets.automation.watching import NOTHING_WATCHED, sensor_client, skipped
from gitpulse_assets.contracts.events import ARCHIVE_HOUR, FEED_SPAN, HOURS_CHECK, PUBLIC_EVENT, STAR_COUNT
from gitpulse_assets.place import Day
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.telling import newest_materialization
from gitpulse_assets.settings import load_settings

if TYPE_CHECKING:
    from gitpulse_assets.events.feeds import PollRound
    from gitpulse_assets.github.target import Target
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.watch.state import Membership

POLL_SECONDS = 60
# By this hour UTC every feed that is followed was polled, and its stars were counted.
STARS_COUNTED_HOUR = 1
# And by this one all of the day before has shown up, of late, and every feed was polled behind it.
DAY_SHOWN_HOUR = 7
# A day is brought, and so checked, by a handful of runs.
CHECKS_READ = 100
# Dagster ends a tick after 60 seconds; what was begun with then still takes some.
POLLING_SECONDS_MAX = 30.0
NO_TOKEN = (
    "without a token every poll costs some of GitHub's 60 requests an hour; set GITHUB_TOKEN, or poll single "
    "repositories with gitpulse events watch"
)


@dg.sensor(
    name="event_feeds",
    minimum_interval_seconds=POLL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Polls the public events of the watched repositories and organisations, each at its pace; a feed in "
        "which nothing came costs no quota. silver/feed_span says in which stretches none was missed. Off "
        "until switched on; `watch_list` says who is watched."
    ),
)
def event_feeds(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Poll feeds that are due, as many as a tick has time for, and tell Dagster which days have more."""
    from gitpulse_assets.events.feeds import Poller
    from gitpulse_assets.events.projection import projections
    from gitpulse_assets.lake.duck import connect
    from gitpulse_assets.watch.state import membership

    settings = load_settings()
    lake = open_lake(settings)
    followed = watched_feeds(membership(lake.store).load(), with_firehose=settings.is_firehose_polled)
    if not followed:
        return skipped(NOTHING_WATCHED)
    if not settings.has_credential:
        return skipped(NO_TOKEN)
    with connect(settings.duckdb_memory_limit) as con:
        poller = Poller(lake, con, sensor_client(settings), projections(), settings.event_retention)
        found = poller.poll(followed, datetime.now(UTC), seconds_max=POLLING_SECONDS_MAX)
        checked = list(day_checked(context.instance, lake, con, found))
    if found.stopped_by:
        context.log.warning(found.stopped_by)
    return dg.SensorResult(
        asset_events=[*materialized(found), *checked],
        skip_reason=dg.SkipReason(in_words(found, len(followed))),
    )


def watched_feeds(members: "Membership", *, with_firehose: bool) -> "list[Target]":
    """The watched repositories and organisations, and the firehose beside them; people have no feed."""
    from gitpulse_assets.github.target import Firehose, Owner

    repos = [members.members[key].repo for key in members.watched_keys]
    owners = {
        owner for owner, listing in members.listings.items() if any("/orgs/" in url for url in listing.pages)
    }
    followed = [*repos, *(Owner(owner) for owner in sorted(owners))]
    return [*followed, *([Firehose()] if followed and with_firehose else [])]


def materialized(found: "PollRound") -> list[dg.AssetMaterialization]:
    """What Dagster is told of the days that have more events."""
    return [
        dg.AssetMaterialization(
            list(PUBLIC_EVENT.asset_key), partition=day.isoformat(), metadata={"added_count": count}
        )
        for day, count in sorted(found.added.items())
        if count
    ]


def day_checked(
    instance: dg.DagsterInstance, lake: "Lake", con: Any, found: "PollRound"
) -> "Iterator[dg.AssetCheckEvaluation]":
    """The checks of the last day, once all is there that they are about and all of the day has shown up."""
    from gitpulse_assets.lake.parts import parts_of
    from gitpulse_assets.metrics.event_days import coverage_of_day, star_trouble_of_day

    polled_at = max((poll.span.span_end_at for poll in found.polls if poll.span), default=None)
    if polled_at is None:
        return
    day = Day(polled_at.date() - timedelta(days=1))
    commit = lake.commit("silver", day)
    if polled_at.hour >= STARS_COUNTED_HOUR and parts_of(commit, STAR_COUNT):
        yield from told_once(
            instance, STARS_CHECK, day, lambda: stars_found(star_trouble_of_day(lake, con, day))
        )
    # Where an archive has files of the day, the run that brings them tells.
    is_of_feeds = parts_of(commit, FEED_SPAN) and not parts_of(commit, ARCHIVE_HOUR)
    if polled_at.hour >= DAY_SHOWN_HOUR and is_of_feeds:
        yield from told_once(instance, HOURS_CHECK, day, lambda: hours_found(coverage_of_day(lake, con, day)))


def told_once(
    instance: dg.DagsterInstance, check_name: str, day: Day, find: Callable[[], dict[str, Any]]
) -> Iterator[dg.AssetCheckEvaluation]:
    """A check of a day, unless it was told."""
    key = dg.AssetKey(list(PUBLIC_EVENT.asset_key))
    if not is_told(instance, check_name, day):
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=check_name,
            partition=day.key,
            target_materialization_data=newest_materialization(instance, key, day.key),
            **find(),
        )


def is_told(instance: dg.DagsterInstance, check_name: str, day: Day) -> bool:
    """Whether a check of a day was told without a run: Dagster 1.13 refuses a second one."""
    key = dg.AssetCheckKey(dg.AssetKey(list(PUBLIC_EVENT.asset_key)), check_name)
    told = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=CHECKS_READ, partition_filter=PartitionKeyFilter(key=str(day.event_date))
    )
    return any(record.run_id == RUNLESS_RUN_ID for record in told)


def in_words(found: "PollRound", watched_count: int) -> str:
    """What a tick came to, in one line."""
    failed = [poll for poll in found.polls if poll.span is None]
    gaps = sum(poll.gap_reason is not None and not poll.is_sample for poll in found.polls)
    trouble = f"; {failed[0].state.trouble}" if failed else ""
    stopped = f"; stopped early: {found.stopped_by}" if found.stopped_by else ""
    return (
        f"{len(found.polls)} of {watched_count} feeds polled, {found.added_count} events new; before {gaps} "
        f"polls events may be missing, {len(failed)} failed{trouble}{stopped}"
    )
