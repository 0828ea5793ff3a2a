"""What of a finished run, of the repositories' freshness and of a day's end becomes an alert.

Pure functions over what `automation/run_history.py` reads from Dagster. What was sent before, and whether
to send again, is `outbox.py`'s; a check's own meaning stands in its contract or statement.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gitpulse_assets.alerting.findings import Alert, Finding, Note
from gitpulse_assets.transform.verdict import CLEAR_DIRECTIONS

COUNTS_SHOWN = 8
SAMPLES_SHOWN = 5
REPOSITORIES_SHOWN = 20
QUOTA_SHARE_MIN = 0.1
QUOTA_KEY = "quota"
# GitHub's primary limit is over within an hour: what lasts longer needs somebody.
STOPPED_MAX = timedelta(hours=1)


@dataclass(frozen=True)
class CheckOutcome:
    """One evaluation of an asset check; `counts` and `samples` come from its metadata."""

    asset: str
    check: str
    is_passed: bool
    is_error: bool
    description: str
    counts: Mapping[str, float] = field(default_factory=dict)
    samples: Sequence[str] = ()


@dataclass(frozen=True)
class Quota:
    """What a run found left of GitHub's hourly allowance."""

    remaining: int
    limit: int
    resets_at: str


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
    quota: Quota | None = None


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


def verdict_key(repo_key: str) -> str:
    """The key under which the last clear directions of a repository are remembered."""
    return f"verdict/{repo_key}"


def run_findings(run: FinishedRun, remembered_verdicts: str) -> Iterator[Finding]:
    """Yield what one run tells; `remembered_verdicts` is the note under `verdict_key`, empty at first.

    A run that Dagster will retry says nothing yet, and one that failed by its checks is told by them.
    """
    yield from (check_finding(run, check) for check in run.checks)
    has_failed_check = any(not check.is_passed and check.is_error for check in run.checks)
    if run.is_success:
        yield Note(run_key(run))
    elif not run.will_retry and not has_failed_check:
        yield run_alert(run)
    if run.verdicts:
        yield from verdict_findings(run, remembered_verdicts)
    if run.quota:
        is_low = run.quota.remaining < QUOTA_SHARE_MIN * run.quota.limit
        yield quota_alert(run, run.quota) if is_low else Note(QUOTA_KEY)


def run_key(run: FinishedRun) -> str:
    """The key of the trouble that runs of one job over one repository fail."""
    return f"run/{run.job_name}/{run.subject}"


def check_finding(run: FinishedRun, check: CheckOutcome) -> Finding:
    """An alert where the check failed or warns, else the note that it is over."""
    key = f"check/{run.subject}/{check.asset}/{check.check}"
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
        f"{run.subject}: check {check.check} of {check.asset} {word}",
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


def verdict_findings(run: FinishedRun, remembered: str) -> Iterator[Finding]:
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


def quota_alert(run: FinishedRun, quota: Quota) -> Alert:
    """A warning that few requests are left, and when there are more."""
    return Alert(
        QUOTA_KEY,
        "warning",
        f"GitHub's quota is nearly spent: {quota.remaining:,} of {quota.limit:,} requests left",
        (
            f"seen by the run of {run.subject}; it is full again at {quota.resets_at}",
            "Runs wait for that as long as GITPULSE_PATIENCE_SECONDS allows; a further token of another user "
            "or a GitHub App gives more.",
        ),
        run_link(run),
    )


def run_link(run: FinishedRun) -> str:
    """The run's page, below the address of Dagster's UI."""
    return f"/runs/{run.run_id}"


def staleness_findings(
    standings: Iterable[Standing], now: datetime, freshness: timedelta
) -> Iterator[Finding]:
    """Yield an alert for each repository that was not up to date within its freshness."""
    for standing in standings:
        key = f"stale/{standing.repo_key}"
        if standing.fresh_at is None:
            continue
        if not is_stale(standing, now, freshness):
            yield Note(key)
            continue
        yield Alert(
            key,
            "error",
            f"{standing.repo_key}: not refreshed for {hours(now - standing.fresh_at)}",
            (
                f"last known to be up to date at {standing.fresh_at:%Y-%m-%d %H:%M} UTC; its freshness is "
                f"{hours(freshness)}. Is the daemon running, and are the refreshing sensor or schedule on?",
            ),
            f"/runs/{standing.run_id}" if standing.run_id else "/automation",
        )


def stop_findings(stops: Iterable[Stopped], now: datetime) -> Iterator[Finding]:
    """Yield an alert for each sensor whose every tick was ended early for longer than a limit lasts."""
    for stopped in stops:
        key = f"stopped/{stopped.sensor}"
        if stopped.since is None or now - stopped.since <= STOPPED_MAX:
            yield Note(key)
            continue
        yield Alert(
            key,
            "error",
            f"The sensor {stopped.sensor} has been stopped for {hours(now - stopped.since)}",
            (
                f"since {stopped.since:%Y-%m-%d %H:%M} UTC every tick ended early: {stopped.reason}",
                "Changes at GitHub, or in the watch list, are not followed until that is over.",
            ),
            "/automation",
        )


def daily_findings(
    standings: Sequence[Standing], troubles: Mapping[str, str], now: datetime, freshness: timedelta
) -> Iterator[Finding]:
    """Yield one message of everything left failed or stale; what edges were lost, the day's net catches.

    `troubles`: why a name of the watch list, or a look for changes, does not work.
    """
    failed = [standing.repo_key for standing in standings if standing.has_failed]
    stale = [standing.repo_key for standing in standings if is_stale(standing, now, freshness)]
    never = [
        standing.repo_key for standing in standings if standing.fresh_at is None and not standing.has_failed
    ]
    if not (failed or stale or never or troubles):
        return
    yield Alert(
        f"daily/{now:%Y-%m-%d}",
        "warning",
        f"Left over this morning: {len(failed)} failed, {len(stale)} stale, {len(never)} never refreshed",
        (
            *listed("last run failed", failed),
            *listed(f"not refreshed for {hours(freshness)}", stale),
            *listed("registered, never refreshed", never),
            *(f"{name}: {trouble}" for name, trouble in list(troubles.items())[:REPOSITORIES_SHOWN]),
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
