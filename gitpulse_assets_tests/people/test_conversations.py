"""Conversations from GitHub to silver: what was said and done is held as it was, after one sync and many."""

from pathlib import Path
from random import Random

import pytest

from gitpulse_assets.contracts import contributors
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.people.silver import rows, unlike

REPO = Repo("acme", "rocket")


def reader_of(folder: Path, seed: int, issue_count: int = 25, **plan: float) -> Reader:
    """A reader of a repository in which people talk."""
    made = HistoryPlan(REPO.key, seed, issue_count, day_count=40, body_bytes_mean=10, has_people=True, **plan)
    return Reader(generate([made]), REPO, folder)


@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 30))])
def test_what_was_said_and_done_is_held_after_one_sync_and_after_many(tmp_path, seed):
    reader = reader_of(tmp_path / "lake", seed)
    acts, rng = reader.world.acts_on(REPO.key), Random(seed)
    reader.sync()
    assert unlike(reader, acts) == []
    for _ in range(3):
        reader.world.advance(seconds=rng.randrange(DAY_SECONDS // 4, 6 * DAY_SECONDS))
        reader.sync()
    reader.world.advance(seconds=3600)
    reader.sync(is_full=True)
    assert unlike(reader, acts) == []


def test_what_has_not_changed_costs_no_point_and_what_has_one_for_fifty(tmp_path):
    reader = reader_of(tmp_path / "lake", 5, issue_count=60)
    reader.sync()
    (first,) = (row for row in reader.lake.manifest(REPO).rows() if row.stream == "issue_timeline")
    assert first.request_count == -(-first.record_count // 50)
    reader.sync()
    assert reader.lake.manifest(REPO).rows()[-3].request_count == 0


def test_an_association_stays_as_it_was_first_received(tmp_path):
    reader = reader_of(tmp_path / "lake", 6)
    acts = reader.world.acts_on(REPO.key)
    reader.sync()
    before = {
        row["event_id"]: row["actor_association"] for row in rows(reader, contributors.CONVERSATION_EVENT)
    }
    for issue in acts.repository.issues.values():
        for entry in issue.said:
            if entry.author is not None:
                entry.author.association = "OWNER"
        acts.comment(issue, reader.world.clock + 60, issue.author)
    reader.world.advance(seconds=3600)
    reader.sync()
    after = rows(reader, contributors.CONVERSATION_EVENT)
    assert {row["event_id"]: row["actor_association"] for row in after if row["is_inferred"]} == before
    assert any(row["actor_association"] == "OWNER" for row in after if not row["is_inferred"])
