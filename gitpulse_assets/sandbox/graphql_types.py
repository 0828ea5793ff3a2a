"""Resolves our GraphQL schema's fields from the stand-in's state.

Facts of GitHub kept here: a deleted account is null in GraphQL (REST shows `ghost`), a bot's login has no
`[bot]`, a database id beyond 32 bits is only in `fullDatabaseId`, itself a string.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, build_schema
from graphql.type import GraphQLInterfaceType, GraphQLUnionType

from gitpulse_assets.sandbox.model import (
    GHOST_ID,
    Entry,
    Event,
    Issue,
    IssueComment,
    PullRequestReview,
    Repository,
    Team,
    User,
    node_id,
)
from gitpulse_assets.sandbox.render import WEB, comment_node_id, event_node_id, pull_request_id
from gitpulse_assets.sandbox.thread_acts import association_of
from gitpulse_assets.sandbox.times import iso

INT_MAX = 2_147_483_647

Resolver = Callable[..., Any]


def type_of_kind(kind: str) -> str:
    """The GraphQL type of a REST event kind, `closed` -> `ClosedEvent`."""
    if kind == "renamed":
        return "RenamedTitleEvent"
    return "".join(word.capitalize() for word in kind.split("_")) + "Event"


def item_type_of_kind(kind: str) -> str:
    """The value of `itemTypes` that selects a REST event kind, `closed` -> `CLOSED_EVENT`."""
    return "RENAMED_TITLE_EVENT" if kind == "renamed" else f"{kind.upper()}_EVENT"


def item_type(entry: Event | Entry) -> str:
    """The value of `itemTypes` that selects an entry of a timeline."""
    if isinstance(entry, Event):
        return item_type_of_kind(entry.kind)
    return "ISSUE_COMMENT" if isinstance(entry, IssueComment) else "PULL_REQUEST_REVIEW"


def timeline_of(issue: Issue) -> list[Event | Entry]:
    """What happened and was said, in order; a review stands where it was submitted."""
    shown = [entry for entry in issue.said if isinstance(entry, IssueComment) or not entry.is_reply]
    return sorted([*issue.events, *shown], key=moment_of)


def moment_of(entry: Event | Entry) -> int:
    """When it happened, Unix seconds."""
    if isinstance(entry, Event):
        return entry.at
    return entry.created_at if isinstance(entry, IssueComment) else entry.submitted_at


def newness_of(entry: Event | Entry, issue: Issue) -> int:
    """What `since` goes by, Unix seconds; a review is begun with the first of its comments."""
    at = moment_of(entry)
    if not (issue.repository.since_goes_by_beginning and isinstance(entry, PullRequestReview)):
        return at
    return min([at, *(comment.created_at for comment in issue.review_comments if comment.review is entry)])


class EventView:
    """An event with its issue, as a timeline item; `place` is its position among the issue's events."""

    __slots__ = ("event", "issue", "place")

    def __init__(self, event: Event, issue: Issue, place: int) -> None:
        self.event, self.issue, self.place = event, issue, place


# A kind of event that GitHub has not yet: what `celebrate` leaves.
_NEWER_KINDS = """
type CelebratedEvent implements Node { id: ID! createdAt: DateTime! actor: Actor guests: [User!]! }
extend union IssueTimelineItems = CelebratedEvent
extend union PullRequestTimelineItems = CelebratedEvent
extend enum IssueTimelineItemsItemType { CELEBRATED_EVENT }
extend enum PullRequestTimelineItemsItemType { CELEBRATED_EVENT }
"""


def load_schema(resolvers: dict[str, dict[str, Resolver]], *, has_newer_kinds: bool = False) -> GraphQLSchema:
    """Build the executable schema: ours, with the resolvers below and those given by type and field."""
    text = files("gitpulse_assets.sandbox").joinpath("schema.graphql").read_text()
    schema = build_schema(text + _NEWER_KINDS if has_newer_kinds else text)
    for name, type_ in schema.type_map.items():
        if isinstance(type_, (GraphQLInterfaceType, GraphQLUnionType)):
            type_.resolve_type = _type_name
        elif isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            table = _EVENT if name.endswith("Event") else FIELDS.get(name, {})
            for field_name, field in type_.fields.items():
                field.resolve = resolvers.get(name, {}).get(field_name) or table.get(field_name)
    return schema


def shown_actor(user: User | None) -> User | None:
    """A user as GraphQL shows it: None for a deleted account."""
    return None if user is None or user.user_id == GHOST_ID else user


def small_id(number: int) -> int | None:
    """A database id if GraphQL's Int can hold it."""
    return number if number <= INT_MAX else None


def _type_name(value: Any, _info: Any, _type: Any) -> str:
    if isinstance(value, EventView):
        return type_of_kind(value.event.kind)
    if isinstance(value, User):
        return value.kind
    if isinstance(value, Issue):
        return "PullRequest" if value.is_pull_request else "Issue"
    return type(value).__name__


def _reason(value: str | None) -> str | None:
    return value.upper() if value else None


def _state_reason(issue: Issue, _info: Any, enableDuplicate: bool = False) -> str | None:  # noqa: N803
    # Without `enableDuplicate` a client that does not know DUPLICATE is spared it.
    if issue.state_reason == "duplicate" and not enableDuplicate:
        return "NOT_PLANNED"
    return _reason(issue.state_reason)


def _lock_reason(value: str | None) -> str | None:
    return value.upper().replace(" ", "_").replace("-", "_") if value else None


def _login(user: User, _info: Any) -> str:
    return user.login.removesuffix("[bot]")


def _user_path(user: User) -> str:
    return f"/apps/{_login(user, None)}" if user.kind == "Bot" else f"/{user.login}"


def _issue_path(issue: Issue) -> str:
    kind = "pull" if issue.is_pull_request else "issues"
    return f"/{issue.repository.full_name}/{kind}/{issue.number}"


def _closed_at(issue: Issue, _info: Any) -> str | None:
    return None if issue.closed_at is None or issue.hides_closed_at else iso(issue.closed_at)


def _owner(repository: Repository, _info: Any) -> User:
    owner_id = repository.owner_id
    return User(owner_id, repository.owner, "Organization", node_id("O", owner_id))


def _closer(view: EventView, _info: Any) -> Any:
    """What closed a thread in an actor's stead; a commit, or another pull request, which is itself here."""
    return None if view.event.closer is None else Commit(view.event.event_id)


class Commit:
    """A commit, of which only its being one is told."""

    def __init__(self, number: int) -> None:
        self.number = number


def _pull_request_state(issue: Issue) -> str:
    return "MERGED" if issue.merged_at is not None else issue.state.upper()


def _small_number(issue: Issue, most: int) -> int:
    """A number that nobody leans on, and that stays."""
    return issue.issue_id * 7 % most


_USER: dict[str, Resolver] = {
    "databaseId": lambda user, _: small_id(user.user_id),
    "id": lambda user, _: user.node_id,
    "login": _login,
    "resourcePath": lambda user, _: _user_path(user),
    "url": lambda user, _: WEB + _user_path(user),
}

_ISSUE: dict[str, Resolver] = {
    "activeLockReason": lambda issue, _: _lock_reason(issue.lock_reason),
    "author": lambda issue, _: shown_actor(issue.author),
    "authorAssociation": lambda issue, _: issue.author.association if issue.author else "NONE",
    "closed": lambda issue, _: issue.state == "closed",
    "closedAt": _closed_at,
    "createdAt": lambda issue, _: iso(issue.created_at),
    "databaseId": lambda issue, _: small_id(issue.issue_id),
    "fullDatabaseId": lambda issue, _: str(issue.issue_id),
    "id": lambda issue, _: issue.node_id,
    "locked": lambda issue, _: issue.locked,
    "number": lambda issue, _: issue.number,
    "repository": lambda issue, _: issue.repository,
    "resourcePath": lambda issue, _: _issue_path(issue),
    "state": lambda issue, _: issue.state.upper(),
    "stateReason": _state_reason,
    "title": lambda issue, _: issue.title,
    "updatedAt": lambda issue, _: iso(issue.updated_at),
    "url": lambda issue, _: WEB + _issue_path(issue),
}

_PULL_REQUEST = _ISSUE | {
    "additions": lambda issue, _: _small_number(issue, 500),
    "baseRefName": lambda _issue, _: "main",
    "changedFiles": lambda issue, _: 1 + _small_number(issue, 20),
    "commits": lambda issue, _: {"totalCount": 1 + _small_number(issue, 12)},
    "deletions": lambda issue, _: _small_number(issue, 90),
    "fullDatabaseId": lambda issue, _: str(pull_request_id(issue)),
    "headRefName": lambda issue, _: f"change-{issue.number}",
    "isDraft": lambda issue, _: issue.is_draft,
    "mergedAt": lambda issue, _: iso(issue.merged_at) if issue.merged_at else None,
    "mergedBy": lambda issue, _: shown_actor(issue.merged_by),
    "state": lambda issue, _: _pull_request_state(issue),
}

_COMMENT: dict[str, Resolver] = {
    "author": lambda comment, _: shown_actor(comment.author),
    "authorAssociation": lambda comment, _: association_of(comment.author),
    "createdAt": lambda comment, _: iso(comment.created_at),
    "fullDatabaseId": lambda comment, _: str(comment.comment_id),
    "id": lambda comment, _: comment_node_id(comment),
    "lastEditedAt": lambda comment, _: iso(comment.edited_at) if comment.edited_at else None,
    "updatedAt": lambda comment, _: iso(comment.updated_at),
}

_REVIEW: dict[str, Resolver] = {
    "author": lambda review, _: shown_actor(review.author),
    "authorAssociation": lambda review, _: association_of(review.author),
    "createdAt": lambda review, _: iso(review.submitted_at),
    "fullDatabaseId": lambda review, _: str(review.review_id),
    "id": lambda review, _: node_id("PRR", review.issue.repository.repository_id, review.review_id),
    "lastEditedAt": lambda review, _: iso(review.edited_at) if review.edited_at else None,
    "state": lambda review, _: review.state,
    "submittedAt": lambda review, _: iso(review.submitted_at),
    "updatedAt": lambda review, _: iso(review.edited_at or review.submitted_at),
}

_TEAM: dict[str, Resolver] = {
    "databaseId": lambda team, _: team.team_id,
    "id": lambda team, _: node_id("T", team.team_id),
    "slug": lambda team, _: team.slug,
}

_EVENT: dict[str, Resolver] = {
    "actor": lambda view, _: shown_actor(view.event.actor),
    "assignee": lambda view, _: shown_actor(view.event.assignee),
    "closer": _closer,
    "createdAt": lambda view, _: iso(view.event.at),
    "currentTitle": lambda view, _: view.event.title_after,
    "fromRepository": lambda view, _: view.event.from_repository,
    "id": lambda view, _: event_node_id(view.event, view.issue),
    "issue": lambda view, _: view.issue,
    "label": lambda view, _: view.event.label,
    "lockReason": lambda view, _: _lock_reason(view.event.lock_reason),
    "milestoneTitle": lambda view, _: view.event.milestone_title,
    "previousTitle": lambda view, _: view.event.title_before,
    "previousReviewState": lambda view, _: view.event.review_state,
    "requestedReviewer": lambda view, _: _reviewer(view.event.reviewer),
    "resourcePath": lambda view, _: f"{_issue_path(view.issue)}#event-{view.event.event_id}",
    "review": lambda view, _: view.event.review,
    "stateReason": lambda view, _: _reason(view.event.state_reason),
    "url": lambda view, _: f"{WEB}{_issue_path(view.issue)}#event-{view.event.event_id}",
}

FIELDS: dict[str, dict[str, Resolver]] = {
    "User": _USER,
    "Bot": _USER,
    "Organization": _USER,
    "Mannequin": _USER,
    "Issue": _ISSUE,
    "PullRequest": _PULL_REQUEST,
    "IssueComment": _COMMENT,
    "PullRequestReview": _REVIEW,
    "Team": _TEAM,
    "Commit": {"id": lambda commit, _: node_id("C", commit.number)},
    "Label": {
        "color": lambda label, _: label.color,
        "description": lambda label, _: label.description,
        "id": lambda label, _: label.node_id,
        "isDefault": lambda label, _: label.is_default,
        "name": lambda label, _: label.name,
    },
    "Repository": {
        "createdAt": lambda repository, _: iso(repository.created_at),
        "databaseId": lambda repository, _: small_id(repository.repository_id),
        "hasIssuesEnabled": lambda repository, _: repository.has_issues,
        "id": lambda repository, _: repository.node_id,
        "isArchived": lambda repository, _: repository.is_archived,
        "isFork": lambda _repository, _: False,
        "issue": lambda repository, _, number: _issue_of(repository, number),
        "name": lambda repository, _: repository.name,
        "nameWithOwner": lambda repository, _: repository.full_name,
        "owner": _owner,
        "pullRequests": lambda repository, _, states=None: {
            "totalCount": _pull_request_count(repository, states)
        },
        "resourcePath": lambda repository, _: f"/{repository.full_name}",
        "url": lambda repository, _: f"{WEB}/{repository.full_name}",
    },
}


def _pull_request_count(repository: Repository, states: list[str] | None) -> int:
    """How many pull requests there are, of these states or of all."""
    found = [issue for issue in repository.issues.values() if issue.is_pull_request]
    return sum(states is None or _pull_request_state(issue) in states for issue in found)


def _reviewer(reviewer: User | Team | None) -> User | Team | None:
    return reviewer if isinstance(reviewer, Team) else shown_actor(reviewer)


def _issue_of(repository: Repository, number: int) -> Issue | None:
    issue = repository.issues.get(number)
    return None if issue is None or issue.is_pull_request else issue
