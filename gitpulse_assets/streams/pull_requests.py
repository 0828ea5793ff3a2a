"""Pull requests as they are now, who opened what, the labels of every thread over time, and the reactions.

They are in the issue list already; what that lacks came with their conversations. Behind both.
"""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.contributors import (
    ISSUE_REACTION,
    LABEL_SHOWN,
    LABEL_SPAN,
    PULL_REQUEST_CURRENT,
    THREAD_OPENING,
)
from gitpulse_assets.contracts.model import Check
from gitpulse_assets.contracts.stream import Entity, Merged, Stream
from gitpulse_assets.streams.issues import ISSUE_STREAM, LIFECYCLE_STREAM

SUBJECT = CONTRIBUTORS

STREAMS: tuple[Stream, ...] = ()

ENTITIES = (
    Entity(
        "thread",
        (ISSUE_STREAM, LIFECYCLE_STREAM),
        steps=("listed_closing", "changed_thread", "label_text"),
        key="issue_id",
        current=PULL_REQUEST_CURRENT.name,
        needed="needed_label_record",
        tables=(
            Merged(THREAD_OPENING, "changed_thread"),
            Merged(
                PULL_REQUEST_CURRENT,
                "changed_thread",
                checks=(
                    Check("comments_held_equal_snapshot", is_blocking=False, beside="comments_not_compared"),
                    Check("pull_requests_equal_count", is_blocking=False),
                ),
            ),
            Merged(LABEL_SHOWN),
            Merged(
                LABEL_SPAN,
                "spanned_thread",
                before=("label_now", "spanned_thread"),
                checks=(
                    Check("label_spans_do_not_overlap"),
                    Check("open_label_spans_equal_snapshot", is_blocking=False),
                ),
            ),
            Merged(ISSUE_REACTION, "issue_winner"),
        ),
    ),
)
