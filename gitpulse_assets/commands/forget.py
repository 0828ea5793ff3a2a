"""`gitpulse forget`: remove a repository, or take a person out of all of them.

What is removed is decided in `upkeep/forgetting.py` and `upkeep/persons.py`; here it is confirmed,
and Dagster and the watch list are made to forget it too.
"""

from collections.abc import Set
from datetime import UTC, datetime

import click
import dagster as dg
import msgspec
from dagster._core.storage.tags import PARTITION_NAME_TAG

from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.commands.refresh import instance_of, load_definitions
from gitpulse_assets.events.forgetting import ForgottenEvents, forget_in_events
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.forgetting import forget_member
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import open_lake
from gitpulse_assets.runs.backfills import backfilled_keys
from gitpulse_assets.runs.busy import busy_keys
from gitpulse_assets.runs.launch import rebuild
from gitpulse_assets.runs.purge import delete_run
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.upkeep.forgetting import objects_of, remove
from gitpulse_assets.upkeep.persons import bearer_of, forget_person, in_order, last_shown, repos_naming
from gitpulse_assets.upkeep.unchosen import left_by_others
from gitpulse_assets.watch.state import membership, sights
from gitpulse_assets.watch.watch_list import watch_list

RUNS_A_TURN = 200


def forget_repo(settings: Settings, repo: Repo, *, is_confirmed: bool) -> int:
    """Remove all there is of a repository: data, runs, partition, membership; return the exit code."""
    try:
        lake = open_lake(settings)
        with instance_of(settings) as instance:
            if repo.key in busy_keys(instance, datetime.now(UTC)):
                return refused(f"a run is at work on {repo}; let it end, or stop it first", FAILED)
            if repo.key in backfilled_keys(instance):
                return refused(f"a backfill of {repo} is under way; let it end, or cancel it first", FAILED)
            objects = objects_of(lake.store, repo)
            size = sum(info.size_bytes for info in objects)
            question = f"Remove {repo}: {len(objects):,} objects, {size:,} bytes, and its runs in Dagster?"
            if not is_confirmed and not click.confirm(question):
                return refused("nothing was removed", FAILED)
            remove(lake.store, repo, objects)
            run_count = forget_in_dagster(instance, repo)
            forget_in_watch(lake, repo)
    except (SettingsError, LakeError) as error:
        return refused(error, WRONG_USE if isinstance(error, SettingsError) else FAILED)
    say(f"{repo}: removed {len(objects):,} objects ({size:,} bytes) and {run_count} runs")
    if is_wanted(settings, repo):
        say(f"{repo} is on the watch list still: take it off (or exclude it), or it is fetched again")
    return DONE


def forget_in_dagster(instance: dg.DagsterInstance, repo: Repo) -> int:
    """Remove the partition and its runs with their logs; return how many runs there were."""
    count = 0
    runs = dg.RunsFilter(tags={PARTITION_NAME_TAG: repo.key})
    while found := instance.get_runs(runs, limit=RUNS_A_TURN):
        for run in found:
            delete_run(instance, run.run_id)
        count += len(found)
    if instance.has_dynamic_partition(REPOS_PARTITIONS, repo.key):
        instance.delete_dynamic_partition(REPOS_PARTITIONS, repo.key)
    return count


def forget_in_watch(lake: Lake, repo: Repo) -> None:
    """Take the repository out of the members and of what the looks found."""
    members = membership(lake.store)
    state = members.load()
    left = {key: member for key, member in state.members.items() if key != repo.key}
    members.save(msgspec.structs.replace(state, members=left))
    looks = sights(lake.store)
    seen = looks.load()
    kept = {key: sight for key, sight in seen.sights.items() if key != repo.key}
    looks.save(msgspec.structs.replace(seen, sights=kept))


def is_wanted(settings: Settings, repo: Repo) -> bool:
    """Whether the watch list names it still; a list that cannot be read names nothing."""
    try:
        return watch_list(settings).names(repo)
    except SettingsError:
        return False


def forget_login(settings: Settings, login: str, *, is_confirmed: bool) -> int:
    """Take a person out of every repository's raw records and make its tables anew; return the exit code."""
    question = f"Take {login} out of all tables: login, id, and what they wrote? It cannot be undone."
    if not is_confirmed and not click.confirm(question):
        return refused("nothing was changed", FAILED)
    try:
        lake = open_lake(settings)
        if subjects := left_by_others(lake):
            named = ",".join(subjects)
            return refused(
                f"the lake has tables of {named}, which this process would leave as they are; nothing was "
                f"changed. Set GITPULSE_SUBJECTS={named} for it",
                WRONG_USE,
            )
        with instance_of(settings) as instance:
            if busy := sorted(busy_keys(instance, datetime.now(UTC)) | backfilled_keys(instance)):
                return refused(
                    f"at work: runs or backfills of {', '.join(busy[:3])}; let them end first", FAILED
                )
            # First: beside a backfill it is refused, and then nothing was changed.
            events = forget_events(lake, login)
            counts = forget_person(lake, login)
            # Also those whose tables an earlier call did not come to make anew.
            repos = {*counts, *repos_naming(lake, login)}
            forget_bodies(lake, login, repos)
            failed = made_anew(instance, lake, login, repos)
    except (SettingsError, LakeError) as error:
        return refused(error, WRONG_USE if isinstance(error, SettingsError) else FAILED)
    say(
        f"{login}: {sum(counts.values()):,} records of {len(counts)} repositories rewritten, tables of "
        f"{len(repos) - len(failed)} made anew; {events.event_count:,} public events and "
        f"{events.file_count:,} hour files rewritten"
    )
    say(
        "what GitHub still shows of them comes back with the next change to it; Dagster's old runs, versions "
        "that a bucket keeps and copies made elsewhere are not touched"
    )
    return refused("; ".join(failed), FAILED) if failed else DONE


def forget_events(lake: Lake, login: str) -> ForgottenEvents:
    """Take a person out of the public events, in all days and kept files."""
    from gitpulse_assets.events.projection import projections

    with connect() as con:
        return forget_in_events(lake, con, login, projections())


def forget_bodies(lake: Lake, login: str, repos: Set[Repo]) -> None:
    """Drop what the looks keep of the newest records; a look without it costs one unit at most."""
    looks, keys = sights(lake.store), {repo.key for repo in repos}
    seen = looks.load()
    cleaned = {
        key: msgspec.structs.replace(sight, body=None)
        for key, sight in seen.sights.items()
        if sight.body and (key in keys or login.lower().encode() in sight.body.lower())
    }
    looks.save(msgspec.structs.replace(seen, sights=seen.sights | cleaned))


def made_anew(instance: dg.DagsterInstance, lake: Lake, login: str, repos: Set[Repo]) -> list[str]:
    """Make the tables of each repository and the members of all organisations anew; return what failed."""
    failed, defs = [], load_definitions()
    shown = last_shown(lake, login)
    for place in in_order([*repos, *lake.committed_organizations("silver")], shown):
        if isinstance(place, Organization):
            forget_member(lake, place, login, bearer_of(shown))
        elif isinstance(place, Repo):
            failed += rebuilt(defs, instance, lake, place)
    return failed


def rebuilt(defs: dg.Definitions, instance: dg.DagsterInstance, lake: Lake, repo: Repo) -> list[str]:
    """Rebuild the tables of a repository; return what failed, if anything."""
    lake.store.delete(paths.report_key(repo))
    if lake.commit("silver", repo) is None:
        return []
    outcome = rebuild(defs, instance, repo)
    return [] if outcome.is_success else [f"{repo}: {outcome.message}; run gitpulse rebuild {repo}"]
