"""GraphQL as GitHub serves it: execution, connections, points, and errors in GitHub's shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute_sync, parse, validate

from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.graphql_cost import NODES_MAX, Cost, MissingBounds, cost_of
from gitpulse_assets.sandbox.graphql_faults import spoil
from gitpulse_assets.sandbox.graphql_types import EventView, item_type, load_schema, newness_of, timeline_of
from gitpulse_assets.sandbox.limits import ANONYMOUS, UNLIMITED, Quota
from gitpulse_assets.sandbox.listing import BadCursor, Listings, decode_cursor, encode_cursor
from gitpulse_assets.sandbox.messages import Request, Response, graphql_query, json_response, problem
from gitpulse_assets.sandbox.model import Event, Issue, Repository
from gitpulse_assets.sandbox.older_server import refused_fields
from gitpulse_assets.sandbox.times import iso, parse_iso
from gitpulse_assets.sandbox.world import World

CONNECTIONS = frozenset({"issues", "timelineItems", "labels", "assignees", "comments", "commits"})
SORTS = {"CREATED_AT": "created", "UPDATED_AT": "updated", "COMMENTS": "comments"}
ALL_STATES = ("OPEN", "CLOSED")


@dataclass(frozen=True)
class Query:
    """A parsed query with its variables and cost."""

    document: DocumentNode
    variables: dict[str, Any]
    cost: Cost


class QueryRefused(Exception):
    """The query is not executed; `errors` are the entries of the answer."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors


class GraphQLApi:
    """Answers POST /graphql from a world's present state."""

    def __init__(self, world: World, listings: Listings) -> None:
        self.world, self.listings = world, listings

    @property
    def _schema(self) -> GraphQLSchema:
        return schema(has_newer_kinds=self.world.has_newer_kinds)

    def node_count(self, body: bytes) -> int:
        """The nodes a query asks for at most; 0 when it cannot be read."""
        try:
            return self._query(body).cost.node_count
        except QueryRefused:
            return 0

    def answer(self, request: Request, quota: Quota, fault: Fault | None = None) -> Response:
        """Execute a query, and spoil its answer as the fault says."""
        if request.token == ANONYMOUS:
            return _free(problem(401, "This endpoint requires you to be authenticated."))
        if quota.remaining == 0:
            message = "API rate limit exceeded for user ID 1."
            return _free(json_response(200, {"errors": [{"type": "RATE_LIMITED", "message": message}]}))
        try:
            query = self._query(request.body)
        except QueryRefused as refusal:
            return json_response(200, {"errors": refusal.errors})
        if fault is not None and fault.kind == "older_server":
            refusals = refused_fields(self._schema, query.document, fault.fields)
            if refusals:
                told = refusals if fault.has_codes else [{"message": one["message"]} for one in refusals]
                return json_response(200, {"errors": told})
        result = self._execute(query, quota)
        content: dict[str, Any] = {"data": result.data}
        errors = [_error_entry(error) for error in result.errors or ()]
        if fault is not None:
            errors += spoil(content, fault)
        if errors:
            content["errors"] = errors
        is_lost = content["data"] is None and fault is not None and fault.kind == "unserved_issue"
        response = json_response(fault.status if fault and is_lost else 200, content)
        response.cost = query.cost.points
        return response

    def _execute(self, query: Query, quota: Quota) -> ExecutionResult:
        used = quota.used + query.cost.points
        rate_limit = {
            "cost": query.cost.points,
            "limit": quota.limit,
            "nodeCount": query.cost.node_count,
            "remaining": max(0, quota.limit - used),
            "resetAt": iso(quota.reset_at),
            "used": used,
        }
        # Where limits are switched off there is nothing to tell of them.
        told = rate_limit if quota.limit < UNLIMITED else None
        return execute_sync(
            self._schema, query.document, root_value=self, variable_values=query.variables, context_value=told
        )

    def _query(self, body: bytes) -> Query:
        try:
            text, variables = graphql_query(body)
        except ValueError as error:
            raise QueryRefused([{"message": str(error)}]) from None
        document = checked(text, has_newer_kinds=self.world.has_newer_kinds)
        try:
            cost = cost_of(document, variables, CONNECTIONS)
        except MissingBounds as error:
            raise QueryRefused([{"type": "MISSING_PAGINATION_BOUNDARIES", "message": str(error)}]) from error
        if cost.node_count > NODES_MAX:
            message = (
                f"This query requests up to {cost.node_count:,} possible nodes "
                f"which exceeds the maximum limit of {NODES_MAX:,}."
            )
            raise QueryRefused([{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}])
        return Query(document, variables, cost)

    def node(self, global_id: str) -> Issue | Repository | GraphQLError:
        """What has the id, or an error that is its answer."""
        issue = self.world.issue_by_node(global_id)
        if issue is not None:
            return issue
        for repository in self.world.repositories.values():
            if repository.node_id == global_id:
                return repository
        return _not_found(f"Could not resolve to a node with the global id of '{global_id}'")

    def repository(
        self,
        _info: Any,
        owner: str,
        name: str,
        followRenames: bool = True,  # noqa: N803
    ) -> Repository | GraphQLError:
        """The repository of this name, or an error that is its answer."""
        full_name = f"{owner}/{name}"
        repository = self.world.repository(full_name)
        is_former = repository is not None and repository.full_name.lower() != full_name.lower()
        if repository is None or (is_former and not followRenames):
            return _not_found(f"Could not resolve to a Repository with the name '{full_name}'.")
        return repository

    def issues(
        self,
        repository: Repository,
        _info: Any,
        first: int | None = None,
        after: str | None = None,
        states: list[str] | None = None,
        filterBy: dict[str, Any] | None = None,  # noqa: N803
        orderBy: dict[str, str] | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """A page of a repository's issues."""
        filters, order = filterBy or {}, orderBy or {"field": "CREATED_AT", "direction": "ASC"}
        wanted = frozenset(state.lower() for state in states or filters.get("states") or ALL_STATES)
        since = parse_iso(filters["since"]) if filters.get("since") else None
        ordered = self.listings.ordered(
            repository, SORTS[order["field"]], states=wanted, since=since, with_pull_requests=False
        )
        descending = order["direction"] == "DESC"
        start = ordered.position_after(after, descending=descending) if after else 0
        issues, end = ordered.slice(start, first or 0, descending=descending)
        cursors = [ordered.cursor_at(place, descending=descending) for place in (start, end - 1) if issues]
        return {
            "nodes": issues,
            "totalCount": len(ordered.issues) + repository.unlisted_count(wanted),
            "pageInfo": _page_info(start > 0, end < len(ordered.issues), cursors),
        }


@cache
def schema(*, has_newer_kinds: bool = False) -> GraphQLSchema:
    """The schema that every stand-in of the process executes, each with itself as the root."""
    return load_schema(
        {
            "Query": {
                "node": lambda api, _info, id: api.node(id),
                "nodes": lambda api, _info, ids: [api.node(one) for one in ids],
                "rateLimit": lambda _api, info, dryRun=False: info.context,  # noqa: N803
                "repository": GraphQLApi.repository,
            },
            "Repository": {
                "issues": lambda repository, info, **page: info.root_value.issues(repository, info, **page)
            },
            "PullRequest": {"timelineItems": _timeline_items, "comments": _comment_count},
            "Issue": {
                "timelineItems": _timeline_items,
                "comments": _comment_count,
                "labels": lambda issue, _info, **page: _connection(issue.labels, page),
                "assignees": lambda issue, _info, **page: _connection(_people(issue), page),
            },
        },
        has_newer_kinds=has_newer_kinds,
    )


@lru_cache(maxsize=64)
def checked(text: str, *, has_newer_kinds: bool = False) -> DocumentNode:
    """A document that the schema allows; QueryRefused for any other."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise QueryRefused([_error_entry(error)]) from error
    errors = validate(schema(has_newer_kinds=has_newer_kinds), document)
    if errors:
        raise QueryRefused([_error_entry(error) for error in errors])
    return document


def _timeline_items(
    issue: Issue,
    _info: Any,
    itemTypes: list[str] | None = None,  # noqa: N803
    since: str | None = None,
    **page: Any,
) -> dict[str, Any]:
    earliest = parse_iso(since) if since else 0
    views = [
        EventView(entry, issue, place) if isinstance(entry, Event) else entry
        for place, entry in enumerate(timeline_of(issue))
        if newness_of(entry, issue) >= earliest and (itemTypes is None or item_type(entry) in itemTypes)
    ]
    return _connection(views, page)


def _comment_count(issue: Issue, _info: Any) -> dict[str, int]:
    return {"totalCount": issue.comment_count}


def _connection(items: Sequence[Any], page: dict[str, Any]) -> dict[str, Any]:
    """A page of a short list; its cursors are positions, which such lists only append to."""
    start = 0
    if page.get("after"):
        try:
            start = decode_cursor(page["after"])[0] + 1
        except BadCursor:
            raise GraphQLError(f"`{page['after']}` does not appear to be a valid cursor.") from None
    end = len(items)
    if page.get("first") is not None:
        end = min(end, start + page["first"])
    elif page.get("last") is not None:
        start = max(0, end - page["last"])
    shown = list(items[start:end])
    cursors = [encode_cursor((place,)) for place in (start, end - 1) if shown]
    return {
        "nodes": shown,
        "totalCount": len(items),
        "pageInfo": _page_info(start > 0, end < len(items), cursors),
    }


def _page_info(has_previous: bool, has_next: bool, cursors: list[str]) -> dict[str, Any]:
    """`cursors` are the first and the last record's, none for an empty page."""
    start_cursor, end_cursor = cursors or (None, None)
    return {
        "hasPreviousPage": has_previous,
        "hasNextPage": has_next,
        "startCursor": start_cursor,
        "endCursor": end_cursor,
    }


def _people(issue: Issue) -> list[Any]:
    return [user for user in issue.assignees if user.kind == "User"]


def _not_found(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": "NOT_FOUND"})


def _error_entry(error: GraphQLError) -> dict[str, Any]:
    """An entry of `errors` in GitHub's shape, with the type beside the message."""
    formatted: dict[str, Any] = dict(error.formatted)
    extensions = formatted.pop("extensions", None) or {}
    return {**extensions, **formatted}


def _free(response: Response) -> Response:
    response.is_free = True
    return response
