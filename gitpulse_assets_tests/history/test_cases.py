"""Histories of one or two issues that once gave a wrong day, or that the generated ones cannot make."""

import pytest

from gitpulse_assets.lake import ranges


def test_an_absence_before_the_first_sight_is_unknown(scene):
    issue = scene.open("02")
    scene.at("03", scene.acts.hide, issue)
    scene.open("03T13:00:00")
    assert scene.sync("04") == []
    scene.at("05", scene.acts.restore, issue)
    assert scene.sync("06", is_full=True) == []
    assert scene.ledger() == [("02", "opened"), ("03", "opened")]


def test_what_happened_before_a_transfer_is_known_from_its_new_place(scene):
    issue = scene.open("02")
    scene.open("02T13:00:00")
    assert scene.sync("03") == []
    scene.at("04", scene.acts.close, issue, None)
    scene.at("06", scene.acts.transfer, issue, None, scene.outside)
    assert scene.sync("08", is_full=True) == []


@pytest.mark.slow
def test_a_reopening_before_a_transfer_is_known_from_its_new_place(scene):
    issue = scene.open("02")
    scene.at("03", scene.acts.close, issue, None)
    assert scene.sync("03T13:00:00") == []
    scene.at("04", scene.acts.reopen, issue, None)
    scene.at("06", scene.acts.transfer, issue, None, scene.outside)
    assert scene.sync("08", is_full=True) == []


@pytest.mark.slow
def test_a_conversion_before_a_transfer_is_known_from_its_new_place(scene):
    issue = scene.open("02")
    assert scene.sync("03") == []
    scene.at("04", scene.acts.convert, issue, None)
    scene.at("06", scene.acts.transfer, issue, None, scene.outside)
    assert scene.sync("08", is_full=True) == []
    assert scene.ledger() == [("02", "opened"), ("04", "converted")]


@pytest.mark.slow
def test_a_change_at_the_new_place_is_not_counted_here(scene):
    issue = scene.open("02")
    assert scene.sync("03") == []
    there = scene.at("04", scene.acts.transfer, issue, None, scene.outside)
    scene.at("05", scene.outside.close, there, None)
    assert scene.sync("08", is_full=True) == []
    assert scene.ledger() == [("02", "opened"), ("04", "transferred_out")]


@pytest.mark.slow
def test_an_issue_that_moves_on_left_when_it_left_this_repository(scene):
    issue = scene.open("02")
    assert scene.sync("03") == []
    there = scene.at("04", scene.acts.transfer, issue, None, scene.outside)
    scene.at("06", scene.outside.transfer, there, None, scene.world.add_repository("else/where"))
    assert scene.sync("08", is_full=True) == []
    assert scene.ledger() == [("02", "opened"), ("04", "transferred_out")]


def test_a_transfer_has_no_date_once_the_issue_is_gone_from_its_new_place(scene):
    issue = scene.open("02")
    assert scene.sync("03") == []
    there = scene.at("04", scene.acts.transfer, issue, None, scene.outside)
    scene.at("06", scene.outside.delete, there)
    assert scene.sync("08", is_full=True) == []
    assert scene.ledger() == [("02", "opened"), ("08", "transferred_out")]


@pytest.mark.slow
def test_an_issue_that_moves_away_and_back_is_transferred_in_as_another(scene):
    issue = scene.open("02")
    assert scene.sync("03") == []
    there = scene.at("04", scene.acts.transfer, issue, None, scene.outside)
    scene.at("06", scene.outside.transfer, there, None, scene.acts)
    assert scene.sync("08", is_full=True) == []
    assert scene.ledger() == [("02", "opened"), ("04", "transferred_out"), ("06", "transferred_in")]


def test_a_change_in_the_second_of_the_sync_is_found_by_the_next(scene):
    issue = scene.open("02")
    scene.at("03", scene.acts.close, issue, None)
    assert scene.sync("03") == []
    scene.at("03", scene.acts.reopen, issue, None)
    assert scene.sync("05") == []
    assert scene.ledger() == [("02", "opened"), ("03", "closed"), ("03", "reopened")]


def test_a_deletion_is_noticed_by_the_count_before_the_weekly_walk(scene):
    issue, _ = scene.open("02"), scene.open("02T13:00:00")
    assert scene.sync("03") == []
    scene.at("04", scene.acts.delete, issue)
    scene.open("05")
    assert scene.sync("06") == []
    assert ("06", "deleted") in scene.ledger()


def test_a_deletion_that_nothing_else_follows_is_noticed_by_the_repositorys_own_count(scene):
    issue, _ = scene.open("02"), scene.open("02T13:00:00")
    assert scene.sync("03") == []
    scene.at("04", scene.acts.delete, issue)
    assert scene.sync("06") == []
    assert ("06", "deleted") in scene.ledger()


def test_a_transfer_out_of_sight_counts_as_a_deletion(scene):
    issue, _ = scene.open("02"), scene.open("02T13:00:00")
    assert scene.sync("03") == []
    scene.at("04", scene.acts.transfer, issue, None, None)
    assert scene.sync("06", is_full=True) == []
    assert ("06", "deleted") in scene.ledger()


def test_a_closing_event_after_midnight_counts_on_the_events_day(scene):
    issue = scene.open("02")
    scene.at("04T23:59:59")
    scene.at("05T00:00:01", lambda at: scene.acts.close(issue, at - 2, None, event_lag_seconds=2))
    scene.sync("06")
    assert scene.ledger() == [("02", "opened"), ("05", "closed")]


def test_what_the_reader_never_met_is_in_no_history(scene):
    gone, _ = scene.open("02"), scene.open("02T13:00:00")
    scene.at("03", scene.acts.delete, gone)
    assert scene.sync("04") == []
    assert scene.ledger() == [("02", "opened")]


def test_a_bulk_of_ties_in_one_second_is_not_lost(scene, monkeypatch):
    monkeypatch.setattr(ranges, "NARROW", 100)
    issues = [scene.open("02") for _ in range(230)]
    assert scene.sync("03") == []
    for issue in issues:
        scene.at("04", scene.acts.close, issue, None, "not_planned")
    assert scene.sync("04T12:00:01") == []
    assert scene.ledger().count(("04", "closed")) == 230
