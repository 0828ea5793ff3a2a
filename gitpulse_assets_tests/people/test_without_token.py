"""Without a token comments come by REST's lists, and what conversations alone tell is not assumed.

The oracle is told what those lists show, and every mart is held against it by the cell.
"""

from dataclasses import replace
from pathlib import Path

from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.pipeline.marts import last_walk_at
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World as SandboxWorld
from gitpulse_assets.watch.watch_list import RepoOptions
from gitpulse_assets_tests.contributors.compare import ORACLES, Compared, Row, compared
from gitpulse_assets_tests.contributors.sandbox_world import NOBODY, world_of
from gitpulse_assets_tests.contributors.truth import Thread, Word, World
from gitpulse_assets_tests.contributors.witness import Witness
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.people.test_marts_of_sandbox import REPO, Life, by_account, reader_of

# Of these the lists tell nothing, so that nothing is said.
UNTOLD = {
    "mart_pull_request_lifecycle": (
        "merged_by_login",
        "times_reopened",
        "is_self_merged",
        "is_merged_without_review",
    ),
    "mart_pull_request_monthly": ("share_merged_without_review",),
}


def listed(word: Word) -> Word:
    """A comment on a line counts from when it was written: when its review came is not told."""
    return replace(word, at=word.written_at) if word.written_at else word


def as_listed(thread: Thread) -> Thread:
    """What the lists show of a thread: what it is now, its comments, and whether a commit closed it."""
    end = thread.last_end
    return replace(
        thread,
        is_opened_as_draft=thread.is_draft,
        moves=[replace(end, by=NOBODY)] if end else [],
        words=[listed(word) for word in thread.words if word.kind != "review"],
        labels=[],
    )


def everybody_becomes(acts: Acts, association: str) -> None:
    for issue in acts.repository.issues.values():
        if issue.author:
            issue.author.association = association
    acts.forget_rendered()


def true_rows(name: str, truth: World) -> list[Row]:
    oracle, _ = ORACLES[name]
    return [row | dict.fromkeys(UNTOLD.get(name, ())) for row in oracle(truth)]


def test_no_cell_is_wrong_and_what_nobody_told_is_null(tmp_path: Path):
    reader = reader_of(tmp_path / "lake", 37)
    reader.token, reader.with_events = "", True
    life = Life(reader, Witness(reader.app), RepoOptions())
    life.sync()
    acts = reader.world.acts_on(REPO.key)
    # What is computed anew when it is asked for is none of what was received first.
    everybody_becomes(acts, "COLLABORATOR")
    reader.world.advance(seconds=DAY_SECONDS)
    life.sync(is_full=True)
    as_of_at = last_walk_at(reader.lake.dataset(SYNC_STATE, REPO))
    whole = world_of(reader.world, REPO.key, as_of_at, life.witness)
    truth, result = replace(whole, threads=list(map(as_listed, whole.threads))), Compared()
    with reader.gold() as con:
        for name in ORACLES:
            made = con.table(name).to_arrow_table().to_pylist()
            result.add(compared(name, by_account(made, life), by_account(true_rows(name, truth), life)))
        answered = con.sql("select count(first_response_at) from mart_first_response").fetchall()
        by_commit = con.sql(
            "select count_if(is_closed_by_commit) from mart_pull_request_lifecycle"
        ).fetchall()
        merged = con.sql("select count(merged_at) from mart_pull_request_lifecycle").fetchall()
    assert result.wrong == []
    assert differences(reader.lake, REPO) == {}
    assert result.cells > 1_000
    assert min(answered[0][0], merged[0][0], len(by_commit)) > 0


def test_what_is_said_since_there_is_no_token_any_more_counts_from_when_it_was_written(tmp_path: Path):
    sandbox = SandboxWorld("2026-01-01T00:00:00Z")
    acts, reviewer = sandbox.add_repository(REPO.key), User(7, "alice", "User", "U_7")
    threads = [acts.open(sandbox.clock, None, "Title", is_pull_request=kind) for kind in (False, True)]
    reader = Reader(sandbox, REPO, tmp_path / "lake")
    reader.sync()
    sandbox.advance(seconds=DAY_SECONDS)
    said_at = sandbox.clock - 60
    acts.comment(threads[0], said_at, reviewer)
    acts.review(threads[1], said_at, reviewer, "COMMENTED", drafted_at=(said_at,))
    reader.token = ""
    reader.sync()
    with reader.gold() as con:
        tables = "mart_first_response", "mart_pull_request_lifecycle"
        answered = [
            con.sql(f"select epoch(first_response_at)::bigint from {name}").fetchall() for name in tables
        ]
    assert answered == [[(said_at,)]] * 2
