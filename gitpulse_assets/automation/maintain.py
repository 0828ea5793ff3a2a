"""The maintenance of the whole lake: one run for all repositories, which asks GitHub nothing.

What may be removed is decided in `lake/maintenance.py` (left-overs), `upkeep/retention.py` (raw runs),
`events/retention.py` (public events) and `purge.py` (what Dagster keeps of its runs).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import LakeResource, settings_or_failure
from gitpulse_assets.runs.purge import purged
from gitpulse_assets.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.lake.maintenance import CleanedUp

MAINTAIN_JOB = "maintain"


@dg.op(name="maintain_lake")
def maintain_lake(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Finish what was cut short, remove what nobody counts, thin out old raw runs and Dagster's own."""
    settings = settings_or_failure()
    target = lake.open(settings)
    troubles: list[str] = []
    done: list[str] = []
    try:
        done.extend(maintained(target, settings.retention_days, troubles))
    except LakeError as error:
        troubles.append(str(error))
    if settings.run_retention_days:
        done.extend(purged(context.instance, timedelta(days=settings.run_retention_days), datetime.now(UTC)))
    try:
        done.extend(events_expired(target, settings, datetime.now(UTC)))
    except (LakeError, SettingsError) as error:
        troubles.append(str(error))
    context.add_output_metadata({"done": done})
    if troubles:
        raise dg.Failure("; ".join(troubles), allow_retries=False)


def maintained(lake: "Lake", retention_days: int, troubles: list[str]) -> Iterator[str]:
    """Maintain the lake, yielding a line for whatever was done; one repository's trouble stops no other."""
    cleaned = lake.clean_up()
    troubles.extend(cleaned.troubles)
    for layer, place in cleaned.finished:
        yield f"{place}: finished the publication of {layer} that a run had begun"
    if cleaned.object_count:
        yield f"removed {counted(cleaned)} that dead merges left"
    if retention_days and (unchosen := tables_unchosen(lake)):
        troubles.append(unchosen)
        retention_days = 0
    for repo in lake.registered_repos():
        try:
            yield from maintained_repo(lake, repo, retention_days)
        except LakeError as error:
            troubles.append(str(error))


def tables_unchosen(lake: "Lake") -> str:
    """Why no run may be thinned out; empty where the process knows all that rests on old runs."""
    from gitpulse_assets.upkeep.unchosen import left_by_others

    named = ",".join(left_by_others(lake))
    return named and (
        f"the lake has tables of {named}, which rest on old runs that this process would not spare; no run "
        f"was thinned out. Set GITPULSE_SUBJECTS={named} for it"
    )


def events_expired(lake: "Lake", settings: Settings, now: datetime) -> Iterator[str]:
    """Remove public events that are past their time, yielding a line for each day of which some were."""
    from gitpulse_assets.events.projection import projections
    from gitpulse_assets.events.retention import expired
    from gitpulse_assets.lake.duck import connect

    if not settings.event_retention.least:
        return
    with connect(settings.duckdb_memory_limit) as con:
        for one in expired(lake, con, projections(), settings.event_retention, now.date()):
            removed = f"{one.event_count:,} events and {one.file_count:,} hour files"
            yield f"{one.day}: removed {removed}, by their age"


def maintained_repo(lake: "Lake", repo: Repo, retention_days: int) -> Iterator[str]:
    """Tidy one repository's bronze up, yielding a line for whatever was done; 0 days thin out nothing."""
    from gitpulse_assets.upkeep.retention import apply_retention

    cleaned = lake.clean_up_runs(repo)
    if cleaned.object_count:
        yield f"{repo}: removed {counted(cleaned)} that dead runs left"
    if not retention_days:
        return
    thinned = apply_retention(lake, repo, timedelta(days=retention_days))
    if thinned.record_count or thinned.object_count or thinned.run_count:
        yield (
            f"{repo}: of runs older than {retention_days} days went {thinned.record_count:,} records, "
            f"{thinned.object_count:,} objects and {thinned.run_count:,} runs as a whole"
        )


def counted(cleaned: "CleanedUp") -> str:
    """The number and size of what was removed, for people."""
    return f"{cleaned.object_count:,} objects ({cleaned.size_bytes:,} bytes)"


@dg.job(
    name=MAINTAIN_JOB,
    description=(
        "Finish publications that were cut short, remove what dead runs left, and thin out raw runs older "
        "than GITPULSE_RETENTION_DAYS and what Dagster keeps of runs older than GITPULSE_RUN_RETENTION_DAYS. "
        "The tables stay as they are, and can be rebuilt as before; public events older than "
        "GITPULSE_EVENT_RETENTION_DAYS are removed."
    ),
)
def maintain() -> None:
    maintain_lake()
