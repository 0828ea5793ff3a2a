"""The two sensors of the watch list: one keeps the repositories in step with it, one looks what changed.

Who is a member is decided in `watch/membership.py`, what counts as a change in `watch/looking.py`. Both only
ask for runs; what a run does is the job's.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg
import msgspec

from gitpulse_assets.automation.jobs import refresh
from gitpulse_assets.partitions import REPOS_PARTITIONS, repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import github_client, open_lake
from gitpulse_assets.runs.batches import requests_for
from gitpulse_assets.runs.busy import busy_keys, keys_in_writing, keys_with_runs, last_ends
from gitpulse_assets.runs.chunks import chunks
from gitpulse_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from gitpulse_assets.github.client import GitHubClient
    from gitpulse_assets.lake.lake import Lake
    from gitpulse_assets.watch.looking import RunEnd
    from gitpulse_assets.watch.membership import Identity, Step, Wanted
    from gitpulse_assets.watch.state import Listing, Membership, Sight
    from gitpulse_assets.watch.watch_list import WatchList

WATCH_SECONDS = 300
LOOK_SECONDS = 30
# Dagster ends a tick after 60 seconds; a look that waits for a time-out twice may take 21 more.
LOOKING_SECONDS_MAX = 30.0
# The same of the watch list, whose tick asks for names, then seeks who is due, then checks what was written.
ASKING_UNTIL, SEEKING_UNTIL, CHECKING_UNTIL = 20.0, 35.0, 45.0
CHECKED_AT_ONCE = 50
# Each costs the daemon a tenth of a second and more.
RUNS_A_TICK_MAX = 50

NOTHING_WATCHED = (
    "no repository is watched; name some in gitpulse.yaml or GITPULSE_REPOS "
    "and switch the sensor watch_list on"
)
NO_TOKEN = (
    "without a token every look costs one of GitHub's 60 requests an hour, and none would be left for the "
    "runs; set GITHUB_TOKEN, or use the schedule daily_refresh"
)


def sensor_client(settings: Settings) -> "GitHubClient":
    """The client of every tick of this process: its connections and an App's tokens outlast a tick.

    It gives up early, since a tick is short: a limit is not waited for, and a request is repeated once.
    """
    return kept_client(settings)  # pyright: ignore[reportArgumentType]  (frozen settings have a hash)


@lru_cache(maxsize=1)
def kept_client(settings: Settings) -> "GitHubClient":
    """The client of these settings; others have it made anew."""
    return github_client(settings, patience_seconds=0.0, attempts=2, read_timeout_seconds=10.0)


@dg.sensor(
    name="watch_list",
    job=refresh,
    minimum_interval_seconds=WATCH_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Keeps the partitions in step with gitpulse.yaml and GITPULSE_REPOS: a new repository is registered "
        "and its history fetched once, one taken out is retired with its data kept, a renamed one followed "
        "by its id. Off until switched on: it spends quota on every repository that is new."
    ),
)
def watch_list(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Follow the watch list as far as a tick has time for; the lake keeps who is a member.

    The cursor is the key up to which what is written of the members was checked.
    """
    from gitpulse_assets.watch.state import membership
    from gitpulse_assets.watch.watch_list import watch_list as read_watch_list

    settings, now, began = load_settings(), datetime.now(UTC), time.monotonic()
    lake, wanted = open_lake(settings), read_watch_list(settings)
    stored = membership(lake.store)
    state = stored.load()
    client = sensor_client(settings)
    state, step, stopped_by = in_step(client, lake, state, wanted, now, began + ASKING_UNTIL)
    for key in step.retired:
        context.log.info("%s is not on the watch list any more: retired, its data stay", key)
    for name, trouble in step.troubles.items():
        context.log.warning("%s cannot be watched: %s", name, trouble)
    most = RUNS_A_TICK_MAX * settings.batch_size
    due, state = first_due(context.instance, lake, state, now, most, began + SEEKING_UNTIL)
    # A day later the same is asked for again: a batch may have failed for good before it took any of them.
    first_key = f"first:{now:%Y-%m-%d}:{marked(due, state)}"
    requests = requests_for(due, settings.batch_size, first_key, now)
    stored.save(state)
    cursor = checked(context, lake, wanted, state.watched_keys, began + CHECKING_UNTIL)
    missing = sorted(set(state.watched_keys) - set(context.instance.get_dynamic_partitions(REPOS_PARTITIONS)))
    reason = told(state, step, stopped_by)
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[repos.build_add_request(list(some)) for some in chunks(missing)],
        cursor=cursor,
        skip_reason=None if requests else dg.SkipReason(reason),
    )


def checked(
    context: dg.SensorEvaluationContext,
    lake: "Lake",
    wanted: "WatchList",
    keys: Sequence[str],
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Log what is written wrongly of members, by turns until the deadline; return the last of them."""
    from gitpulse_assets.pipeline.wrong_input import wrong_input
    from gitpulse_assets.watch.looking import in_turn

    last, turn = context.cursor or "", in_turn(keys, context.cursor or "")
    lines: dict[str, None] = {}
    for start in range(0, len(turn), CHECKED_AT_ONCE):
        if clock() >= deadline:
            break
        some = turn[start : start + CHECKED_AT_ONCE]
        lines |= dict.fromkeys(
            wrong_input(lake, {repo: wanted.options(repo) for repo in map(Repo.parse, some)})
        )
        last = some[-1]
    for line in lines:
        context.log.warning("%s", line)
    return last


def in_step(
    client: "GitHubClient",
    lake: "Lake",
    state: "Membership",
    wanted: "WatchList",
    now: datetime,
    deadline: float,
) -> "tuple[Membership, Step, str]":
    """Ask what has to be asked, and follow the list; what stopped the asking leaves the rest for later."""
    from gitpulse_assets.watch.membership import follow, wanted_repos
    from gitpulse_assets.watch.state import Membership, stop_after

    listings, stopped_by = listed(client, state, wanted, now, deadline)
    places = wanted_repos(wanted, listings)
    found, by_hand, unasked, stopped_by = newcomers(client, lake, state, places, stopped_by, deadline)
    places = {name: place for name, place in places.items() if name not in unasked}
    unlisted = {
        organization.owner
        for organization in wanted.organizations
        if organization.owner not in listings or listings[organization.owner].trouble
    }
    step = follow(state, places, found, by_hand, unlisted, now)
    step.unasked_count = len(unasked)
    troubles = {owner: listing.trouble for owner, listing in listings.items() if listing.trouble}
    stop = stop_after(state.stop, stopped_by, now)
    read = {key: number for key, number in by_hand.items() if number and key not in step.members}
    members = Membership(step.members, listings, step.troubles | troubles, state.revision, stop, read)
    return members, step, stopped_by


def newcomers(
    client: "GitHubClient",
    lake: "Lake",
    state: "Membership",
    places: "Mapping[str, Wanted]",
    stopped_by: str,
    deadline: float,
) -> "tuple[dict[str, Identity], dict[str, int | None], set[str], str]":
    """Who the names are that no member goes by, the ids of what was refreshed by hand, and who has to wait.

    Nobody is asked for before all that was refreshed by hand is known: it may be known there by another name.
    """
    from gitpulse_assets.watch.asking import identities
    from gitpulse_assets.watch.membership import identity_of, strangers

    new = strangers(state, places)
    by_hand, is_read = refreshed_by_hand(lake, state, places, deadline) if new else (state.by_hand, True)
    unknown = [name for name in new if places[name].repository_id is None]
    found, reason = identities(client, unknown if is_read and not stopped_by else [], deadline)
    ids = {
        key: number or (identity_of(key, places[key], found).repository_id if key in places else None)
        for key, number in by_hand.items()
    }
    return found, ids, set(unknown if is_read else new) - set(found), stopped_by or reason


def listed(
    client: "GitHubClient", state: "Membership", wanted: "WatchList", now: datetime, deadline: float
) -> "tuple[dict[str, Listing], str]":
    """The organisations' repositories, asked for once an hour; and what stopped the asking, if anything.

    Those that the deadline left are as they were.
    """
    from gitpulse_assets.github.errors import GitHubError
    from gitpulse_assets.watch.asking import list_owner
    from gitpulse_assets.watch.membership import due_owners

    owners = {organization.owner for organization in wanted.organizations}
    listings = {owner: listing for owner, listing in state.listings.items() if owner in owners}
    try:
        for owner in due_owners(wanted, listings, now):
            if time.monotonic() >= deadline:
                break
            listings[owner] = list_owner(client, owner, listings.get(owner), now, deadline)
    except GitHubError as error:
        return listings, str(error)
    return listings, ""


def refreshed_by_hand(
    lake: "Lake",
    state: "Membership",
    places: "Mapping[str, Wanted]",
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[dict[str, int | None], bool]:
    """The ids, by key, of what was refreshed without being a member, and whether all were read in time.

    Of those on the list GitHub will say it; what was read once is kept.
    """
    from gitpulse_assets.contracts.silver import REPOSITORY

    ids = {
        repo.key: state.by_hand.get(repo.key)
        for repo in lake.registered_repos()
        if repo.key not in state.members
    }
    for key in sorted(key for key, number in ids.items() if number is None and key not in places):
        if clock() >= deadline:
            return ids, False
        rows = lake.dataset(REPOSITORY, Repo.parse(key)).to_table(columns=["repository_id"]).to_pylist()
        ids[key] = rows[0]["repository_id"] if rows else None
    return ids, True


def first_due(
    instance: dg.DagsterInstance,
    lake: "Lake",
    state: "Membership",
    now: datetime,
    most: int,
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
) -> "tuple[list[str], Membership]":
    """The new members whose history is to be fetched, until there is a run; never a second time.

    At most `most`, and those that are found by the deadline: the others have a later tick.
    """
    due, members = [], dict(state.members)
    busy, known = busy_keys(instance, now), keys_with_runs(instance)
    for key in sorted(key for key, member in members.items() if member.is_first_run_due):
        if len(due) == most or clock() >= deadline:
            break
        if key in known or (key not in busy and lake.manifest(Repo.parse(key)).rows()):
            members[key] = msgspec.structs.replace(members[key], is_first_run_due=False)
        elif key not in busy:
            due.append(key)
    return due, msgspec.structs.replace(state, members=members)


def marked(keys: list[str], state: "Membership") -> str:
    """A mark of these members, each as it was made one: the same as long as they are."""
    made = "\n".join(f"{key}:{state.members[key].since:%Y-%m-%dT%H:%M:%SZ}" for key in keys)
    return hashlib.sha256(made.encode()).hexdigest()[:16]


def told(state: "Membership", step: "Step", stopped_by: str) -> str:
    """What the tick found, in one line for its log."""
    retired_count = len(state.members) - len(state.watched_keys)
    parts = [f"{len(state.watched_keys)} repositories watched, {retired_count} retired"]
    parts += [f"{len(keys)} {what}" for what, keys in (("new", step.new), ("back", step.returned)) if keys]
    parts += [f"{step.unasked_count} names yet to be asked for"] if step.unasked_count else []
    parts += [f"{name}: {trouble}" for name, trouble in list(state.troubles.items())[:5]]
    return "; ".join([*parts, *([f"stopped early: {stopped_by}"] if stopped_by else [])])


@dg.sensor(
    name="changed_repositories",
    job=refresh,
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks at the watched repositories by turns, by a conditional request each that costs nothing where "
        "nothing changed, and asks for a refresh of those that did. Off until switched on; `watch_list` says "
        "who is watched."
    ),
)
def changed_repositories(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at as many as a tick has time for; the cursor is the key the last tick came to."""
    from gitpulse_assets.watch.looking import in_turn, is_due, look_at_all, stop_after_round
    from gitpulse_assets.watch.state import Sight, Sights, membership, sights

    settings, now = load_settings(), datetime.now(UTC)
    lake = open_lake(settings)
    members = membership(lake.store).load()
    keys = set(members.watched_keys) & set(context.instance.get_dynamic_partitions(REPOS_PARTITIONS))
    if not keys:
        return skipped(NOTHING_WATCHED)
    if not settings.has_credential:
        return skipped(NO_TOKEN)
    stored = sights(lake.store)
    before = stored.load()
    busy = keys_in_writing(context.instance, now)
    known = {key: sight for key, sight in before.sights.items() if key in members.members}
    known |= dict(ended(context.instance, known, busy, now))
    free = in_turn(list(keys - busy), context.cursor or "")
    due = [key for key in free if is_due(known.get(key, Sight()), now)]
    found = look_at_all(
        sensor_client(settings),
        lake,
        members.members,
        known,
        due,
        now,
        seconds_max=LOOKING_SECONDS_MAX,
        changed_max=RUNS_A_TICK_MAX * settings.batch_size,
    )
    stored.save(Sights(known | found.sights, stop=stop_after_round(before.stop, found, now)))
    changed_key = f"changed:{now:%Y-%m-%dT%H:%M:%SZ}"
    requests = requests_for(found.changed, settings.batch_size, changed_key, now)
    reason = (
        f"{found.looked_count} of {len(keys)} repositories looked at, none changed; {len(busy & keys)} have "
        f"a run, {len(free) - len(due)} wait after a failure, {found.failed_count} failed now"
    )
    if found.stopped_by:
        reason = f"stopped early: {found.stopped_by}; {reason}"
        context.log.warning(found.stopped_by)
    return dg.SensorResult(
        run_requests=requests,
        cursor=found.last_key or context.cursor,
        skip_reason=None if requests else dg.SkipReason(reason),
    )


def skipped(reason: str) -> dg.SensorResult:
    """A tick that asks for nothing, and why."""
    return dg.SensorResult(skip_reason=dg.SkipReason(reason))


def ended(
    instance: dg.DagsterInstance, known: "dict[str, Sight]", busy: set[str], now: datetime
) -> "Iterator[tuple[str, Sight]]":
    """The sights whose run has ended, with what its end means."""
    from gitpulse_assets.watch.looking import after_run

    # The run's own time is the database's; a second is what they may differ by when it is rounded.
    since = {
        key: sight.asked_at - timedelta(seconds=1)
        for key, sight in known.items()
        if sight.asked_at is not None and key not in busy
    }
    ends = last_ends(instance, since)
    for key in since:
        yield key, after_run(known[key], run_end(ends.get(key)), now)


def run_end(status: dg.DagsterRunStatus | None) -> "RunEnd":
    """What the status of an ended run means for the sight of its repository."""
    if status is None:
        return "none"
    return "success" if status == dg.DagsterRunStatus.SUCCESS else "failure"


watching_sensors = [watch_list, changed_repositories]
