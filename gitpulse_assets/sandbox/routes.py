"""The REST paths: finds the repository and the records an answer is made of.

Limits, tokens, ETags and faults are `app`'s; the spelling of records is `render`'s.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from gitpulse_assets.sandbox.feeds import FEED_PAGES, POLL_SECONDS, PublicEvent, follow, sampled, served
from gitpulse_assets.sandbox.listing import KEPT_ORDERS, BadCursor, Listings
from gitpulse_assets.sandbox.messages import Request, Response, json_response, not_found, problem
from gitpulse_assets.sandbox.model import Event, Issue, IssueComment, Repository, ReviewComment
from gitpulse_assets.sandbox.organizations import members_response, membership_response
from gitpulse_assets.sandbox.pulls import pull_request_json, pull_requests, review_json, reviews_of
from gitpulse_assets.sandbox.render import (
    comment_json,
    event_json,
    event_with_issue_json,
    issue_bytes,
    label_json,
    review_comment_json,
)
from gitpulse_assets.sandbox.render_repository import repository_bytes
from gitpulse_assets.sandbox.times import parse_iso
from gitpulse_assets.sandbox.world import World

NAMED = re.compile(r"/repos/([^/]+/[^/]+)(/.*)?")
OWNED = re.compile(r"/(orgs|users)/([^/]+)/(repos|events)")
MEMBERS = re.compile(r"/(?:orgs|(organizations))/([^/]+)/members")
OWN_MEMBERSHIP = re.compile(r"/user/memberships/orgs/([^/]+)")
NUMBERED = re.compile(r"/repositories/(\d+)(/.*)?")
ISSUE = re.compile(r"/issues/(\d+)(/events|/timeline)?")
REVIEWS = re.compile(r"/pulls/(\d+)/reviews")
COMMENT = re.compile(r"/(issues|pulls)/comments/(\d+)")
# From this many rows on GitHub's issue list wants cursors.
DEEP_PAGE_ROWS = 10_000
EVENT_ROWS_MAX = 30_000
COMMENT_ROWS_MAX = 40_000
PER_PAGE_DEFAULT, PER_PAGE_MAX = 30, 100
STATES = {"open": frozenset({"open"}), "closed": frozenset({"closed"}), "all": frozenset({"open", "closed"})}
DEEP_PAGE = (
    "Pagination with the page parameter is not supported for large datasets, "
    "please use cursor based pagination (after/before)"
)
DEEP_LIST = "In order to keep the API fast for everyone, pagination is limited for this resource."

Row = tuple[Event, Issue]
Comment = IssueComment | ReviewComment
T = TypeVar("T")


class Routes:
    """Answers GET requests from a world's present state."""

    comment_rows_max = COMMENT_ROWS_MAX

    def __init__(self, world: World, listings: Listings, event_rows_max: int = EVENT_ROWS_MAX) -> None:
        self.world, self.listings, self.event_rows_max = world, listings, event_rows_max
        self._kept_rows: dict[tuple[Any, ...], tuple[int, list[Any]]] = {}

    def answer(self, request: Request, sees: Callable[[Repository], bool] = lambda _: True) -> Response:
        """Answer a request below /repos, /repositories, /orgs, /users or about the token's owner; else 404.

        `sees`: which repositories a list may show.
        """
        if members := self._members(request):
            return members
        return self._feed_or_list(request, sees) or self._of_repository(request)

    def _feed_or_list(self, request: Request, sees: Callable[[Repository], bool]) -> Response | None:
        """The answer about an owner or all of GitHub; None for any other path."""
        owned = OWNED.fullmatch(request.path)
        if owned and owned[1] == "orgs" and owned[2].lower() in self.world.people:
            return not_found()
        if request.path == "/events":
            return self._firehose(request)
        if owned and owned[3] == "events":
            return self._of_organisation(request, owned[2])
        if owned:
            return self._owned(request, owned[2], sees)
        return None

    def _of_repository(self, request: Request) -> Response:
        """The answer about a repository by name or number; 404 for any other path."""
        named, numbered = NAMED.fullmatch(request.path), NUMBERED.fullmatch(request.path)
        if named:
            repository = self.world.repository(named[1])
            if repository and repository.full_name.lower() != named[1].lower():
                return _moved(request, f"/repositories/{repository.repository_id}{named[2] or ''}")
            return self._in_repository(request, repository, named[2] or "")
        if numbered:
            repository = self.world.repositories.get(int(numbered[1]))
            return self._in_repository(request, repository, numbered[2] or "")
        return not_found()

    def _members(self, request: Request) -> Response | None:
        """The answer about an organisation's members; None for any other path."""
        if found := MEMBERS.fullmatch(request.path):
            organization = self.world.organization_named(found[2], is_number=bool(found[1]))
            return members_response(organization, request)
        if found := OWN_MEMBERSHIP.fullmatch(request.path):
            return membership_response(self.world.organization_named(found[1]), request)
        return None

    def _owned(self, request: Request, owner: str, sees: Callable[[Repository], bool]) -> Response:
        """The repositories of an account by name; who is no person is an organisation, and a user, too."""
        owned = [found for found in self.world.repositories.values() if found.owner.lower() == owner.lower()]
        if not owned:
            return not_found()
        owned = [repository for repository in owned if sees(repository)]
        owned.sort(key=lambda repository: repository.name.lower())
        page, per_page = _paging(request.query)
        end = page * per_page
        kind = self.world.kind_of(owner)
        records = [repository_bytes(each, self.world.clock, kind) for each in owned[end - per_page : end]]
        headers = {}
        if end < len(owned):
            query = urlencode(request.query | {"page": str(page + 1)})
            headers["link"] = f'<{request.origin}{request.path}?{query}>; rel="next"'
        return Response(200, _array(records), headers)

    def _in_repository(self, request: Request, repository: Repository | None, suffix: str) -> Response:
        if repository is None:
            return not_found()
        if suffix in ("", "/"):
            kind = self.world.kind_of(repository.owner)
            return Response(200, repository_bytes(repository, self.world.clock, kind))
        if suffix in ("/events", "/labels"):
            return (self._feed if suffix == "/events" else self._labels)(request, repository)
        issue = ISSUE.fullmatch(suffix)
        if suffix.startswith(("/issues/comments", "/pulls")):
            return self._pulls_and_comments(request, repository, suffix)
        if suffix not in ("/issues", "/issues/events") and not issue:
            return not_found()
        if not repository.has_issues:
            return problem(410, "Issues has been disabled in this repository.")
        if issue:
            return self._of_issue(request, repository, int(issue[1]), issue[2])
        return (self._issues if suffix == "/issues" else self._events)(request, repository)

    def _issues(self, request: Request, repository: Repository) -> Response:
        query = request.query
        sort, descending = query.get("sort", "created"), query.get("direction", "desc") == "desc"
        states = STATES.get(query.get("state", "open"))
        if states is None or sort not in ("created", "updated", "comments"):
            return problem(422, "Validation Failed")
        try:
            since = parse_iso(query["since"]) if "since" in query else None
            page, per_page = _paging(query)
            ordered = self.listings.ordered(repository, sort, states=states, since=since)
            after = query.get("after")
            start = (page - 1) * per_page
            if after is not None:
                start = ordered.position_after(after, descending=descending)
            elif page * per_page >= DEEP_PAGE_ROWS:
                return problem(422, DEEP_PAGE)
        except (BadCursor, ValueError):
            return problem(422, "Validation Failed")
        if since == 0:
            # GitHub answers the epoch with an empty list, not with everything.
            return Response(200, b"[]")
        issues, end = ordered.slice(start, per_page, descending=descending)
        headers = {}
        if issues and end < len(ordered.issues):
            cursor = ordered.cursor_at(end - 1, descending=descending)
            headers["link"] = _next_link(request, repository, "/issues", page + 1, after=cursor)
        return Response(200, _array([issue_bytes(issue) for issue in issues]), headers)

    def _of_issue(self, request: Request, repository: Repository, number: int, part: str | None) -> Response:
        issue = repository.issues.get(number)
        if issue is None:
            return _departed(request, repository.departed.get(number), part or "")
        if part is None:
            return Response(200, issue_bytes(issue))
        rows = [(event, issue) for event in issue.events]
        suffix = f"/issues/{number}{part}"
        return self._page_of(request, repository, suffix, rows, lambda row: event_json(*row))

    def _comments(self, request: Request, repository: Repository, suffix: str) -> Response:
        """The comments of all threads, or those on lines, in the order asked for."""
        query = request.query
        page, per_page = _paging(query)
        if page * per_page > self.comment_rows_max:
            return problem(422, DEEP_LIST)
        order = {name: query[name] for name in ("since", "sort", "direction") if name in query}
        find = review_comments if suffix == "/pulls/comments" else issue_comments
        rows = self._kept(
            repository, (suffix, *order.items()), lambda: ordered_comments(find(repository), **order)
        )
        spell = review_comment_json if suffix == "/pulls/comments" else comment_json
        return self._page_of(request, repository, suffix, rows, spell)

    def _pulls_and_comments(self, request: Request, repository: Repository, suffix: str) -> Response:
        """The list of pull requests, the reviews of one, or comments; 404 for anything else of them."""
        if (one := COMMENT.fullmatch(suffix)) is not None:
            return _comment(repository, int(one[2]), is_of_line=one[1] == "pulls")
        if suffix.endswith("/comments"):
            is_known = suffix in ("/issues/comments", "/pulls/comments")
            return self._comments(request, repository, suffix) if is_known else not_found()
        query = request.query
        if suffix == "/pulls":
            is_by_update = query.get("sort", "created") == "updated"
            # GitHub's default goes by the order asked for.
            descending = query.get("direction", "asc" if is_by_update else "desc") == "desc"
            state = query.get("state", "open")
            order = {"is_by_update": is_by_update, "descending": descending}
            found = self._kept(
                repository, (suffix, state, *order.items()), lambda: pull_requests(repository, state, **order)
            )
            return self._page_of(request, repository, suffix, found, pull_request_json)
        reviewed = REVIEWS.fullmatch(suffix)
        issue = repository.issues.get(int(reviewed[1])) if reviewed else None
        if issue is None or not issue.is_pull_request:
            return not_found()
        return self._page_of(request, repository, suffix, reviews_of(issue), review_json)

    def _events(self, request: Request, repository: Repository) -> Response:
        page, per_page = _paging(request.query)
        if page * per_page > self.event_rows_max:
            return problem(422, DEEP_LIST)
        rows = self._rows(repository)
        return self._page_of(
            request, repository, "/issues/events", rows, lambda row: event_with_issue_json(*row)
        )

    def _labels(self, request: Request, repository: Repository) -> Response:
        spell = partial(label_json, full_name=repository.full_name)
        return self._page_of(request, repository, "/labels", repository.labels, spell)

    def _feed(self, request: Request, repository: Repository) -> Response:
        follow(self.world.feeds.values())
        rows = self.world.feeds[repository.repository_id].rows(self.world.clock)
        return _page_of_feed(request, rows, f"/repositories/{repository.repository_id}/events")

    def _of_organisation(self, request: Request, owner: str) -> Response:
        """The public events of all its repositories, of each as long as it is the organisation's."""
        follow(self.world.feeds.values())
        own = [feed for feed in self.world.feeds.values() if feed.repository.owner.lower() == owner.lower()]
        if not own:
            return not_found()
        owner_id = own[0].repository.owner_id
        public = [feed for feed in self.world.feeds.values() if not feed.repository.is_private]
        events = [event for feed in public for event in feed.events if event.owner_id == owner_id]
        is_by_position = any(feed.is_by_position for feed in own)
        rows = served(events, self.world.clock, is_by_position=is_by_position)
        return _page_of_feed(request, rows, request.path)

    def _firehose(self, request: Request) -> Response:
        """Some of what was public of late, by position."""
        follow(self.world.feeds.values())
        public = [feed for feed in self.world.feeds.values() if not feed.repository.is_private]
        events = [event for feed in public for event in feed.events]
        rows = sampled(events, self.world.clock, self.world.firehose_shares)
        answer = _page_of_feed(request, rows, request.path)
        page, per_page = _paging(request.query)
        self.world.firehose_shown |= {row.event_id for row in rows[(page - 1) * per_page : page * per_page]}
        return answer

    def _rows(self, repository: Repository) -> list[Row]:
        """All events of the present issues, newest first."""

        def make() -> list[Row]:
            rows = [(event, issue) for issue in repository.issues.values() for event in issue.events]
            return sorted(rows, key=lambda row: -row[0].event_id)

        return self._kept(repository, ("/issues/events",), make)

    def _kept(self, repository: Repository, key: tuple[Any, ...], make: Callable[[], list[T]]) -> list[T]:
        """A list in its order, kept until the repository changes: its pages are asked for one by one."""
        place = (repository.repository_id, *key)
        version, rows = self._kept_rows.get(place, (-1, []))
        if version != repository.version:
            if len(self._kept_rows) >= KEPT_ORDERS:
                self._kept_rows.clear()
            rows = make()
            self._kept_rows[place] = (repository.version, rows)
        return rows

    def _page_of(
        self,
        request: Request,
        repository: Repository,
        suffix: str,
        rows: Sequence[Any],
        spell: Callable[[Any], str],
    ) -> Response:
        page, per_page = _paging(request.query)
        end = page * per_page
        body = _array([spell(row).encode() for row in rows[end - per_page : end]])
        headers = {}
        if end < len(rows):
            last_page = -(-len(rows) // per_page)
            headers["link"] = ", ".join(
                (
                    _next_link(request, repository, suffix, page + 1),
                    _next_link(request, repository, suffix, last_page, relation="last"),
                )
            )
        return Response(200, body, headers)


def _page_of_feed(request: Request, rows: Sequence[PublicEvent], path: str) -> Response:
    """Pages are cut from the rows before what is hidden is left out of them."""
    page, per_page = _paging(request.query)
    if page > FEED_PAGES:
        return problem(422, DEEP_LIST)
    end = page * per_page
    body = _array([row.body for row in rows[end - per_page : end] if not row.is_hidden])
    headers = {"x-poll-interval": str(POLL_SECONDS)}
    if end < len(rows) and page < FEED_PAGES:
        query = urlencode(request.query | {"page": str(page + 1)})
        headers["link"] = f'<{request.origin}{path}?{query}>; rel="next"'
    return Response(200, body, headers)


def ordered_comments(
    comments: Sequence[Comment], since: str = "", sort: str = "created", direction: str = "asc"
) -> list[Comment]:
    """Those updated since then that the list shows; it is ascending where no order is asked for."""
    earliest = parse_iso(since) if since else 0
    return sorted(
        (one for one in comments if one.updated_at >= earliest and not getattr(one, "is_hidden", False)),
        key=lambda one: (one.updated_at if sort == "updated" else one.created_at, one.comment_id),
        reverse=direction == "desc",
    )


def issue_comments(repository: Repository) -> list[IssueComment]:
    """The comments of all present threads."""
    said = (entry for issue in repository.issues.values() for entry in issue.said)
    return [entry for entry in said if isinstance(entry, IssueComment)]


def review_comments(repository: Repository) -> list[ReviewComment]:
    """The comments on the lines of all pull requests."""
    return [comment for issue in repository.issues.values() for comment in issue.review_comments]


def asked_size(request: Request) -> int:
    """How many records a page of a list is asked to hold; 0 where the request does not say."""
    return _whole(request.query.get("per_page"), 0)


def _paging(query: dict[str, str]) -> tuple[int, int]:
    per_page = _whole(query.get("per_page"), PER_PAGE_DEFAULT)
    return _whole(query.get("page"), 1), min(PER_PAGE_MAX, per_page)


def _whole(text: str | None, default: int) -> int:
    # GitHub takes a page or size it cannot read for the default.
    return int(text) if text and text.isdecimal() and int(text) > 0 else default


def _comment(repository: Repository, comment_id: int, *, is_of_line: bool) -> Response:
    if is_of_line:
        texts = [
            review_comment_json(one) for one in review_comments(repository) if one.comment_id == comment_id
        ]
    else:
        texts = [comment_json(one) for one in issue_comments(repository) if one.comment_id == comment_id]
    return Response(200, texts[0].encode()) if texts else not_found()


def _array(records: list[bytes]) -> bytes:
    return b"[" + b",".join(records) + b"]"


def _next_link(
    request: Request,
    repository: Repository,
    suffix: str,
    page: int,
    *,
    after: str = "",
    relation: str = "next",
) -> str:
    kept = {key: value for key, value in request.query.items() if key not in ("page", "after")}
    query = urlencode(kept | ({"after": after} if after else {}) | {"page": str(page)})
    return f'<{request.origin}/repositories/{repository.repository_id}{suffix}?{query}>; rel="{relation}"'


def _moved(request: Request, path: str) -> Response:
    query = f"?{request.query_string}" if request.query_string else ""
    url = f"{request.origin}{path}{query}"
    content = {
        "message": "Moved Permanently",
        "url": url,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    }
    return json_response(301, content, {"location": url})


def _departed(request: Request, issue: Issue | None, part: str) -> Response:
    if issue is not None and issue.moved_to is not None:
        there = issue.moved_to
        return _moved(request, f"/repositories/{there.repository.repository_id}/issues/{there.number}{part}")
    if issue is not None and issue.departure == "deleted":
        return problem(410, "This issue was deleted")
    return not_found()
