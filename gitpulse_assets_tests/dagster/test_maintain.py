"""The maintenance of the lake as a run: what it did, and that one repository's trouble stops no other."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from gitpulse_assets.automation.maintain import MAINTAIN_JOB, maintained
from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.commands.maintain import done
from gitpulse_assets.contracts.bronze import ISSUES, MANIFEST
from gitpulse_assets.contracts.contributors import LABEL_SPAN
from gitpulse_assets.lake import maintenance, paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import execute, failure_message, is_success
from gitpulse_assets.upkeep import retention
from gitpulse_assets_tests.crash.pipeline import Place, refresh

REPO = Repo("acme", "rocket")
QUARTER_SECONDS = 100 * 86_400


@pytest.fixture
def maintain(home, defs: dg.Definitions, instance: dg.DagsterInstance):
    return lambda: execute(defs, instance, MAINTAIN_JOB, {})[1]


@pytest.mark.dear
def test_it_finishes_what_a_dead_run_sealed_and_thins_out_what_is_old(run, maintain, sandbox, lake: Lake):
    place = Place(lake.store.uri(""), S3Options(), sandbox.base_url)
    refresh(place, "run-1")
    sandbox.world.advance(seconds=QUARTER_SECONDS)
    refresh(place, "run-2", is_full=True)
    assert list(maintained(lake, 0, [])) == []
    seal_and_die(lake)
    finished, thinned = done(maintain())
    assert finished == f"{REPO}: finished the publication of silver that a run had begun"
    assert thinned.startswith(f"{REPO}: of runs older than 90 days went ")
    assert list(done(maintain())) == []
    assert run().is_success


def seal_and_die(lake: Lake) -> None:
    """Seal a merge that leaves every table as it is."""
    publication = lake.begin("silver", REPO)
    for contract in SILVER_TABLES:
        publication.keep(contract)
    publication.seal()


@pytest.mark.slow
def test_zero_days_keep_everything(run, maintain, sandbox, monkeypatch):
    monkeypatch.setenv("GITPULSE_RETENTION_DAYS", "0")
    assert run().is_success
    sandbox.world.advance(seconds=QUARTER_SECONDS)
    assert run(is_full=True).is_success
    assert list(done(maintain())) == []


def test_one_repository_in_trouble_stops_no_other(maintain, lake: Lake, monkeypatch):
    lake.store.put(paths.table_key(MANIFEST, Repo("a", "broken")), b"no Parquet")
    left = leave_a_batch(lake, Repo("b", "fine"), monkeypatch)
    events = maintain()
    assert not is_success(events)
    said = failure_message(events)
    assert "repo_owner=a/repo_name=broken/data.parquet: not a Parquet file, or a damaged one" in said
    assert "\n" not in said
    assert list(lake.store.list(left)) == []


def test_a_publication_that_cannot_be_finished_stops_no_other(maintain, lake: Lake, monkeypatch):
    lake.store.put(paths.plan_key("silver", Repo("a", "broken")), b"{}")
    left = leave_a_batch(lake, Repo("b", "fine"), monkeypatch)
    events = maintain()
    assert not is_success(events)
    assert "repo_owner=a" in failure_message(events)
    assert "not a plan of GitPulse" in failure_message(events)
    assert list(lake.store.list(left)) == []


def leave_a_batch(lake: Lake, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> str:
    """Register a run, and let an old batch lie that its row does not count; return the run's folder."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    lake.manifest(repo).put(ManifestRow("run-1", repo.owner, repo.name, ISSUES.name, "running", "full", now))
    lake.store.put(paths.batch_key(ISSUES, repo, "run-1", 1), b"left over")
    monkeypatch.setattr(Lake, "clean_up_runs", clean_up_at_once)
    return paths.run_prefix(ISSUES, repo, "run-1")


def clean_up_at_once(lake: Lake, repo: Repo) -> maintenance.CleanedUp:
    return maintenance.clean_up_runs(lake.store, repo, older_than=timedelta(seconds=-60))


def test_nothing_is_thinned_out_of_a_lake_with_tables_of_a_subject_not_chosen(lake: Lake, monkeypatch):
    """Records on which its label spans rest would go: a rebuild with the subject then lacked them."""
    thinned_out: list[Repo] = []
    monkeypatch.setattr(retention, "apply_retention", lambda lake, repo, age: thinned_out.append(repo))
    left = leave_a_batch(lake, REPO, monkeypatch)
    lake.store.put(paths.table_key(LABEL_SPAN, REPO), b"of another process")
    troubles: list[str] = []
    assert len(list(maintained(lake, 90, troubles))) == 1
    assert troubles == [
        "the lake has tables of contributors, which rest on old runs that this process would not spare; no "
        "run was thinned out. Set GITPULSE_SUBJECTS=contributors for it"
    ]
    assert (thinned_out, list(lake.store.list(left))) == ([], [])


def test_nothing_to_maintain(lake: Lake):
    troubles: list[str] = []
    assert (list(maintained(lake, 90, troubles)), troubles) == ([], [])
