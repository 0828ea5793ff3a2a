"""The form in which GitHub answers the lifecycle documents, as far as the client reads it.

Nodes stay texts (`Raw`) so that what is stored is what was received.
"""

import msgspec

from gitpulse_assets.github.errors import AnswerUnusable


class PageInfoData(msgspec.Struct, rename="camel"):
    """Whether a connection goes on, and after which cursor."""

    has_next_page: bool
    end_cursor: str | None = None

    def next_after(self, after: str | None, where: str) -> str | None:
        """The cursor to go on with, or None at the end; a page that leads nowhere is no end."""
        if self.has_next_page and self.end_cursor in (None, after):
            raise AnswerUnusable(f"{where} says there is more but not where; try again later")
        return self.end_cursor if self.has_next_page else None


class TimelineData(msgspec.Struct, rename="camel"):
    """One page of an issue's timeline; the events stay texts."""

    page_info: PageInfoData
    nodes: list[msgspec.Raw]


class RepositoryNameData(msgspec.Struct, rename="camel"):
    """The repository an issue is in now."""

    name_with_owner: str
    database_id: int | None = None


class IssueData(msgspec.Struct, rename="camel"):
    """An issue, as far as collecting its lifecycle needs it."""

    id: str
    number: int
    repository: RepositoryNameData
    timeline_items: TimelineData | None = None
    full_database_id: str | int | None = None


class KindData(msgspec.Struct):
    """What kind of thing a node is."""

    typename: str = msgspec.field(name="__typename")


class NodesData(msgspec.Struct):
    """The answer to given ids, null where one is not found."""

    nodes: list[msgspec.Raw]


class IssuesData(msgspec.Struct, rename="camel"):
    """One page of a repository's issues."""

    page_info: PageInfoData
    nodes: list[msgspec.Raw]


class RepositoryIssuesData(msgspec.Struct):
    """The issues of a repository, null where they cannot be had."""

    issues: IssuesData | None = None


class WalkData(msgspec.Struct):
    """The answer to a page of a walk, null where the repository cannot be seen."""

    repository: RepositoryIssuesData | None = None


class NodeData(msgspec.Struct, rename="camel"):
    """One issue's timeline, null where it is none."""

    timeline_items: TimelineData | None = None


class TimelinePageData(msgspec.Struct):
    """The answer to a further page of one timeline."""

    node: NodeData | None = None


def joined(node: bytes, further: list[msgspec.Raw]) -> bytes:
    """The issue node with the further pages' events behind those of its first page."""
    issue = msgspec.json.decode(node, type=dict[str, msgspec.Raw])
    timeline = msgspec.json.decode(issue["timelineItems"], type=dict[str, msgspec.Raw])
    events = msgspec.json.decode(timeline["nodes"], type=list[msgspec.Raw])
    timeline["nodes"] = msgspec.Raw(msgspec.json.encode(events + further))
    timeline["pageInfo"] = msgspec.Raw(b'{"hasNextPage":false,"endCursor":null}')
    issue["timelineItems"] = msgspec.Raw(msgspec.json.encode(timeline))
    return msgspec.json.encode(issue)
