"""Looks which watched repositories changed: a conditional request each, free where nothing did.

A run is wanted where the newest record of the list is not in silver yet. The ETag is kept only of an answer
that silver holds, so that no crash and no failed run can make a change look like none. Nothing here knows
Dagster: which runs are at work or have ended is told by the caller.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import pyarrow.compute as pc

from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.silver import CONTROL_TOTAL, ISSUE_CURRENT, SYNC_STATE
from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient, Probe
from gitpulse_assets.github.errors import BadToken, GitHubError, LimitReached, NetworkDown
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.processes.stopping import each_in_threads
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.state import KEPT_BODY_BYTES_MAX, Member, Sight, Stop, stop_after

FIRST_BACK_OFF = timedelta(minutes=5)
LONGEST_BACK_OFF = timedelta(hours=24)
# GitHub allows 100 requests at once and 900 a minute for a token; eight at 50 ms are 160 a second at most,
# so that a round over more repositories than that waits for its next tick.
REQUESTS_AT_ONCE = 8
# As many answers in a row that never came mean that the network is down, not one repository.
LOST_MAX = 3

RunEnd = Literal["none", "success", "failure"]


@dataclass(frozen=True)
class Seen:
    """What one look found: the sight to keep, and whether a run is wanted."""

    sight: Sight
    is_changed: bool = False


@dataclass
class LookRound:
    """What a tick did: sights by key, keys that changed in order, and what stopped it early."""

    sights: dict[str, Sight] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    looked_count: int = 0
    failed_count: int = 0
    last_key: str = ""
    stopped_by: str = ""


def stop_after_round(before: Stop | None, found: LookRound, now: datetime) -> Stop | None:
    """What a round leaves of what stopped the one before; one that looked at nobody tells nothing of it."""
    if not (found.looked_count or found.stopped_by):
        return before
    return stop_after(before, found.stopped_by, now)


def after_run(sight: Sight, end: RunEnd, now: datetime) -> Sight:
    """What the end of the run that was asked for means: settled, to be tried later, or never begun."""
    if sight.asked_at is None:
        return sight
    unasked = msgspec.structs.replace(sight, asked_mark="", asked_at=None)
    if end == "success":
        return msgspec.structs.replace(unasked, settled_mark=sight.asked_mark, failure_count=0, trouble="")
    return failed(unasked, "its last run failed", now) if end == "failure" else unasked


def failed(sight: Sight, trouble: str, now: datetime) -> Sight:
    """Count a failure; each doubles the time until the next try."""
    pause = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** min(sight.failure_count, 20))
    return msgspec.structs.replace(
        sight, failure_count=sight.failure_count + 1, not_before=now + pause, trouble=trouble
    )


def is_due(sight: Sight, now: datetime) -> bool:
    """Whether the pause after a failure is over."""
    return sight.not_before is None or now >= sight.not_before


def in_turn(keys: Sequence[str], after: str) -> list[str]:
    """The keys in order, those behind the cursor first: every one has its turn."""
    ordered = sorted(keys)
    return [key for key in ordered if key > after] + [key for key in ordered if key <= after]


def look(client: GitHubClient, lake: Lake, key: str, member: Member, sight: Sight) -> Seen:
    """Look at one repository; raises GitHubError and LakeError."""
    stored = Repo.parse(key)
    etag = sight.etag or merged_etag(lake, stored)
    probe = client.probe(member.repo, ISSUE_LIST, etag, sight.body)
    quiet = msgspec.structs.replace(sight, etag=etag, failure_count=0, not_before=None, trouble="")
    if probe.is_unchanged:
        return counted(client, lake, stored, member, quiet)
    found = mark(probe)
    if found == sight.settled_mark or is_merged(lake, stored, probe):
        body = kept_body(client, member.repo, probe)
        quiet = msgspec.structs.replace(quiet, etag=probe.etag, body=body, settled_mark=found, asked_mark="")
        return counted(client, lake, stored, member, quiet)
    return wanted(sight, found)


def wanted(sight: Sight, found: str) -> Seen:
    """Ask for a run for what was found."""
    # Not when the round began: a run made since then may have ended before this change was seen.
    asked = msgspec.structs.replace(sight, asked_mark=found, asked_at=datetime.now(UTC), trouble="")
    return Seen(asked, is_changed=True)


def counted(client: GitHubClient, lake: Lake, stored: Repo, member: Member, quiet: Sight) -> Seen:
    """Hold the repository's own open count against ours where its list shows nothing new.

    Issues imported with old dates, and those that left, show nowhere else. Without a token the question would
    cost one of 60 requests an hour; each refresh asks it anyway.
    """
    if not client.has_token(member.repo):
        return Seen(quiet)
    answer = client.repository(member.repo, quiet.repository_etag)
    if answer.is_unchanged or answer.open_issues_count is None:
        return Seen(quiet)
    found = f"open {answer.open_issues_count}"
    if found == quiet.counted_mark or is_count_known(lake, stored, answer.open_issues_count):
        return Seen(msgspec.structs.replace(quiet, repository_etag=answer.etag))
    return wanted(msgspec.structs.replace(quiet, counted_mark=found), found)


def is_count_known(lake: Lake, repo: Repo, open_count: int) -> bool:
    """Whether GitHub's open count is ours, or as far from it as when it was counted last."""
    is_open = pc.field("departed_at").is_null() & (pc.field("state") == "open")
    difference = lake.dataset(ISSUE_CURRENT, repo).count_rows(filter=is_open) - open_count
    columns = ["fetched_at", "repository_difference"]
    totals = lake.dataset(CONTROL_TOTAL, repo).to_table(columns=columns).to_pylist()
    newest = max((total["fetched_at"] for total in totals), default=None)
    # GitHub's clock has whole seconds: two runs may have counted in the same one.
    known = {total["repository_difference"] for total in totals if total["fetched_at"] == newest}
    return difference == 0 or newest is None or difference in known


def mark(probe: Probe) -> str:
    """A change, told from others by what is newest in the list."""
    return f"{probe.newest.record_id}@{probe.newest.at:%Y-%m-%dT%H:%M:%SZ}" if probe.newest else "empty"


def kept_body(client: GitHubClient, repo: Repo, probe: Probe) -> bytes | None:
    """The answer where the token will be another at the next look, and it is small enough; else None."""
    is_kept = client.has_renewed_token(repo) and len(probe.body) <= KEPT_BODY_BYTES_MAX
    return probe.body if is_kept else None


def merged_etag(lake: Lake, repo: Repo) -> str | None:
    """The ETag under which a run last found the list, all of which is in silver by now."""
    for row in lake.dataset(SYNC_STATE, repo).to_table(columns=["stream", "etag"]).to_pylist():
        if row["stream"] == ISSUES.name:
            return row["etag"]
    return None


def is_merged(lake: Lake, repo: Repo, probe: Probe) -> bool:
    """Whether what is newest in the list is what is newest in silver too.

    Something newer in silver means that the newest record left the list; that is a change as well.
    """
    if not lake.dataset(SYNC_STATE, repo).count_rows():
        return False
    is_present = pc.field("departed_at").is_null()
    newer = is_present
    if probe.newest is not None:
        newer = is_present & (pc.field("updated_at") >= pc.scalar(probe.newest.at))
    rows = lake.dataset(ISSUE_CURRENT, repo).to_table(columns=["issue_id", "updated_at"], filter=newer)
    found = rows.to_pylist()
    if probe.newest is None:
        return not found
    is_same = any(row["issue_id"] == probe.newest.record_id for row in found)
    return is_same and all(row["updated_at"] == probe.newest.at for row in found)


def look_at_all(
    client: GitHubClient,
    lake: Lake,
    members: Mapping[str, Member],
    sights: Mapping[str, Sight],
    keys: Sequence[str],
    now: datetime,
    *,
    seconds_max: float,
    changed_max: int,
    clock: Callable[[], float] = time.monotonic,
) -> LookRound:
    """Look at the keys in their order, several at once, until the time is up or enough has changed.

    A limit or a lost network ends the round early; the trouble of one repository is its own.
    """
    result, deadline, lost_count = LookRound(), clock() + seconds_max, 0

    def look_at(key: str) -> Seen:
        return look(client, lake, key, members[key], sights.get(key, Sight()))

    for start in range(0, len(keys), REQUESTS_AT_ONCE):
        if clock() >= deadline or len(result.changed) >= changed_max or result.stopped_by:
            break
        some = keys[start : start + REQUESTS_AT_ONCE]
        for key, future in zip(some, each_in_threads(look_at, some, REQUESTS_AT_ONCE), strict=True):
            error = future.exception()
            lost_count = lost_count + 1 if isinstance(error, NetworkDown) else 0
            if isinstance(error, LimitReached | BadToken) or lost_count >= LOST_MAX:
                result.stopped_by = result.stopped_by or str(error)
                continue
            note(result, key, sights.get(key, Sight()), future.result if error is None else error, now)
    return result


def note(
    result: LookRound, key: str, before: Sight, outcome: "Callable[[], Seen] | BaseException", now: datetime
) -> None:
    """Write down what a look came to."""
    result.looked_count += 1
    result.last_key = key
    if isinstance(outcome, GitHubError | LakeError):
        result.failed_count += 1
        result.sights[key] = failed(before, str(outcome), now)
        return
    if isinstance(outcome, BaseException):
        raise outcome
    seen = outcome()
    result.sights[key] = seen.sight
    if seen.is_changed:
        result.changed.append(key)
