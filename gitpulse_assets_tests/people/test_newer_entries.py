"""A long conversation that changed is asked for what is newer, and whole again where that does not fit."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from gitpulse_assets.collect import known
from gitpulse_assets.contracts import contributors
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.model import Issue, User
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.upkeep.retention import batches
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.people.lakes import submit_old_drafts
from gitpulse_assets_tests.people.silver import rows, unlike
from gitpulse_assets_tests.people.test_lake_of_before import made_older

REPO = Repo("acme", "rocket")


class Long:
    """A repository of long pull requests that was read once; `begun`: the lake that such a reading left."""

    def __init__(
        self,
        folder: Path,
        count: int = 1,
        comments: int = 101,
        requested: User | None = None,
        begun: Path | None = None,
    ) -> None:
        self.world = World("2026-01-01T00:00:00Z")
        self.acts = self.world.add_repository(REPO.key)
        self.threads = [self.opened() for _ in range(count)]
        for thread in self.threads:
            if requested:
                self.acts.request_review(thread, self.world.clock, None, requested)
            self.said = [self.acts.comment(thread, self.world.clock + at) for at in range(comments)]
        self.world.advance(seconds=DAY_SECONDS)
        if begun:
            shutil.copytree(begun, folder)
        self.reader = Reader(self.world, REPO, folder, run_count=int(begun is not None))
        if not begun:
            self.reader.sync()
        self.world.advance(seconds=DAY_SECONDS)

    def opened(self) -> Issue:
        """A pull request with an approval before all that is said."""
        thread = self.acts.open(self.world.clock, None, "Title", is_pull_request=True)
        self.review = self.acts.review(thread, self.world.clock, None, "APPROVED")
        return thread

    def refreshed(self, *, is_full: bool = False) -> tuple[int, int]:
        """Sync, and return the requests and points of the whole run."""
        before = len(self.reader.lake.manifest(REPO).rows())
        self.reader.sync(is_full=is_full)
        spent = self.reader.lake.manifest(REPO).rows()[before:]
        self.world.advance(seconds=DAY_SECONDS)
        return sum(row.request_count for row in spent), sum(row.quota_cost for row in spent)

    @property
    def is_newer_part(self) -> list[bool]:
        """Of each conversation, whether its newest answer told only what was newer."""
        return [bool(row["is_newer_part"]) for row in rows(self.reader, contributors.CONVERSATION_THREAD)]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of one long pull request after its first sync, to be copied."""
    return Long(tmp_path_factory.mktemp("long") / "lake").reader.folder


@pytest.fixture
def long(begun: Path, tmp_path: Path) -> Long:
    """One long pull request that was read once."""
    return Long(tmp_path / "lake", begun=begun)


def parts(reader: Reader) -> int:
    """How many answers with what was newer were received."""
    kept = [row for row in reader.lake.manifest(REPO).rows() if row.stream == ISSUE_TIMELINE.name]
    stored = reader.lake.bronze_dataset(ISSUE_TIMELINE, REPO, batches(kept)).to_table(["payload_json"])
    return sum('"comments":{"totalCount"' in one for one in stored["payload_json"].to_pylist())


def test_20_changed_threads_of_over_100_entries_cost_12_requests_and_points_at_most(tmp_path):
    long = Long(tmp_path / "lake", count=20)
    for thread in long.threads:
        long.acts.comment(thread, long.world.clock - 60)
    requests, points = long.refreshed()
    assert long.is_newer_part == [True] * 20
    assert unlike(long.reader, long.acts) == []
    assert requests <= 12
    assert points <= 12


def test_an_old_comment_that_is_deleted_is_gone_at_once_though_others_came(long):
    long.acts.comment(long.threads[0], long.world.clock - 60)
    long.acts.delete_comment(long.said[0], long.world.clock - 50, None)
    long.refreshed()
    assert unlike(long.reader, long.acts) == []
    assert long.is_newer_part == [False]


def test_an_old_review_that_is_dismissed_says_so_at_once_and_is_read_whole_for_that_once(long):
    long.acts.dismiss(long.review, long.world.clock - 60, None)
    long.refreshed()
    assert unlike(long.reader, long.acts) == []
    assert long.is_newer_part == [False]
    long.acts.comment(long.threads[0], long.world.clock - 60)
    long.refreshed()
    assert unlike(long.reader, long.acts) == []
    assert long.is_newer_part == [True]


def test_what_is_newer_is_paged_to_its_end_and_the_full_walk_reads_all_of_it_again(long):
    for at in range(120):
        long.acts.comment(long.threads[0], long.world.clock - 200 + at)
    long.refreshed()
    assert unlike(long.reader, long.acts) == []
    assert long.is_newer_part == [True]
    long.refreshed(is_full=True)
    assert long.is_newer_part == [False]
    assert parts(long.reader) == 1
    assert differences(long.reader.lake, REPO) == {}


def test_a_review_begun_before_what_is_newer_and_submitted_since_is_read_whole_by_the_next_refresh(long):
    long.acts.repository.since_goes_by_beginning = True
    (thread,), reviewer = long.threads, User(7, "alice", "User", "U_7")
    long.acts.review(
        thread, long.world.clock - 60, reviewer, "APPROVED", drafted_at=(long.world.clock - 3 * DAY_SECONDS,)
    )
    long.refreshed()
    assert long.is_newer_part == [True]
    # Not known yet, and never one that only replies.
    assert [line.partition(":")[0] for line in unlike(long.reader, long.acts)] == [
        f"review {thread.said[-1].review_id} is held or is not"
    ]
    long.refreshed()
    assert long.is_newer_part == [False]
    assert unlike(long.reader, long.acts) == []


def test_a_review_that_a_comment_names_counts_from_no_draft_and_is_asked_for_again_when_the_answer_is_cut(
    long,
):
    long.acts.repository.since_goes_by_beginning = True
    (thread,), reviewer = long.threads, User(7, "alice", "User", "U_7")
    drafted_at, submitted_at = long.world.clock - 3 * DAY_SECONDS, long.world.clock - 60
    long.acts.review(thread, submitted_at, reviewer, "APPROVED", drafted_at=(drafted_at,))
    long.refreshed()
    cut = Fault("partial_data", match="/graphql", issue_number=thread.number, times=ALWAYS)
    long.reader.app.faults.append(cut)
    long.refreshed()
    assert first_review(long.reader) == [None]
    long.reader.app.faults.clear()
    long.refreshed()
    assert first_review(long.reader) == [submitted_at]
    assert unlike(long.reader, long.acts) == []
    # Told now: nothing is asked for again.
    before = len(long.reader.app.log)
    long.refreshed()
    assert [line for line in long.reader.app.log[before:] if "comments" in line.asked] == []


def test_a_long_thread_of_a_lake_of_the_version_before_keeps_replies_that_were_edited(long):
    (thread,), at = long.threads, long.world.clock - 3600
    long.acts.review(thread, at, None, "COMMENTED", drafted_at=(at,))
    long.acts.reply(thread.review_comments[0], at, None)
    thread.review_comments[1].updated_at = at + 1800
    long.refreshed(is_full=True)
    made_older(long.reader.lake)
    long.acts.comment(thread, long.world.clock - 60)
    long.refreshed()
    (row,) = rows(long.reader, contributors.CONVERSATION_THREAD)
    assert row["is_newer_part"]
    assert row["whole_at"] < row["fetched_at"]
    assert unlike(long.reader, long.acts) == []


def first_review(reader: Reader) -> list[int | None]:
    """When alice's is counted from, in Unix seconds; nobody else of a name says a word."""
    with reader.gold() as con:
        hers = "from mart_contributor where person_login = 'alice'"
        said = con.sql(f"select epoch(first_act_at)::bigint {hers}")
        return [at for (at,) in said.fetchall()] or [None]


def test_who_was_renamed_before_they_reviewed_is_no_longer_asked_for_a_review(tmp_path):
    bob = User(7, "bob", "User", "U_7")
    long = Long(tmp_path / "lake", requested=bob)
    bob.login = "bobby"
    long.acts.review(long.threads[0], long.world.clock - 60, bob, "APPROVED")
    long.refreshed()
    assert long.is_newer_part == [True]
    (row,) = rows(long.reader, contributors.PULL_REQUEST_CURRENT)
    assert row["requested_reviewer_logins"] == []


def test_a_reply_on_a_line_of_a_long_thread_costs_no_second_reading(long):
    (thread,) = long.threads
    at = long.world.clock - 60
    long.acts.review(thread, at, None, "COMMENTED", drafted_at=(at,))
    long.acts.reply(thread.review_comments[0], at, None)
    for _ in range(2):
        long.refreshed()
        assert long.is_newer_part == [True]
        assert unlike(long.reader, long.acts) == []


@pytest.mark.parametrize("kind", ["partial_data", pytest.param("unserved_issue", marks=pytest.mark.slow)])
def test_one_whose_newer_part_is_withheld_is_marked_and_read_whole_when_it_changes_again(long, kind):
    for at in range(120):
        long.acts.comment(long.threads[0], long.world.clock - 200 + at)
    number = long.threads[0].number
    long.reader.app.faults.append(Fault(kind, match="/graphql", issue_number=number, times=ALWAYS))
    long.refreshed()
    (thread,) = rows(long.reader, contributors.CONVERSATION_THREAD)
    assert not thread["is_complete"]
    long.reader.app.faults.clear()
    long.acts.comment(long.threads[0], long.world.clock - 60)
    long.refreshed()
    assert unlike(long.reader, long.acts) == []
    assert long.is_newer_part == [False]


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 30))])
def test_what_was_said_is_held_where_every_thread_counts_as_long(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(known, "PAGE_ENTRIES", 3)
    plan = HistoryPlan(REPO.key, seed, issue_count=12, day_count=20, body_bytes_mean=10, has_people=True)
    reader, rng = Reader(generate([plan]), REPO, tmp_path / "lake"), Random(seed)
    acts = reader.world.acts_on(REPO.key)
    acts.repository.since_goes_by_beginning = bool(seed % 2)
    reader.sync()
    for _ in range(3):
        reader.world.advance(seconds=rng.randrange(DAY_SECONDS // 4, 6 * DAY_SECONDS))
        submit_old_drafts(acts, reader.world.clock - 60, rng)
        reader.sync()
    # What was begun before what is newer is asked for by the next one.
    reader.sync()
    assert parts(reader) > 3
    assert set(unlike(reader, acts)) <= set(waiting_for_the_sweep(acts))
    assert differences(reader.lake, REPO) == {}
    reader.world.advance(seconds=3600)
    reader.sync(is_full=True)
    assert unlike(reader, acts) == []
    assert differences(reader.lake, REPO) == {}


def waiting_for_the_sweep(acts: Acts) -> Iterator[str]:
    """What no list and no date tells: a reply that is deleted, and a label that is."""
    for fact in acts.facts:
        if fact.kind == "review_deleted":
            yield f"review {fact.subject_id} is held or is not"
