"""What the watch list and the settings say of conversations, and what only a full walk sees of them."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from gitpulse_assets import chosen
from gitpulse_assets.collect.progress import WalkProgress, listener
from gitpulse_assets.contracts import contributors
from gitpulse_assets.pipeline.wrong_input import unfit_lines_at_github, wrong_input
from gitpulse_assets.place import Organization
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.model import IssueComment
from gitpulse_assets.watch.watch_list import RepoOptions
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.people.silver import unlike, words
from gitpulse_assets_tests.people.test_conversations import REPO, reader_of, rows

TEXT = "A comment"


def received_texts(reader) -> list[str]:
    paths = reader.folder.glob("bronze/github/issue_comment/**/*.parquet")
    return [text for path in paths for text in pq.read_table(path)["payload_json"].to_pylist()]


def test_texts_of_comments_are_kept_where_a_setting_asks_for_them_only(tmp_path, monkeypatch):
    reader = reader_of(tmp_path / "without", 8, issue_count=10)
    reader.sync()
    received = received_texts(reader)
    assert received
    assert not any(TEXT in text for text in received)
    monkeypatch.setenv("GITPULSE_COMMENT_TEXTS", "true")
    chosen.has_comment_texts.cache_clear()
    try:
        other = reader_of(tmp_path / "with", 8, issue_count=10)
        other.sync()
        texts = received_texts(other)
    finally:
        monkeypatch.undo()
        chosen.has_comment_texts.cache_clear()
    assert len(texts) == len(received)
    assert all(TEXT in text for text in texts)
    assert rows(other, contributors.ISSUE_COMMENT) == rows(reader, contributors.ISSUE_COMMENT)


def test_a_waiting_label_that_fits_none_is_one_line_that_names_it(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=10)
    options = RepoOptions(waiting_labels=("bug", "needs-infos*"))
    assert list(wrong_input(reader.lake, {REPO: options})) == []
    reader.sync()
    assert list(wrong_input(reader.lake, {REPO: RepoOptions()})) == []
    (line,) = wrong_input(reader.lake, {REPO: options})
    assert line == f"{REPO}: waiting_labels: nothing collected has or had a label that fits 'needs-infos*'"


def test_a_pattern_is_held_against_githubs_labels_before_the_first_walk(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=10)
    labels = reader.world.acts_on(REPO.key).repository.labels
    labels += [
        replace(labels[0], label_id=900 + number, name=f"on nothing {number}") for number in range(120)
    ]
    options = RepoOptions(waiting_labels=("on nothing 119", "needs-infos*"))
    with reader.client("good-token") as client:
        lines = list(unfit_lines_at_github(client, reader.lake, REPO, options))
        assert lines == [
            f"{REPO}: waiting_labels: no label of it fits 'needs-infos*'; see its labels at GitHub"
        ]
        assert client.spending.request_count == 2
        # The defaults cost nothing and may fit nothing.
        assert list(unfit_lines_at_github(client, reader.lake, REPO, RepoOptions())) == []
        assert client.spending.request_count == 2
    with reader.client("bad-token") as client:
        assert list(unfit_lines_at_github(client, reader.lake, REPO, options)) == []


def test_a_damaged_table_of_labels_is_one_line_and_hides_nothing_of_others(tmp_path):
    reader, options = (
        reader_of(tmp_path / "lake", 8, issue_count=10),
        RepoOptions(waiting_labels=("no-label",)),
    )
    reader.app.faults.append(Fault("status", match="/members?", status=403, times=99))
    reader.sync()
    path = Path(reader.lake.uri(contributors.LABEL_SPAN, REPO).removeprefix("file://"))
    path.write_bytes(path.read_bytes()[:40])
    damage, members = wrong_input(reader.lake, {REPO: options})
    assert "label_span" in damage
    assert "\n" not in damage
    assert members.startswith("the members of acme cannot be read")
    # What nobody wrote is not read for.
    assert list(wrong_input(reader.lake, {REPO: RepoOptions()})) == [members]


def test_members_that_cannot_be_read_are_one_line_and_stop_nothing(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=10)
    reader.app.faults.append(Fault("status", match="/members?", status=403, times=99))
    notes: list[str] = []

    def hear(progress: WalkProgress) -> None:
        notes.extend([progress.note] if progress.note else [])

    token = listener.set(hear)
    assert reader.sync().status == "complete"
    listener.reset(token)
    lines = [note for note in notes if "cannot be read" in note]
    assert [line.partition(":")[0] for line in lines] == ["the members of acme cannot be read"]
    assert list(wrong_input(reader.lake, {REPO: RepoOptions()})) == lines
    assert reader.lake.commit("silver", Organization("acme")) is None


def test_a_merge_that_moved_no_update_is_reconciled_by_the_full_walk(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=40)
    reader.sync()
    closed = [row for row in rows(reader, contributors.PULL_REQUEST_CURRENT) if row["state"] == "closed"]
    issue = reader.world.acts_on(REPO.key).repository.issues[closed[0]["pull_request_number"]]
    issue.merged_at, issue.raw = issue.closed_at, None
    reader.world.acts_on(REPO.key).repository.version += 1
    reader.sync()
    assert state_of(reader, issue.number) == "closed"
    reader.world.advance(seconds=60)
    reader.sync(is_full=True)
    assert state_of(reader, issue.number) == "merged"


def state_of(reader, number: int) -> str:
    held = rows(reader, contributors.PULL_REQUEST_CURRENT)
    return next(row["state"] for row in held if row["pull_request_number"] == number)


def test_case_24_a_comment_edited_and_a_reaction_added_are_brought_up_to_date(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=20)
    reader.sync()
    acts = reader.world.acts_on(REPO.key)
    said = [one for issue in acts.repository.issues.values() for one in issue.said]
    edited, liked = [one for one in said if isinstance(one, IssueComment)][:2]
    reader.world.advance(seconds=60)
    acts.edit_comment(edited, reader.world.clock)
    before = held_comment(reader, liked.comment_id)["reaction_heart_count"]
    acts.react(liked, "heart")
    reader.world.advance(seconds=60)
    reader.sync()
    # An edit moves the comment's own update, which its list shows at once; a reaction moves none.
    assert held_comment(reader, edited.comment_id)["updated_at"].timestamp() == edited.edited_at
    reader.sync(is_full=True)
    assert held_comment(reader, liked.comment_id)["reaction_heart_count"] == before + 1


def held_comment(reader, comment_id: int) -> dict:
    held = rows(reader, contributors.ISSUE_COMMENT)
    return next(row for row in held if row["comment_id"] == comment_id)


def test_comments_that_were_deleted_are_brought_up_to_date_by_the_full_walk(tmp_path):
    """Nothing tells that a comment on a line was deleted; what a list alone hid is asked for and stays."""
    reader = reader_of(tmp_path / "lake", 8, issue_count=40)
    reader.sync()
    acts = reader.world.acts_on(REPO.key)
    remarks = [one for issue in acts.repository.issues.values() for one in issue.review_comments]
    deleted, hidden = remarks[0], remarks[-1]
    acts.delete_review_comment(deleted, reader.world.clock)
    reader.world.advance(seconds=60)
    reader.sync()
    assert held_ids(reader, contributors.REVIEW_COMMENT) == {one.comment_id for one in remarks}
    hidden.is_hidden = True
    # Whose comments go with it, and are not asked for.
    issue = next(one for one in acts.repository.issues.values() if one.said and not one.is_pull_request)
    acts.delete(issue, reader.world.clock)
    reader.sync(is_full=True)
    left = {one.comment_id for one in remarks} - {deleted.comment_id}
    assert held_ids(reader, contributors.REVIEW_COMMENT) == left
    assert unlike(reader, acts) == []
    asked = [row for row in reader.lake.manifest(REPO).rows() if row.stream == "comment_gone"]
    assert (asked[-1].record_count, asked[-1].request_count) == (1, 2)
    assert differences(reader.lake, REPO) == {}


def test_without_a_token_a_comment_that_was_deleted_is_missed_by_the_full_walk(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=20)
    reader.token = ""
    reader.sync()
    acts = reader.world.acts_on(REPO.key)
    said = next(
        one
        for issue in acts.repository.issues.values()
        for one in issue.said
        if isinstance(one, IssueComment)
    )
    acts.delete_comment(said, reader.world.clock, None)
    reader.world.advance(seconds=60)
    reader.sync(is_full=True)
    assert held_ids(reader, contributors.ISSUE_COMMENT) == words(acts, IssueComment).keys()


def held_ids(reader, table) -> set[int]:
    return {row["comment_id"] for row in rows(reader, table)}
