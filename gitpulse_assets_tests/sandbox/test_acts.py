"""What each act changes in the served record and in the truth."""

import json

from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.render import issue_bytes
from gitpulse_assets.sandbox.times import iso


def record(issue) -> dict:
    return json.loads(issue_bytes(issue))


def kinds(issue) -> list[str]:
    return [event.kind for event in issue.events]


def truth_kinds(script) -> list[str]:
    return [transition.kind for transition in script.acts.truth.transitions]


def test_closing_again_changes_the_reason_alone(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.close, issue, "2026-01-02", None)
    script.at(script.acts.close_again, issue, "2026-01-09", None, "not_planned")
    assert kinds(issue) == ["closed", "closed"]
    assert record(issue)["state_reason"] == "not_planned"
    assert record(issue)["closed_at"] == "2026-01-02T00:00:00Z"
    assert record(issue)["updated_at"] == "2026-01-09T00:00:00Z"
    assert truth_kinds(script) == ["opened", "closed"]


def test_a_conversion_closes_without_a_closed_event(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.convert, issue, "2026-01-02", None)
    assert kinds(issue) == ["locked", "converted_to_discussion"]
    assert {key: record(issue)[key] for key in ("state", "state_reason", "locked")} == {
        "state": "closed",
        "state_reason": "completed",
        "locked": True,
    }
    assert truth_kinds(script) == ["opened", "converted"]


def test_a_conversion_may_leave_the_issue_open(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.convert, issue, "2026-01-02", None, closes=False)
    assert "converted_to_discussion" in kinds(issue)
    assert record(issue)["state"] == "open"
    assert truth_kinds(script) == ["opened"]


def test_a_transfer_keeps_the_age_and_the_events_under_new_ids(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.close, issue, "2026-01-02", None)
    there = script.neighbour("octo/there")
    moved = script.at(script.acts.transfer, issue, "2026-02-01", None, there)
    assert (moved.created_at, kinds(moved)) == (issue.created_at, ["closed", "transferred"])
    assert moved.issue_id != issue.issue_id
    assert {event.event_id for event in moved.events}.isdisjoint(event.event_id for event in issue.events)
    assert script.world.issue_by_node(issue.node_id) is moved
    assert there.truth.transitions == []


def test_a_chain_of_transfers_resolves_to_its_end(script):
    issue = script.open("2026-01-01")
    middle, end = script.neighbour("octo/middle"), script.neighbour("octo/end")
    moved = script.at(script.acts.transfer, issue, "2026-02-01", None, middle)
    last = script.at(middle.transfer, moved, "2026-03-01", None, end)
    assert script.world.issue_by_node(issue.node_id) is last
    script.at(end.delete, last, "2026-04-01")
    assert script.world.issue_by_node(issue.node_id) is None


def test_renaming_a_label_or_login_leaves_updated_at(script):
    issue = script.open("2026-01-01")
    label = script.acts.repository.labels[0]
    script.at(script.acts.label, issue, "2026-01-02", None, label)
    before = record(issue)
    script.acts.rename_label(label, "defect")
    script.author.login = "author-renamed"
    after = record(issue)
    assert [shown["name"] for shown in after["labels"]] == ["defect"]
    assert [shown["id"] for shown in after["labels"]] == [shown["id"] for shown in before["labels"]]
    assert after["user"]["login"] == "author-renamed"
    assert after["updated_at"] == before["updated_at"]


def test_a_closing_before_creation_takes_effect_at_creation(script):
    issue = script.open("2026-01-01")
    script.at(script.acts.close, issue, "2025-12-31T23:00:00Z", None)
    assert record(issue)["closed_at"] == "2025-12-31T23:00:00Z"
    assert [iso(transition.at) for transition in script.acts.truth.transitions] == [
        "2026-01-01T00:00:00Z"
    ] * 2


def test_a_bulk_closing_carries_its_bot(script):
    issue = script.open("2026-01-01")
    bot = User(2, "stale[bot]", "Bot", "BOT_2")
    script.at(script.acts.close, issue, "2026-01-02", bot, "not_planned", is_bulk=True)
    last = script.acts.truth.transitions[-1]
    assert (last.actor_login, last.is_bulk) == ("stale[bot]", True)
    assert record(issue)["closed_by"]["type"] == "Bot"


def test_pull_requests_are_no_part_of_the_truth(script):
    pull_request = script.acts.open(1_700_000_000, script.author, "Title", is_pull_request=True)
    script.acts.merge(pull_request, 1_700_000_100, script.author)
    assert kinds(pull_request) == ["merged", "closed"]
    assert record(pull_request)["pull_request"]["merged_at"] == iso(1_700_000_100)
    assert script.acts.truth.transitions == []
