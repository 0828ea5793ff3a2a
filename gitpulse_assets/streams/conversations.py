"""What people said and did on issues and pull requests, who reviewed, and the comments' reactions.

issue list -> changed threads -> issue_timeline (GraphQL) --> conversation_thread, conversation_event, review
comment lists (REST) -> issue_comment, review_comment ------> issue_comment, review_comment
what a full walk of these missed -> comment_gone -----------> the same, without it

One collection with the lifecycles of issues, which are a part of these conversations.
"""

from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.contributors import (
    COMMENT_GONE,
    CONVERSATION_EVENT,
    CONVERSATION_THREAD,
    ISSUE_COMMENT,
    RECEIVED_ISSUE_COMMENT,
    RECEIVED_REVIEW_COMMENT,
    REVIEW,
    REVIEW_COMMENT,
)
from gitpulse_assets.contracts.sources import ISSUE_COMMENT_LIST, REVIEW_COMMENT_LIST, OwnRecord
from gitpulse_assets.contracts.stream import Entity, Judged, Merged, Stream
from gitpulse_assets.streams.issues import LIFECYCLE_STREAM

SUBJECT = CONTRIBUTORS
TEXTS = ("body", "body_text", "body_html")

ISSUE_COMMENT_STREAM = Stream(
    RECEIVED_ISSUE_COMMENT,
    ISSUE_COMMENT_LIST,
    noun="list of comments",
    columns={"comment_id": lambda head: head.id},
    key="comment_id",
    collected_by="list",
    texts=TEXTS,
)
REVIEW_COMMENT_STREAM = Stream(
    RECEIVED_REVIEW_COMMENT,
    REVIEW_COMMENT_LIST,
    noun="list of review comments",
    columns={"comment_id": lambda head: head.id},
    key="comment_id",
    collected_by="list",
    texts=TEXTS,
)

COMMENT_GONE_STREAM = Stream(COMMENT_GONE, OwnRecord())

STREAMS = (ISSUE_COMMENT_STREAM, REVIEW_COMMENT_STREAM, COMMENT_GONE_STREAM)

ENTITIES = (
    Entity(
        "conversation",
        (LIFECYCLE_STREAM,),
        steps=("conversation_record", "conversation_winner", "touched_conversation"),
        key="issue_id",
        current=CONVERSATION_THREAD.name,
        tables=(
            Merged(CONVERSATION_THREAD, "touched_conversation"),
            Merged(CONVERSATION_EVENT, "touched_conversation"),
        ),
    ),
    Entity(
        "issue_comment",
        (ISSUE_COMMENT_STREAM, COMMENT_GONE_STREAM),
        steps=("issue_comment_record", "touched_comment"),
        key="comment_id",
        current=ISSUE_COMMENT.name,
        judged=(Judged(ISSUE_COMMENT_STREAM, "issue_comment_record", "comment_id", "$.id"),),
        tables=(Merged(ISSUE_COMMENT, "touched_comment"),),
    ),
    Entity(
        "review_comment",
        (REVIEW_COMMENT_STREAM, COMMENT_GONE_STREAM),
        steps=("review_comment_record",),
        key="comment_id",
        current=REVIEW_COMMENT.name,
        judged=(Judged(REVIEW_COMMENT_STREAM, "review_comment_record", "comment_id", "$.id"),),
        # Whole: a review may come after its comments, and some are told by those alone.
        tables=(Merged(REVIEW_COMMENT), Merged(REVIEW)),
    ),
)
