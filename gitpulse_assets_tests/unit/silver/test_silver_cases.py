"""The cases of the mission that earlier systems got wrong, as far as the merge decides them."""

import pytest

from gitpulse_assets_tests.unit.silver.stories import together


@together
def test_case_01_a_null_pull_request_is_an_issue(lake, issue):
    lake.run(issue(1, pull_request=None), issue(2, pull_request={"merged_at": None}), issue(3))
    yield
    assert lake.rows("issue_current", "issue_number", "is_pull_request") == [
        (1, False),
        (2, True),
        (3, False),
    ]
    assert set(lake.rows("issue_transitions", "issue_number")) == {1, 3}


@pytest.mark.parametrize(("minutes", "broken"), [(59, 0), (60, 0), (61, 1)])
def test_case_02_closed_before_created_is_reported_beyond_an_hour(lake, issue, clock, minutes, broken):
    early = clock(-minutes / 60).strftime("%Y-%m-%dT%H:%M:%SZ")
    lake.run(issue(state="closed", closed_at=early, updated_at="2024-01-02T00:00:00Z")).merge()
    assert lake.broken_rules() == ["issue_current.closed_not_before_created"] * broken
    assert lake.ledger() == [("opened", "2024-01-01T00:00:00Z"), ("closed", "2024-01-01T00:00:00Z")]


@together
def test_case_03_two_extracts_before_one_merge_lose_nothing(lake, issue, clock):
    lake.run(issue(1), issue(2)).run(issue(2, title="New", updated_at="2024-01-02T00:00:00Z"), at=clock(24))
    lake.run(issue(3), at=clock(25))
    yield
    assert lake.rows("issue_current", "issue_number", "title") == [(1, "Issue 1"), (2, "New"), (3, "Issue 3")]


BAD_RECORDS = {
    "no JSON": ('{"id": 1001,', "not_an_object"),
    "a list": ("[1]", "not_an_object"),
    "a text": ('"text"', "not_an_object"),
    "null": ("null", "not_an_object"),
    "no id": ({"id": ...}, "no_id"),
    "id as text": ({"id": "1001"}, "no_id"),
    "id with a fraction": ({"id": 1001.5}, "no_id"),
    "no number": ({"number": ...}, "no_number"),
    "number as text": ({"number": "one"}, "wrong_kind"),
    "comments as text": ({"comments": "many"}, "wrong_kind"),
    "user as text": ({"user": "ada"}, "wrong_kind"),
    "title as a number": ({"title": 5}, "wrong_kind"),
    "body as an object": ({"body": {}}, "wrong_kind"),
    "locked as a number": ({"locked": 1}, "wrong_kind"),
    "labels no list": ({"labels": "bug"}, "wrong_kind"),
    "assignees no list": ({"assignees": {}}, "wrong_kind"),
    "pull_request as a truth": ({"pull_request": True}, "wrong_kind"),
    "a label as a number": ({"labels": [7]}, "wrong_label"),
    "a label without a name": ({"labels": [{"id": 7}]}, "wrong_label"),
    "an assignee as text": ({"assignees": ["ada"]}, "wrong_assignee"),
    "an id of a user as text": ({"user": {"id": "1", "login": "ada"}}, "wrong_kind"),
    "a login as a number": ({"user": {"id": 1, "login": 5}}, "wrong_kind"),
    "a type of a user as a truth": ({"user": {"id": 1, "type": True}}, "wrong_kind"),
    "a milestone's title as a number": ({"milestone": {"title": 1.0}}, "wrong_kind"),
    "a type's name as a list": ({"type": {"name": ["Bug"]}}, "wrong_kind"),
    "a closer's login as an object": ({"closed_by": {"login": {}}}, "wrong_kind"),
    "an id of a label as text": ({"labels": [{"id": "7", "name": "bug"}]}, "wrong_label"),
    "a color as a number": ({"labels": [{"id": 7, "name": "bug", "color": 0}]}, "wrong_label"),
    "a default as text": ({"labels": [{"id": 7, "name": "bug", "default": "no"}]}, "wrong_label"),
    "an empty label": ({"labels": [None]}, "wrong_label"),
    "an id of an assignee as text": ({"assignees": [{"id": "1", "login": "ada"}]}, "wrong_assignee"),
    "a login of an assignee as a number": ({"assignees": [{"id": 1, "login": 5}]}, "wrong_assignee"),
    "an unknown state": ({"state": "ajar"}, "unknown_state"),
    "no state": ({"state": ...}, "unknown_state"),
    "created_at no time": ({"created_at": "yesterday"}, "bad_timestamp"),
    "created_at a word DuckDB reads as a time": ({"created_at": "infinity"}, "bad_timestamp"),
    "updated_at missing": ({"updated_at": ...}, "bad_timestamp"),
    "closed_at in month 13": ({"closed_at": "2024-13-01T00:00:00Z"}, "bad_timestamp"),
    "merged_at no time": ({"pull_request": {"merged_at": "soon"}}, "bad_timestamp"),
}


def test_case_07_bad_rows_are_quarantined_by_rule_and_the_rest_goes_on(lake, issue):
    records = [
        change if isinstance(change, str) else issue(number, **change)
        for number, (change, _) in enumerate(BAD_RECORDS.values(), start=1)
    ]
    lake.run(issue(98), *records, issue(99)).merge()
    assert lake.rows("issue_current", "issue_number") == [98, 99]
    found = {row["record_number"] - 1: row["rule"] for row in lake.rows("quarantine")}
    rules = {name: found.get(number) for number, name in enumerate(BAD_RECORDS, start=1)}
    assert rules == {name: rule for name, (_, rule) in BAD_RECORDS.items()}
    assert all(row["detail"] and row["stream"] == "issues" for row in lake.rows("quarantine"))
    assert lake.broken_rules() == []


@together
def test_case_07_a_null_inside_an_object_is_of_no_wrong_kind(lake, issue):
    nothing = {"id": None, "login": None, "type": None}
    label = {"id": None, "name": "bug", "color": None, "description": None, "default": None}
    lake.run(
        issue(1, user=nothing, assignees=[nothing], labels=[label], milestone={"title": None}),
        issue(2, user={}, assignees=[{}], labels=[{"name": "bug"}], closed_by={}, type={"name": None}),
    )
    yield
    assert lake.rows("quarantine", "rule") == []
    assert len(lake.rows("issue_current", "state")) == 2


def test_case_07_a_known_issue_keeps_its_row_until_a_good_record_comes(lake, issue, clock):
    lake.run(issue(1)).merge()
    lake.run(issue(1, comments="many", updated_at="2024-01-02T00:00:00Z"), at=clock(30)).merge()
    assert lake.issue()["updated_at"] == clock(0)
    assert lake.rows("quarantine", "issue_id", "rule") == [(1001, "wrong_kind")]
    lake.run(issue(1, comments=7, updated_at="2024-01-02T00:00:00Z"), at=clock(40)).merge()
    assert lake.issue()["comment_count"] == 7
    assert lake.rows("quarantine") == []


def test_case_07_an_old_bad_record_is_resolved_by_the_good_one_of_the_same_merge(lake, issue, clock):
    lake.run(issue(1, comments="many")).run(issue(1), at=clock(1)).merge()
    assert lake.rows("quarantine") == []


def test_case_07_the_same_bad_record_stands_once_in_quarantine(lake, issue, clock):
    for hours in range(3):
        lake.run(issue(1, id=...), issue(2, comments="many"), at=clock(hours)).merge()
    assert lake.rows("quarantine", "run_id", "rule") == [("run-3", "no_id"), ("run-3", "wrong_kind")]


@together
def test_case_11_at_the_same_updated_at_the_later_fetch_wins(lake, issue, clock):
    lake.run(issue(title="First"), at=clock(1)).run(issue(title="Second"), at=clock(2))
    yield
    assert lake.issue()["title"] == "Second"


@together
def test_case_11_the_later_fetch_wins_across_merges(lake, issue, clock):
    lake.run(issue(title="First"), at=clock(1))
    yield
    lake.run(issue(title="Second"), at=clock(2))
    yield
    assert lake.issue()["title"] == "Second"


@together
def test_case_11_of_two_fetches_in_one_second_the_later_run_wins(lake, issue):
    lake.run(issue(title="First"))
    yield
    lake.run(issue(title="Second"))
    yield
    assert lake.issue()["title"] == "Second"


def test_an_older_record_fetched_later_does_not_win(lake, issue, clock):
    lake.run(issue(title="New", updated_at="2024-01-02T00:00:00Z"), at=clock(30)).merge()
    changed = lake.run(issue(title="Old"), at=clock(31)).merge()
    assert lake.issue()["title"] == "New"
    assert not any(changed.values())


LABEL = {"id": 5, "name": "Bug", "color": "ff0000", "description": None, "default": True}
LABELS_12 = {
    "an object": ([LABEL], [(5, "Bug", True)]),
    "twice": ([LABEL, LABEL], [(5, "Bug", True)]),
    "once as text": ([LABEL, "bug"], [(5, "Bug", True)]),
    "text before the object": (["bug", LABEL], [(5, "Bug", True)]),
    "renamed between two mentions": ([LABEL, {**LABEL, "name": "Defect"}], [(5, "Bug", True)]),
}


@together
def test_case_12_a_label_is_kept_once(lake, issue):
    for number, (labels, _) in enumerate(LABELS_12.values()):
        lake.run(issue(number, labels=labels))
    yield
    found = lake.rows("issue_labels", "label_id", "label_name", "is_default")
    expected = {name: rows for name, (_, rows) in LABELS_12.items()}
    assert dict(zip(LABELS_12, ([row] for row in found), strict=True)) == expected


@together
def test_case_12_a_label_without_an_id_has_the_same_negative_id_everywhere(lake, issue):
    lake.run(issue(1, labels=["Bug"]), issue(2, labels=[{"name": "bug"}, {"id": None, "name": "docs"}]))
    yield
    (one, two, docs) = lake.rows("issue_labels", "label_id")
    assert len({one, two, docs}) == 2
    assert max(one, two, docs) < 0
    assert one in (two, docs)


@together
def test_case_13_a_ghost_author(lake, issue):
    ghost = {"login": "ghost", "id": 10137, "type": "User"}
    lake.run(issue(1, user=None), issue(2, user=...), issue(3, user=ghost))
    yield
    assert lake.rows("issue_current", "author_login") == [None, None, "ghost"]
    for number in (1, 2, 3):
        assert lake.ledger(number) == [("opened", "2024-01-01T00:00:00Z")]


@together
def test_case_15_absent_keys_are_null(lake, issue):
    optional = ["node_id", "title", "body", "user", "labels", "state_reason", "locked", "active_lock_reason"]
    optional += [
        "assignee",
        "assignees",
        "milestone",
        "comments",
        "closed_at",
        "author_association",
        "html_url",
    ]
    lake.run(issue(**dict.fromkeys(optional, ...)))
    yield
    row = lake.issue()
    assert (row["comment_count"], row["author_id"], row["title"], row["is_locked"]) == (
        None,
        None,
        None,
        None,
    )
    assert row["assignee_count"] == 0


def test_case_15_a_stored_table_that_lacks_newer_columns(lake, issue, clock):
    lake.run(issue(1), issue(2)).merge()
    lake.stored["stored_issue_current"] = lake.stored["stored_issue_current"].drop(
        ["issue_type", "departed_to"]
    )
    lake.run(issue(2, type={"name": "Bug"}), at=clock(1)).merge()
    assert lake.rows("issue_current", "issue_number", "issue_type") == [(1, None), (2, "Bug")]


def test_case_16_an_empty_repository(lake):
    changed = lake.run().merge()
    assert set(changed.values()) == {False}
    assert all(lake.rows(table) == [] for table in changed)


@together
def test_case_16_a_repository_of_pull_requests_only(lake, issue):
    lake.run(issue(1, pull_request={}), issue(2, pull_request={"merged_at": "2024-01-01T00:00:00Z"}))
    yield
    assert len(lake.rows("issue_current", "state")) == 2
    assert lake.rows("issue_transitions", "kind") == []


def test_case_31_a_renamed_label_and_login_come_with_an_unmoved_updated_at(lake, issue, clock):
    lake.run(issue(labels=[LABEL])).merge()
    renamed = {"login": "ada-l", "id": 1, "type": "User"}
    changed = lake.run(issue(labels=[{**LABEL, "name": "Defect"}], user=renamed), at=clock(5)).merge()
    assert lake.rows("issue_labels", "label_id", "label_name") == [(5, "Defect")]
    assert (lake.issue()["author_id"], lake.issue()["author_login"]) == (1, "ada-l")
    assert changed["issue_labels"]
    assert not changed["issue_sighting"]
