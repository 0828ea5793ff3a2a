"""Case 7: a GitHub Enterprise Server that does not know what we ask for was taken for an overloaded one.

Why a client has to find out what a server's schema holds: https://github.com/cli/cli/pull/12811.
"""

import pytest

from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.github.errors import SchemaTooOld
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets_tests.field.github_reader import REPO, field_reader

NEWER = ("Issue.fullDatabaseId", "Issue.stateReason.enableDuplicate")


def lacking(*fields):
    return Fault("older_server", match="/graphql", fields=fields)


@pytest.mark.parametrize("fields", [NEWER[:1], NEWER[1:], NEWER], ids=["a field", "an argument", "both"])
def test_what_an_older_server_lacks_is_left_out_once_and_told(tmp_path, caplog, fields):
    reader = field_reader(tmp_path, 9, lacking(*fields))
    reader.sync()
    # Two counts, the walk, and the one refusal that named all that is lacking.
    assert reader.asked_count() == 4
    assert reader.unknown_slices() == []
    told = [record.message for record in caplog.records if "older server" in record.message]
    assert len(told) == len(fields)
    assert len([kind for _, _, kind in reader.transitions() if kind == "closed"]) == 3


def test_cousin_reasons_of_events_are_lacking(tmp_path, caplog):
    fields = ("Issue.stateReason", "ClosedEvent.stateReason", "ReopenedEvent.stateReason")
    reader = field_reader(tmp_path, 9, lacking(*fields))
    reader.sync()
    assert (reader.asked_count(), reader.unknown_slices()) == (4, [])
    assert "why an issue was closed" in caplog.text


def test_cousin_conversions_are_lacking(tmp_path, caplog):
    reader = field_reader(tmp_path, 9, lacking("ConvertedToDiscussionEvent"))
    reader.sync()
    assert reader.asked_count() == 4
    assert "conversions to discussions" in caplog.text


def test_cousin_what_cannot_be_done_without_is_named(tmp_path):
    reader = field_reader(tmp_path, 9, lacking("Issue.timelineItems"))
    with pytest.raises(SchemaTooOld, match=r"timelineItems.*update GitHub Enterprise Server"):
        reader.sync()


def test_cousin_records_without_the_newer_fields_are_whole(tmp_path):
    keys = ("state_reason", "type", "sub_issues_summary", "closed_by", "active_lock_reason", "draft")
    reader = field_reader(tmp_path, 9, Fault("older_server", match="/issues", fields=keys))
    reader.sync()
    rows = reader.lake.dataset(ISSUE_CURRENT, REPO).to_table().to_pylist()
    assert [row["state_reason"] for row in rows] == [None] * 9
    assert reader.unknown_slices() == []
