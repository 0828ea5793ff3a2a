"""What happens to a pull request between two readings of one sync: record, conversation and lists."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")


def reader_of(folder: Path, end: Callable[[Any, Any, int], object]) -> Reader:
    """A lake of one pull request, which ends when its conversation is asked for."""
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    pull_request = acts.open(world.clock, None, "Title", is_pull_request=True)
    world.advance(seconds=86_400)
    reader = Reader(world, REPO, folder)
    answer = reader.app.answer

    def ending(request):
        if "timelineItems" in str(request.body) and pull_request.state == "open":
            world.advance(seconds=60)
            end(acts, pull_request, world.clock)
        return answer(request)

    reader.app.answer = ending
    return reader


def test_a_closing_between_the_record_and_the_conversation_is_no_reopening(tmp_path):
    reader = reader_of(tmp_path / "lake", lambda acts, one, at: acts.close_pull_request(one, at, None))
    seen = []
    for _ in range(2):
        reader.sync()
        reader.world.advance(seconds=60)
        with reader.gold() as con:
            seen += con.execute("select state, times_reopened from mart_pull_request_lifecycle").fetchall()
            flows = con.execute(
                "select sum(closed_unmerged_count), sum(reopened_count), arg_max(open_at_end, flow_date) "
                "from mart_pull_request_flow"
            ).fetchone()
    assert seen == [("open", 0), ("closed", 0)]
    assert flows == (1, 0, 0)


def test_a_merge_between_the_record_and_the_conversation_is_a_closing_at_once(tmp_path):
    reader = reader_of(tmp_path / "lake", lambda acts, one, at: acts.merge(one, at, None))
    reader.sync()
    merged_at = datetime(2026, 1, 2, 0, 1, tzinfo=UTC)
    with reader.gold() as con:
        made = con.execute("select state, merged_at, closed_at from mart_pull_request_lifecycle").fetchall()
    assert made == [("merged", merged_at, merged_at)]


def test_a_review_between_the_conversation_and_the_comments_counts_from_its_submission_and_is_no_reply(
    tmp_path,
):
    world = World("2026-01-01T00:00:00Z")
    acts = world.add_repository(REPO.key)
    pull_request = acts.open(world.clock, None, "Title", is_pull_request=True)
    world.advance(seconds=86_400)
    reader = Reader(world, REPO, tmp_path / "lake")
    answer, drafted_at = reader.app.answer, world.clock - 3600
    reviewer = User(7, "alice", "User", "U_7")

    def reviewing(request):
        if request.path.endswith("/pulls/comments") and not pull_request.said:
            world.advance(seconds=60)
            acts.review(pull_request, world.clock, reviewer, "APPROVED", drafted_at=(drafted_at,))
        return answer(request)

    reader.app.answer = reviewing
    seen = []
    for _ in range(2):
        reader.sync()
        world.advance(seconds=60)
        with reader.gold() as con:
            seen += con.execute(
                "select review_count, first_response_at, first_review_at from mart_pull_request_lifecycle"
            ).fetchall()
    submitted_at = datetime(2026, 1, 2, 0, 1, tzinfo=UTC)
    assert seen == [(0, None, None), (1, submitted_at, submitted_at)]
