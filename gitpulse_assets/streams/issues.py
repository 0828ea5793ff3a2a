"""Issues and pull requests: their list, what happened to them, and where those went that left it.

issue list ----------------> issues, issue_page --+--> issue_current, issue_body, issue_labels, ...
    |  changed                                    |
    +--> lifecycles (GraphQL) -> issue_timeline --+--> issue_event, lifecycle_coverage
    |    or issue events (REST) ----^  event_walk |
    |  not met by a full walk                     +--> issue_transitions (the ledger)
    +--> departures -----------> departure -------+
"""

import msgspec

from gitpulse_assets.contracts.bronze import DEPARTURE, EVENT_WALK, ISSUE_PAGE, ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.model import Check
from gitpulse_assets.contracts.silver import (
    ISSUE_ASSIGNEES,
    ISSUE_BODY,
    ISSUE_CURRENT,
    ISSUE_EVENT,
    ISSUE_LABELS,
    ISSUE_SIGHTING,
    ISSUE_TRANSITIONS,
    LIFECYCLE_COVERAGE,
)
from gitpulse_assets.contracts.sources import EVENT_LIST, ISSUE_LIFECYCLES, ISSUE_LIST, OwnRecord
from gitpulse_assets.contracts.stream import Entity, Head, Judged, Merged, Stream


class IssueHead(Head):
    """What the manifest and the control total need of an issue or a pull request."""

    state: str | None = None
    # Not `Raw | None`: an object matches neither of the two, and the whole head would be lost.
    pull_request: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_pull_request(self) -> bool:
        """Whether `pull_request` is present and not null."""
        return bytes(self.pull_request) != b"null"


class EventIssue(msgspec.Struct):
    """The issue an event is about."""

    id: int | None = None
    number: int | None = None


class EventHead(Head):
    """What a walk of the events needs of one."""

    issue: EventIssue | None = None


ISSUE_STREAM = Stream(
    ISSUES,
    ISSUE_LIST,
    noun="issue list",
    head=IssueHead,
    columns={
        "issue_id": lambda head: head.id,
        "issue_updated_at": lambda head: head.updated_at,
        "issue_state": lambda head: head.state,
        "is_pull_request": lambda head: head.is_pull_request,
    },
    key="issue_id",
    pages=ISSUE_PAGE,
)
# Both kinds of history lie in one table; a repository is asked for one of them.
LIFECYCLE_STREAM = Stream(ISSUE_TIMELINE, ISSUE_LIFECYCLES, noun="lifecycles")
EVENT_STREAM = Stream(
    ISSUE_TIMELINE,
    EVENT_LIST,
    noun="issue events",
    head=EventHead,
    columns={
        "issue_id": lambda head: head.issue and head.issue.id,
        "issue_number": lambda head: head.issue and head.issue.number,
        "source": lambda _: "rest_events",
        "is_complete": lambda _: True,
    },
)
EVENT_WALK_STREAM = Stream(EVENT_WALK, OwnRecord())
DEPARTURE_STREAM = Stream(DEPARTURE, OwnRecord())

STREAMS = (ISSUE_STREAM, LIFECYCLE_STREAM, EVENT_STREAM, EVENT_WALK_STREAM, DEPARTURE_STREAM)

ENTITIES = (
    Entity(
        "issue",
        STREAMS,
        steps=(
            "issue_record",
            "timeline_record",
            "departure_record",
            "event_record",
            "issue_winner",
            "touched_issue",
            "record_assignee",
        ),
        key="issue_id",
        # Two fetches of one second are told apart by the order of their runs.
        newest_by=("updated_at", "fetched_at", "run_sequence"),
        current=ISSUE_CURRENT.name,
        touched_by=("issue_record", "event_record", "bronze_departure"),
        needed="needed_record",
        judged=(
            Judged(ISSUE_STREAM, "issue_record", "issue_id"),
            Judged(LIFECYCLE_STREAM, "timeline_judged", "issue_id", is_made=False),
        ),
        tables=(
            Merged(ISSUE_SIGHTING, "touched_issue"),
            Merged(
                ISSUE_CURRENT,
                "touched_issue",
                checks=(
                    Check("payload_keys_known", is_blocking=False),
                    Check("departures_are_few", is_blocking=False),
                ),
            ),
            Merged(ISSUE_BODY, "issue_winner", told_by={"body": "body_md5"}),
            Merged(ISSUE_LABELS, "issue_winner", checks=(Check("no_orphan_labels"),)),
            Merged(ISSUE_ASSIGNEES, "issue_winner", checks=(Check("no_orphan_assignees"),)),
            Merged(ISSUE_EVENT, "touched_issue", checks=(Check("no_orphan_events", is_blocking=False),)),
            Merged(
                ISSUE_TRANSITIONS,
                "ledger_issue",
                before=("ledger_issue",),
                checks=(
                    Check("ledger_alternates"),
                    Check("ledger_state_equals_snapshot"),
                    Check("no_issue_open_before_arrival"),
                ),
            ),
            Merged(LIFECYCLE_COVERAGE, "covered_issue", before=("covered_issue",)),
        ),
    ),
)
