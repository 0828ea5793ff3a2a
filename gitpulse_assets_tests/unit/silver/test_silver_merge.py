"""Merging: the last write per issue wins, however the records are spread over runs and merges."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitpulse_assets_tests.unit.silver.examples import few, many
from gitpulse_assets_tests.unit.silver.stories import together


@dataclass(frozen=True)
class Write:
    """One received record: which issue, and in which order of the merge it stands."""

    number: int
    updated_minute: int
    wait_minutes: int
    labels: tuple[str, ...]
    is_good: bool


WRITES = st.lists(
    st.builds(
        Write,
        number=st.integers(1, 20),
        updated_minute=st.integers(0, 3),
        wait_minutes=st.integers(0, 1),
        labels=st.sampled_from([(), ("bug",), ("bug", "docs"), ("docs",)]),
        is_good=st.integers(0, 5).map(bool),
    ),
    max_size=120,
)


def record_of(write: Write, place: int, issue: Any, clock: Any) -> dict[str, Any]:
    updated_at = clock(write.updated_minute / 60).strftime("%Y-%m-%dT%H:%M:%SZ")
    comments = place if write.is_good else "many"
    body = None if place % 3 == 0 else f"Body {place}"
    labels = list(write.labels)
    return issue(write.number, updated_at=updated_at, comments=comments, labels=labels, body=body)


def winners(writes: list[Write]) -> dict[int, int]:
    """The place of the record that wins, an issue: the plain reading of `the last write wins`."""
    best: dict[int, tuple[int, int, int]] = {}
    fetched_minute = 0
    for place, write in enumerate(writes):
        fetched_minute += write.wait_minutes
        if write.is_good:
            rank = (write.updated_minute, fetched_minute, place)
            best[write.number] = max(rank, best.get(write.number, rank))
    return {number: place for number, (_, _, place) in best.items()}


def let_the_last_write_win(new_lake, issue, clock, writes, data):
    lake = new_lake()
    cuts = data.draw(st.lists(st.integers(0, len(writes)), max_size=3), label="runs end before")
    moments = [clock(0)]
    for write in writes:
        moments.append(moments[-1] + timedelta(minutes=write.wait_minutes))
    for start, end in pairwise(sorted({0, *cuts, len(writes)})):
        payloads = [record_of(writes[place], place, issue, clock) for place in range(start, end)]
        lake.run(*payloads, at=moments[start + 1 : end + 1])
        if data.draw(st.booleans(), label="merge"):
            lake.merge()
    lake.merge()

    expected = winners(writes)
    assert dict(lake.rows("issue_current", "issue_number", "comment_count")) == expected
    bodies = {number: None if place % 3 == 0 else f"Body {place}" for number, place in expected.items()}
    assert {row - 1000: body for row, body in lake.rows("issue_body", "issue_id", "body")} == bodies
    labels = {(number, label) for number, place in expected.items() for label in writes[place].labels}
    assert set(lake.rows("issue_labels", "issue_number", "label_name")) == labels
    assert lake.broken_rules() == []


def merge_run_by_run_or_all_at_once(new_lake, issue, clock, writes, data):
    """In every column: provenance, sightings, the ledger, and what is left in quarantine."""
    cuts = sorted({0, *data.draw(st.lists(st.integers(0, len(writes)), max_size=3)), len(writes)})
    one, many = new_lake(), new_lake()
    for start, end in pairwise(cuts):
        payloads = [record_of(writes[place], place, issue, clock) for place in range(start, end)]
        one.run(*payloads, at=clock(start))
        many.run(*payloads, at=clock(start)).merge()
    one.merge()
    many.merge()
    for table in one.stored:
        name = table.removeprefix("stored_")
        assert one.rows(name) == many.rows(name), name


LIKELY = given(writes=WRITES, data=st.data())
test_the_last_write_per_issue_wins = few(2)(LIKELY(let_the_last_write_win))
test_the_last_write_per_issue_wins_at_length = many(LIKELY(let_the_last_write_win))
test_merging_run_by_run_or_all_at_once_gives_the_same_tables = few(2)(LIKELY(merge_run_by_run_or_all_at_once))
test_merging_run_by_run_or_all_at_once_gives_the_same_tables_at_length = many(
    LIKELY(merge_run_by_run_or_all_at_once)
)


@pytest.mark.parametrize("is_merged_at_once", [False, True])
def test_case_18_a_record_stored_after_a_later_one_was_merged_counts_all_the_same(
    new_lake, issue, is_merged_at_once
):
    """A slow run fetched an issue closed at 12:00, and stored it after another had merged it open again."""
    stamps = [f"2024-01-05T{hour}:00:00Z" for hour in ("08", "11", "13")]
    closed = {"state": "closed", "closed_at": stamps[1]}
    lake = new_lake()
    lake.run_ids = ["run-1", "run-2", "run-3"]
    for place in (0, 2, 1):
        fields = closed if place == 1 else {}
        fetched_at = f"2024-01-05T{('09', '12', '14')[place]}:00:00Z"
        lake.run(issue(1, updated_at=stamps[place], **fields), at=fetched_at, run_id=f"run-{place + 1}")
        if not is_merged_at_once:
            lake.merge()
    lake.merge()
    assert lake.ledger() == [
        ("opened", "2024-01-01T00:00:00Z"),
        ("closed", stamps[1]),
        ("reopened", "2024-01-05T14:00:00Z"),
    ]


def test_a_merge_of_nothing_changes_nothing(lake, issue, clock):
    lake.run(issue(1, labels=["bug"]), issue(2), at=clock(0)).merge()
    assert not any(lake.merge().values())


def test_only_what_changed_is_said_to_have_changed(lake, issue, clock):
    lake.run(issue(1, labels=["bug"]), issue(2)).merge()
    changed = lake.run(issue(2, title="New", updated_at="2024-01-02T00:00:00Z"), at=clock(30)).merge()
    assert [name for name, is_changed in changed.items() if is_changed] == ["issue_current"]


@pytest.mark.parametrize(
    ("fields", "table"),
    [
        ({"body": "New"}, "issue_body"),
        ({"labels": ["docs"]}, "issue_labels"),
        ({"labels": []}, "issue_labels"),
    ],
)
def test_a_changed_part_is_said_to_have_changed(lake, issue, clock, fields, table):
    lake.run(issue(labels=["bug"]), issue(2, labels=["bug"])).merge()
    assert lake.run(issue(**{"labels": ["bug"], **fields}), at=clock(1)).merge()[table]


@together
def test_labels_and_assignees_disappear_with_the_record_that_lacks_them(lake, issue, clock):
    ada, bob = ({"login": login, "id": number, "type": "User"} for number, login in enumerate(("ada", "bob")))
    lake.run(issue(labels=["bug", "docs"], assignees=[ada, bob, bob]))
    yield
    assert lake.issue()["assignee_count"] == 2
    lake.run(issue(labels=["docs"], assignees=[bob]), at=clock(1))
    yield
    assert lake.rows("issue_labels", "label_name") == ["docs"]
    assert lake.rows("issue_assignees", "user_login") == ["bob"]


@together
def test_an_assignee_alone_counts_where_no_list_is_sent(lake, issue):
    lake.run(issue(assignee={"login": "ada", "id": 1, "type": "User"}, assignees=...))
    yield
    assert lake.rows("issue_assignees", "user_id", "user_login") == [(1, "ada")]


def test_batches_of_an_unknown_run_are_refused(lake, issue):
    lake.run(issue()).run_ids.clear()
    with pytest.raises(
        ValueError, match="batches of runs that run_ids does not name: bronze_issues of run-1"
    ):
        lake.merge()


@pytest.mark.parametrize("is_two_merges", [False, True])
def test_a_renamed_repository_keeps_its_key_and_its_former_names(lake, clock, is_two_merges):
    lake.run(repository={"id": 7, "full_name": "Acme/Rocket", "has_issues": True})
    if is_two_merges:
        lake.merge()
    lake.run(repository={"id": 7, "full_name": "acme/Probe", "open_issues_count": 3}, at=clock(1)).merge()
    (row,) = lake.rows("repository")
    assert (row["repo_name"], row["repository_full_name"]) == ("rocket", "acme/Probe")
    assert row["former_names"] == ["Acme/Rocket"]
    assert row["open_issues_and_pull_requests_count"] == 3


def test_another_spelling_is_no_former_name(lake, clock):
    lake.run(repository={"id": 7, "full_name": "Acme/Rocket"}).merge()
    lake.run(repository={"id": 7, "full_name": "acme/rocket"}, at=clock(1)).merge()
    assert lake.rows("repository", "repository_full_name", "former_names") == [("acme/rocket", [])]


def test_a_bad_answer_about_the_repository_keeps_the_stored_one(lake, clock):
    lake.run(repository={"id": 7, "full_name": "acme/rocket"}).merge()
    lake.run(repository="<html>", at=clock(1)).merge()
    assert lake.rows("repository", "repository_id") == [7]
    assert lake.rows("quarantine", "stream", "rule") == [("repository", "not_an_object")]
    lake.run(repository={"id": 7, "full_name": "acme/rocket"}, at=clock(2)).merge()
    assert lake.rows("quarantine") == []
