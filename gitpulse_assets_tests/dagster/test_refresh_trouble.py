"""Refreshes that meet trouble: nothing half is published, and the next run goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import dagster as dg
import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.model import Rule
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import RunOutcome, refresh
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve

REPO = Repo("acme", "rocket")
LIST = "per_page=100"
# Whatever its size: a page of 100 that cannot be had comes in smaller ones.
WALK = "direction=asc"
PAGE_COUNT = 4
# How often a page is asked for, and then in smaller ones, before the step fails.
TRIES, SMALLER_SIZES = 6, 4
COMPARED = (silver.ISSUE_CURRENT, silver.ISSUE_TRANSITIONS, silver.ISSUE_LABELS, *MART_TABLES)


def listed(sandbox) -> int:
    return sum(LIST in served.target for served in sandbox.app.log)


def steps(instance: dg.DagsterInstance, run_id: str, event: dg.DagsterEventType) -> list[str]:
    return [str(entry.dagster_event.step_key) for entry in instance.all_logs(run_id, of_type=event)]


@contextmanager
def a_broken_rule() -> Iterator[None]:
    """One blocking rule of issue_current that no row keeps."""
    broken = replace(silver.ISSUE_CURRENT, rules=(Rule("never", "true", "No row keeps this rule."),))
    tables = tuple(broken if table is silver.ISSUE_CURRENT else table for table in MERGED_TABLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gitpulse_assets.pipeline.merge.MERGED_TABLES", tables)
        yield


@pytest.mark.dear
def test_a_failed_blocking_check_publishes_nothing_and_the_next_run_makes_up_for_it(run, read, lake, sandbox):
    with a_broken_rule():
        outcome = run()
    said = (
        "Nothing was published, since a blocking check failed: silver/issue_current contract: never: 353 rows"
    )
    assert outcome.message == said
    assert lake.commit("silver", REPO) is None
    assert read(silver.SYNC_STATE) == read(MART_ISSUE_LIFECYCLE) == []
    sandbox.app.log.clear()
    assert run().is_success
    # The list is whole in bronze: it is not walked again.
    assert [served.status for served in sandbox.app.log if LIST in served.target] == []
    assert len(read(silver.ISSUE_CURRENT)) == 353


@pytest.mark.dear
def test_case_28_a_lost_network_is_retried_within_the_run_and_the_walk_goes_on(
    run, sandbox, instance, no_delay
):
    sandbox.app.faults.append(Fault("reset", match=WALK, skip=2, times=TRIES + SMALLER_SIZES))
    outcome = run()
    assert outcome.is_success, outcome.message
    assert steps(instance, outcome.run_id, dg.DagsterEventType.STEP_RESTARTED) == ["bronze"]
    assert listed(sandbox) == PAGE_COUNT + TRIES
    assert (
        outcome.tables["bronze/issues"]["record_count"] == outcome.tables["silver/issue_current"]["new_count"]
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", match=LIST, skip=1, times=2),
        Fault("truncated", match=LIST, skip=1, times=2),
        Fault("html", match=LIST, skip=1, times=2),
        Fault("status", match="graphql", times=2, status=502),
        Fault("secondary_limit", match=LIST, skip=1, times=1, retry_after_seconds=0),
    ],
    ids=lambda fault: fault.kind,
)
@pytest.mark.slow
def test_passing_trouble_changes_no_result(synced, run, read, sandbox, no_delay, fault):
    sandbox.app.faults.append(fault)
    outcome = run()
    assert outcome.is_success, outcome.message
    assert [read(table) for table in COMPARED] == [synced.read(table) for table in COMPARED]


@pytest.mark.parametrize(
    ("token", "name", "words"),
    [
        ("bad_token", "acme/rocket", "does not accept token 1 of 1"),
        ("good", "acme/nosuch", "acme/nosuch is not found"),
    ],
)
def test_what_a_retry_cannot_mend_is_not_retried(run, sandbox, instance, monkeypatch, token, name, words):
    monkeypatch.setenv("GITHUB_TOKEN", token)
    outcome = run(Repo.parse(name))
    assert not outcome.is_success
    assert words in outcome.message
    assert "\n" not in outcome.message
    assert len(sandbox.app.log) == 1
    assert steps(instance, outcome.run_id, dg.DagsterEventType.STEP_UP_FOR_RETRY) == []


def test_an_interrupted_run_is_not_taken_up_by_the_retry_policy(run, sandbox, monkeypatch):
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gitpulse_assets.collect.refresh.collect", interrupted)
    outcome = run()
    assert (outcome.is_success, outcome.is_interrupted) == (False, True)


def at_once(*actions: Callable[[], RunOutcome]) -> list[RunOutcome]:
    found: list[RunOutcome] = []
    threads = [threading.Thread(target=lambda act=act: found.append(act())) for act in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def one_run(defs: dg.Definitions, repo: Repo) -> RunOutcome:
    with dg.DagsterInstance.ephemeral() as instance:
        return refresh(defs, instance, repo, is_full=False)


@pytest.mark.slow
def test_case_18_of_two_runs_at_once_one_publishes_and_the_other_says_so(
    synced, home, defs, run, read, monkeypatch
):
    """Both have begun their merge before either publishes."""
    both_began, seal = threading.Barrier(2, timeout=60), Publication.seal

    def seal_together(self: Publication, *args: object, **kwargs: object) -> None:
        if self.layer == "silver" and self.previous is None:
            both_began.wait()
        seal(self, *args, **kwargs)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Publication, "seal", seal_together)
    outcomes = at_once(*[lambda: one_run(defs, REPO)] * 2)
    assert sorted(outcome.is_success for outcome in outcomes) == [False, True]
    (loser,) = [outcome for outcome in outcomes if not outcome.is_success]
    assert "another run published silver while this one was at work" in loser.message
    assert [read(table) for table in COMPARED] == [synced.read(table) for table in COMPARED]
    assert run().is_success
    assert [read(table) for table in COMPARED] == [synced.read(table) for table in COMPARED]


@pytest.mark.slow
def test_case_18_two_repositories_at_once(synced, home, defs, read, monkeypatch):
    plans = [HistoryPlan(name, seed=7, issue_count=60, day_count=50) for name in ("acme/one", "acme/two")]
    repos = [Repo.parse(plan.full_name) for plan in plans]
    with serve(generate(plans)) as sandbox:
        monkeypatch.setenv("GITHUB_API_URL", sandbox.base_url)
        outcomes = at_once(*[lambda repo=repo: one_run(defs, repo) for repo in repos])
        assert [outcome.message for outcome in outcomes] == ["", ""]
        for repo in repos:
            served = sandbox.world.repository(repo.key)
            assert len(read(silver.ISSUE_CURRENT, repo)) == len(served.listed)
            assert read(MART_ISSUE_DAILY_FLOW, repo)[-1]["open_at_end"] == served.open_count(
                is_pull_request=False
            )


def test_a_stopped_first_run_publishes_nothing(run, read, sandbox, no_delay, lake):
    sandbox.app.faults.append(Fault("status", match=WALK, skip=2, times=ALWAYS, status=500))
    outcome = run()
    assert not outcome.is_success
    assert "answered 500" in outcome.message
    assert read(silver.ISSUE_CURRENT) == []
    assert lake.manifest(REPO).row(outcome.run_id, "issues").status == "partial"
