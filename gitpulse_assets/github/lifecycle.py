"""Collecting what happened to issues: what moves the backlog, or whole conversations, pull requests' too.

Two ways: all issues of a repository in one walk, or given ones by their node ids. What the events mean is
decided in silver, not here.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from gitpulse_assets.contracts.sources import ISSUE_LIFECYCLES
from gitpulse_assets.contracts.timeline import ISSUE_KINDS, LIFECYCLE_KINDS, PULL_REQUEST_KINDS
from gitpulse_assets.github import newer_entries
from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.errors import AnswerUnusable, PageUnserved, RepositoryNotFound, Unanswered
from gitpulse_assets.github.graphql import (
    BatchSize,
    GraphQL,
    GraphQLAnswer,
    forbidden_words,
    load_document,
)
from gitpulse_assets.github.lifecycle_data import (
    IssueData,
    IssuesData,
    KindData,
    NodesData,
    PageInfoData,
    TimelinePageData,
    WalkData,
    joined,
)
from gitpulse_assets.github.newer_kinds import NewerKinds, SchemaData, described, newer_names, question_about
from gitpulse_assets.repo import Repo

logger = logging.getLogger(__name__)

FRAGMENTS = ("issue_lifecycle", "lifecycle_events", "event_actor")
# GitHub now and then cannot serve an issue, asked for alone. So many in a row are a trouble of its own: what
# is left is asked for another time.
UNSERVED_IN_A_ROW = 10


@dataclass(frozen=True)
class LifecycleQuestion:
    """What is asked about things by their node ids: documents, the kinds of events, and of which things.

    `has_newer_kinds`: whether kinds of events that nobody here knows are asked for, too.
    """

    by_ids: str
    further_page: str
    fragments: tuple[str, ...]
    further_fragments: tuple[str, ...]
    item_types: Mapping[str, Sequence[str]]
    kinds: frozenset[str]
    has_newer_kinds: bool = False


LIFECYCLE = LifecycleQuestion(
    ISSUE_LIFECYCLES.by_ids,
    "timeline_page",
    FRAGMENTS,
    FRAGMENTS[1:],
    {"itemTypes": LIFECYCLE_KINDS},
    frozenset({"Issue"}),
)
CONVERSATION = LifecycleQuestion(
    "conversation_by_ids",
    "conversation_page",
    ("conversation", *newer_entries.FRAGMENTS),
    ("conversation_items", "event_actor"),
    {"itemTypes": ISSUE_KINDS, "pullRequestItemTypes": PULL_REQUEST_KINDS},
    frozenset({"Issue", "PullRequest"}),
    has_newer_kinds=True,
)


class NoneServed(AnswerUnusable):
    """GraphQL serves no lifecycle, though it answers other questions."""


@dataclass(frozen=True)
class IssueLifecycle:
    """One issue's lifecycle. `payload` is the issue node's JSON, its timeline joined over all its pages.

    `issue_id` is the REST id; `repository_id` and `repository_full_name` are where the issue is now. Of an
    issue that was transferred all ids are those it has now; `asked_node_id` is the one asked for. Not
    `is_complete`: GitHub left a part of the timeline out. `left_out`: what the server is too old to tell.
    """

    asked_node_id: str
    node_id: str
    issue_id: int | None
    issue_number: int
    repository_id: int | None
    repository_full_name: str
    is_complete: bool
    payload: bytes = field(repr=False)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class MissingNode:
    """An id that brought no issue: `reason` is not_found, forbidden, unanswered, or its type.

    In a walk, where no ids are given, `node_id` is null. `words` are GitHub's own, where it does not answer.
    """

    node_id: str | None
    reason: str
    words: str = ""


@dataclass(frozen=True)
class LifecycleBatch:
    """One batch; `number` counts from 1. A walk goes on after `end_cursor` (null at its end)."""

    number: int
    date: datetime
    issues: list[IssueLifecycle]
    missing: list[MissingNode] = field(default_factory=list)
    end_cursor: str | None = None

    @property
    def record_count(self) -> int:
        """How many issues it tells of."""
        return len(self.issues)

    @property
    def is_unchanged(self) -> bool:
        """Whether GitHub said so of it, which GraphQL never does."""
        return False


class Lifecycles:
    """Asks for the lifecycles of one repository's issues, or what else the question asks about."""

    def __init__(self, graphql: GraphQL, repo: Repo, question: LifecycleQuestion = LIFECYCLE):
        self._graphql = graphql
        self._repo = repo
        self._question = question
        self._size = BatchSize()
        self._failed_count = 0
        self._is_forbidden_told = False
        self._since: Mapping[str, datetime] = {}
        self._asks_kinds = question.has_newer_kinds
        self._ask_for(NewerKinds())

    def left_out(self) -> tuple[str, ...]:
        """Find out what the server lacks of what is asked about an issue, by asking about none (1 point)."""
        return self._graphql.ask(self._repo, *self._question_about([])).left_out

    def walk(self, after: str | None = None) -> Iterator[LifecycleBatch]:
        """All issues by creation, from the start or after a stored cursor (CursorRefused if it expired).

        Raises PageUnserved where GitHub cannot serve a page of one issue: there is no cursor beyond it.
        """
        document = load_document(ISSUE_LIFECYCLES.walk, FRAGMENTS)
        is_over, number = False, 0
        while not is_over:
            number += 1
            issues, answer = self._walk_page(document, after)
            nodes = [bytes(node) for node in issues.nodes]
            found = [self._lifecycle(node, answer, None) for node in nodes if node != b"null"]
            missing = [MissingNode(None, "unanswered")] * (len(nodes) - len(found))
            after = issues.page_info.next_after(after, answer.url)
            yield LifecycleBatch(number, answer.date, found, missing, after)
            is_over = after is None

    def by_ids(
        self, node_ids: Sequence[str], since: Mapping[str, datetime] | None = None
    ) -> Iterator[LifecycleBatch]:
        """Given issues in the order given; an id that brings none is in the batch's `missing`.

        `since`: the moment of each from which on its entries are told, beside the count of its comments; of
        conversations. Raises NoneServed behind UNSERVED_IN_A_ROW of them that GitHub does not serve.
        """
        done_count, number, self._failed_count, self._since = 0, 0, 0, since or {}
        while done_count < len(node_ids):
            number += 1
            batch = self._asked(number, node_ids[done_count:])
            done_count += len(batch.issues) + len(batch.missing)
            yield batch
            if self._failed_count >= UNSERVED_IN_A_ROW:
                raise NoneServed(
                    f"GraphQL serves none of {self._failed_count} lifecycles of {self._repo} in a row "
                    f"({batch.missing[-1].words}); try again later"
                )

    def _asked(self, number: int, node_ids: Sequence[str]) -> LifecycleBatch:
        """The first of the ids in one batch; one that GitHub cannot serve alone is missing."""
        try:
            answer = self._graphql.ask_shrinking(
                self._repo, self._size, lambda size: self._question_about(node_ids[:size])
            )
        except Unanswered as error:
            if not error.may_be_size:
                raise
            # Where nothing else is answered either, it is not the issue.
            date = self._graphql.ask_alive(self._repo)
            self._size.revive()
            self._failed_count += 1
            return LifecycleBatch(number, date, [], [MissingNode(node_ids[0], "unanswered", str(error))])
        self._failed_count = 0
        return (
            self._asked(number, node_ids) if self._learns(answer) else self._batch(number, answer, node_ids)
        )

    def _ask_for(self, newer: NewerKinds) -> None:
        """Ask for further kinds of events from here on."""
        question, more = self._question, newer.fragment if self._question.has_newer_kinds else ""
        self._more = more
        self._by_ids = load_document(question.by_ids, question.fragments) + more
        self._further_page = load_document(question.further_page, question.further_fragments) + more
        self._item_types: dict[str, object] = {
            name: [*kinds, *newer.item_types.get(name, ())] for name, kinds in question.item_types.items()
        }

    def _question_about(self, node_ids: Sequence[str]) -> tuple[str, dict[str, object]]:
        asks = {"asksKinds": self._asks_kinds} if self._question.has_newer_kinds else {}
        if not self._since:
            return self._by_ids, {"ids": node_ids, **self._item_types, **asks}
        threads = newer_entries.variables_of(node_ids, self._since)
        return newer_entries.question_about(len(node_ids)) + self._more, threads | self._item_types | asks

    def _learns(self, answer: GraphQLAnswer) -> bool:
        """Take from the first answer which kinds the server has; whether some of them were not asked for."""
        data = answer.read(SchemaData) if self._asks_kinds else None
        if data is None:
            return False
        self._asks_kinds = False
        newer = newer_names(data)
        names = sorted({kind for kinds in newer.values() for kind in kinds})
        if names:
            told = self._graphql.ask(self._repo, question_about(names), {})
            self._ask_for(described(newer, told.read(dict[str, msgspec.Raw])))
            logger.info("%s has kinds of events that are new here: %s", self._graphql.host, ", ".join(names))
        return bool(names)

    def _walk_page(self, document: str, after: str | None) -> tuple[IssuesData, GraphQLAnswer]:
        try:
            answer = self._graphql.ask_shrinking(
                self._repo, self._size, lambda size: (document, self._walk_variables(size, after))
            )
        except Unanswered as error:
            if error.may_be_size:
                self._graphql.ask_alive(self._repo)
                raise PageUnserved(f"GraphQL serves no page of {self._repo} here ({error})") from error
            raise
        return self._issues_of(answer), answer

    def _walk_variables(self, size: int, after: str | None) -> dict[str, object]:
        return {
            "owner": self._repo.owner,
            "name": self._repo.name,
            "first": size,
            "after": after,
            "itemTypes": LIFECYCLE_KINDS,
        }

    def _issues_of(self, answer: GraphQLAnswer) -> IssuesData:
        data = answer.read(WalkData)
        if data is None or (
            answer.is_partial and (data.repository is None or data.repository.issues is None)
        ):
            raise PageUnserved(f"GraphQL gives no issues of {self._repo} ({answer.reason}); try again later")
        if data.repository is None or data.repository.issues is None:
            raise RepositoryNotFound(f"{self._repo} is not visible to GraphQL; check what the token may read")
        return data.repository.issues

    def _batch(self, number: int, answer: GraphQLAnswer, rest: Sequence[str]) -> LifecycleBatch:
        nodes = self._nodes(answer)
        if not nodes:
            raise AnswerUnusable(f"{answer.url} answered for none of the ids asked; try again later")
        issues, missing = [], []
        for node_id, (place, node) in zip(rest, nodes.items(), strict=False):
            if node == b"null":
                reason = answer.absences.get(place, "unanswered")
                missing.append(MissingNode(node_id, reason, self._words(answer, place)))
            elif (kind := decode(node, KindData, answer.url).typename) not in self._question.kinds:
                missing.append(MissingNode(node_id, kind))
            else:
                issues.append(self._lifecycle(node, answer, node_id))
        return LifecycleBatch(number, answer.date, issues, missing)

    def _nodes(self, answer: GraphQLAnswer) -> dict[tuple[str | int, ...], bytes]:
        """What came of the ids asked for, in their order, by where an error names each."""
        if self._since:
            data = answer.read(dict[str, msgspec.Raw])
            return {("nodes", 0): b"null"} if data is None else newer_entries.nodes_of(data)
        data = answer.read(NodesData)
        # Without any data one id was asked for: a bigger question would have been made smaller first.
        nodes = [b"null"] if data is None else [bytes(node) for node in data.nodes]
        return {("nodes", index): node for index, node in enumerate(nodes)}

    def _words(self, answer: GraphQLAnswer, place: tuple[str | int, ...]) -> str:
        """Why there is no such node; a permission that lacks is also told to whoever watches, once."""
        problem = answer.problem_at(*place)
        if problem is None or problem.type != "FORBIDDEN":
            return answer.reason
        words = forbidden_words(problem, self._repo, self._graphql.host, answer.sso_address)
        if not self._is_forbidden_told:
            self._is_forbidden_told = True
            logger.warning("%s", words)
        return words

    def _lifecycle(self, node: bytes, answer: GraphQLAnswer, asked_node_id: str | None) -> IssueLifecycle:
        issue = decode(node, IssueData, answer.url)
        further, is_complete = [], not answer.is_partial and issue.timeline_items is not None
        if issue.timeline_items is not None:
            further, is_all = self._further_events(issue.id, asked_node_id, issue.timeline_items.page_info)
            is_complete = is_complete and is_all
        return IssueLifecycle(
            asked_node_id=asked_node_id or issue.id,
            node_id=issue.id,
            issue_id=None if issue.full_database_id is None else int(issue.full_database_id),
            issue_number=issue.number,
            repository_id=issue.repository.database_id,
            repository_full_name=issue.repository.name_with_owner,
            is_complete=is_complete,
            payload=joined(node, further) if further else node,
            left_out=answer.left_out,
        )

    def _further_events(
        self, node_id: str, asked_node_id: str | None, page_info: PageInfoData
    ) -> tuple[list[msgspec.Raw], bool]:
        """The events beyond the first page, and whether they are all."""
        events: list[msgspec.Raw] = []
        since = self._since.get(asked_node_id or "")
        moment = {} if since is None else {"since": newer_entries.moment_text(since)}
        after = page_info.next_after(None, f"the timeline of {node_id}")
        while after is not None:
            variables = {"id": node_id, "after": after, **self._item_types, **moment}
            try:
                answer = self._graphql.ask(self._repo, self._further_page, variables)
            except Unanswered as error:
                if error.may_be_size:
                    self._graphql.ask_alive(self._repo)
                    return events, False
                raise
            data = answer.read(TimelinePageData)
            timeline = data.node.timeline_items if data and data.node else None
            if timeline is None or answer.is_partial:
                return events, False
            events += timeline.nodes
            after = timeline.page_info.next_after(after, f"the timeline of {node_id}")
        return events, True
