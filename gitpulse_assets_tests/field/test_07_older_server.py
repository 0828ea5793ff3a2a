"""Case 7: a GitHub Enterprise Server that does not know what we ask for was taken for an overloaded one.

Why a client has to find out what a server's schema holds: https://github.com/cli/cli/pull/12811.
"""

import pytest
from rich.console import Console

from gitpulse_assets.commands.console import warnings_shown
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, LIFECYCLE_COVERAGE
from gitpulse_assets.github.dialect import Dialect
from gitpulse_assets.github.errors import SchemaTooOld
from gitpulse_assets.github.graphql import Problem
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.watch.state import servers
from gitpulse_assets_tests.field.github_reader import REPO, FieldReader, field_reader

ID, DUPLICATE = "Issue.fullDatabaseId", "Issue.stateReason.enableDuplicate"
NEWER = (ID, DUPLICATE)
REASONS = ("Issue.stateReason", "ClosedEvent.stateReason", "ReopenedEvent.stateReason")
CONVERSION = "ConvertedToDiscussionEvent"
TOO_OLD = "9 issues of which the server is too old to tell "
NO_DUPLICATES = TOO_OLD + "duplicates from what was closed as not planned, in their timelines"
NO_CONVERSIONS = TOO_OLD + "conversions to discussions, which count as closed"
NO_REASONS = TOO_OLD + "why they were closed, beyond what their records say"


def lacking(*fields, has_codes=True):
    return Fault("older_server", match="/graphql", times=ALWAYS, fields=fields, has_codes=has_codes)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        pytest.param((ID,), [], marks=pytest.mark.slow),
        pytest.param((DUPLICATE,), [NO_DUPLICATES], marks=pytest.mark.slow),
        (NEWER, [NO_DUPLICATES]),
    ],
    ids=["a field", "an argument", "both"],
)
def test_07_what_an_older_server_lacks_is_left_out_once_and_told(tmp_path, caplog, fields, missing):
    reader = field_reader(tmp_path, 9, lacking(*fields))
    reader.sync()
    # Two counts, the walk, and the one refusal that named all that is lacking.
    assert reader.asked_count() == 4
    assert reader.unknown_slices() == missing
    told = [record.message for record in caplog.records if "older server" in record.message]
    assert len(told) == len(fields)
    assert len([kind for _, _, kind in reader.transitions() if kind == "closed"]) == 3


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ((ID, DUPLICATE, CONVERSION), [NO_CONVERSIONS, NO_DUPLICATES]),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in [((ID,), []), ((CONVERSION,), [NO_CONVERSIONS]), (REASONS, [NO_REASONS])]
        ),
    ],
    ids=["all of them", "a field", "a type", "reasons"],
)
def test_07_cousin_a_server_too_old_for_codes_says_it_in_words(tmp_path, fields, missing):
    reader = field_reader(tmp_path, 9, lacking(*fields, has_codes=False))
    reader.sync()
    assert (reader.asked_count(), reader.unknown_slices()) == (4, missing)


def test_07_cousin_in_words_what_cannot_be_done_without_is_named_too(tmp_path):
    reader = field_reader(tmp_path, 9, lacking("Issue.timelineItems", has_codes=False))
    with pytest.raises(SchemaTooOld, match=r"timelineItems.*update GitHub Enterprise Server"):
        reader.sync()


@pytest.mark.parametrize(
    ("message", "is_of_schema"),
    [
        ("Variable $itemTypes of type [IssueTimelineItemsItemType!]! was provided invalid value for 3", True),
        ("Argument 'itemTypes' on Field 'timelineItems' has an invalid value ([A]). Expected type", True),
        ("Something went wrong while executing your query.", False),
        ("Field of an issue titled: Field 'x' doesn't exist on type 'Y'", False),
    ],
)
def test_07_cousin_words_about_the_schema_are_told_from_others(message, is_of_schema):
    assert Problem(message).is_of_schema is is_of_schema
    assert not Problem(message, type="NOT_FOUND").is_of_schema


@pytest.mark.slow
def test_07_cousin_reasons_of_events_are_lacking(tmp_path):
    reader = field_reader(tmp_path, 9, lacking(*REASONS))
    reader.sync()
    assert (reader.asked_count(), reader.unknown_slices()) == (4, [NO_REASONS])


@pytest.mark.slow
def test_07_cousin_conversions_are_lacking(tmp_path):
    reader = field_reader(tmp_path, 9, lacking(CONVERSION))
    reader.sync()
    assert (reader.asked_count(), reader.unknown_slices()) == (4, [NO_CONVERSIONS])


def test_07_cousin_what_cannot_be_done_without_is_named(tmp_path):
    reader = field_reader(tmp_path, 9, lacking("Issue.timelineItems"))
    with pytest.raises(SchemaTooOld, match=r"timelineItems.*update GitHub Enterprise Server"):
        reader.sync()


def test_07_each_loss_is_a_line_of_its_own_for_who_watches(capsys):
    """The console leaves out warnings that only count on."""
    dialect = Dialect("ghes.example")
    with warnings_shown(Console(stderr=True, width=500)):
        dialect.leave_out(["no field fullDatabaseId", "no type ConvertedToDiscussionEvent"], ())
    assert [line.split()[6] for line in capsys.readouterr().err.splitlines()] == [
        "fullDatabaseId:",
        "ConvertedToDiscussionEvent:",
    ]


@pytest.mark.parametrize(
    "fields", [NEWER, pytest.param((CONVERSION,), marks=pytest.mark.slow)], ids=["both", "a type"]
)
def test_07_it_is_remembered_for_the_next_run(tmp_path, fields):
    """Every run opens a client of its own; the one before must have told it."""
    reader = field_reader(tmp_path, 9, lacking(*fields))
    reader.sync()
    reader.touch(1)
    reader.app.log.clear()
    reader.sync()
    # Two counts and the issue that changed; no question is refused.
    assert reader.asked_count() == 3


@pytest.mark.slow
def test_07_it_is_remembered_for_the_hosts_other_repositories(tmp_path):
    reader = field_reader(tmp_path, 9, lacking(*NEWER))
    acts = reader.world.add_repository("octo-org/other")
    acts.open(reader.world.clock - 60, None, "Title")
    reader.sync()
    other = FieldReader(reader.world, Repo.parse("octo-org/other"), tmp_path)
    other.app.faults[:] = reader.app.faults
    other.sync()
    assert (other.asked_count(), len(other.transitions())) == (3, 1)


def test_07_it_is_remembered_though_the_run_fails(tmp_path):
    overloaded = Fault("status", match="/graphql", status=502, skip=3, times=ALWAYS)
    reader = field_reader(tmp_path, 9, lacking(*NEWER))
    reader.app.faults.insert(0, overloaded)
    with pytest.raises(Exception, match="502"):
        reader.sync()
    assert servers(reader.lake.store).load().left_out == {
        "github.sandbox": ["enableDuplicate", "fullDatabaseId"]
    }


@pytest.mark.dear
def test_07_a_full_refresh_finds_out_that_the_server_was_updated(tmp_path):
    """And asks again for what was missing, so that nothing is told to be missing any more."""
    reader = field_reader(tmp_path, 9, lacking(CONVERSION, DUPLICATE))
    reader.sync()
    assert reader.unknown_slices() == [NO_CONVERSIONS, NO_DUPLICATES]
    reader.app.faults.clear()
    reader.world.advance(seconds=3600)
    reader.sync()
    assert reader.unknown_slices() == [NO_CONVERSIONS, NO_DUPLICATES]
    reader.sync(is_full=True)
    assert reader.unknown_slices() == []
    assert servers(reader.lake.store).load().left_out == {"github.sandbox": []}


@pytest.mark.slow
def test_07_a_full_refresh_of_a_server_as_old_as_before_asks_no_issue_again(tmp_path):
    reader = field_reader(tmp_path, 9, lacking(*NEWER))
    reader.sync()
    reader.app.log.clear()
    reader.sync(is_full=True)
    # What is lacking, refused and asked again without, and two counts.
    assert reader.asked_count() == 4
    assert reader.unknown_slices() == [NO_DUPLICATES]


@pytest.mark.slow
def test_07_cousin_an_issue_that_departs_stays_told(tmp_path):
    reader = field_reader(tmp_path, 9, lacking(CONVERSION))
    reader.sync()
    reader.touch(1)
    acts = reader.world.acts_on("octo-org/hello")
    target = reader.world.add_repository("octo-org/other")
    acts.transfer(acts.repository.issues[2], reader.world.clock, None, target)
    reader.world.advance(seconds=60)
    reader.sync(is_full=True)
    coverage = reader.lake.dataset(LIFECYCLE_COVERAGE, REPO).to_table()
    assert coverage["left_out"].to_pylist() == [[CONVERSION]] * 9
    assert reader.unknown_slices() == [NO_CONVERSIONS]


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        (
            ("state_reason", "type", "sub_issues_summary", "closed_by", "active_lock_reason", "draft"),
            [TOO_OLD + "why they were closed, in their records"],
        ),
        # Null wherever GitHub does not tell, as the contract says; no history is made of them.
        (("type", "sub_issues_summary", "closed_by", "active_lock_reason", "draft"), []),
    ],
    ids=["with the reason", "without"],
)
def test_07_cousin_records_without_the_newer_fields_are_taken_and_told(tmp_path, keys, missing):
    reader = field_reader(tmp_path, 9, Fault("older_server", match="/issues", fields=keys))
    reader.sync()
    rows = reader.lake.dataset(ISSUE_CURRENT, REPO).to_table().to_pylist()
    if missing:
        assert [row["state_reason"] for row in rows] == [None] * 9
    assert [row["is_reason_told"] for row in rows] == [not missing] * 9
    assert reader.unknown_slices() == missing


def test_07_cousin_a_title_that_names_the_key_is_no_key(tmp_path):
    reader = field_reader(tmp_path, 1, Fault("older_server", match="/issues", fields=("state_reason",)))
    reader.world.acts_on("octo-org/hello").retitle(
        reader.world.acts_on("octo-org/hello").repository.issues[1],
        reader.world.clock,
        None,
        'what is "state_reason": null',
    )
    reader.sync()
    (row,) = reader.lake.dataset(ISSUE_CURRENT, REPO).to_table().to_pylist()
    assert not row["is_reason_told"]
