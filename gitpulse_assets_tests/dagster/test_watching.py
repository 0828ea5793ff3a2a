"""The two sensors: the partitions follow the watch list, and runs follow the changes."""

import itertools
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import msgspec
import pyarrow as pa
import pyarrow.dataset
import pytest
from dagster._core.utils import make_new_run_id

from gitpulse_assets.alerting.alert import Alert
from gitpulse_assets.alerting.rules import Hour, judge_stops
from gitpulse_assets.automation import watching
from gitpulse_assets.automation.alerts import watched
from gitpulse_assets.automation.watching import (
    changed_repositories,
    checked,
    first_due,
    kept_client,
    refreshed_by_hand,
    watch_list,
)
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.partitions import REPOS_PARTITIONS
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.busy import busy_keys, last_ends
from gitpulse_assets.runs.kinds import REFRESH_JOB, REFRESH_WATCHED_JOB, REPO_TAG, SWEEP_OP, repo_tags
from gitpulse_assets.runs.launch import refresh
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets.settings import SettingsError, load_settings
from gitpulse_assets.watch import asking, looking
from gitpulse_assets.watch.membership import Wanted
from gitpulse_assets.watch.state import Member, Membership, membership, sights
from gitpulse_assets_tests.crash.pipeline import Place, Run

KEYS = ["acme/anvil", "acme/rocket", "acme/skates"]

Tick = Callable[[], dg.SensorResult]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    plans = [HistoryPlan(key, seed=7, issue_count=20, day_count=60, former_names=()) for key in KEYS]
    with serve(generate(plans)) as running:
        yield running


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "gitpulse.yaml"
    path.write_text("repositories: [acme/rocket, acme/anvil]\n")
    return path


def applied(instance: dg.DagsterInstance, result: dg.SensorResult) -> dg.SensorResult:
    """Do with the partitions what the daemon would do."""
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(REPOS_PARTITIONS, list(request.partition_keys))
    return result


@pytest.fixture
def follow(file: Path, instance: dg.DagsterInstance) -> Tick:
    def tick() -> dg.SensorResult:
        result = watch_list(dg.build_sensor_context(instance=instance))
        return applied(instance, result)

    return tick


@pytest.fixture
def look(file: Path, instance: dg.DagsterInstance) -> Tick:
    cursors = [""]

    def tick() -> dg.SensorResult:
        result = changed_repositories(dg.build_sensor_context(instance=instance, cursor=cursors[-1]))
        cursors.append(result.cursor or "")
        return result

    return tick


def keys(result: dg.SensorResult) -> list[str]:
    """Of whom a refresh is asked for: of one alone by its partition, of several in a batch."""
    found: list[str] = []
    for request in result.run_requests or []:
        batch = request.run_config.get("ops", {}).get(SWEEP_OP, {}).get("config", {})
        found += batch.get("keys") or [str(request.partition_key)]
    return found


def a_run_of(key: str, status: str) -> dg.DagsterRun:
    return dg.DagsterRun(
        REFRESH_JOB, make_new_run_id(), status=dg.DagsterRunStatus[status], tags=repo_tags(key)
    )


def said(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def registered(instance: dg.DagsterInstance) -> list[str]:
    return sorted(instance.get_dynamic_partitions(REPOS_PARTITIONS))


def later(monkeypatch: pytest.MonkeyPatch, **span: float) -> None:
    """Have the sensors' clock run ahead."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) + timedelta(**span)

    for module in (watching, looking):
        monkeypatch.setattr(module, "datetime", Ahead)


class TestFollowing:
    def test_new_repositories_are_registered_and_fetched_once(
        self, follow: Tick, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ):
        first = follow()
        assert registered(instance) == ["acme/anvil", "acme/rocket"]
        assert keys(first) == ["acme/anvil", "acme/rocket"]
        (batch,) = first.run_requests or []
        assert batch.job_name == REFRESH_WATCHED_JOB
        # No run has come of it yet: the same request again, which the daemon knows by its key.
        assert [request.run_key for request in follow().run_requests or []] == [batch.run_key]
        # One whose run failed for good before it took anybody is asked for anew the next day.
        later(monkeypatch, days=1)
        (again,) = follow().run_requests or []
        assert again.run_key != batch.run_key

    def test_once_there_is_a_run_none_is_asked_for(
        self, follow: Tick, instance: dg.DagsterInstance, defs: dg.Definitions
    ):
        follow()
        assert refresh(defs, instance, Repo.parse("acme/anvil"), is_full=False).is_success
        assert keys(follow()) == ["acme/rocket"]

    def test_one_taken_out_is_retired_and_comes_back(
        self, follow: Tick, file: Path, instance: dg.DagsterInstance, lake: Lake
    ):
        follow()
        file.write_text("repositories: [acme/rocket]\n")
        follow()
        state = membership(lake.store).load()
        assert state.members["acme/anvil"].status == "retired"
        assert state.watched_keys == ["acme/rocket"]
        assert registered(instance) == ["acme/anvil", "acme/rocket"]
        file.write_text("repositories: [acme/rocket, acme/anvil]\n")
        assert keys(follow()) == ["acme/rocket"]
        assert membership(lake.store).load().members["acme/anvil"].status == "watched"

    @pytest.mark.dear
    def test_what_a_person_refreshed_is_left_alone(
        self, follow: Tick, instance: dg.DagsterInstance, defs: dg.Definitions, lake: Lake
    ):
        assert refresh(defs, instance, Repo.parse("acme/skates"), is_full=False).is_success
        follow()
        assert "acme/skates" not in membership(lake.store).load().members
        assert "acme/skates" in registered(instance)

    def test_a_renamed_repository_keeps_its_key(
        self, follow: Tick, file: Path, sandbox: Sandbox, lake: Lake, instance: dg.DagsterInstance
    ):
        follow()
        sandbox.world.rename_repository("acme/anvil", "acme/hammer")
        file.write_text("repositories: [acme/rocket, acme/hammer]\n")
        follow()
        members = membership(lake.store).load().members
        assert members["acme/anvil"].name == "acme/hammer"
        assert members["acme/anvil"].status == "watched"
        assert registered(instance) == ["acme/anvil", "acme/rocket"]

    def test_an_organisation_is_followed_with_its_patterns(
        self, follow: Tick, file: Path, sandbox: Sandbox, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        file.write_text("organizations: [{name: acme, exclude: ['r*']}]\n")
        assert keys(follow()) == ["acme/anvil", "acme/skates"]
        sandbox.world.add_repository("acme/tnt")
        sandbox.world.rename_repository("acme/anvil", "acme/hammer")
        assert "acme/tnt" not in membership(lake.store).load().members
        follow()
        later(monkeypatch, hours=2)
        follow()
        state = membership(lake.store).load()
        assert state.watched_keys == ["acme/anvil", "acme/skates", "acme/tnt"]
        assert state.members["acme/anvil"].name == "acme/hammer"

    def test_an_organisation_that_cannot_be_asked_loses_nobody(
        self, follow: Tick, file: Path, sandbox: Sandbox, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        file.write_text("organizations: [acme]\n")
        follow()
        sandbox.app.faults.append(Fault("status", match="/repos?", status=403, body="{}", times=ALWAYS))
        later(monkeypatch, hours=2)
        follow()
        state = membership(lake.store).load()
        assert state.watched_keys == KEYS
        assert "forbids" in state.troubles["acme"]

    @pytest.mark.parametrize("name", ["acme/nothing", "acme/closed"])
    def test_what_cannot_be_watched_is_said_and_not_registered(
        self, follow: Tick, file: Path, sandbox: Sandbox, instance: dg.DagsterInstance, name: str, lake: Lake
    ):
        sandbox.world.add_repository("acme/closed", has_issues=False)
        file.write_text(f"repositories: [{name}, acme/rocket]\n")
        assert keys(follow()) == ["acme/rocket"]
        assert registered(instance) == ["acme/rocket"]
        assert name in membership(lake.store).load().troubles

    def test_a_limit_leaves_the_rest_for_later(
        self, follow: Tick, sandbox: Sandbox, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(asking, "REQUESTS_AT_ONCE", 1)
        sandbox.app.faults.append(Fault("primary_limit", skip=1, times=ALWAYS))
        assert keys(follow()) == ["acme/anvil"]
        sandbox.app.faults.clear()
        sandbox.world.advance(seconds=3700)
        # The hour passes for the stand-in alone; the client waits for it by this machine's clock.
        kept_client.cache_clear()
        assert keys(follow()) == ["acme/anvil", "acme/rocket"]

    def test_names_for_which_a_tick_has_no_time_are_asked_for_in_the_next(
        self, follow: Tick, sandbox: Sandbox, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        """Dagster ends a tick after 60 seconds and forgets what it found; thousands of names take longer."""
        with monkeypatch.context() as patch:
            patch.setattr(watching, "ASKING_UNTIL", 0.0)
            assert said(follow()) == "0 repositories watched, 0 retired; 2 names yet to be asked for"
        # It is no trouble of which an alert would tell.
        assert membership(lake.store).load().stop is None
        assert keys(follow()) == ["acme/anvil", "acme/rocket"]

    def test_thousands_of_new_members_have_their_turn_as_far_as_a_tick_has_time(
        self, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        """A query for each of them took longer than a tick, whose end then was forgotten, for ever."""
        names = [f"many/r{number:04}" for number in range(200)]
        now, seconds, queries = datetime.now(UTC), itertools.count(), itertools.count()
        state = Membership({key: Member(key, "here", now, is_first_run_due=True) for key in names})
        for key, status in ((names[0], "SUCCESS"), (names[1], "STARTED")):
            instance.add_run(a_run_of(key, status))
        connect = instance.run_storage.connect
        monkeypatch.setattr(instance.run_storage, "connect", lambda: (next(queries), connect())[1])
        found, after = first_due(instance, lake, state, now, 3, math.inf)
        assert found == names[2:5]
        assert [key for key in names if not after.members[key].is_first_run_due] == names[:2]
        found, _ = first_due(instance, lake, state, now, 999, 102, clock=lambda: next(seconds))
        assert found == names[2:102]
        assert next(queries) < 10

    def test_what_was_refreshed_by_hand_is_read_as_far_as_a_tick_has_time_and_once(self, file: Path):
        """Thousands beside the list took longer than a tick, whose end then was forgotten, for ever."""
        by_hand, seconds = [f"acme/r{number}" for number in range(6)], itertools.count()
        read: list[str] = []

        def table(_: object, repo: Repo) -> pa.Table:
            read.append(repo.key)
            return pa.table({"repository_id": [len(read)] if repo.key != "acme/r4" else []})

        lake: Any = SimpleNamespace(dataset=lambda *which: pyarrow.dataset.dataset(table(*which)))
        lake.registered_repos = lambda: [Repo.parse(key) for key in [*by_hand, KEYS[0]]]
        state = Membership(
            {KEYS[0]: Member(KEYS[0], "here", datetime.now(UTC))}, by_hand={"acme/forgotten": 7}
        )
        on_list = {"acme/r5": Wanted("here")}
        ids, is_read = refreshed_by_hand(lake, state, on_list, 2, clock=lambda: next(seconds))
        assert (read, is_read) == (by_hand[:2], False)
        known = msgspec.structs.replace(state, by_hand={key: number for key, number in ids.items() if number})
        ids, is_read = refreshed_by_hand(lake, known, on_list, math.inf)
        assert (read, is_read) == (by_hand[:5], True)
        assert ids == {
            "acme/r0": 1,
            "acme/r1": 2,
            "acme/r2": 3,
            "acme/r3": 4,
            "acme/r4": None,
            "acme/r5": None,
        }

    def test_nobody_new_is_asked_for_before_all_that_was_refreshed_by_hand_is_known(
        self, follow: Tick, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        """Its old name would be registered beside the new one, and its history fetched again."""
        with monkeypatch.context() as patch:
            patch.setattr(watching, "refreshed_by_hand", lambda *_: ({"acme/old": None}, False))
            assert said(follow()) == "0 repositories watched, 0 retired; 2 names yet to be asked for"
            assert "acme" not in str(membership(lake.store).load().members)
        assert keys(follow()) == ["acme/anvil", "acme/rocket"]

    def test_what_is_written_of_members_is_checked_by_turns(
        self, home: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ):
        seen: list[Repo] = []

        def noted(_: Lake, some: dict[Repo, object]) -> list[str]:
            seen.extend(some)
            return []

        monkeypatch.setattr("gitpulse_assets.pipeline.wrong_input.wrong_input", noted)
        wanted: Any = SimpleNamespace(options=lambda repo: repo)
        names = [f"many/r{number:04}" for number in range(120)]
        cursors = [""]
        for _ in range(3):
            context = dg.build_sensor_context(cursor=cursors[-1])
            cursors.append(checked(context, lake, wanted, names, 1, itertools.count().__next__))
        assert [repo.key for repo in seen] == [*names, *names[:30]]
        assert cursors[1:] == [names[49], names[99], names[29]]

    def test_a_wrong_file_fails_the_tick_with_its_line(self, follow: Tick, file: Path):
        file.write_text("repositories: [x]\n")
        with pytest.raises(SettingsError, match=r"gitpulse.yaml:1: repositories\[0\]"):
            follow()


class TestLooking:
    @pytest.fixture(autouse=True)
    def refreshed(self, follow: Tick, home: Path, sandbox: Sandbox):
        """Both were refreshed once, by the steps alone: a look asks silver, not Dagster."""
        follow()
        for key in ("acme/anvil", "acme/rocket"):
            place = Place(str(home / "lake"), S3Options(), sandbox.base_url, Repo.parse(key))
            run = Run(place, "run-1")
            run.extract()
            run.merge_silver()
            run.move_watermarks()
        sandbox.app.log.clear()

    def touch(self, sandbox: Sandbox, key: str) -> None:
        sandbox.world.advance(seconds=60)
        acts = sandbox.world.acts_on(key)
        acts.comment(next(iter(acts.repository.issues.values())), sandbox.world.clock)

    def test_quiet_repositories_cost_nothing_and_a_limit_ends_the_tick(self, look: Tick, sandbox: Sandbox):
        # The first look asks for the repositories' own open counts, by which the later ones know them.
        look()
        sandbox.app.log.clear()
        for _ in range(3):
            assert "2 of 2 repositories looked at, none changed" in said(look())
        assert [line.status for line in sandbox.app.log] == [304] * 12
        assert sum(line.cost for line in sandbox.app.log) == 0
        sandbox.app.faults.append(Fault("secondary_limit", retry_after_seconds=600, times=ALWAYS))
        assert said(look()).startswith("stopped early: 127.0.0.1 limits token 1 of 1 until 2026-")

    @pytest.mark.dear
    def test_a_change_asks_for_one_run_until_that_has_dealt_with_it(
        self,
        look: Tick,
        sandbox: Sandbox,
        instance: dg.DagsterInstance,
        defs: dg.Definitions,
        lake: Lake,
    ):
        look()
        self.touch(sandbox, "acme/rocket")
        first = look()
        assert keys(first) == ["acme/rocket"]
        (request,) = first.run_requests or []
        assert request.tags[REPO_TAG] == "acme/rocket"
        # The tick's run never began (a crash of the daemon): it is asked for again.
        assert keys(look()) == ["acme/rocket"]
        job = defs.resolve_job_def("refresh")
        tags = {"dagster/partition": "acme/rocket"}
        started = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        assert "1 have a run" in said(look())
        instance.delete_run(started.run_id)
        assert refresh(defs, instance, Repo.parse("acme/rocket"), is_full=False).is_success
        sandbox.app.log.clear()
        assert "none changed" in said(look())
        assert "none changed" in said(look())
        # The list's head, once; the repository's own record is as the run left it.
        assert sum(line.cost for line in sandbox.app.log) == 1
        assert sights(lake.store).load().sights["acme/rocket"].asked_at is None

    @pytest.mark.slow
    def test_a_newest_record_that_left_is_a_change_that_one_run_settles(
        self, look: Tick, sandbox: Sandbox, instance: dg.DagsterInstance, defs: dg.Definitions
    ):
        acts = sandbox.world.acts_on("acme/rocket")
        newest = max(acts.repository.listed, key=lambda issue: (issue.updated_at, issue.issue_id))
        acts.hide(newest, sandbox.world.clock)
        assert keys(look()) == ["acme/rocket"]
        assert refresh(defs, instance, Repo.parse("acme/rocket"), is_full=False).is_success
        assert "none changed" in said(look())

    def test_failures_wait_longer_each_time_and_stop_nobody_else(
        self,
        look: Tick,
        sandbox: Sandbox,
        instance: dg.DagsterInstance,
        defs: dg.Definitions,
        lake: Lake,
        monkeypatch: pytest.MonkeyPatch,
    ):
        refused = Fault("status", match="/repos/acme/anvil/issues", status=451, body="{}", times=ALWAYS)
        no_graphql = Fault("status", match="/graphql", status=403, body="{}", times=ALWAYS)
        sandbox.app.faults += [refused, no_graphql]
        self.touch(sandbox, "acme/rocket")
        assert keys(look()) == ["acme/rocket"]
        assert not refresh(defs, instance, Repo.parse("acme/rocket"), is_full=False).is_success
        assert "2 wait after a failure, 0 failed now" in said(look())
        later(monkeypatch, minutes=6)
        assert keys(look()) == ["acme/rocket"]
        found = sights(lake.store).load().sights
        assert found["acme/anvil"].failure_count == 2
        sandbox.app.faults.clear()
        later(monkeypatch, minutes=12)
        assert keys(look()) == ["acme/rocket"]
        assert sights(lake.store).load().sights["acme/anvil"].failure_count == 2
        later(monkeypatch, minutes=17)
        look()
        assert sights(lake.store).load().sights["acme/anvil"].failure_count == 0


def test_without_a_token_it_spends_nothing(
    follow: Tick, look: Tick, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    follow()
    sandbox.app.log.clear()
    monkeypatch.delenv("GITHUB_TOKEN")
    assert "set GITHUB_TOKEN" in said(look())
    assert sandbox.app.log == []


def test_a_refused_token_stops_both_sensors_until_it_is_taken(
    follow: Tick,
    look: Tick,
    file: Path,
    sandbox: Sandbox,
    lake: Lake,
    home: Path,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
):
    def since() -> list[datetime | None]:
        states = membership(lake.store).load(), sights(lake.store).load()
        return [state.stop and state.stop.since for state in states]

    follow()
    look()
    assert since() == [None, None]
    file.write_text("repositories: [acme/rocket, acme/anvil, acme/skates]\n")
    sandbox.app.faults.append(Fault("status", match="", status=401, body="{}", times=ALWAYS))
    follow()
    assert "stopped early" in said(look())
    first = since()
    assert None not in first
    later(monkeypatch, minutes=150)
    follow()
    look()
    assert since() == first
    _, _, stops = watched(load_settings())
    found = judge_stops(Hour([], stops, datetime.now(UTC) + timedelta(minutes=150), timedelta()))
    assert {judgement.key: isinstance(judgement, Alert) for judgement in found} == {
        "stopped/watch_list": True,
        "stopped/changed_repositories": True,
    }
    sandbox.app.faults.clear()
    follow()
    look()
    assert since() == [None, None]


def test_without_members_it_says_what_to_do(look: Tick):
    assert "switch the sensor watch_list on" in said(look())


def test_only_a_fetch_deals_with_a_change(instance: dg.DagsterInstance, defs: dg.Definitions):
    """A report or a rebuild that succeeds after a refresh that failed has not."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    tags = {"dagster/partition": "acme/rocket", REPO_TAG: "acme/rocket"}
    for job, status in (("refresh", "FAILURE"), ("rebuild", "SUCCESS")):
        instance.create_run_for_job(defs.resolve_job_def(job), tags=tags, status=dg.DagsterRunStatus[status])
    assert last_ends(instance, {"acme/rocket": since}) == {"acme/rocket": dg.DagsterRunStatus.FAILURE}
    assert last_ends(instance, {"acme/rocket": since + timedelta(hours=1)}) == {}


@pytest.mark.parametrize(("hours", "is_busy"), [(5, True), (7, False)])
def test_a_run_that_never_ends_is_dead_after_a_while(
    instance: dg.DagsterInstance, defs: dg.Definitions, hours: int, is_busy: bool
):
    job, tags = defs.resolve_job_def("refresh"), {"dagster/partition": "acme/rocket"}
    instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert bool(busy_keys(instance, datetime.now(UTC) + timedelta(hours=hours))) is is_busy
