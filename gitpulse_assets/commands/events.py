"""`gitpulse events`: public events brought into the tables."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import duckdb
from rich.console import Console

from gitpulse_assets.commands.console import refused, say, tell
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, PARTIAL, WRONG_USE
from gitpulse_assets.events.backfill import Backfill, days_from
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.ledger import HourRow
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.errors import UnusableEnvironment
from gitpulse_assets.lake.duck import connect, shortage
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.resources import open_lake
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.stopping import stops_noted


def backfill_days(settings: Settings, first: date, last: date) -> int:
    """Bring the hour files of some days, tell of each, and return the exit code."""
    if trouble := refusal(settings, first, last):
        return refused(trouble, WRONG_USE)
    try:
        with stops_noted(), connect(settings.duckdb_memory_limit) as con, Fetcher() as fetcher:
            backfill = Backfill(open_lake(settings), con, fetcher, projections())
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


def refusal(settings: Settings, first: date, last: date) -> str | None:
    """Why there is nothing to bring; None where there is."""
    if not settings.archives:
        return "GITPULSE_ARCHIVES names no archive; for example mine=/data/hours 2026-01-01.."
    if not any(archive.serves(day) for day in days_from(first, last) for archive in settings.archives):
        served = "; ".join(f"{a.name} serves {a.first}..{a.last or ''}" for a in settings.archives)
        return f"no archive serves a day from {first} to {last}: {served}"
    return None


def in_words(row: HourRow) -> str:
    """What became of an hour file, in one line."""
    name = f"{row.source} {row.file_hour_at:%Y-%m-%d %H}:00"
    if row.status != "whole":
        return f"{name}: {row.status.replace('_', ' ')}: {row.detail}"
    unusable = f", {row.unusable_count:,} lines unusable" if row.unusable_count else ""
    return f"{name}: {row.row_count:,} events, {row.added_count:,} new{unusable}"


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
