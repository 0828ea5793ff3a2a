"""What the rest of GitPulse may ask GitHub: the client's whole public surface.

One method a question. How a question is sent is in transport.py, how a list is walked in pages.py, what is
asked by GraphQL in lifecycle.py and departures.py.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import msgspec
from pydantic import SecretStr

from gitpulse_assets.contracts.sources import ISSUE_LIST, PER_PAGE, RestList
from gitpulse_assets.github.connection import READ_SECONDS, open_http
from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.departures import Departure, Departures, MissingIssue
from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.github.errors import AnswerUnusable, Forbidden, IssuesDisabled, RepositoryNotFound
from gitpulse_assets.github.feed import Feed, FeedPage, poll
from gitpulse_assets.github.github_app import GitHubApp
from gitpulse_assets.github.graphql import GraphQL, load_document
from gitpulse_assets.github.lifecycle import CONVERSATION, LIFECYCLE, LifecycleBatch, Lifecycles
from gitpulse_assets.github.links import page_number, same_origin
from gitpulse_assets.github.pace import RequestPace
from gitpulse_assets.github.pages import Asking, Page, expect_found, split, walk
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.spending import Spending
from gitpulse_assets.github.target import Firehose, Owner, Target
from gitpulse_assets.github.tokens import Tokens
from gitpulse_assets.github.transport import ATTEMPTS, Transport, Wait
from gitpulse_assets.processes.stopping import pause
from gitpulse_assets.repo import Repo

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RepositoryAnswer:
    """GET /repos/{o}/{r}. With `is_unchanged` (304) everything from `payload` on is empty.

    `moved_to` is the address a rename led to; `open_issues_count` counts open issues **and** pull requests.
    """

    is_unchanged: bool
    date: datetime
    etag: str | None
    moved_to: str | None
    payload: bytes = field(default=b"", repr=False)
    repository_id: int | None = None
    full_name: str | None = None
    has_issues: bool | None = None
    open_issues_count: int | None = None
    owner_type: str | None = None


@dataclass(frozen=True)
class StarAnswer:
    """How many stars a repository has at `date`, and its id; both are None where it did not change (304)."""

    date: datetime
    etag: str | None
    star_count: int | None = None
    repository_id: int | None = None


class _StarFields(msgspec.Struct):
    id: int
    stargazers_count: int


@dataclass(frozen=True)
class NewestRecord:
    """What stands last in a list that is walked in the order of `at`; `number` is 0 where it has none."""

    record_id: int
    number: int
    at: datetime


@dataclass(frozen=True)
class Probe:
    """The record updated last; None where the list is empty or `is_unchanged` (304)."""

    is_unchanged: bool
    date: datetime
    etag: str | None
    newest: NewestRecord | None = None
    body: bytes = field(default=b"", repr=False)


class Budget(msgspec.Struct):
    """One budget of a token: units an hour, units left, and the Unix time at which all are back."""

    limit: int
    remaining: int
    reset: int


class RateLimits(msgspec.Struct):
    """The budgets of REST (`core`) and GraphQL."""

    core: Budget
    graphql: Budget


class _RateLimitAnswer(msgspec.Struct):
    resources: RateLimits


@dataclass(frozen=True)
class PullRequestCounts:
    """How many pull requests are open, merged, and closed without a merge, as GitHub counts."""

    open_count: int
    merged_count: int
    closed_count: int


@dataclass(frozen=True)
class IssueCounts:
    """GitHub's own counts of issues at `date`, without pull requests: the open ones, and all of them.

    `pull_requests`: those of pull requests, where they were asked for.
    """

    open_issue_count: int
    issue_count: int
    date: datetime
    pull_requests: PullRequestCounts | None = None


@dataclass(frozen=True)
class RepositorySize:
    """How many issues and pull requests a repository has, whatever their state."""

    issue_count: int
    pull_request_count: int


class _Count(msgspec.Struct, rename="camel"):
    total_count: int


class _CountedIssues(msgspec.Struct, rename="camel"):
    open_issues: _Count
    issues: _Count
    open_pull_requests: _Count | None = None
    merged_pull_requests: _Count | None = None
    closed_pull_requests: _Count | None = None

    @property
    def pull_requests(self) -> PullRequestCounts | None:
        counts = (self.open_pull_requests, self.merged_pull_requests, self.closed_pull_requests)
        told = [count.total_count for count in counts if count]
        return PullRequestCounts(*told) if len(told) == len(counts) else None


class _CountedRepository(msgspec.Struct):
    repository: _CountedIssues


class _Sizes(msgspec.Struct, rename="camel"):
    issues: _Count
    pull_requests: _Count


class _SizedRepository(msgspec.Struct):
    repository: _Sizes


class _OwnMembership(msgspec.Struct):
    state: str
    role: str


class _LabelFields(msgspec.Struct):
    name: str


class _OwnerFields(msgspec.Struct):
    type: str | None = None


class _RepositoryFields(msgspec.Struct):
    id: int
    full_name: str
    owner: _OwnerFields | None = None
    has_issues: bool | None = None
    open_issues_count: int | None = None


class _RecordFields(msgspec.Struct):
    id: int
    updated_at: datetime
    created_at: datetime | None = None
    number: int = 0

    def newest(self, is_changed: bool) -> NewestRecord:
        """The record at its place in a list by update, or by creation."""
        at = self.updated_at if is_changed else self.created_at or self.updated_at
        return NewestRecord(self.id, self.number, at)


class GitHubClient:
    """GitHub's API for one process: `with GitHubClient(...) as client: ...`.

    `patience_seconds` is the longest time one request waits for limits in total before LimitReached;
    `on_wait` hears of each such wait before it begins. Where GitHub `was_reached` before in the same work, a
    first request that reaches nobody is repeated too. `requests_at_once`: how many whoever collects may have
    under way at a time. `make_pace`: how a budget is shared with other
    processes, by what tells the token from others and the API (rest or graphql). Every method may raise the
    errors of errors.py.
    """

    def __init__(
        self,
        *,
        api_url: str,
        graphql_url: str,
        tokens: Iterable[SecretStr] = (),
        patience_seconds: float = 120.0,
        on_wait: Callable[[Wait], None] | None = None,
        sleep: Callable[[float], None] = pause,
        read_timeout_seconds: float = READ_SECONDS,
        attempts: int = ATTEMPTS,
        was_reached: bool = False,
        github_app: GitHubApp | None = None,
        http_transport: httpx.BaseTransport | None = None,
        make_pace: Callable[[str, str], RequestPace] | None = None,
        requests_at_once: int = 1,
    ):
        self._requests_at_once = requests_at_once
        self._api_url = api_url.rstrip("/")
        self._http = open_http(read_timeout_seconds, http_transport)
        kept_tokens = Tokens(tokens, github_app)
        self._transport = Transport(
            self._http,
            kept_tokens,
            patience_seconds,
            on_wait,
            sleep,
            attempts,
            was_reached,
            make_pace=make_pace,
        )
        self._graphql = GraphQL(self._transport, graphql_url)
        if not kept_tokens:
            logger.warning("no GITHUB_TOKEN: GitHub allows 60 requests an hour and no GraphQL")

    def __enter__(self) -> "GitHubClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def requests_at_once(self) -> int:
        """How many may be under way at a time: one, once GitHub has refused any by a secondary limit."""
        return 1 if self._transport.was_too_much else self._requests_at_once

    @property
    def spending(self) -> Spending:
        """What REST requests have cost so far."""
        return self._transport.rest_meter.spending

    @property
    def graphql_spending(self) -> Spending:
        """What GraphQL requests have cost so far."""
        return self._transport.graphql_meter.spending

    def has_token(self, repo: Repo) -> bool:
        """Whether requests for this repository carry a token, without which there is no GraphQL."""
        return self._transport.has_token(repo)

    def has_renewed_token(self, repo: Repo) -> bool:
        """Whether the repository's token changes with time, so that an ETag alone does not last."""
        return self._transport.has_renewed_token(repo)

    def repository(self, repo: Repo, etag: str | None = None) -> RepositoryAnswer:
        """Ask for the repository itself; with an `etag`, only if it changed since."""
        reply = expect_found(self._transport.get(self._address(repo, ""), repo, etag=etag), repo)
        if reply.status == 304:
            return RepositoryAnswer(True, reply.date, etag, reply.moved_to)
        fields = decode(reply.content, _RepositoryFields, reply.url)
        if fields.has_issues is False:
            raise IssuesDisabled(f"{repo} has its issues disabled; take it off the watch list")
        return RepositoryAnswer(
            is_unchanged=False,
            date=reply.date,
            etag=reply.etag,
            moved_to=reply.moved_to,
            payload=reply.content,
            repository_id=fields.id,
            full_name=fields.full_name,
            has_issues=fields.has_issues,
            open_issues_count=fields.open_issues_count,
            owner_type=fields.owner.type if fields.owner else None,
        )

    def star_count(self, repo: Repo, etag: str | None = None) -> StarAnswer:
        """Ask the repository for its count of stars; with an `etag`, only if anything of it changed since."""
        reply = expect_found(self._transport.get(self._address(repo, ""), repo, etag=etag), repo)
        if reply.status == 304:
            return StarAnswer(reply.date, etag)
        fields = decode(reply.content, _StarFields, reply.url)
        return StarAnswer(reply.date, reply.etag, fields.stargazers_count, fields.id)

    def probe(
        self, repo: Repo, source: RestList, etag: str | None = None, known_body: bytes | None = None
    ) -> Probe:
        """Ask whether any record of a list changed, at the price of one request (0 units for a 304).

        `known_body`: the body of the answer that the `etag` came with, where it may be by another token.
        """
        url = self._address(repo, source.path, **source.newest(is_changed=True), per_page=1)
        reply = expect_found(self._transport.get(url, repo, etag=etag, known_body=known_body), repo)
        if reply.status == 304:
            return Probe(True, reply.date, etag)
        newest = [decode(record, _RecordFields, reply.url).newest(True) for record in split(reply)[:1]]
        return Probe(False, reply.date, reply.etag, next(iter(newest), None), reply.content)

    def owned_repositories(self, owner: str, known: Mapping[str, KnownPage] | None = None) -> Iterator[Page]:
        """Walk the repositories of an organisation or a user, 100 a page; `known` as in `pages`."""
        asked = Owner(owner)
        for path in (f"/orgs/{owner}/repos", f"/users/{owner}/repos"):
            url = str(httpx.URL(f"{self._api_url}{path}", params={"sort": "full_name", "per_page": PER_PAGE}))
            with suppress(RepositoryNotFound):
                yield from walk(self._transport, asked, url, known=known)
                return
        raise RepositoryNotFound(f"{owner} is no organisation or user at {httpx.URL(self._api_url).host}")

    def members(self, owner: str, known: Mapping[str, KnownPage] | None = None) -> Iterator[Page]:
        """Walk the members of an organisation, 100 a page; `known` as in `pages`.

        A list of one page that is not full is asked for by its ETag too: who joined would stand in it.
        """
        url = f"{self._api_url}/orgs/{owner}/members?per_page={PER_PAGE}"
        only = (known or {}).get(url) if known and len(known) == 1 else None
        if only and only.etag and only.next_url is None:
            reply = expect_found(self._transport.get(url, Owner(owner), etag=only.etag), Owner(owner))
            if reply.status == 304:
                yield Page(1, url, None, reply.date, only.etag, [], is_unchanged=True)
                return
        yield from walk(self._transport, Owner(owner), url, known=known)

    def member_count(self, owner: str) -> int:
        """How many members of an organisation the token is shown, 0 of a person (1 request)."""
        url = f"{self._api_url}/orgs/{owner}/members?per_page=1"
        reply = self._transport.get(url, Owner(owner))
        if reply.status == 404:
            return 0
        return length_told(expect_found(reply, Owner(owner)))

    def own_role(self, owner: str) -> str | None:
        """As what the token's owner is a member of an organisation; None for none, as without a token."""
        if not self._transport.has_token(Owner(owner)):
            return None
        try:
            reply = self._transport.get(f"{self._api_url}/user/memberships/orgs/{owner}", Owner(owner))
        except Forbidden:
            # An App's installation is nobody, and some tokens may not say whose they are.
            return None
        if reply.status != 200:
            return None
        own = decode(reply.content, _OwnMembership, reply.url)
        return own.role if own.state == "active" else None

    def token_mark(self, owner: str) -> str:
        """Tells the token that serves an owner from others, also in another process; empty without one."""
        return self._transport.token_mark(Owner(owner))

    @property
    def graphql_host(self) -> str:
        """The host that answers GraphQL."""
        return self._graphql.host

    @property
    def left_out(self) -> tuple[str, ...]:
        """What that host was found not to know of what is asked, by name; it is asked without."""
        return self._graphql.dialect.left_out

    @property
    def lost(self) -> tuple[str, ...]:
        """Of that, what nothing else tells."""
        return self._graphql.dialect.lost

    def recall_left_out(self, names: Iterable[str]) -> None:
        """Ask without what the host was found not to know before."""
        self._graphql.dialect.recall(names)

    def find_left_out(self, repo: Repo) -> tuple[str, ...]:
        """Find out by asking what the host is too old to tell of an issue (1 point); needs a token."""
        return Lifecycles(self._graphql, repo).left_out()

    def rate_limits(self, repo: Repo) -> RateLimits | None:
        """What the repository's token has left of both budgets; asking costs nothing.

        None where the server has its limits switched off, as GitHub Enterprise Server may.
        """
        reply = self._transport.get(f"{self._api_url}/rate_limit", repo, is_free=True)
        if reply.status == 404:
            return None
        return decode(reply.content, _RateLimitAnswer, reply.url).resources

    def token_name(self, repo: Repo) -> str:
        """Which token serves a repository, in words that show nothing of it."""
        return self._transport.token_name(repo)

    def pages(
        self,
        repo: Repo,
        source: RestList,
        *,
        since: datetime | None = None,
        start_url: str | None = None,
        known: Mapping[str, KnownPage] | None = None,
    ) -> Iterator[Page]:
        """Walk a list of the repository, 100 records a page.

        Without `since` the whole list; with it (UTC) what was updated at or after it, by update, so that a
        record touched in mid-walk is met twice rather than missed. `start_url` goes on at a stored `next_url`
        (CursorRefused when GitHub no longer takes it); `known` asks conditionally for pages of an earlier
        walk. Where GitHub serves the first rows of a list only, the last page says `is_capped`.
        """
        is_stored = start_url is not None
        url = same_origin(self._api_url, start_url) if start_url else self.list_url(repo, source, since)
        return walk(self._transport, repo, url, is_stored=is_stored, known=known, row_cap=source.row_cap)

    def label_names(self, repo: Repo) -> list[str]:
        """The names of the repository's labels, those that lie on nothing too (1 request for 100)."""
        pages = walk(self._transport, repo, self._address(repo, "/labels", per_page=PER_PAGE))
        return [decode(record, _LabelFields, page.url).name for page in pages for record in page.records]

    def first_by_update(self, repo: Repo, source: RestList) -> str:
        """The address of the first page of a whole list that GitHub gives by update."""
        return self._address(repo, source.path, **source.changed or {}, per_page=PER_PAGE)

    def list_url(self, repo: Repo, source: RestList, since: datetime | None = None) -> str:
        """The address of a list's first page, or of the first with what was updated at or after `since`."""
        if since is None or source.changed is None:
            return self._address(repo, source.path, **source.whole, per_page=PER_PAGE)
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._address(repo, source.path, since=moment, **source.changed, per_page=PER_PAGE)

    def feed(self, target: Target, known: Sequence[FeedPage] = ()) -> Feed:
        """Poll the events of a repository, or public ones of an organisation or all, by 1 to 3 requests.

        `known`: the pages of the last poll; where none changed, a token pays nothing.
        """
        if isinstance(target, Repo):
            return poll(self._transport, target, self._address(target, "/events", per_page=PER_PAGE), known)
        if isinstance(target, Firehose):
            return poll(self._transport, target, f"{self._api_url}/events?per_page={PER_PAGE}", known)
        url = f"{self._api_url}/orgs/{target.owner}/events?per_page={PER_PAGE}"
        try:
            return poll(self._transport, target, url, known)
        except RepositoryNotFound:
            host = httpx.URL(url).host
            raise RepositoryNotFound(f"{target} is no organisation at {host}: people have no feed") from None

    def issue_counts(self, repo: Repo, *, with_pull_requests: bool = False) -> IssueCounts:
        """Ask GraphQL for its counts of issues (1 point). Raises TokenRequired without a token."""
        variables: dict[str, object] = {
            "owner": repo.owner,
            "name": repo.name,
            "withPullRequests": with_pull_requests,
        }
        answer = self._graphql.ask(repo, load_document("issue_counts"), variables)
        counted = answer.read(_CountedRepository)
        if counted is None:
            raise AnswerUnusable(f"GraphQL gives no count for {repo} ({answer.reason}); try again later")
        counts = counted.repository
        pulls = counts.pull_requests if with_pull_requests else None
        return IssueCounts(counts.open_issues.total_count, counts.issues.total_count, answer.date, pulls)

    def repository_size(self, repo: Repo) -> RepositorySize:
        """Ask GraphQL how much there is (1 point). Raises TokenRequired without a token."""
        variables: dict[str, object] = {"owner": repo.owner, "name": repo.name}
        answer = self._graphql.ask(repo, load_document("repository_size"), variables)
        counted = answer.read(_SizedRepository)
        if counted is None:
            raise AnswerUnusable(f"GraphQL gives no size of {repo} ({answer.reason}); try again later")
        sizes = counted.repository
        return RepositorySize(sizes.issues.total_count, sizes.pull_requests.total_count)

    def newest_number(self, repo: Repo) -> int:
        """The number of the newest issue or pull request, 0 where there is none (1 request)."""
        found = self.newest_records(repo, ISSUE_LIST, 1)
        return max((record.number for record in found), default=0)

    def newest_records(
        self, repo: Repo, source: RestList, count: int, *, is_changed: bool = False
    ) -> list[NewestRecord]:
        """What stands last in a walk of a list, the last one first, 100 at most (1 request).

        `is_changed`: in a walk of what was updated since a moment; else in one of the whole list. Fewer where
        GitHub does not give as many at once.
        """
        url = self._address(repo, source.path, **source.newest(is_changed=is_changed), per_page=count)
        reply = expect_found(Asking(self._transport, repo, url).reply(url).reply, repo)
        found = [decode(record, _RecordFields, reply.url) for record in split(reply)]
        return [record.newest(is_changed) for record in found]

    def list_length(self, repo: Repo, source: RestList) -> int:
        """How many records a list has, by the last of its pages of one record (1 request)."""
        url = self._address(repo, source.path, per_page=1)
        return length_told(expect_found(Asking(self._transport, repo, url).reply(url).reply, repo))

    def repository_lifecycles(self, repo: Repo, *, after: str | None = None) -> Iterator[LifecycleBatch]:
        """Walk the lifecycle of every issue, oldest first, about 1 point for 100; needs a token.

        `after` goes on at a stored `end_cursor` (CursorRefused when GitHub no longer takes it).
        """
        return Lifecycles(self._graphql, repo).walk(after)

    def lifecycles(self, repo: Repo, node_ids: Sequence[str]) -> Iterator[LifecycleBatch]:
        """Ask for the lifecycle of given issues, about 1 point for 100; needs a token.

        An issue that was transferred away is returned with the repository it is in now.
        """
        return self.asker(repo)(node_ids)

    def asker(
        self, repo: Repo, *, with_conversations: bool = False
    ) -> Callable[[Sequence[str]], Iterator[LifecycleBatch]]:
        """What asks for one lot of threads after the other, as `lifecycles` or `conversations` does.

        It goes by what the lot before has taught it, and may ask for one lot at a time.
        """
        question = CONVERSATION if with_conversations else LIFECYCLE
        return Lifecycles(self._graphql, repo, question).by_ids

    def conversations(
        self, repo: Repo, node_ids: Sequence[str], since: Mapping[str, datetime] | None = None
    ) -> Iterator[LifecycleBatch]:
        """Ask what was said and done on given issues and pull requests, 3 points for 100; needs a token.

        Threads of over 100 entries cost 1 point more for each further 100. `since`: the moment of each from
        which on its entries are told, beside the count of its comments; 5 points for 100.
        """
        return Lifecycles(self._graphql, repo, CONVERSATION).by_ids(node_ids, since)

    def departures(
        self, repo: Repo, repository_id: int, missing: Sequence[MissingIssue]
    ) -> Iterator[Departure]:
        """Ask where issues went that a complete walk no longer met; one answer each.

        With a token 1 point for 100 and 1 request for each that this leaves open; without one 1 to 2
        requests each.
        """
        lifecycles = Lifecycles(self._graphql, repo)
        issues_url = self._address(repo, "/issues")
        return Departures(self._transport, lifecycles, repo, repository_id, issues_url).probe(missing)

    def is_gone(self, repo: Repo, listing: RestList, record_id: int) -> tuple[bool, datetime]:
        """Ask whether a record of a list is no longer there, and GitHub's time of the answer; 1 request."""
        reply = self._transport.get(self._address(repo, f"{listing.path}/{record_id}"), repo)
        return reply.status in (404, 410), reply.date

    def _address(self, repo: Repo, path: str, **query: str | int) -> str:
        base = f"{self._api_url}/repos/{repo.owner}/{repo.name}{path}"
        return str(httpx.URL(base, params=query)) if query else base


def length_told(reply: Reply) -> int:
    """How many records a list has, by the first of its pages of one record."""
    return page_number(reply.last_url) or 1 if reply.last_url else len(split(reply))
