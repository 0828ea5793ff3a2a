"""`gitpulse events`: public events brought into the tables, from archives and from feeds."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import NoReturn

import duckdb
from rich.console import Console

from gitpulse_assets.commands.console import refused, say, tell
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, PARTIAL, WRONG_USE
from gitpulse_assets.events.backfill import Backfill, refusal
from gitpulse_assets.events.feeds import Polled, Poller, PollRound
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.ledger import HourRow, in_words
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.errors import BadToken, UnusableEnvironment
from gitpulse_assets.github.target import Target
from gitpulse_assets.lake.duck import connect, shortage
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.processes.stopping import pause, stops_noted
from gitpulse_assets.settings import Settings, SettingsError

# Feeds fall due at times of their own; this often they are looked through.
LOOK_SECONDS = 5
LIMIT_SECONDS = 60
GAP_WORDS = {
    "sample": "a sample: gitpulse kpi firehose_share says of what part",
    "first_poll": "first poll: nothing is known of before",
    "another_repository": "the name led to another one before",
}


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


def backfill_days(settings: Settings, first: date, last: date, clock: Clock = utc_now) -> int:
    """Bring the hour files of some days, tell of each, and return the exit code."""
    if trouble := refusal(settings.archives, first, last):
        return refused(trouble, WRONG_USE)
    try:
        with stops_noted(), connect(settings.duckdb_memory_limit) as con, Fetcher() as fetcher:
            backfill = Backfill(open_lake(settings), con, fetcher, projections(), clock)
            console = Console(stderr=True)
            rows = backfill.days(settings.archives, first, last, lambda row: tell(console, in_words(row)))
    except (SettingsError, UnusableEnvironment) as error:
        return refused(error, WRONG_USE)
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        return refused(shortage(error, settings.duckdb_memory_limit) or error, FAILED)
    except LakeError as error:
        return refused(error, FAILED)
    except KeyboardInterrupt:
        return refused("interrupted; the same command goes on", INTERRUPTED)
    say(summary(rows))
    return DONE if all(row.status == "whole" for row in rows) else PARTIAL


def summary(rows: Sequence[HourRow]) -> str:
    """All hour files in one line."""
    counts = Counter(row.status for row in rows)
    others = "".join(
        f", {count} {status.replace('_', ' ')}"
        for status, count in sorted(counts.items())
        if status != "whole"
    )
    added = sum(row.added_count or 0 for row in rows)
    return f"{len(rows)} hour files: {counts['whole']} whole{others}; {added:,} events new"


def watch_feeds(
    settings: Settings, targets: Sequence[Target], *, is_once: bool, clock: Clock = utc_now
) -> int:
    """Poll feeds, once or until stopped, and return the exit code."""
    # Dagster comes with it, which no archive is read with.
    from gitpulse_assets.resources import github_client

    console = Console(stderr=True)
    try:
        with stops_noted(), connect(settings.duckdb_memory_limit) as con, github_client(settings) as client:
            poller = Poller(open_lake(settings), con, client, projections(), settings.event_retention)
            if is_once:
                return poll_once(console, poller, targets, clock())
            keep_polling(console, poller, targets)
    except (SettingsError, UnusableEnvironment) as error:
        return refused(error, WRONG_USE)
    except duckdb.OutOfMemoryException as error:
        return refused(shortage(error, settings.duckdb_memory_limit) or error, FAILED)
    except (BadToken, LakeError) as error:
        return refused(error, FAILED)
    except KeyboardInterrupt:
        return refused("stopped; what has come is kept", INTERRUPTED)


def poll_once(console: Console, poller: Poller, targets: Sequence[Target], now: datetime) -> int:
    """Poll the feeds that are due by `now`, say what that came to, and return the exit code."""
    found = told_round(console, poller, targets, now)
    failed = sum(poll.span is None for poll in found.polls)
    unusable = f", {found.unusable_count:,} unusable" if found.unusable_count else ""
    answered = len(found.polls) - failed
    told = f"{answered} feed{'' if answered == 1 else 's'} polled, {failed} failed"
    say(f"{told}; {found.added_count:,} events new{unusable}")
    return PARTIAL if failed or found.stopped_by else DONE


def keep_polling(console: Console, poller: Poller, targets: Sequence[Target]) -> NoReturn:
    """Poll each feed when it is due, until somebody wishes for a stop (KeyboardInterrupt)."""
    while True:
        found = told_round(console, poller, targets, utc_now())
        pause(LIMIT_SECONDS if found.stopped_by else LOOK_SECONDS)


def told_round(console: Console, poller: Poller, targets: Sequence[Target], now: datetime) -> PollRound:
    """Poll the feeds that are due by `now`, and tell of each what there is to tell."""
    found = poller.poll(targets, now)
    for poll in found.polls:
        tell_poll(console, poll)
    if found.stopped_by:
        tell(console, found.stopped_by)
    return found


def tell_poll(console: Console, poll: Polled) -> None:
    """Say what a poll brought, in one line; nothing where nothing came and nothing was missed."""
    if poll.state.trouble:
        tell(console, f"{poll.target}: {poll.state.trouble}")
    elif poll.records or poll.gap_reason:
        tell(console, f"{poll.target}: {len(poll.records):,} events served{in_words_of_gap(poll)}")


def in_words_of_gap(poll: Polled) -> str:
    """What may have been missed before a poll."""
    if not poll.gap_reason or poll.span is None:
        return ""
    if poll.gap_reason in GAP_WORDS:
        return f"; {GAP_WORDS[poll.gap_reason]}"
    kinds = poll.gap_reason.replace("code", "pushes and branches").replace("other", "all others")
    return f"; events may be missing since {poll.span.gap_begin_at:%Y-%m-%d %H:%M} UTC ({kinds})"
