"""Where records come from at GitHub: what is asked, in which order, and how far GitHub goes.

Plain data, so that a stream can be declared without a client. How they are asked stands in github/client.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

# GitHub serves so many records a page at most; one request of a list costs one unit.
PER_PAGE = 100


@dataclass(frozen=True)
class RestList:
    """A list below `/repos/{owner}/{name}`, walked to its end.

    `whole`: the query of a walk of the whole list. `changed`: that of what was updated at or after a moment,
    by update, which `since` is added to; None where GitHub takes no `since`. `row_cap`: GitHub ends the list
    after so many rows; None: never.
    """

    path: str
    whole: Mapping[str, str] = field(default_factory=dict[str, str])
    changed: Mapping[str, str] | None = None
    row_cap: int | None = None
    needs_token: bool = False

    @property
    def is_by_update(self) -> bool:
        """Whether the whole list too is walked by update, so that it can be gone on with from any update."""
        return self.changed is not None and self.whole.get("sort") == "updated"

    def newest(self, *, is_changed: bool) -> Mapping[str, str]:
        """The query of what stands last in a walk."""
        return {**((self.changed if is_changed else None) or self.whole), "direction": "desc"}


@dataclass(frozen=True)
class GraphWalk:
    """What GraphQL tells of every issue: a walk of all by cursor, or given ones by their node ids.

    The names are those of `github/documents/`.
    """

    walk: str
    by_ids: str
    needs_token: bool = True


@dataclass(frozen=True)
class OneAnswer:
    """A single answer below `/repos/{owner}/{name}`, asked for by its ETag."""

    path: str
    needs_token: bool = False


@dataclass(frozen=True)
class OwnRecord:
    """What a run itself writes down of its walks and of what it asked because of them."""

    needs_token: bool = False


Source = RestList | GraphWalk | OneAnswer | OwnRecord

ISSUE_LIST = RestList(
    "/issues",
    whole={"state": "all", "sort": "created", "direction": "asc"},
    changed={"state": "all", "sort": "updated", "direction": "asc"},
)
# The list ends here without a further word when its last page is exactly full.
EVENT_ROW_CAP = 30_000
# Pull requests' included, newest first.
EVENT_LIST = RestList("/issues/events", row_cap=EVENT_ROW_CAP)
ISSUE_LIFECYCLES = GraphWalk("lifecycle_walk", "lifecycle_by_ids")
# By update also at first: where GitHub refuses depth, the walk goes on from the last update it met.
_BY_UPDATE = {"sort": "updated", "direction": "asc"}
ISSUE_COMMENT_LIST = RestList("/issues/comments", whole=_BY_UPDATE, changed=_BY_UPDATE)
REVIEW_COMMENT_LIST = RestList("/pulls/comments", whole=_BY_UPDATE, changed=_BY_UPDATE)
