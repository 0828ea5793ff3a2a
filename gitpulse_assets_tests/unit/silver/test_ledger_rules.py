"""Each rule of the ledger, with the smallest history that shows it."""

import pytest

CREATED = "2024-01-01T00:00:00Z"
DAY_2, DAY_3, DAY_4, DAY_5 = (f"2024-01-0{day}T12:00:00Z" for day in (2, 3, 4, 5))
OPENED = ("opened", CREATED)


def closed(at, **fields):
    return {"state": "closed", "closed_at": at, "updated_at": at, **fields}


def known_by(lake):
    return lake.rows("issue_transitions", "known_by")


def test_without_events_the_snapshot_tells_creation_and_closing(lake, issue):
    lake.run(issue(**closed(DAY_2), closed_by={"login": "bob"}), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert known_by(lake) == ["snapshot", "snapshot"]
    assert lake.rows("issue_transitions", "actor_login") == ["ada", "bob"]


def test_case_05_a_deleted_issue_leaves_when_it_is_noticed(lake, issue):
    lake.run(issue(), at=DAY_2).merge()
    lake.run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "deleted"}]).merge()
    assert lake.ledger() == [OPENED, ("deleted", DAY_4)]
    assert known_by(lake) == ["snapshot", "inferred"]
    row = lake.issue()
    assert (row["state"], row["departure_kind"]) == ("open", "deleted")
    assert row["departed_at"].isoformat() == "2024-01-04T12:00:00+00:00"


def test_case_05_a_transfer_leaves_on_the_day_it_happened(lake, issue, clock):
    gone = {
        "issue_id": 1001,
        "kind": "transferred_out",
        "departed_at": clock(60),
        "departed_to": "acme/other#7",
    }
    lake.run(issue(labels=["bug"]), at=DAY_2).run(at=DAY_5, departures=[gone]).merge()
    assert lake.ledger() == [OPENED, ("transferred_out", DAY_3)]
    assert lake.rows("issue_transitions", "reason", "known_by")[-1] == ("acme/other#7", "event")
    assert lake.issue()["departed_to"] == "acme/other#7"
    assert lake.rows("issue_labels", "label_name") == ["bug"]


def test_case_05_an_unexplained_departure_counts_as_deleted(lake, issue):
    lake.run(issue(), at=DAY_2).run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "unknown"}]).merge()
    assert lake.ledger() == [OPENED, ("deleted", DAY_4)]
    assert lake.rows("issue_transitions", "reason") == [None, "unknown"]


def test_case_05_what_is_learnt_later_about_a_departure_replaces_what_was_noticed(lake, issue, clock):
    lake.run(issue(), at=DAY_2).run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "unknown"}]).merge()
    lake.run(at=DAY_5, departures=[{"issue_id": 1001, "kind": "deleted"}]).merge()
    assert lake.ledger() == [OPENED, ("deleted", DAY_4)]
    told = {"issue_id": 1001, "kind": "converted", "departed_at": clock(60)}
    lake.run(at=DAY_5, departures=[told]).merge()
    assert lake.ledger() == [OPENED, ("converted", DAY_3)]


def test_a_closed_issue_that_departs_changes_no_stock(lake, issue):
    lake.run(issue(**closed(DAY_2)), at=DAY_3).run(
        at=DAY_4, departures=[{"issue_id": 1001, "kind": "deleted"}]
    )
    lake.merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert lake.issue()["departure_kind"] == "deleted"


def test_an_issue_that_is_seen_again_is_returned(lake, issue):
    lake.run(issue(), at=DAY_2).run(at=DAY_3, departures=[{"issue_id": 1001, "kind": "unknown"}]).merge()
    lake.run(issue(), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("deleted", DAY_3), ("returned", DAY_5)]
    assert (lake.issue()["departed_at"], lake.issue()["departure_kind"]) == (None, None)


def test_an_issue_closed_while_it_was_away_does_not_return_to_the_backlog(lake, issue):
    lake.run(issue(), at=DAY_2).run(at=DAY_3, departures=[{"issue_id": 1001, "kind": "unknown"}]).merge()
    lake.run(issue(**closed(DAY_4)), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("deleted", DAY_3)]


def test_the_departure_of_an_issue_nobody_knows_is_ignored(lake):
    lake.run(departures=[{"issue_id": 1001, "kind": "deleted"}]).merge()
    assert lake.rows("issue_current") == lake.rows("issue_transitions") == []


def test_case_06_a_reopen_keeps_the_first_closing_in_history(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_3), ("Closed", DAY_4))
    lake.run(issue(**closed(DAY_4)), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_3), ("closed", DAY_4)]
    assert known_by(lake) == ["snapshot", "event", "event", "event"]


def test_case_06_without_events_a_reopening_is_inferred_from_two_snapshots(lake, issue):
    lake.run(issue(**closed(DAY_2)), at=DAY_3).merge()
    lake.run(issue(updated_at=DAY_4), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_5)]
    assert known_by(lake) == ["snapshot", "snapshot", "inferred"]


def test_case_06_a_later_closed_at_says_that_it_was_open_in_between(lake, issue):
    lake.run(issue(**closed(DAY_2)), at=DAY_3).run(issue(**closed(DAY_4)), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_4), ("closed", DAY_4)]


def test_open_although_the_events_say_closed_takes_back_the_last_closing(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_3), ("Closed", DAY_4), is_complete=False)
    lake.run(issue(updated_at=DAY_5), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_3)]


def test_open_although_events_and_a_snapshot_say_closed_is_a_reopening(lake, issue, timeline):
    lake.run(issue(**closed(DAY_2)), at=DAY_3, timelines=[timeline(1, ("Closed", DAY_2))]).merge()
    lake.run(issue(updated_at=DAY_4), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_5)]
    assert known_by(lake) == ["snapshot", "event", "inferred"]


def test_closed_without_an_event_among_others_is_inferred(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_3), is_complete=False)
    lake.run(issue(**closed(DAY_4)), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger()[-1] == ("closed", DAY_4)
    assert known_by(lake)[-1] == "inferred"


def test_closed_at_null_takes_effect_at_updated_at(lake, issue):
    lake.run(issue(state="closed", closed_at=None, updated_at=DAY_2), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert known_by(lake) == ["snapshot", "inferred"]


@pytest.mark.parametrize("trail_seconds", [0, 1, 2])
def test_a_closed_event_that_trails_closed_at_is_the_same_closing(lake, issue, timeline, trail_seconds):
    told = f"2024-01-02T12:00:0{trail_seconds}Z"
    lake.run(issue(**closed(DAY_2)), at=DAY_5, timelines=[timeline(1, ("Closed", told))]).merge()
    assert lake.ledger() == [OPENED, ("closed", told)]


def test_events_after_the_newest_record_wait_for_the_next(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_4))
    lake.run(issue(updated_at=DAY_2), at=DAY_3, timelines=[events]).merge()
    assert lake.ledger() == [OPENED]
    lake.run(issue(**closed(DAY_4)), at=DAY_5).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_4)]
    assert known_by(lake) == ["snapshot", "event"]


def test_case_32_a_second_closed_event_changes_only_the_reason(lake, issue, timeline):
    first = {"__typename": "ClosedEvent", "createdAt": DAY_2, "stateReason": "COMPLETED"}
    second = {"__typename": "ClosedEvent", "createdAt": DAY_4, "stateReason": "NOT_PLANNED"}
    record = issue(**closed(DAY_2), state_reason="not_planned")
    record["updated_at"] = DAY_4
    lake.run(record, at=DAY_5, timelines=[timeline(1, first, second)]).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert lake.rows("issue_transitions", "reason") == [None, "not_planned"]


def test_case_33_closed_by_conversion_without_a_closed_event(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_3))
    lake.run(issue(**closed(DAY_3)), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED, ("converted", DAY_3)]
    assert known_by(lake) == ["snapshot", "event"]


def test_case_33_a_conversion_event_alone_leaves_the_issue_open(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_3))
    lake.run(issue(updated_at=DAY_3), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED]


def test_case_33_closed_first_and_converted_later_stays_closed(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("ConvertedToDiscussion", DAY_3))
    lake.run(issue(**closed(DAY_2)), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]


def test_case_33_converted_first_and_closed_later_is_closed(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_2), ("Closed", DAY_4))
    lake.run(issue(**closed(DAY_4)), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_4)]


def test_case_33_a_reopening_after_a_conversion_proves_that_it_closed(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_2), ("Reopened", DAY_4))
    lake.run(issue(updated_at=DAY_4), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [OPENED, ("converted", DAY_2), ("reopened", DAY_4)]


def transferred(at, **fields):
    return {"__typename": "TransferredEvent", "createdAt": at, **fields}


def test_case_34_a_transferred_issue_counts_from_its_arrival(lake, issue, timeline):
    arrival = transferred(DAY_3, fromRepository={"nameWithOwner": "acme/old"}, actor={"login": "bob"})
    events = timeline(1, ("Closed", DAY_2), ("Reopened", "2024-01-02T13:00:00Z"), arrival)
    lake.run(issue(updated_at=DAY_3), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [("transferred_in", DAY_3)]
    assert lake.rows("issue_transitions", "actor_login", "reason") == [("bob", "acme/old")]


@pytest.mark.parametrize("events", [[("Closed", DAY_2)], []], ids=["closed by an event", "closed_at alone"])
def test_case_34_an_issue_that_arrives_closed_enters_when_it_is_reopened(lake, issue, timeline, events):
    events = [*events, transferred(DAY_3)]
    lake.run(issue(**closed(DAY_2)), at=DAY_3, timelines=[timeline(1, *events)]).merge()
    assert lake.ledger() == []
    events += [("Reopened", DAY_4)]
    lake.run(issue(updated_at=DAY_4), at=DAY_5, timelines=[timeline(1, *events)]).merge()
    assert lake.ledger() == [("reopened", DAY_4)]


def test_case_34_the_last_transfer_counts_and_one_out_of_here_does_not(lake, issue, timeline):
    away = transferred(DAY_4, fromRepository={"nameWithOwner": "Acme/Rocket"})
    events = timeline(1, transferred(DAY_2), transferred(DAY_3), away)
    lake.run(issue(updated_at=DAY_4), at=DAY_5, timelines=[events]).merge()
    assert lake.ledger() == [("transferred_in", DAY_3)]


def gone_to(clock, timeline, *events, departed_hours=60, **fields):
    """A departure noticed after it happened, with the timeline that the issue's new place tells."""
    gone = {"kind": "transferred_out", "departed_at": clock(departed_hours), "departed_to": "acme/other#7"}
    return {**gone, **timeline(1, *events), **fields}


def moved(at, source="acme/rocket"):
    return transferred(at, fromRepository={"nameWithOwner": source})


@pytest.mark.parametrize("is_two_merges", [False, True])
def test_what_happened_before_a_transfer_is_known_from_its_new_place(
    lake, issue, timeline, clock, is_two_merges
):
    known = {**timeline(1, ("Closed", DAY_2), ("Reopened", "2024-01-02T13:00:00Z"))}
    lake.run(issue(updated_at="2024-01-02T13:00:00Z"), at="2024-01-02T14:00:00Z", timelines=[known])
    if is_two_merges:
        lake.merge()
    events = [
        {"__typename": "ClosedEvent", "createdAt": DAY_2, "id": "new id"},
        ("Reopened", "2024-01-02T13:00:00Z"),
        ("Closed", "2024-01-03T10:00:00Z"),
        moved(DAY_3),
        ("Reopened", DAY_3),
        ("Reopened", DAY_4),
    ]
    lake.run(at=DAY_5, departures=[gone_to(clock, timeline, *events)]).merge()
    assert lake.ledger() == [
        OPENED,
        ("closed", DAY_2),
        ("reopened", "2024-01-02T13:00:00Z"),
        ("closed", "2024-01-03T10:00:00Z"),
    ]
    assert len(lake.rows("issue_event")) == 3
    assert lake.broken_rules() == []


def test_a_reopening_before_a_transfer_is_known_from_its_new_place(lake, issue, timeline, clock):
    lake.run(issue(**closed("2024-01-02T00:00:00Z")), at=DAY_2).merge()
    events = [("Closed", "2024-01-02T00:00:00Z"), ("Reopened", "2024-01-03T10:00:00Z"), moved(DAY_3)]
    lake.run(at=DAY_5, departures=[gone_to(clock, timeline, *events)]).merge()
    assert lake.ledger()[2:] == [("reopened", "2024-01-03T10:00:00Z"), ("transferred_out", DAY_3)]


def test_a_departure_whose_timeline_does_not_tell_it_gives_no_events(lake, issue, timeline, clock):
    lake.run(issue(), at=DAY_2).merge()
    gone = gone_to(clock, timeline, ("Closed", "2024-01-03T10:00:00Z"), departed_hours=61)
    lake.run(at=DAY_5, departures=[gone]).merge()
    assert lake.rows("issue_event") == []
    assert [kind for kind, _ in lake.ledger()] == ["opened", "transferred_out"]


def test_events_newer_than_the_last_record_count_once_the_issue_is_gone(lake, issue, timeline):
    lake.run(issue(), at=DAY_2, timelines=[timeline(1, ("Closed", DAY_2))]).merge()
    assert lake.ledger() == [OPENED]
    lake.run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "deleted"}]).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]


def test_a_closing_before_created_at_takes_effect_at_created_at(lake, issue, timeline):
    early = "2023-12-31T23:30:00Z"
    lake.run(issue(**closed(early)), at=DAY_5, timelines=[timeline(1, ("Closed", early))]).merge()
    assert lake.ledger() == [OPENED, ("closed", CREATED)]


def test_nothing_takes_effect_after_it_was_fetched(lake, issue):
    ahead = issue(1, created_at=DAY_3, updated_at=DAY_3)
    lake.run(ahead, issue(2, **closed(DAY_3)), at=DAY_2).merge()
    assert lake.ledger(1) == [("opened", DAY_2)]
    assert lake.ledger(2) == [OPENED, ("closed", DAY_2)]


def test_events_are_kept_once_however_often_and_from_wherever_they_come(lake, issue, timeline, event):
    told = timeline(1, ("Closed", DAY_2))
    lake.run(issue(**closed(DAY_2)), at=DAY_3, timelines=[told]).merge()
    changed = lake.run(at=DAY_4, timelines=[told, event(1, "closed", DAY_2)]).merge()
    assert not changed["issue_event"]
    assert lake.rows("issue_event", "source") == ["graphql"]


def test_rest_events_tell_the_same_ledger(lake, issue, event):
    told = [event(1, "closed", DAY_2, 1), event(1, "reopened", DAY_3, 2), event(1, "labeled", DAY_3, 3)]
    lake.run(issue(updated_at=DAY_3), at=DAY_5, timelines=told).merge()
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_3)]
    assert lake.rows("issue_transitions", "actor_login") == ["ada", "bob", "bob"]


def test_a_rest_event_without_an_issue_id_is_found_by_number(lake, issue, event):
    lake.run(
        issue(**closed(DAY_2)), at=DAY_5, timelines=[event(1, "closed", DAY_2) | {"issue_id": None}]
    ).merge()
    assert lake.rows("issue_event", "issue_id") == [1001]


def test_events_of_pull_requests_move_nothing(lake, issue, event):
    told = [event(1, "closed", DAY_2, issue={"id": 1001, "pull_request": {}}), event(2, "closed", DAY_2, 2)]
    lake.run(issue(1, pull_request={}), issue(2, pull_request={}), at=DAY_5, timelines=told).merge()
    assert lake.rows("issue_transitions") == []


def test_case_13_an_event_without_an_actor(lake, issue, timeline, event):
    told = [timeline(1, ("Closed", DAY_2)), event(2, "closed", DAY_2, actor=None)]
    lake.run(issue(1, **closed(DAY_2)), issue(2, **closed(DAY_2)), at=DAY_5, timelines=told).merge()
    assert lake.rows("issue_event", "actor_login") == [None, None]
    assert lake.ledger(1) == lake.ledger(2) == [OPENED, ("closed", DAY_2)]


def test_a_bot_is_named_alike_from_both_sources(lake, issue, timeline, event):
    node = {"__typename": "ClosedEvent", "createdAt": DAY_2, "actor": {"__typename": "Bot", "login": "stale"}}
    rest = event(2, "closed", DAY_2, actor={"login": "stale[bot]", "id": 3, "type": "Bot"})
    lake.run(
        issue(1, **closed(DAY_2)), issue(2, **closed(DAY_2)), at=DAY_5, timelines=[timeline(1, node), rest]
    )
    lake.merge()
    assert lake.rows("issue_event", "actor_login", "actor_type") == [("stale[bot]", "Bot")] * 2


def test_events_of_one_second_keep_their_order(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_2), ("Closed", DAY_2), ("Reopened", DAY_2))
    lake.run(issue(updated_at=DAY_2), at=DAY_5, timelines=[events]).merge()
    kinds = [kind for kind, _ in lake.ledger()]
    assert kinds == ["opened", "closed", "reopened", "closed", "reopened"]


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        ("[]", "not_a_timeline"),
        ("{", "not_a_timeline"),
        ('{"id": "I_1"}', "not_a_timeline"),
        ('{"timelineItems": {"nodes": [{"__typename": "ClosedEvent", "id": "E"}]}}', "bad_event"),
        ('{"timelineItems": {"nodes": [{"__typename": "ClosedEvent", "createdAt": "soon"}]}}', "bad_event"),
    ],
)
def test_case_07_a_bad_timeline_is_quarantined_and_the_rest_goes_on(lake, issue, timeline, payload, rule):
    bad = {"issue_id": 1001, "issue_number": 1, "payload_json": payload}
    good = timeline(2, ("Closed", DAY_2))
    lake.run(issue(1), issue(2, **closed(DAY_2)), at=DAY_5, timelines=[bad, good]).merge()
    assert lake.rows("quarantine", "stream", "issue_id", "rule") == [("issue_timeline", 1001, rule)]
    assert lake.ledger(2) == [OPENED, ("closed", DAY_2)]
    lake.run(at="2024-01-06T00:00:00Z", timelines=[timeline(1)]).merge()
    assert lake.rows("quarantine") == []


def test_a_ledger_thrown_away_is_made_again_by_the_next_merge(lake, issue, timeline):
    lake.run(
        issue(1, **closed(DAY_2)), issue(2), at=DAY_5, timelines=[timeline(1, ("Closed", DAY_2))]
    ).merge()
    before = lake.rows("issue_transitions")
    lake.stored.pop("stored_issue_transitions")
    assert lake.merge()["issue_transitions"]
    assert lake.rows("issue_transitions") == before
