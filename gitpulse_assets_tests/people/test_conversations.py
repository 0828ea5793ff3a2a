"""Conversations from GitHub to silver: what was said and done is held as it was, after one sync and many."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

import pyarrow as pa
import pytest

from gitpulse_assets.answers.conversations import NOT_WHOLE, NOT_YET, gaps
from gitpulse_assets.answers.published import Published
from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.collect import walk as walking
from gitpulse_assets.commands.plan import member_costs, size_of
from gitpulse_assets.commands.refresh import can_go_on
from gitpulse_assets.contracts import contributors
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.pipeline.merge import merge, newer_events
from gitpulse_assets.pipeline.refresh import publish_marts
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.graphql_types import FIELDS
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.model import IssueComment, Label
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.routes import Routes
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.upkeep.persons import forget_person, repos_naming
from gitpulse_assets.watch.budget import COMMENT_LIST_REQUESTS, first_cost
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.people.silver import Row, moment, named, rows, told, unlike, words

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
    assert differences(reader.lake, REPO) == {}


@pytest.mark.parametrize(
    "repository_id", [8_514, *(pytest.param(small, marks=pytest.mark.slow) for small in (127, 255))]
)
def test_a_label_keeps_its_number_whatever_few_bytes_it_and_its_repository_are_packed_in(
    tmp_path, repository_id
):
    """As in rails/rails (8514), whose labels' GraphQL ids have two bytes for the repository's."""
    reader = reader_of(tmp_path / "lake", 2, issue_count=1, repository_id=repository_id)
    acts = reader.world.acts_on(REPO.key)
    issue = next(iter(acts.repository.issues.values()))
    for label_id in (127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32):
        label = Label(label_id, f"label {label_id}", "fff", repository_id=repository_id)
        acts.label(issue, reader.world.clock - 60, issue.author, label)
    reader.sync()
    assert unlike(reader, acts) == []


def test_how_large_a_pull_request_is_comes_with_its_conversation(tmp_path):
    reader = reader_of(tmp_path / "lake", 2, issue_count=10)
    reader.sync()
    held = rows(reader, contributors.PULL_REQUEST_CURRENT)
    found = reader.world.acts_on(REPO.key).repository.issues
    resolved = FIELDS["PullRequest"]
    assert held
    for row in held:
        issue = found[row["pull_request_number"]]
        assert row["commit_count"] == resolved["commits"](issue, None)["totalCount"]
        assert row["changed_file_count"] == resolved["changedFiles"](issue, None)
        assert (row["additions"], row["deletions"]) == (
            resolved["additions"](issue, None),
            resolved["deletions"](issue, None),
        )


def test_what_has_not_changed_costs_no_point_and_what_has_three_for_a_hundred(tmp_path):
    reader = reader_of(tmp_path / "lake", 5, issue_count=60)
    reader.sync()
    (first,) = (row for row in reader.lake.manifest(REPO).rows() if row.stream == "issue_timeline")
    assert first.request_count == -(-first.record_count // 100)
    assert first.quota_cost == 3 * first.request_count
    reader.sync()
    assert reader.lake.manifest(REPO).rows()[-3].request_count == 0


def test_case_26_more_comments_than_github_serves_of_a_list_come_whole_and_nothing_is_searched(
    tmp_path, monkeypatch
):
    """Search ends after 1,000, a list of comments in its depth."""
    reader = reader_of(tmp_path / "lake", 7)
    asked, answer = [], reader.app.answer
    monkeypatch.setattr(
        reader.app, "answer", lambda request: (asked.append(request.path), answer(request))[1]
    )
    acts = reader.world.acts_on(REPO.key)
    issue = next(iter(acts.repository.issues.values()))
    for second in range(450):
        acts.comment(issue, reader.world.clock - 1000 + second // 2, issue.author)
    monkeypatch.setattr(Routes, "comment_rows_max", 200)
    reader.sync()
    held = {row["comment_id"] for row in rows(reader, contributors.ISSUE_COMMENT)}
    assert held == words(acts, IssueComment).keys()
    assert asked
    assert not any("search" in path for path in asked)


def test_case_22_and_24_a_comment_edited_and_one_reacted_to_beyond_the_first_page(tmp_path):
    """An edit shows itself at once, far back in the list, too; a reaction moves no date and waits a week."""
    reader = reader_of(tmp_path / "lake", 7, issue_count=5)
    acts = reader.world.acts_on(REPO.key)
    issue = next(iter(acts.repository.issues.values()))
    said = [acts.comment(issue, reader.world.clock - 1000 + second, issue.author) for second in range(130)]
    reader.sync()
    reader.world.clock += 3600
    edited, loved = said[110], said[115]
    acts.edit_comment(edited, reader.world.clock - 60)
    acts.react(loved, "heart")

    def held(comment: IssueComment) -> Row:
        found = rows(reader, contributors.ISSUE_COMMENT)
        return next(row for row in found if row["comment_id"] == comment.comment_id)

    reader.sync()
    assert held(edited)["updated_at"] == moment(edited.edited_at)
    assert held(loved)["reaction_heart_count"] == 0
    reader.sync(is_full=True)
    assert held(loved)["reaction_heart_count"] == 1


def test_a_long_thread_is_paged_to_its_end(tmp_path):
    reader = reader_of(tmp_path / "lake", 7)
    acts = reader.world.acts_on(REPO.key)
    issue = next(iter(acts.repository.issues.values()))
    for second in range(250):
        acts.comment(issue, reader.world.clock - 1000 + second, issue.author)
    reader.sync()
    assert unlike(reader, acts) == []


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


def test_a_thread_that_is_cut_short_is_marked_and_asked_for_again_when_it_changes(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=10)
    acts = reader.world.acts_on(REPO.key)
    issue = next(issue for issue in acts.repository.issues.values() if issue.said)
    reader.app.faults.append(
        Fault("unserved_issue", match="/graphql", issue_number=issue.number, times=ALWAYS)
    )
    reader.sync()
    threads = {row["thread_number"]: row for row in rows(reader, contributors.CONVERSATION_THREAD)}
    assert [number for number, row in threads.items() if not row["is_complete"]] == [issue.number]
    reader.app.faults.clear()
    acts.comment(issue, reader.world.clock, issue.author)
    reader.world.advance(seconds=3600)
    reader.sync()
    assert unlike(reader, acts) == []


def test_what_did_not_come_is_said_with_when_it_is_asked_for():
    held = pa.table({"issue_id": [1, 2, 3, 4], "departed_at": pa.nulls(4, pa.timestamp("us", "UTC"))})
    told = pa.table({"issue_id": [1, 2, 3], "is_complete": [True, False, False]})
    published = SimpleNamespace(conversations={"issue_current": held, "conversation_thread": told})
    with connect() as con:
        assert gaps(con, cast(Published, published)) == (
            f"the conversation of 1 issue or pull request {NOT_YET}",
            f"the conversation of 2 issues or pull requests {NOT_WHOLE}",
        )
    # Of an ordinary one nothing that came in part is asked for.
    assert "full refresh" in NOT_WHOLE
    assert "next refresh" not in NOT_WHOLE


def test_a_long_thread_of_which_a_resource_limit_withheld_a_page_is_marked_and_asked_for_again(tmp_path):
    reader = reader_of(tmp_path / "lake", 7, issue_count=5)
    acts = reader.world.acts_on(REPO.key)
    issue = next(iter(acts.repository.issues.values()))
    for second in range(150):
        acts.comment(issue, reader.world.clock - 1000 + second, issue.author)
    reader.app.faults.append(Fault("partial_data", match="/graphql", times=ALWAYS))
    reader.sync()
    threads = {
        row["thread_number"]: row["is_complete"] for row in rows(reader, contributors.CONVERSATION_THREAD)
    }
    assert [number for number, is_complete in threads.items() if not is_complete] == [issue.number]
    assert unlike(reader, acts)
    reader.app.faults.clear()
    reader.sync(is_full=True)
    assert unlike(reader, acts) == []


def test_over_a_resource_limit_a_smaller_question_brings_the_rest(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=10)
    reader.app.faults.append(Fault("partial_data", match="/graphql", times=2, min_nodes=1000))
    reader.sync()
    assert unlike(reader, reader.world.acts_on(REPO.key)) == []


def test_what_an_interruption_left_is_not_asked_for_again(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "PAGES_PER_BATCH", 1)
    reader = reader_of(tmp_path / "lake", 9, issue_count=85)
    reader.app.faults.append(Fault("status", match="/graphql", skip=3, times=ALWAYS, status=401))
    with pytest.raises(GitHubError):
        reader.sync()
    reader.app.faults.clear()
    (cut,) = (row for row in reader.lake.manifest(REPO).rows() if row.stream == "issue_timeline")
    came = cut.record_count
    assert (cut.status, can_go_on(cut)) == ("partial", True)
    reader.sync()
    last = [row for row in reader.lake.manifest(REPO).rows() if row.stream == "issue_timeline"][-1]
    assert came > 0
    assert came + last.record_count == len(reader.world.acts_on(REPO.key).repository.issues)
    assert unlike(reader, reader.world.acts_on(REPO.key)) == []


TABLES = (*SILVER_TABLES, *MART_TABLES)
OF_PEOPLE = [
    table for table in TABLES if any(name.endswith(("_login", "_logins")) for name in table.column_names)
]


def leaves(value: object) -> Iterator[object]:
    """The cells within lists and structs."""
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


def people_in(reader: Reader) -> dict[str, set[object]]:
    """Of each declared table who is in it: all texts of its cells, in lists too, and the ids of people."""
    found: dict[str, set[object]] = {}
    for table in TABLES:
        for column, values in reader.lake.dataset(table, REPO).to_table().to_pydict().items():
            is_of_people = any(column.endswith(f"{who}_id") for who in ("user", "author", "actor", "person"))
            cells = set(leaves(values))
            kept = cells if is_of_people else {one for one in cells if isinstance(one, str)}
            found.setdefault(table.name, set()).update(kept)
    return found


def test_a_forgotten_person_is_in_no_declared_table(tmp_path):
    reader = reader_of(tmp_path / "lake", 8, issue_count=15)
    reader.sync()
    publish_marts(reader.lake, REPO)
    events = rows(reader, contributors.CONVERSATION_EVENT)
    people = {(row["actor_login"], row["actor_id"]) for row in events if row["actor_type"] == "User"}
    before = people_in(reader)
    assert all(before[table.name] & {login for login, _ in people} for table in OF_PEOPLE)
    person = max(people, key=lambda one: (sum(one[0] in cells for cells in before.values()), one))
    assert sum(person[0] in cells for cells in before.values()) >= 10
    assert sum(forget_person(reader.lake, person[0]).values()) > 1
    with connect() as con:
        merge(con, reader.lake, REPO, is_rebuild=True).publish()
    publish_marts(reader.lake, REPO)
    assert [name for name, cells in people_in(reader).items() if cells & set(person)] == []
    assert repos_naming(reader.lake, person[0]) == set()
    after = rows(reader, contributors.CONVERSATION_EVENT)
    assert len(after) == len(events)
    assert {row["actor_id"] for row in after if row["actor_login"] is None} == {None}


def test_what_a_first_sync_costs_is_known_before(tmp_path):
    reader = reader_of(tmp_path / "lake", 9, issue_count=50)
    with reader.client(reader.token) as client:
        ((_, members),) = member_costs(client, [REPO, Repo("acme", "another")])
        cost = first_cost(size_of(client, REPO), has_token=True) + members
    reader.sync()
    spent = reader.lake.manifest(REPO).rows()
    # A point is counted as a request where it is spent; a departure's question is none of a first sync's.
    assert sum(row.quota_cost for row in spent) <= cost.request_count + cost.point_count
    assert sum(row.quota_cost for row in spent) >= 0.7 * (cost.request_count + cost.point_count)
    told = {row.stream: row for row in spent}
    assert told["issue_timeline"].quota_cost <= 3 * -(-told["issue_timeline"].record_count // 100)
    for name in ("issue_comment", "review_comment"):
        assert told[name].quota_cost <= -(-told[name].record_count // 100) + COMMENT_LIST_REQUESTS / 2


def test_kinds_of_events_that_github_adds_later_are_kept_and_counted_for_two_requests(tmp_path):
    reader = reader_of(tmp_path / "lake", 9, issue_count=50)
    reader.world.has_newer_kinds = True
    acts = reader.world.acts_on(REPO.key)
    first, *_, last = acts.repository.issues.values()
    for issue in (first, last):
        acts.celebrate(issue, reader.world.clock - 60, issue.author)
    reader.sync()
    held = [row for row in rows(reader, contributors.CONVERSATION_EVENT) if row["event_type"] == "celebrated"]
    assert {(row["thread_number"], named(row, "actor")) for row in held} == {
        (issue.number, told(issue.author)) for issue in (first, last)
    }
    assert {row["occurred_at"] for row in held} == {moment(reader.world.clock - 60)}
    (row,) = (row for row in reader.lake.manifest(REPO).rows() if row.stream == "issue_timeline")
    assert row.request_count == -(-row.record_count // 100) + 2
    with connect() as con:
        con.register("conversation_event", reader.lake.dataset(contributors.CONVERSATION_EVENT, REPO))
        shown = newer_events(con)[contributors.CONVERSATION_EVENT.name]
    assert shown == {"newer_event_count": 2, "newer_event_kinds": "celebrated: 2"}
