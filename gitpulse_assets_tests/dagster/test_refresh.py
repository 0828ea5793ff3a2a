"""A refresh as one Dagster run: what it makes, what it costs, and what the UI is told."""

import shutil
import time
from collections import Counter
from datetime import date

import dagster as dg
import pytest

from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.tables import CATALOG, MART_TABLES
from gitpulse_assets.contracts import silver
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.server import Sandbox
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.dagster.conftest import stale_checks

REPO = Repo("acme", "rocket")
QUIET = Repo("acme", "quiet")
STEPS = ("bronze", "silver", "sync_state", "gold")
ADA = User(1, "ada", "User", "U_1")


def add_quiet(sandbox: Sandbox) -> Acts:
    return sandbox.world.add_repository(QUIET.key)


def checks(instance: dg.DagsterInstance, run_id: str) -> dict[str, bool]:
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [event.dagster_event.asset_check_evaluation_data for event in events if event.dagster_event]
    return {f"{check.asset_key.to_user_string()}:{check.check_name}": check.passed for check in found}


def test_one_run_makes_every_table_and_evaluates_every_check(synced, defs):
    assert synced.outcome.is_success, synced.outcome.message
    assert set(synced.outcome.tables) == {"/".join(contract.asset_key) for contract in CATALOG}
    evaluated = checks(synced.instance, synced.outcome.run_id)
    graph = defs.resolve_asset_graph()
    of_repositories = [key for key in graph.asset_check_keys if graph.get(key).partitions_def == repos]
    assert len(evaluated) == len(of_repositories)
    assert [name for name, is_passed in evaluated.items() if not is_passed] == []
    assert synced.read(MART_BACKLOG_VERDICT)


def test_every_check_is_shown_as_one_of_what_was_made_last(synced, defs):
    assert stale_checks(synced.instance, defs, REPO.key) == []


def test_the_published_backlog_is_the_true_one(synced):
    world = synced.sandbox.world
    issues = world.repository(REPO.key).open_count(is_pull_request=False)
    assert synced.read(MART_ISSUE_DAILY_FLOW)[-1]["open_at_end"] == issues
    assert sum(row["is_open"] for row in synced.read(MART_ISSUE_LIFECYCLE)) == issues


def test_each_materialization_says_where_the_data_lies_and_how_much_it_is(synced):
    tables = synced.outcome.tables
    for contract in CATALOG:
        shown = tables["/".join(contract.asset_key)]
        assert f"{contract.layer}/" in str(shown["dagster/uri"])
    rows = len(synced.read(silver.ISSUE_CURRENT))
    assert tables["silver/issue_current"]["dagster/partition_row_count"] == rows
    # A first walk has no watermark, and what is not known is not shown.
    summary = {"page_count", "record_count", "pull_request_count", "quota_cost", "walk_kind"}
    assert summary | {"duration_seconds"} <= set(tables["bronze/issues"])


def test_a_run_can_be_found_by_its_repository(synced):
    record, *_ = synced.instance.get_runs(dg.RunsFilter(tags={"gitpulse/repo": REPO.key}))
    assert record.tags["dagster/partition"] == REPO.key
    assert record.remote_job_origin is not None


def test_a_run_right_after_another_costs_at_most_two_units_and_changes_nothing(
    synced, home, run, read, monkeypatch
):
    shutil.copytree(synced.home / "lake", home / "lake", dirs_exist_ok=True)
    monkeypatch.setenv("GITHUB_API_URL", synced.sandbox.base_url)
    synced.sandbox.app.log.clear()
    assert run().tables["bronze/issues"]["walk_kind"] == "unchanged"
    assert sum(served.cost for served in synced.sandbox.app.log) <= 2
    for contract in (*MART_TABLES, silver.ISSUE_CURRENT, silver.ISSUE_TRANSITIONS):
        assert read(contract) == synced.read(contract), contract.name


def test_case_07_one_bad_record_is_quarantined_and_the_rest_is_published(run, read, sandbox):
    issues = list(sandbox.world.repository(REPO.key).listed)
    issues[3].raw = b'{"id": "no number", "title": 7}'
    issues[5].raw = b'"no record at all"'
    outcome = run()
    assert outcome.is_success, outcome.message
    assert len(read(silver.QUARANTINE)) == 2
    assert len(read(silver.ISSUE_CURRENT)) == len(issues) - 2


@pytest.mark.dear
def test_a_step_opens_the_lake_once_and_reads_settings_and_manifest_no_more_often(run, sandbox, monkeypatch):
    add_quiet(sandbox).open(sandbox.world.clock - 5 * DAY_SECONDS, ADA, "Alone")
    calls: Counter[str] = Counter()
    for owner, name in ((Lake, "__init__"), (Settings, "__init__"), (Manifest, "_read")):
        really = getattr(owner, name)

        def counted(*args, really=really, owner=owner, **options):
            calls[owner.__name__] += 1
            return really(*args, **options)

        monkeypatch.setattr(owner, name, counted)
    assert run(QUIET).is_success
    assert calls["Lake"] == calls["Settings"] == len(STEPS)
    assert 0 < calls["Manifest"] <= len(STEPS)


@pytest.mark.dear
def test_case_10_the_spine_of_a_quiet_repository_runs_to_the_as_of_day(run, read, sandbox):
    add_quiet(sandbox).open(sandbox.world.clock - 5 * DAY_SECONDS, ADA, "Alone")
    run(QUIET)
    sandbox.world.advance(seconds=3 * DAY_SECONDS)
    assert run(QUIET).tables["bronze/issues"]["walk_kind"] == "unchanged"
    days = [row["flow_date"] for row in read(MART_ISSUE_DAILY_FLOW, QUIET)]
    assert (days[0], days[-1], len(days)) == (date(2026, 6, 25), date(2026, 7, 3), 9)


@pytest.mark.parametrize(
    "pull_request_count",
    [pytest.param(0, id="empty"), pytest.param(3, id="pull requests only", marks=pytest.mark.slow)],
)
def test_case_16_a_repository_without_issues(run, read, sandbox, pull_request_count):
    acts = add_quiet(sandbox)
    for number in range(pull_request_count):
        acts.open(sandbox.world.clock - 60, ADA, f"Change {number}", is_pull_request=True)
    outcome = run(QUIET)
    assert outcome.is_success, outcome.message
    assert len(read(silver.ISSUE_CURRENT, QUIET)) == pull_request_count
    assert read(MART_ISSUE_LIFECYCLE, QUIET) == []
    assert {row["open_at_end"] for row in read(MART_ISSUE_DAILY_FLOW, QUIET)} == {0}
    assert {row["direction"] for row in read(MART_BACKLOG_VERDICT, QUIET)} == {"unclear"}


def test_case_16_a_repository_never_synced_has_no_rows(home, read):
    assert all(read(contract) == [] for contract in CATALOG)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", pytest.param("Asia/Tokyo", marks=pytest.mark.slow)])
def test_case_08_every_table_is_the_same_in_every_time_zone(synced, home, zone, process_zone, run, read):
    process_zone(zone)
    outcome = run()
    assert outcome.is_success, outcome.message
    assert time.strftime("%z") != "+0000"
    for contract in (*SILVER_TABLES, *MART_TABLES):
        assert read(contract) == synced.read(contract), contract.name
