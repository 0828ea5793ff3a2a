"""Issues and pull requests: their list, what happened to them, and where those went that left it.

issue list ----------------> issues, issue_page --+--> issue_current, issue_body, issue_labels, ...
    |  changed                                    |
    +--> lifecycles (GraphQL) -> issue_timeline --+--> issue_event, lifecycle_coverage
    |    or issue events (REST) ----^  event_walk |
    |  not met by a full walk                     +--> issue_transitions (the ledger)
    +--> departures -----------> departure -------+
"""

from gitpulse_assets.contracts.bronze import DEPARTURE, EVENT_WALK, ISSUE_TIMELINE, ISSUES
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
from gitpulse_assets.contracts.stream import Entity, Judged, Merged, Stream
from gitpulse_assets.github.sources import EVENT_LIST, ISSUE_LIFECYCLES, ISSUE_LIST, OwnFinding

ISSUE_STREAM = Stream(ISSUES, ISSUE_LIST)
# Both kinds of history lie in one table; a repository is asked for one of them.
LIFECYCLE_STREAM = Stream(ISSUE_TIMELINE, ISSUE_LIFECYCLES)
EVENT_STREAM = Stream(ISSUE_TIMELINE, EVENT_LIST)
EVENT_WALK_STREAM = Stream(EVENT_WALK, OwnFinding())
DEPARTURE_STREAM = Stream(DEPARTURE, OwnFinding())

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
        judged=(
            Judged(ISSUE_STREAM, "issue_record", "issue_id"),
            Judged(LIFECYCLE_STREAM, "timeline_judged", "issue_id", is_made=False),
        ),
        tables=(
            Merged(ISSUE_SIGHTING, "touched_issue"),
            Merged(ISSUE_CURRENT, "touched_issue"),
            Merged(ISSUE_BODY, "issue_winner"),
            Merged(ISSUE_LABELS, "issue_winner"),
            Merged(ISSUE_ASSIGNEES, "issue_winner"),
            Merged(ISSUE_EVENT, "touched_issue"),
            Merged(ISSUE_TRANSITIONS, "ledger_issue", before="ledger_issue"),
            Merged(LIFECYCLE_COVERAGE),
        ),
    ),
)
