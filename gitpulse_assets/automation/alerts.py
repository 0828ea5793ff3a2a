"""The sensor that alerts: reads what ended, judges it, and sends what is due.

It decides nothing itself: what is an alert stands in `alerting/rules.py`, what is sent again in
`alerting/outbox.py`, how Dagster is read in `runs/history.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from gitpulse_assets.alerting.alert import Judgement, Note
from gitpulse_assets.alerting.rules import (
    EVENT_DAYS_KEY,
    AllWaiting,
    AnswerHour,
    DaysNotWhole,
    FinishedRun,
    Hour,
    Morning,
    RunEnded,
    Stopped,
    WaitingAfterRun,
    judgements,
    overdue_key,
    verdict_key,
)
from gitpulse_assets.automation.always_on import always_on
from gitpulse_assets.automation.owed import owed_in
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.runs.batches import keys_taken, registered_once
from gitpulse_assets.runs.chunks import chunks
from gitpulse_assets.runs.history import RunCursor, days_not_whole, ended_runs, finished_runs, standings
from gitpulse_assets.settings import Settings, load_settings

MEMORY_PREFIX = "gitpulse/alerts/"
CURSOR = "cursor"
STALENESS_HOUR = "staleness_hour"
DAILY_DATE = "daily_date"
ANSWER_LIST_DATE = "answer_list_date"
DAILY_HOUR = 6
# A run's events take 10 to 50 ms to read, and a sensor has 60 seconds.
RUNS_A_TICK = 100


class InstanceMemory:
    """Remembers in the key-value store that Dagster's own daemons keep their cursors in.

    The sensor's cursor would not do: Dagster stores it only when a tick ends well, so that a crash or a dead
    channel would send every message of the tick again.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._store = instance.daemon_cursor_storage

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        """The values kept under the keys; those never put are left out."""
        found: dict[str, str] = {}
        for chunk in chunks([MEMORY_PREFIX + key for key in keys]):
            found |= self._store.get_cursor_values(set(chunk))
        return {key.removeprefix(MEMORY_PREFIX): value for key, value in found.items()}

    def put(self, values: Mapping[str, str]) -> None:
        """Keep the values for every later process."""
        # One by one: several at once are updated only where none of them is new.
        for key, value in values.items():
            self._store.set_cursor_values({MEMORY_PREFIX + key: value})


@always_on(
    name="alerts",
    description=(
        "Sends one message for each failed or warning check, failed run, stale repository, stopped sensor, "
        "flipped verdict, newly overdue answer, days of public events that are not whole and nearly spent "
        "quota to the channels of GITPULSE_ALERT_URLS, at the hour of GITPULSE_ANSWER_LIST_AT who waits for "
        "an answer, and every morning after 06:00 UTC one of what was left failed or stale. On from the "
        "start, since it asks GitHub nothing and without channels only writes to this sensor's log."
    ),
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Deliver what ended since the last tick; a tick that could deliver nothing fails and is made up for."""
    from gitpulse_assets.alerting.channels import open_channels
    from gitpulse_assets.alerting.outbox import Outbox

    settings, memory, now = load_settings(), InstanceMemory(context.instance), datetime.now(UTC)
    cursor = RunCursor.parse(memory.get([CURSOR]).get(CURSOR, ""), now)
    records = within_a_tick(context.instance, ended_runs(context.instance, cursor, RUNS_A_TICK))
    runs = [run for record in records for run in finished_runs(context.instance, record)]
    outbox = Outbox(
        channels=open_channels(url.get_secret_value() for url in settings.alert_urls),
        memory=memory,
        ui_url=settings.ui_url,
        now=now,
        repeat_after=timedelta(hours=settings.alert_repeat_hours),
        log=context.log,
    )
    found = [*told_by(runs, memory), *of_the_hour(context.instance, memory, settings, now)]
    if CONTRIBUTORS in chosen_subjects():
        # The list first: behind many alerts it would be a title among theirs.
        found[:0] = of_the_list(context.instance, memory, settings, now)
        found += overdue_after(runs, memory, settings)
    outbox.deliver(found)
    memory.put({CURSOR: cursor.after(records).text()})
    return dg.SkipReason(told(len(runs), len(outbox.sent), outbox.suppressed_count, outbox.troubles))


def within_a_tick(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> list[dg.RunRecord]:
    """The first of the runs that a tick has time for; a batch counts as many as it takes."""
    registered = registered_once(instance)
    taken, count = [], 0
    for record in records:
        if count >= RUNS_A_TICK:
            break
        taken.append(record)
        count += max(1, len(keys_taken(registered, record.dagster_run)))
    return taken


def told_by(runs: Iterable[FinishedRun], memory: InstanceMemory) -> Iterator[Judgement]:
    """Yield what the runs tell, each held against the verdict that the one before left."""
    runs = list(runs)
    verdicts = dict(memory.get({verdict_key(run.subject) for run in runs}))
    for run in runs:
        for judgement in judgements(RunEnded(run, verdicts.get(verdict_key(run.subject), ""))):
            if isinstance(judgement, Note) and judgement.key == verdict_key(run.subject):
                verdicts[judgement.key] = judgement.value
            yield judgement


def of_the_hour(
    instance: dg.DagsterInstance, memory: InstanceMemory, settings: Settings, now: datetime
) -> Iterator[Judgement]:
    """Yield what is due once an hour, stale repositories, and once a day, all that was left over."""
    done = memory.get([STALENESS_HOUR, DAILY_DATE])
    hour, today = f"{now:%Y-%m-%dT%H}", f"{now:%Y-%m-%d}"
    is_daily_due = now.hour >= DAILY_HOUR and done.get(DAILY_DATE) != today
    if done.get(STALENESS_HOUR) == hour and not is_daily_due:
        return
    freshness = timedelta(hours=settings.freshness_hours)
    retired, troubles, stops = watched(settings)
    repo_keys = sorted(set(instance.get_dynamic_partitions(REPOS_PARTITIONS)) - retired)
    found = standings(instance, repo_keys, with_last_runs=is_daily_due)
    yield from judgements(Hour(found, stops, now, freshness))
    told = memory.get([EVENT_DAYS_KEY]).get(EVENT_DAYS_KEY, "").split()
    yield from judgements(
        DaysNotWhole(days_not_whole(instance), frozenset(map(date.fromisoformat, told)), now)
    )
    yield Note(STALENESS_HOUR, hour)
    if is_daily_due:
        yield from judgements(Morning(found, troubles, now, freshness))
        yield Note(DAILY_DATE, today)


def overdue_after(
    runs: Iterable[FinishedRun], memory: InstanceMemory, settings: Settings
) -> Iterator[Judgement]:
    """Yield what is newly overdue in the repositories whose marts were made anew, each once.

    What cannot be read now is told after the repository's next run.
    """
    from gitpulse_assets.lake.errors import LakeError

    made = {run.subject: run for run in runs if run.is_success and run.verdicts}
    if not made:
        return
    retired, _, _ = watched(settings)
    try:
        found = owed_in(settings, sorted(made.keys() - retired))
    except LakeError:
        return
    known = memory.get({overdue_key(key) for key in found.owed})
    yield from judgements(
        AllWaiting(
            [
                WaitingAfterRun(made[key], owed, known.get(overdue_key(key), ""))
                for key, owed in found.owed.items()
            ]
        )
    )


def of_the_list(
    instance: dg.DagsterInstance, memory: InstanceMemory, settings: Settings, now: datetime
) -> Iterator[Judgement]:
    """Yield the day's list of who waits for an answer, from the chosen hour on; later where no lake is."""
    from gitpulse_assets.lake.errors import LakeError

    day = settings.answer_list_at and settings.answer_list_at.day_due(now)
    if day is None or memory.get([ANSWER_LIST_DATE]).get(ANSWER_LIST_DATE) == day:
        return
    retired, _, _ = watched(settings)
    repo_keys = sorted(set(instance.get_dynamic_partitions(REPOS_PARTITIONS)) - retired)
    try:
        found = owed_in(settings, repo_keys)
    except LakeError:
        return
    yield from judgements(AnswerHour(found.owed, found.unread, day, settings.page_url.rstrip("/")))
    yield Note(ANSWER_LIST_DATE, day)


def watched(settings: Settings) -> tuple[set[str], dict[str, str], list[Stopped]]:
    """Return the repositories that are refreshed no more, why others cannot be watched, and what stops looks.

    All are empty where the lake cannot be read: the runs, which cannot either, will tell.
    """
    from gitpulse_assets.lake.errors import LakeError
    from gitpulse_assets.resources import open_lake
    from gitpulse_assets.watch.state import membership, sights

    try:
        store = open_lake(settings).store
        members, looks = membership(store).load(), sights(store).load()
    except LakeError:
        return set(), {}, []
    retired = {key for key, member in members.members.items() if member.status == "retired"}
    unseen = {key: look.trouble for key, look in looks.sights.items() if look.trouble and key not in retired}
    stops = [
        Stopped(name, stop.since if stop else None, stop.reason if stop else "")
        for name, stop in (("watch_list", members.stop), ("changed_repositories", looks.stop))
    ]
    return retired, members.troubles | unseen, stops


def told(run_count: int, sent_count: int, suppressed_count: int, troubles: Mapping[str, str]) -> str:
    """Say in the tick what was done."""
    said = f"{run_count} runs ended, {sent_count} messages sent, {suppressed_count} told before"
    return "; ".join([said, *troubles.values()])
