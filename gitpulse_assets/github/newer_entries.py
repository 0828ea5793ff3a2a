"""What is as new as a moment of each of several long conversations, in one question.

`timelineItems(since:)` takes the moment, and each thread has its own, so that each has a field of its own in
the document. The comments are counted beside it: an answer that tells only what is new cannot say what was
deleted, a count that does not fit can.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from gitpulse_assets.github.graphql import load_document
from gitpulse_assets.github.refusals import THREAD_FIELD

FRAGMENTS = ("kinds", "conversation_now", "conversation_items", "event_actor")
_THREAD = """
  {field}{at}: node(id: $id{at}) {{
    __typename
    id
    ... on Issue {{
      ...IssueNow
      comments {{ totalCount }}
      timelineItems(first: 100, since: $since{at}, itemTypes: $itemTypes) {{ ...IssueItems }}
    }}
    ... on PullRequest {{
      ...PullRequestNow
      comments {{ totalCount }}
      timelineItems(first: 100, since: $since{at}, itemTypes: $pullRequestItemTypes) {{ ...PullRequestItems }}
    }}
  }}"""


def question_about(count: int) -> str:
    """The document that asks about so many threads; 100 of them cost 5 points."""
    variables = " ".join(f"$id{at}: ID! $since{at}: DateTime!" for at in range(count))
    threads = "".join(_THREAD.format(field=THREAD_FIELD, at=at) for at in range(count))
    return (
        "query ConversationsNewer("
        "$itemTypes: [IssueTimelineItemsItemType!]! "
        "$pullRequestItemTypes: [PullRequestTimelineItemsItemType!]! "
        f"$asksKinds: Boolean! {variables}"
        f") {{\n  rateLimit {{ cost }}\n  ...Kinds{threads}\n}}\n"
    ) + load_document(FRAGMENTS[0], FRAGMENTS[1:])


def variables_of(node_ids: Sequence[str], since: Mapping[str, datetime]) -> dict[str, object]:
    """The variables that name each thread and the moment from which on it is asked about."""
    ids = {f"id{at}": node_id for at, node_id in enumerate(node_ids)}
    return {**ids, **{f"since{at}": moment_text(since[node_id]) for at, node_id in enumerate(node_ids)}}


def moment_text(at: datetime) -> str:
    """A moment as GitHub takes it."""
    return at.isoformat().replace("+00:00", "Z")


def nodes_of(data: Mapping[str, msgspec.Raw]) -> dict[tuple[str | int, ...], bytes]:
    """The threads of an answer, in the order asked, by the path to each."""
    return {(name,): bytes(node) for name, node in data.items() if name.startswith(THREAD_FIELD)}
