"""Each rule of the ledger, with the smallest history that shows it."""

from gitpulse_assets_tests.unit.silver.stories import together

CREATED = "2024-01-01T00:00:00Z"
DAY_2, DAY_3, DAY_4, DAY_5 = (f"2024-01-0{day}T12:00:00Z" for day in (2, 3, 4, 5))
OPENED = ("opened", CREATED)


def closed(at, **fields):
    return {"state": "closed", "closed_at": at, "updated_at": at, **fields}


def known_by(lake):
    return lake.rows("issue_transitions", "known_by")


@together
def test_without_events_the_snapshot_tells_creation_and_closing(lake, issue):
    lake.run(issue(**closed(DAY_2), closed_by={"login": "bob"}), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert known_by(lake) == ["snapshot", "snapshot"]
    assert lake.rows("issue_transitions", "actor_login") == ["ada", "bob"]


@together
def test_a_change_after_the_closing_does_not_move_it(lake, issue):
    lake.run(issue(**closed(DAY_2) | {"updated_at": DAY_4}), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]


@together
def test_case_05_a_deleted_issue_leaves_when_it_is_noticed(lake, issue):
    lake.run(issue(), at=DAY_2)
    yield
    lake.run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "deleted"}])
    yield
    assert lake.ledger() == [OPENED, ("deleted", DAY_4)]
    assert known_by(lake) == ["snapshot", "inferred"]
    row = lake.issue()
    assert (row["state"], row["departure_kind"]) == ("open", "deleted")
    assert row["departed_at"].isoformat() == "2024-01-04T12:00:00+00:00"


@together
def test_case_05_a_transfer_leaves_on_the_day_it_happened(lake, issue, clock):
    gone = {
        "issue_id": 1001,
        "kind": "transferred_out",
        "departed_at": clock(60),
        "departed_to": "acme/other#7",
    }
    lake.run(issue(labels=["bug"]), at=DAY_2).run(at=DAY_5, departures=[gone])
    yield
    assert lake.ledger() == [OPENED, ("transferred_out", DAY_3)]
    assert lake.rows("issue_transitions", "reason", "known_by")[-1] == ("acme/other#7", "event")
    assert lake.issue()["departed_to"] == "acme/other#7"
    assert lake.rows("issue_labels", "label_name") == ["bug"]


@together
def test_an_issue_turned_into_a_pull_request_leaves_when_that_is_noticed(lake, issue):
    turned = {"pull_request": {"merged_at": None}, "updated_at": DAY_3}
    lake.run(issue(1), issue(2, **turned), at=DAY_2)
    yield
    lake.run(issue(1, **turned), at=DAY_4)
    yield
    lake.run(issue(1, **closed(DAY_5) | {"pull_request": {"merged_at": DAY_5}}), at=DAY_5)
    yield
    assert lake.ledger(1) == [OPENED, ("converted", DAY_4)]
    assert lake.ledger(2) == []
    row = lake.issue(1)
    assert (row["is_pull_request"], row["state"], row["departed_at"]) == (True, "closed", None)


@together
def test_case_05_an_unexplained_departure_counts_as_deleted(lake, issue):
    lake.run(issue(), at=DAY_2).run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "unknown"}])
    yield
    assert lake.ledger() == [OPENED, ("deleted", DAY_4)]
    assert lake.rows("issue_transitions", "reason") == [None, "unknown"]


@together
def test_case_05_what_is_learnt_later_about_a_departure_replaces_what_was_noticed(lake, issue, clock):
    lake.run(issue(), at=DAY_2).run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "unknown"}])
    yield
    lake.run(at=DAY_5, departures=[{"issue_id": 1001, "kind": "deleted"}])
    yield
    assert lake.ledger() == [OPENED, ("deleted", DAY_4)]
    told = {"issue_id": 1001, "kind": "converted", "departed_at": clock(60)}
    lake.run(at=DAY_5, departures=[told])
    yield
    assert lake.ledger() == [OPENED, ("converted", DAY_3)]


@together
def test_a_closed_issue_that_departs_changes_no_stock(lake, issue):
    lake.run(issue(**closed(DAY_2)), at=DAY_3).run(
        at=DAY_4, departures=[{"issue_id": 1001, "kind": "deleted"}]
    )
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert lake.issue()["departure_kind"] == "deleted"


@together
def test_an_issue_that_is_seen_again_is_returned(lake, issue):
    lake.run(issue(), at=DAY_2).run(at=DAY_3, departures=[{"issue_id": 1001, "kind": "unknown"}])
    yield
    lake.run(issue(), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("deleted", DAY_3), ("returned", DAY_5)]
    assert (lake.issue()["departed_at"], lake.issue()["departure_kind"]) == (None, None)


@together
def test_an_issue_closed_while_it_was_away_does_not_return_to_the_backlog(lake, issue):
    lake.run(issue(), at=DAY_2).run(at=DAY_3, departures=[{"issue_id": 1001, "kind": "unknown"}])
    yield
    lake.run(issue(**closed(DAY_4)), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("deleted", DAY_3)]


def test_the_departure_of_an_issue_nobody_knows_is_ignored(lake):
    lake.run(departures=[{"issue_id": 1001, "kind": "deleted"}]).merge()
    assert lake.rows("issue_current") == lake.rows("issue_transitions") == []


@together
def test_case_06_a_reopen_keeps_the_first_closing_in_history(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_3), ("Closed", DAY_4))
    lake.run(issue(**closed(DAY_4)), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_3), ("closed", DAY_4)]
    assert known_by(lake) == ["snapshot", "event", "event", "event"]


@together
def test_case_06_without_events_a_reopening_is_inferred_from_two_snapshots(lake, issue):
    lake.run(issue(**closed(DAY_2)), at=DAY_3)
    yield
    lake.run(issue(updated_at=DAY_4), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_5)]
    assert known_by(lake) == ["snapshot", "snapshot", "inferred"]


@together
def test_case_06_a_later_closed_at_says_that_it_was_open_in_between(lake, issue):
    lake.run(issue(**closed(DAY_2)), at=DAY_3)
    lake.run(issue(**closed(DAY_4), closed_by={"login": "bob"}), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_4), ("closed", DAY_4)]
    assert lake.rows("issue_transitions", "actor_login") == ["ada", None, None, "bob"]


@together
def test_open_although_the_events_say_closed_takes_back_the_last_closing(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_3), ("Closed", DAY_4), is_complete=False)
    lake.run(issue(updated_at=DAY_5), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_3)]


@together
def test_open_although_events_and_a_snapshot_say_closed_is_a_reopening(lake, issue, timeline):
    lake.run(issue(**closed(DAY_2)), at=DAY_3, timelines=[timeline(1, ("Closed", DAY_2))])
    yield
    lake.run(issue(updated_at=DAY_4), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_5)]
    assert known_by(lake) == ["snapshot", "event", "inferred"]


@together
def test_closed_without_an_event_among_others_is_inferred(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_3), is_complete=False)
    lake.run(issue(**closed(DAY_4)), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger()[-1] == ("closed", DAY_4)
    assert known_by(lake)[-1] == "inferred"


@together
def test_closed_at_null_takes_effect_at_updated_at(lake, issue):
    lake.run(issue(state="closed", closed_at=None, updated_at=DAY_2), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert known_by(lake) == ["snapshot", "inferred"]


@together
def test_a_closed_event_that_trails_closed_at_is_the_same_closing(lake, issue, timeline):
    trailing = {second: f"2024-01-02T12:00:0{second}Z" for second in range(6)}
    for second, told in trailing.items():
        events = timeline(second, ("Closed", told))
        lake.run(issue(second, **closed(DAY_2)), at=DAY_5, timelines=[events])
    yield
    for second, told in trailing.items():
        assert lake.ledger(second) == [OPENED, ("closed", told)]


@together
def test_a_closed_event_that_trails_by_more_is_another_closing(lake, issue, timeline):
    told = "2024-01-02T12:00:06Z"
    lake.run(issue(**closed(DAY_2)), at=DAY_5, timelines=[timeline(1, ("Closed", told))])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]


@together
def test_events_after_the_newest_record_wait_for_the_next(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_4))
    lake.run(issue(updated_at=DAY_2), at=DAY_3, timelines=[events])
    yield
    assert lake.ledger() == [OPENED]
    lake.run(issue(**closed(DAY_4)), at=DAY_5)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_4)]
    assert known_by(lake) == ["snapshot", "event"]


@together
def test_case_32_a_second_closed_event_changes_only_the_reason(lake, issue, timeline):
    first = {"__typename": "ClosedEvent", "createdAt": DAY_2, "stateReason": "COMPLETED"}
    second = {"__typename": "ClosedEvent", "createdAt": DAY_4, "stateReason": "NOT_PLANNED"}
    record = issue(**closed(DAY_2), state_reason="not_planned")
    record["updated_at"] = DAY_4
    lake.run(record, at=DAY_5, timelines=[timeline(1, first, second)])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]
    assert lake.rows("issue_transitions", "reason") == [None, "not_planned"]


@together
def test_case_33_closed_by_conversion_without_a_closed_event(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_3))
    lake.run(issue(**closed(DAY_3)), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED, ("converted", DAY_3)]
    assert known_by(lake) == ["snapshot", "event"]


@together
def test_case_33_a_conversion_event_alone_leaves_the_issue_open(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_3))
    lake.run(issue(updated_at=DAY_3), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED]


@together
def test_case_33_closed_first_and_converted_later_stays_closed(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("ConvertedToDiscussion", DAY_3))
    lake.run(issue(**closed(DAY_2)), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]


@together
def test_case_33_converted_first_and_closed_later_is_closed(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_2), ("Closed", DAY_4))
    lake.run(issue(**closed(DAY_4)), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_4)]


@together
def test_case_33_a_reopening_after_a_conversion_proves_that_it_closed(lake, issue, timeline):
    events = timeline(1, ("ConvertedToDiscussion", DAY_2), ("Reopened", DAY_4))
    lake.run(issue(updated_at=DAY_4), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [OPENED, ("converted", DAY_2), ("reopened", DAY_4)]


def transferred(at, **fields):
    return {"__typename": "TransferredEvent", "createdAt": at, **fields}


@together
def test_case_34_a_transferred_issue_counts_from_its_arrival(lake, issue, timeline):
    arrival = transferred(DAY_3, fromRepository={"nameWithOwner": "acme/old"}, actor={"login": "bob"})
    events = timeline(1, ("Closed", DAY_2), ("Reopened", "2024-01-02T13:00:00Z"), arrival)
    lake.run(issue(updated_at=DAY_3), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [("transferred_in", DAY_3)]
    assert lake.rows("issue_transitions", "actor_login", "reason") == [("bob", "acme/old")]


@together
def test_case_34_an_issue_that_arrives_closed_enters_when_it_is_reopened(lake, issue, timeline):
    # The fourth was closed at its old place without an event, after one had reopened it.
    reopened = [("Closed", "2024-01-01T13:00:00Z"), ("Reopened", "2024-01-01T18:00:00Z"), transferred(DAY_3)]
    known = {
        1: [("Closed", DAY_2), transferred(DAY_3)],
        2: [transferred(DAY_3)],
        3: [transferred(DAY_2)],
        4: reopened,
    }
    records = [issue(number, **closed(DAY_2)) for number in known]
    lake.run(*records, at=DAY_3, timelines=[timeline(number, *events) for number, events in known.items()])
    yield
    assert lake.ledger(1) == lake.ledger(2) == lake.ledger(3) == lake.ledger(4) == []
    told = [timeline(number, *events, ("Reopened", DAY_4)) for number, events in known.items()]
    lake.run(*(issue(number, updated_at=DAY_4) for number in known), at=DAY_5, timelines=told)
    yield
    assert lake.ledger(1) == lake.ledger(2) == lake.ledger(3) == lake.ledger(4) == [("reopened", DAY_4)]


@together
def test_case_34_the_last_transfer_counts_and_one_out_of_here_does_not(lake, issue, timeline):
    away = transferred(DAY_4, fromRepository={"nameWithOwner": "Acme/Rocket"})
    events = timeline(1, transferred(DAY_2), transferred(DAY_3), away)
    lake.run(issue(updated_at=DAY_4), at=DAY_5, timelines=[events])
    yield
    assert lake.ledger() == [("transferred_in", DAY_3)]


def gone_to(clock, timeline, *events, departed_hours=60, **fields):
    """A departure noticed after it happened, with the timeline that the issue's new place tells."""
    gone = {"kind": "transferred_out", "departed_at": clock(departed_hours), "departed_to": "acme/other#7"}
    return {**gone, **timeline(1, *events), **fields}


def moved(at, source="acme/rocket"):
    return transferred(at, fromRepository={"nameWithOwner": source})


def closed_and_moved(lake, issue, timeline, clock, *, is_two_merges):
    known = {**timeline(1, ("Closed", DAY_2), ("Reopened", "2024-01-02T13:00:00Z"))}
    lake.run(issue(updated_at="2024-01-02T13:00:00Z"), at="2024-01-02T14:00:00Z", timelines=[known])
    if is_two_merges:
        yield
    events = [
        {"__typename": "ClosedEvent", "createdAt": DAY_2, "id": "new id"},
        ("Reopened", "2024-01-02T13:00:00Z"),
        ("Closed", "2024-01-03T10:00:00Z"),
        moved(DAY_3),
        ("Reopened", DAY_3),
        ("Reopened", DAY_4),
    ]
    lake.run(at=DAY_5, departures=[gone_to(clock, timeline, *events)])
    yield
    assert lake.ledger() == [
        OPENED,
        ("closed", DAY_2),
        ("reopened", "2024-01-02T13:00:00Z"),
        ("closed", "2024-01-03T10:00:00Z"),
    ]
    assert len(lake.rows("issue_event", "kind")) == 3


@together
def test_what_happened_before_a_transfer_is_known_from_its_new_place(lake, issue, timeline, clock):
    yield from closed_and_moved(lake, issue, timeline, clock, is_two_merges=True)


@together
def test_what_happened_before_a_transfer_is_known_from_its_new_place_at_once(lake, issue, timeline, clock):
    yield from closed_and_moved(lake, issue, timeline, clock, is_two_merges=False)


@together
def test_a_reopening_before_a_transfer_is_known_from_its_new_place(lake, issue, timeline, clock):
    lake.run(issue(**closed("2024-01-02T00:00:00Z")), at=DAY_2)
    yield
    events = [("Closed", "2024-01-02T00:00:00Z"), ("Reopened", "2024-01-03T10:00:00Z"), moved(DAY_3)]
    lake.run(at=DAY_5, departures=[gone_to(clock, timeline, *events)])
    yield
    assert lake.ledger()[2:] == [("reopened", "2024-01-03T10:00:00Z"), ("transferred_out", DAY_3)]


@together
def test_a_departure_whose_timeline_does_not_tell_it_gives_no_events(lake, issue, timeline, clock):
    lake.run(issue(), at=DAY_2)
    yield
    gone = gone_to(clock, timeline, ("Closed", "2024-01-03T10:00:00Z"), departed_hours=61)
    lake.run(at=DAY_5, departures=[gone])
    yield
    assert lake.rows("issue_event", "kind") == []
    assert [kind for kind, _ in lake.ledger()] == ["opened", "transferred_out"]


@together
def test_events_newer_than_the_last_record_count_once_the_issue_is_gone(lake, issue, timeline):
    lake.run(issue(), at=DAY_2, timelines=[timeline(1, ("Closed", DAY_2))])
    yield
    assert lake.ledger() == [OPENED]
    lake.run(at=DAY_4, departures=[{"issue_id": 1001, "kind": "deleted"}])
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2)]


@together
def test_a_closing_before_created_at_takes_effect_at_created_at(lake, issue, timeline):
    early = "2023-12-31T23:30:00Z"
    lake.run(issue(**closed(early)), at=DAY_5, timelines=[timeline(1, ("Closed", early))])
    yield
    assert lake.ledger() == [OPENED, ("closed", CREATED)]


@together
def test_nothing_takes_effect_after_it_was_fetched(lake, issue):
    ahead = issue(1, created_at=DAY_3, updated_at=DAY_3)
    lake.run(ahead, issue(2, **closed(DAY_3)), at=DAY_2)
    yield
    assert lake.ledger(1) == [("opened", DAY_2)]
    assert lake.ledger(2) == [OPENED, ("closed", DAY_2)]


def test_events_are_kept_once_however_often_and_from_wherever_they_come(lake, issue, timeline, event):
    told = timeline(1, ("Closed", DAY_2))
    lake.run(issue(**closed(DAY_2)), at=DAY_3, timelines=[told]).merge()
    changed = lake.run(at=DAY_4, timelines=[told, event(1, "closed", DAY_2)]).merge()
    assert not changed["issue_event"]
    assert lake.rows("issue_event", "source") == ["graphql"]


@together
def test_rest_events_tell_the_same_ledger(lake, issue, event):
    told = [event(1, "closed", DAY_2, 1), event(1, "reopened", DAY_3, 2), event(1, "labeled", DAY_3, 3)]
    lake.run(issue(updated_at=DAY_3), at=DAY_5, timelines=told)
    yield
    assert lake.ledger() == [OPENED, ("closed", DAY_2), ("reopened", DAY_3)]
    assert lake.rows("issue_transitions", "actor_login") == ["ada", "bob", "bob"]


def test_a_rest_event_without_an_issue_id_is_found_by_number(lake, issue, event):
    lake.run(
        issue(**closed(DAY_2)), at=DAY_5, timelines=[event(1, "closed", DAY_2) | {"issue_id": None}]
    ).merge()
    assert lake.rows("issue_event", "issue_id") == [1001]


@together
def test_events_of_pull_requests_move_nothing(lake, issue, event):
    told = [event(1, "closed", DAY_2, issue={"id": 1001, "pull_request": {}}), event(2, "closed", DAY_2, 2)]
    lake.run(issue(1, pull_request={}), issue(2, pull_request={}), at=DAY_5, timelines=told)
    yield
    assert lake.rows("issue_transitions", "kind") == []


@together
def test_case_13_an_event_without_an_actor(lake, issue, timeline, event):
    told = [timeline(1, ("Closed", DAY_2)), event(2, "closed", DAY_2, actor=None)]
    lake.run(issue(1, **closed(DAY_2)), issue(2, **closed(DAY_2)), at=DAY_5, timelines=told)
    yield
    assert lake.rows("issue_event", "actor_login") == [None, None]
    assert lake.ledger(1) == lake.ledger(2) == [OPENED, ("closed", DAY_2)]


@together
def test_a_bot_is_named_alike_from_both_sources(lake, issue, timeline, event):
    node = {"__typename": "ClosedEvent", "createdAt": DAY_2, "actor": {"__typename": "Bot", "login": "stale"}}
    rest = event(2, "closed", DAY_2, actor={"login": "stale[bot]", "id": 3, "type": "Bot"})
    lake.run(
        issue(1, **closed(DAY_2)), issue(2, **closed(DAY_2)), at=DAY_5, timelines=[timeline(1, node), rest]
    )
    yield
    assert lake.rows("issue_event", "actor_login", "actor_type") == [("stale[bot]", "Bot")] * 2


@together
def test_events_of_one_second_keep_their_order(lake, issue, timeline):
    events = timeline(1, ("Closed", DAY_2), ("Reopened", DAY_2), ("Closed", DAY_2), ("Reopened", DAY_2))
    lake.run(issue(updated_at=DAY_2), at=DAY_5, timelines=[events])
    yield
    kinds = [kind for kind, _ in lake.ledger()]
    assert kinds == ["opened", "closed", "reopened", "closed", "reopened"]


BAD_TIMELINES = {
    "[]": "not_a_timeline",
    "{": "not_a_timeline",
    '{"id": "I_1"}': "not_a_timeline",
    '{"timelineItems": {"nodes": [{"__typename": "ClosedEvent", "id": "E"}]}}': "bad_event",
    '{"timelineItems": {"nodes": [{"__typename": "ClosedEvent", "createdAt": "soon"}]}}': "bad_event",
}


def test_case_07_a_bad_timeline_is_quarantined_and_the_rest_goes_on(lake, issue, timeline):
    bad = [
        {"issue_id": 1000 + number, "issue_number": number, "payload_json": payload}
        for number, payload in enumerate(BAD_TIMELINES)
    ]
    told = [*bad, timeline(9, ("Closed", DAY_2))]
    lake.run(issue(9, **closed(DAY_2)), *map(issue, range(len(bad))), at=DAY_5, timelines=told).merge()
    found = lake.rows("quarantine", "issue_id", "stream", "rule")
    assert sorted(found) == [
        (1000 + number, "issue_timeline", rule) for number, rule in enumerate(BAD_TIMELINES.values())
    ]
    assert lake.ledger(9) == [OPENED, ("closed", DAY_2)]
    lake.run(at="2024-01-06T00:00:00Z", timelines=map(timeline, range(len(bad)))).merge()
    assert lake.rows("quarantine") == []


def test_a_ledger_thrown_away_is_made_again_by_the_next_merge(lake, issue, timeline):
    lake.run(
        issue(1, **closed(DAY_2)), issue(2), at=DAY_5, timelines=[timeline(1, ("Closed", DAY_2))]
    ).merge()
    before = lake.rows("issue_transitions")
    lake.stored.pop("stored_issue_transitions")
    assert lake.merge()["issue_transitions"]
    assert lake.rows("issue_transitions") == before
