"""Metrics over a month of public events: each in a new process, and by twenty users.

The lake is one whose answers cost what a real one's do and whose making does not: payloads are short, which
no metric reads, and the days before the last are copies of one that was imported, their times moved.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.compute as pc

from bench.events import BEGIN, DAY, HOUR, TYPES, bodies, made, write_hour
from bench.figures import MEGABYTE, Figure, Sizes
from bench.measured import run_task
from bench.serving import ROUNDS, TIMEOUT_SECONDS, USERS, served, timed
from gitpulse_assets.bi.tables import OF_DAYS
from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.completeness import JUDGED_BY
from gitpulse_assets.events.merge import publish
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts
from gitpulse_assets.place import Day

METRICS = (
    "event_count_offset?offset=1440",
    "active_repositories?offset=1440",
    "top_actors?offset=1440",
    "events_per_minute?offset=1440",
    "avg_pr_time?offset=1440",
)
BODIES = 60_000
# The days before the last have so many times fewer events.
THINNER = 300
# An hour's events where they are judged and not counted: each type has some.
JUDGED_EVENTS = 200
JUDGED_TABLES = (*JUDGED_BY, PUBLIC_EVENT)


def metrics(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Days of hours, the last large; each metric over it in a new process, then by twenty users."""
    lake, last = folder / "lake-days", BEGIN + (sizes.event_days - 1) * DAY
    environment = {"GITPULSE_LAKE_URL": str(lake), "GITPULSE_ARCHIVES": f"a={folder / 'days'}"}
    rng = random.Random(1)
    kinds = rng.choices(list(TYPES), [share for share, _ in TYPES.values()], k=BODIES)
    of = bodies(made(rng, number, kind, 0) for number, kind in enumerate(kinds))
    for begin, count in ((BEGIN, sizes.hour_events // THINNER), (last, sizes.day_events)):
        for hour in range(24):
            write_hour(folder / "days", begin + hour * HOUR, count, of)
        run_task("import_events", folder, environment, str(begin.date()), str(begin.date()))
    for number in range(1, sizes.event_days - 1):
        copy_day(Lake.open(str(lake)), BEGIN.date(), number)
    yield from alone(lake)
    yield from together(lake)


def judging(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Ten years of hour files, each day a copy of one: how long it takes to say which hours are whole."""
    lake, days = folder / "lake-years", sizes.judged_days
    environment = {"GITPULSE_LAKE_URL": str(lake), "GITPULSE_ARCHIVES": f"a={folder / 'days'}"}
    of = bodies(made(random.Random(1), number, kind, 0) for number, kind in enumerate(TYPES))
    for hour in range(24):
        write_hour(folder / "days", BEGIN + hour * HOUR, JUDGED_EVENTS, of)
    run_task("import_events", folder, environment, str(BEGIN.date()), str(BEGIN.date()))
    for number in range(1, max(days)):
        copy_day(Lake.open(str(lake)), BEGIN.date(), number, JUDGED_TABLES)
    for count in days:
        found = run_task("judge_days", folder, environment, str(count))
        for name in ("first", "again"):
            yield Figure(f"{count:,} days judged, {name}: CPU", found.result[name], "s")
        yield Figure(f"{count:,} days judged: peak memory", found.peak_bytes / MEGABYTE, "MB", found.result)


def alone(lake: Path) -> Iterator[Figure]:
    """Each metric in a new process, and again by one user."""
    for path in METRICS:
        with served(lake) as url, httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
            name = path.partition("?")[0]
            yield timed(f"{name}, cold", client, [[f"/kpi/{path}"]] * 2)[0]
            yield timed(f"{name}, again", client, [[f"/kpi/{path}"] * ROUNDS])[0]


def together(lake: Path) -> Iterator[Figure]:
    """All of them by twenty users, a time of their own each: first, and when the answers are at hand."""
    with served(lake) as url, httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        minutes = [str(1440 - 10 * user) for user in range(USERS)]
        lists = [[f"/kpi/{path.replace('1440', one)}" for path in METRICS] for one in minutes]
        yield from timed("metrics, one time each: first", client, lists)
        yield from timed("metrics, one time each: again", client, [some * ROUNDS for some in lists])


def copy_day(lake: Lake, event_date: date, days: int, contracts: Sequence[TableContract] = OF_DAYS) -> None:
    """Publish tables of a day once more, part by part, as those of so many days later."""
    day, later = Day(event_date), timedelta(days=days)
    commit = lake.commit("silver", day)
    with lake.begin("silver", Day(event_date + later)) as publication:
        publish(
            publication,
            [
                publication.stage(contract, moved(part.to_table(), later), name)
                for contract in contracts
                for name, part in open_parts(lake.store, contract, day, commit).items()
            ],
        )


def moved(table: pa.Table, later: timedelta) -> pa.Table:
    """A table whose every time is later by so much."""
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            times = pc.add(table.column(number), pa.scalar(later))  # pyright: ignore[reportAttributeAccessIssue]
            table = table.set_column(number, field, times.cast(field.type))
    return table
