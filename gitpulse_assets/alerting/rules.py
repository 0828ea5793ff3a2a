"""What of a finished run, of the repositories' freshness and of a day's end becomes an alert.

Pure functions over what `runs/history.py` reads from Dagster. What was sent before, and whether
to send again, is `outbox.py`'s; a check's own meaning stands in its contract or statement.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from gitpulse_assets.alerting.alert import Alert, Judgement, Note
from gitpulse_assets.contracts.events import HOURS_CHECK
from gitpulse_assets.transform.verdict import CLEAR_DIRECTIONS

COUNTS_SHOWN = 8
SAMPLES_SHOWN = 5
REPOSITORIES_SHOWN = 20
OWED_SHOWN_OF_EACH = 10
QUOTA_SHARE_MIN = 0.1
QUOTA_KEY = "quota"
OVERDUE_KEY = "overdue"
EVENT_DAYS_KEY = "event_days"
# An archive's files with the late events of a day are those of the three after it.
FILES_COME_WITHIN = timedelta(days=3)
# GitHub's primary limit is over within an hour: what lasts longer needs somebody.
STOPPED_MAX = timedelta(hours=1)


@dataclass(frozen=True)
class CheckOutcome:
    """One evaluation of an asset check; `counts` and `samples` come from its metadata.

    `subject`: of what it is, where not of what its run is: an organisation's, told by the run that looked.
    """

    asset: str
    check: str
    is_passed: bool
    is_error: bool
    description: str
    counts: Mapping[str, float] = field(default_factory=dict)
    samples: Sequence[str] = ()
    subject: str = ""


@dataclass(frozen=True)
class QuotaLeft:
    """What a run found left of GitHub's hourly allowance."""

    remaining: int
    limit: int
    resets_at: str | None


@dataclass(frozen=True)
class FinishedRun:
    """What one ended run tells; `subject` is its repository, or its job where it has none.

    `verdicts`: direction by window in days. `paragraphs`: the answer in words, by the same.
    """

    run_id: str
    job_name: str
    subject: str
    is_success: bool
    will_retry: bool
    message: str
    checks: Sequence[CheckOutcome] = ()
    verdicts: Mapping[int, str] = field(default_factory=dict)
    paragraphs: Mapping[int, str] = field(default_factory=dict)
    quota: QuotaLeft | None = None


@dataclass(frozen=True)
class Standing:
    """When a repository was last known to be up to date, and how its last run ended."""

    repo_key: str
    fresh_at: datetime | None
    has_failed: bool
    run_id: str = ""


@dataclass(frozen=True)
class Stopped:
    """Since when a sensor's every tick has been ended early, and by what; `since` is None where none is."""

    sensor: str
    since: datetime | None
    reason: str = ""


@dataclass(frozen=True)
class Owed:
    """An issue or pull request that waits for a maintainer's word since a moment (UTC).

    `business_days`: for how long, by the watch list's calendar; None of what only is pending, as drafts are.
    `is_pending`: it carries a waiting label and was answered to it.
    """

    number: int
    title: str
    url: str
    since: datetime
    business_days: int | None
    is_overdue: bool
    is_pending: bool


def overdue_key(repo_key: str) -> str:
    """The key under which is remembered what of a repository was told to be overdue."""
    return f"{OVERDUE_KEY}/{repo_key}"


def verdict_key(repo_key: str) -> str:
    """The key under which the last clear directions of a repository are remembered."""
    return f"verdict/{repo_key}"


@dataclass(frozen=True)
class RunEnded:
    """A run that ended; `remembered_verdicts` is the note under `verdict_key`, empty at first."""

    run: FinishedRun
    remembered_verdicts: str


@dataclass(frozen=True)
class WaitingAfterRun:
    """Who waits after a run; `remembered_overdue` is the note under `overdue_key`, empty at first."""

    run: FinishedRun
    owed: Sequence[Owed]
    remembered_overdue: str

    @property
    def before(self) -> dict[str, int]:
        """Since when (Unix seconds) what was told of waits, by its number."""
        return json.loads(self.remembered_overdue or "{}")

    @property
    def overdue(self) -> dict[str, int]:
        """The same of what is overdue now."""
        return {str(one.number): int(one.since.timestamp()) for one in self.owed if one.is_overdue}

    @property
    def new(self) -> list[Owed]:
        """What is overdue and was not told of."""
        told = self.before.items()
        return [
            one
            for one in self.owed
            if one.is_overdue and (str(one.number), int(one.since.timestamp())) not in told
        ]


@dataclass(frozen=True)
class AllWaiting:
    """Who waits after each of a tick's runs."""

    waiting: Sequence[WaitingAfterRun]


@dataclass(frozen=True)
class AnswerHour:
    """Who waits at the hour chosen for the daily list, by repository; `day` is that of its time zone.

    `unread`: repositories that could not be read.
    """

    owed: Mapping[str, Sequence[Owed]]
    unread: Sequence[str]
    day: str
    page_url: str


@dataclass(frozen=True)
class Hour:
    """What stands at the turn of an hour."""

    standings: Sequence[Standing]
    stops: Sequence[Stopped]
    now: datetime
    freshness: timedelta


@dataclass(frozen=True)
class Morning:
    """What stands once a day; `troubles`: why a name of the watch list, or a look, does not work."""

    standings: Sequence[Standing]
    troubles: Mapping[str, str]
    now: datetime
    freshness: timedelta


@dataclass(frozen=True)
class DaysNotWhole:
    """The days of public events whose last check found hours that are not whole; those told of before."""

    not_whole: frozenset[date]
    told: frozenset[date]
    now: datetime


@dataclass(frozen=True)
class Delivery:
    """What could not be delivered: `outbox.py` tells of it, since only it knows."""


def judgements(
    seen: RunEnded | AllWaiting | AnswerHour | Hour | DaysNotWhole | Morning,
) -> Iterator[Judgement]:
    """Yield what every rule finds that reads the like, in the rules' order."""
    for rule in RULES:
        if rule.judge and isinstance(seen, rule.reads):
            yield from rule.judge(seen)


def judge_checks(ended: RunEnded) -> Iterator[Judgement]:
    """Yield each check's verdict."""
    # Days of public events are told of together, by a rule of their own.
    checks = (check for check in ended.run.checks if check.check != HOURS_CHECK)
    yield from (check_judgement(ended.run, check) for check in checks)


def judge_end(ended: RunEnded) -> Iterator[Judgement]:
    """Yield how the run ended; one that Dagster will retry says nothing, what checks ended they tell."""
    run = ended.run
    has_failed_check = any(not check.is_passed and check.is_error for check in run.checks)
    if run.is_success:
        yield Note(run_key(run))
    elif not run.will_retry and not has_failed_check:
        yield run_alert(run)


def judge_verdicts(ended: RunEnded) -> Iterator[Judgement]:
    """Yield what became of the backlog's directions."""
    if ended.run.verdicts:
        yield from verdict_judgements(ended.run, ended.remembered_verdicts)


def judge_quota(ended: RunEnded) -> Iterator[Judgement]:
    """Yield whether few of GitHub's requests are left."""
    if quota := ended.run.quota:
        is_low = quota.remaining < QUOTA_SHARE_MIN * quota.limit
        yield quota_alert(ended.run, quota) if is_low else Note(QUOTA_KEY)


def judge_overdue(ended: AllWaiting) -> Iterator[Judgement]:
    """Yield what is overdue and was not told yet, as one message, and what to remember of each repository.

    What was answered and waits again is told again.
    """
    new = [one for one in ended.waiting if one.new]
    alert = overdue_alert(new) if new else None
    if alert:
        yield alert
    for one in ended.waiting:
        if one.overdue != one.before:
            yield Note(overdue_key(one.run.subject), json.dumps(one.overdue))
    if alert:
        # Each repository's are remembered by now.
        yield Note(alert.key)


def overdue_alert(new: Sequence[WaitingAfterRun]) -> Alert:
    """One message of what is newly overdue, repository by repository."""
    run_ids = sorted(one.run.run_id for one in new)
    where = new[0].run.subject if len(new) == 1 else f"{len(new):,} repositories"
    return Alert(
        f"{OVERDUE_KEY}/{run_ids[0]}/{run_ids[-1]}/{len(new)}",
        "warning",
        f"{where}: {sum(len(one.new) for one in new):,} newly overdue for an answer",
        tuple(line for one in new for line in owed_lines(one.run.subject, one.new)),
        run_link(new[0].run) if len(new) == 1 else "/runs",
    )


def judge_answer_list(hour: AnswerHour) -> Iterator[Judgement]:
    """Yield one message of who waits, repository by repository; none where nobody does, and all was read."""
    waiting = {key: owed for key, owed in hour.owed.items() if owed}
    overdue, pending, every = (
        sum(judge(one) for owed in waiting.values() for one in owed)
        for judge in (lambda one: one.is_overdue, lambda one: one.is_pending, lambda one: True)
    )
    if not (every or hour.unread):
        return
    page = f"{hour.page_url}/responsiveness?repo="
    yield Alert(
        f"answers/{hour.day}",
        "info",
        f"{every:,} wait for an answer: {overdue:,} overdue, {pending:,} pending",
        (
            *listed("left out, since they could not be read, or not in time", hour.unread),
            *(line for key, owed in waiting.items() for line in owed_lines(key, owed, f": {page}{key}")),
        ),
    )


def owed_lines(repo_key: str, owed: Sequence[Owed], where: str = "") -> Iterator[str]:
    """A repository's part of a message: the first of those who wait, and how many more."""
    yield f"{repo_key}, {len(owed):,}{where}"
    yield from map(owed_line, owed[:OWED_SHOWN_OF_EACH])
    yield from more_than(OWED_SHOWN_OF_EACH, len(owed))


def owed_line(one: Owed) -> str:
    """Who waits, for how long and why, and where."""
    count = one.business_days
    days = "" if count is None else f", {count:,} business day{'' if count == 1 else 's'}"
    why = [word for word, is_so in (("overdue", one.is_overdue), ("pending", one.is_pending)) if is_so]
    told = f" ({', '.join(why)})" if why else ""
    return f"#{one.number} since {one.since:%Y-%m-%d}{days}{told}: {one.title} {one.url}".rstrip()


def more_than(shown: int, count: int) -> list[str]:
    """The line that says how many are not shown."""
    return [f"and {count - shown:,} more"] if count > shown else []


def run_key(run: FinishedRun) -> str:
    """The key of the trouble that runs of one job over one repository fail."""
    return f"run/{run.job_name}/{run.subject}"


def check_judgement(run: FinishedRun, check: CheckOutcome) -> Judgement:
    """An alert where the check failed or warns, else the note that it is over."""
    subject = check.subject or run.subject
    key = f"check/{subject}/{check.asset}/{check.check}"
    if check.is_passed:
        return Note(key)
    lines = [check.description]
    counts = [f"{name} {value:,g}" for name, value in check.counts.items()]
    if counts:
        lines.append("counts: " + ", ".join(counts[:COUNTS_SHOWN]))
    if check.samples:
        lines.append("samples: " + "; ".join(check.samples[:SAMPLES_SHOWN]))
    if check.is_error and not run.is_success:
        lines.append("The run ended there; the published tables are the ones of before.")
    word = "failed" if check.is_error else "warns"
    return Alert(
        key,
        "error" if check.is_error else "warning",
        f"{subject}: check {check.check} of {check.asset} {word}",
        tuple(line for line in lines if line),
        run_link(run),
    )


def run_alert(run: FinishedRun) -> Alert:
    """An alert with the failed run's own words."""
    return Alert(
        run_key(run),
        "error",
        f"{run.subject}: the run of {run.job_name} failed",
        (run.message or "its process ended without a word (killed, or out of memory)",),
        run_link(run),
    )


def verdict_judgements(run: FinishedRun, remembered: str) -> Iterator[Judgement]:
    """Yield an alert when a direction turned into another clear one, and what to remember."""
    before = {int(window): direction for window, direction in json.loads(remembered or "{}").items()}
    clear = {window: word for window, word in run.verdicts.items() if word in CLEAR_DIRECTIONS}
    flipped = [window for window in sorted(clear) if before.get(window, clear[window]) != clear[window]]
    if flipped:
        turns = ", ".join(f"{window} days: {before[window]} -> {clear[window]}" for window in flipped)
        yield Alert(
            f"verdict/{run.subject}/{run.run_id}",
            "info",
            f"{run.subject}: the backlog's verdict flipped ({turns})",
            tuple(run.paragraphs[window] for window in flipped if window in run.paragraphs),
            run_link(run),
        )
    if clear.items() - before.items():
        yield Note(verdict_key(run.subject), json.dumps(before | clear))


def quota_alert(run: FinishedRun, quota: QuotaLeft) -> Alert:
    """A warning that few requests are left, and when there are more, where GitHub said so."""
    full_again = f"; it is full again at {quota.resets_at}" if quota.resets_at else ""
    return Alert(
        QUOTA_KEY,
        "warning",
        f"GitHub's quota is nearly spent: {quota.remaining:,} of {quota.limit:,} requests left",
        (
            f"seen by the run of {run.subject}" + full_again,
            "Runs wait for that as long as GITPULSE_PATIENCE_SECONDS allows; a further token of another user "
            "or a GitHub App gives more.",
        ),
        run_link(run),
    )


def run_link(run: FinishedRun) -> str:
    """The run's page, below the address of Dagster's UI."""
    return f"/runs/{run.run_id}"


def judge_standings(hour: Hour) -> Iterator[Judgement]:
    """Yield an alert for each repository that was not up to date within its freshness."""
    for standing in hour.standings:
        key = f"stale/{standing.repo_key}"
        if standing.fresh_at is None:
            continue
        if not is_stale(standing, hour.now, hour.freshness):
            yield Note(key)
            continue
        yield Alert(
            key,
            "error",
            f"{standing.repo_key}: not refreshed for {hours(hour.now - standing.fresh_at)}",
            (
                f"last known to be up to date at {standing.fresh_at:%Y-%m-%d %H:%M} UTC; its freshness is "
                f"{hours(hour.freshness)}. Is the daemon running, and are the refreshing sensor or schedule "
                "on?",
            ),
            f"/runs/{standing.run_id}" if standing.run_id else "/automation",
        )


def judge_stops(hour: Hour) -> Iterator[Judgement]:
    """Yield an alert for each sensor whose every tick was ended early for longer than a limit lasts."""
    for stopped in hour.stops:
        key = f"stopped/{stopped.sensor}"
        if stopped.since is None or hour.now - stopped.since <= STOPPED_MAX:
            yield Note(key)
            continue
        yield Alert(
            key,
            "error",
            f"The sensor {stopped.sensor} has been stopped for {hours(hour.now - stopped.since)}",
            (
                f"since {stopped.since:%Y-%m-%d %H:%M} UTC every tick ended early: {stopped.reason}",
                "Changes at GitHub, or in the watch list, are not followed until that is over.",
            ),
            "/automation",
        )


def judge_morning(morning: Morning) -> Iterator[Judgement]:
    """Yield one message of everything left failed or stale; what edges were lost, the day's net catches."""
    standings, freshness = morning.standings, morning.freshness
    failed = [standing.repo_key for standing in standings if standing.has_failed]
    stale = [standing.repo_key for standing in standings if is_stale(standing, morning.now, freshness)]
    never = [
        standing.repo_key for standing in standings if standing.fresh_at is None and not standing.has_failed
    ]
    if not (failed or stale or never or morning.troubles):
        return
    yield Alert(
        f"daily/{morning.now:%Y-%m-%d}",
        "warning",
        f"Left over this morning: {len(failed)} failed, {len(stale)} stale, {len(never)} never refreshed",
        (
            *listed("last run failed", failed),
            *listed(f"not refreshed for {hours(freshness)}", stale),
            *listed("registered, never refreshed", never),
            *(f"{name}: {trouble}" for name, trouble in list(morning.troubles.items())[:REPOSITORIES_SHOWN]),
            "Refresh them from the UI (job refresh, their partitions) or by `gitpulse refresh OWNER/NAME`.",
        ),
        "/jobs",
    )


def is_stale(standing: Standing, now: datetime, freshness: timedelta) -> bool:
    """Whether it was once up to date, and longer ago than its freshness."""
    return standing.fresh_at is not None and now - standing.fresh_at > freshness


def hours(span: timedelta) -> str:
    """A span in whole hours, for people."""
    return f"{span.total_seconds() / 3600:,.0f} h"


def listed(title: str, keys: Sequence[str]) -> list[str]:
    """One line that names the repositories, the first of many; none where there is none."""
    if not keys:
        return []
    more = f" and {len(keys) - REPOSITORIES_SHOWN} more" if len(keys) > REPOSITORIES_SHOWN else ""
    return [f"{title}: {', '.join(sorted(keys)[:REPOSITORIES_SHOWN])}{more}"]


def judge_event_days(days: DaysNotWhole) -> Iterator[Judgement]:
    """Yield one message of the days not told of before, whose late files must have come by now."""
    known = days.told & days.not_whole
    due = {day for day in days.not_whole - known if day < days.now.date() - FILES_COME_WITHIN}
    if due:
        named = stretches_of(due)
        title = f"public events: hours of {len(due):,} day{'' if len(due) == 1 else 's'} are missing or thin"
        key = f"{EVENT_DAYS_KEY}/{min(due)}/{max(due)}/{len(due)}"
        link = "/assets/silver/public_event?view=checks"
        yield Alert(key, "warning", title, tuple(listed("days", named)), link)
        yield Note(EVENT_DAYS_KEY, " ".join(map(str, sorted(known | due))))
        # The days are remembered; the same ones, mended and broken again, are told again.
        yield Note(key)
    elif known != days.told:
        yield Note(EVENT_DAYS_KEY, " ".join(map(str, sorted(known))))


def stretches_of(days: Iterable[date]) -> list[str]:
    """Days in words, those that follow each other as one."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    return [str(some[0]) if len(some) == 1 else f"{some[0]} to {some[-1]}" for some in found]


@dataclass(frozen=True)
class HandbookRow:
    """A message's title as the handbook has it, what it means and what to do."""

    message: str
    meaning: str
    what_to_do: str


@dataclass(frozen=True)
class AlertRule:
    """One rule: its name begins its alerts' keys, `judge` finds them in what it `reads`."""

    name: str
    reads: type
    judge: Callable[[Any], Iterator[Judgement]] | None
    told: tuple[HandbookRow, ...]


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="check",
        reads=RunEnded,
        judge=judge_checks,
        told=(
            HandbookRow(
                "check … failed",
                (
                    "A rule of a table is broken: counts and sample keys are in the message. If the "
                    "run ended there, the tables of before stay published"
                ),
                (
                    "Open the run. `contract`: a row breaks its table's contract, a bug or a new "
                    "shape of GitHub's data; report it with the samples. `control_total`: GitHub "
                    "counts otherwise than we do although the whole list was walked twice; run it "
                    "again, it counts and walks anew. As a warning it is a known difference: two "
                    "whole walks ended with the same, GitHub counts what it hides from its lists, and "
                    "no walk is repeated for it until it changes. Ledger and mart identities: run "
                    "`gitpulse rebuild owner/name`; if it stays, report it"
                ),
            ),
            HandbookRow(
                "check … warns",
                (
                    "Published, but look: rows in quarantine, unknown fields, an incomplete history "
                    "(no token), many departures at once"
                ),
                "Open the check's page; quarantined rows lie in `silver/quarantine` with the rule's name",
            ),
        ),
    ),
    AlertRule(
        name="run",
        reads=RunEnded,
        judge=judge_end,
        told=(
            HandbookRow(
                "the run of … failed",
                (
                    "GitHub, the lake or the settings said no; the first failed step's own words are "
                    "in the message"
                ),
                (
                    "Do what it says. A walk that was cut short goes on where it stopped: "
                    "*Re-execute*, or wait for the next one"
                ),
            ),
        ),
    ),
    AlertRule(
        name="stale",
        reads=Hour,
        judge=judge_standings,
        told=(
            HandbookRow(
                "not refreshed for … h",
                (
                    "No run of the repository ended well within `GITPULSE_FRESHNESS_HOURS` (192: the "
                    "weekly full walk and a day to spare)"
                ),
                (
                    "Is `daemon` healthy (*Deployment*, *Daemons*)? Are the sensors and "
                    "`weekly_reconciliation` on?"
                ),
            ),
        ),
    ),
    AlertRule(
        name="stopped",
        reads=Hour,
        judge=judge_stops,
        told=(
            HandbookRow(
                "The sensor … has been stopped for … h",
                (
                    "For more than an hour every tick was ended early by what the message quotes: a "
                    "refused or expired token, a limit, a network that is down. Looked at once an "
                    "hour"
                ),
                (
                    "A new token in `.env`, or what the message says; `docker compose up -d code`. "
                    "Nothing is followed by changes meanwhile"
                ),
            ),
        ),
    ),
    AlertRule(
        name=EVENT_DAYS_KEY,
        reads=DaysNotWhole,
        judge=judge_event_days,
        told=(
            HandbookRow(
                "public events: hours of … days are missing or thin",
                (
                    "By the check `hours_are_whole` of these days; each is told once, four days later, "
                    "when the files with its late events must be there"
                ),
                (
                    "The check of a day names its hours and why. `gitpulse events backfill` asks again for "
                    "what an archive lacked; figures over that time say so until then"
                ),
            ),
        ),
    ),
    AlertRule(
        name="verdict",
        reads=RunEnded,
        judge=judge_verdicts,
        told=(
            HandbookRow(
                "the backlog's verdict flipped",
                "From one of growing, shrinking, flat to another; *unclear* in between does not count",
                "Read the paragraph; it names what drives it",
            ),
        ),
    ),
    AlertRule(
        name=OVERDUE_KEY,
        reads=AllWaiting,
        judge=judge_overdue,
        told=(
            HandbookRow(
                "… newly overdue for an answer",
                (
                    "Where `GITPULSE_SUBJECTS=contributors`: after a refresh somebody waits longer than the "
                    "watch list's `response_days` who did not at the one before (`mart_follow_up`). Each "
                    "wait is told once; who was answered and waits again is told again. One message for all "
                    "runs looked at together, the first ten of each repository"
                ),
                "Answer; the page *Responsiveness* has all who wait",
            ),
        ),
    ),
    AlertRule(
        name="answers",
        reads=AnswerHour,
        judge=judge_answer_list,
        told=(
            HandbookRow(
                "… wait for an answer: … overdue, … pending",
                (
                    "Once a day from the hour on that `GITPULSE_ANSWER_LIST_AT` names: who waits for a "
                    "maintainer's word, by repository: the overdue, then the pending, then the others, the "
                    "latest first; of each repository the first ten, and how many more. What could not be "
                    "read is named. No message where nobody waits, and none before the lake can be read"
                ),
                "Answer from the top; change the hour, or unset it, where the list is not wanted",
            ),
        ),
    ),
    AlertRule(
        name="quota",
        reads=RunEnded,
        judge=judge_quota,
        told=(
            HandbookRow(
                "GitHub's quota is nearly spent",
                (
                    "Less than a tenth of the hour's allowance is left; told again when a run found "
                    "more in between"
                ),
                (
                    "Runs wait for the reset. If it comes daily: a GitHub App, another user's token, "
                    "fewer repositories"
                ),
            ),
        ),
    ),
    AlertRule(
        name="channel",
        reads=Delivery,
        judge=None,
        told=(
            HandbookRow(
                "Alerts do not arrive everywhere",
                "Another channel refused a message, or its address is none that apprise knows",
                "Repair that address; the number counts from the first in `GITPULSE_ALERT_URLS`",
            ),
        ),
    ),
    AlertRule(
        name="digest",
        reads=Delivery,
        judge=None,
        told=(
            HandbookRow(
                "… more alerts",
                "More were due at once than are sent one by one; this message has the titles of the rest",
                "Look at the runs; what many repositories have in common is mostly one cause",
            ),
        ),
    ),
    AlertRule(
        name="daily",
        reads=Morning,
        judge=judge_morning,
        told=(
            HandbookRow(
                "Left over this morning",
                (
                    "After 06:00 UTC: everything whose last run failed, that is stale, was never "
                    "refreshed, or cannot be watched"
                ),
                "Refresh the failed ones; take what is gone from GitHub out of the watch list",
            ),
        ),
    ),
)
