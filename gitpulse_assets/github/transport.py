"""The one place that sends a request: headers, time-outs, retries, limits, redirects, counting.

It hands back answers a caller can act on (200, 304, 404, 410, 422, and 3xx when asked not to follow) and
raises for all others. What an answer means for a repository, a list or a query is decided by the callers.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from gitpulse_assets.github.errors import (
    AnswerUnusable,
    BadToken,
    Forbidden,
    LimitReached,
    NetworkDown,
    one_line,
)
from gitpulse_assets.github.limits import Limit, limit_in
from gitpulse_assets.github.links import next_link, same_origin
from gitpulse_assets.github.spending import Meter, rest_cost
from gitpulse_assets.github.tokens import TokenAuth, Tokens
from gitpulse_assets.repo import Repo

logger = logging.getLogger(__name__)

HEADERS = {
    "Accept": "application/vnd.github+json",
    "User-Agent": "gitpulse-assets",
    # 2026-03-10 exists and drops fields.
    "X-GitHub-Api-Version": "2022-11-28",
}
# Six tries over about 20 seconds outlast a dropped connection or a deployment, not an outage.
ATTEMPTS = 6
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
REDIRECTS = (301, 302, 307, 308)
MAX_REDIRECTS = 5
PASSED_ON = (200, 304, 404, 410, 422, *REDIRECTS)
# A smaller query may pass where these came; others of the 5xx say nothing about the size.
OVERLOAD = (502, 504)


@dataclass(frozen=True)
class Wait:
    """A limit that is being waited out; `resumes_at` is UTC on GitHub's clock."""

    host: str
    seconds: float
    resumes_at: datetime


@dataclass(frozen=True)
class Reply:
    """One complete answer. `date` is the server's clock; `moved_to` the address a redirect led to."""

    status: int
    url: str
    date: datetime
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    moved_to: str | None = None

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")

    @property
    def next_url(self) -> str | None:
        """The target of `rel="next"`, held to this address's origin."""
        target = next_link(self.headers.get("link", ""))
        return None if target is None else same_origin(self.url, target)

    @property
    def location(self) -> str:
        """Where a redirect points, held to this address's origin."""
        target = self.headers.get("location")
        if not target:
            raise AnswerUnusable(
                f"{self.url} answered {self.status} without saying where it moved; try again later"
            )
        return same_origin(self.url, target)

    @property
    def message(self) -> str:
        """GitHub's own words about a refusal, on one line, or the status phrase."""
        try:
            words = msgspec.json.decode(self.content, type=dict[str, object]).get("message")
        except msgspec.DecodeError:
            words = None
        return one_line(words) if isinstance(words, str) else httpx.codes.get_reason_phrase(self.status)


class Transport:
    """Sends requests for repositories, each with the repository's own token."""

    def __init__(
        self,
        http: httpx.Client,
        tokens: Tokens,
        patience_seconds: float,
        on_wait: Callable[[Wait], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._http = http
        self._tokens = tokens
        self._patience_seconds = patience_seconds
        self._on_wait = on_wait
        self._sleep = sleep
        self.rest_meter = Meter()
        self.graphql_meter = Meter()

    def has_token(self, repo: Repo) -> bool:
        return self._tokens.auth_for(repo) is not None

    def get(self, url: str, repo: Repo, *, etag: str | None = None, follow: bool = True) -> Reply:
        """GET with the REST budget; redirects within the origin are followed and reported."""
        headers = {"If-None-Match": etag} if etag else {}
        reply = self._send(self._http.build_request("GET", url, headers=headers), repo, self.rest_meter)
        for _ in range(MAX_REDIRECTS):
            if reply.status not in REDIRECTS or not follow:
                return reply
            target = reply.location
            logger.info("%s moved to %s", url, target)
            reply = self._send(
                self._http.build_request("GET", target, headers=headers), repo, self.rest_meter
            )
            reply = replace(reply, moved_to=target)
        raise AnswerUnusable(f"{url} redirects more than {MAX_REDIRECTS} times; check GITHUB_API_URL")

    def post(self, url: str, repo: Repo, body: bytes, *, retry_overload: bool = True) -> Reply:
        """POST JSON with the GraphQL budget.

        Without `retry_overload` a 502, 504 or read time-out is raised at once, for a smaller question.
        """
        headers = {"Content-Type": "application/json"}
        request = self._http.build_request("POST", url, headers=headers, content=body)
        return self._send(request, repo, self.graphql_meter, retry_overload)

    def _send(self, request: httpx.Request, repo: Repo, meter: Meter, retry_overload: bool = True) -> Reply:
        auth = self._tokens.auth_for(repo)
        waited_seconds, wait_count = 0.0, 0
        while True:
            reply = self._with_retries(request, auth, meter, retry_overload)
            limit = limit_in(reply.status, reply.headers, reply.content, reply.date, wait_count)
            # What a GraphQL query cost stands in its answer, which is not read here.
            is_rest = meter is self.rest_meter
            cost = rest_cost(reply.status, auth is not None, limit is not None) if is_rest else 0
            meter.answered(reply.headers, cost)
            if limit is None:
                return self._checked(reply, auth)
            waited_seconds += limit.wait_seconds
            wait_count += 1
            self._wait(limit, waited_seconds, request.url.host, auth)

    def _with_retries(
        self, request: httpx.Request, auth: TokenAuth | None, meter: Meter, retry_overload: bool
    ) -> Reply:
        for attempt in range(1, ATTEMPTS):
            try:
                return self._attempt(request, auth, meter)
            except (NetworkDown, AnswerUnusable) as error:
                if error.is_overload and not retry_overload:
                    raise
                seconds = back_off_seconds(attempt)
                logger.warning("%s: attempt %d of %d in %.1f s", error, attempt + 1, ATTEMPTS, seconds)
            self._sleep(seconds)
        return self._attempt(request, auth, meter)

    def _attempt(self, request: httpx.Request, auth: TokenAuth | None, meter: Meter) -> Reply:
        meter.sent()
        response, failure = None, None
        try:
            response = self._http.send(request, auth=auth)
        except httpx.HTTPError as error:
            failure = self._failure(error, request.url)
        if response is None:
            # Raised here, outside the handler, so that the request with its headers is not in the chain.
            raise failure or NetworkDown("no answer")
        return _complete(response)

    def _failure(self, error: httpx.HTTPError, url: httpx.URL) -> NetworkDown | AnswerUnusable:
        cause = one_line(self._tokens.mask(str(error))) or "no detail"
        if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
            return AnswerUnusable(f"{url.host} cut its answer short or garbled it ({cause}); try again later")
        kind = "timed out" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        return NetworkDown(
            f"{url.host} {kind} ({cause}); check the network, a proxy and GITHUB_API_URL",
            is_overload=isinstance(error, httpx.ReadTimeout),
        )

    def _checked(self, reply: Reply, auth: TokenAuth | None) -> Reply:
        host, words = httpx.URL(reply.url).host, self._tokens.mask(reply.message)
        if reply.status == 401:
            who = f"does not accept {auth.name}" if auth else "wants a token"
            raise BadToken(f"{host} {who} (401: {words}); set GITHUB_TOKEN to a valid token")
        if reply.status in (403, 451):
            raise Forbidden(
                f"{host} forbids {reply.url} ({reply.status}: {words}); check what the token may read"
            )
        if reply.status not in PASSED_ON:
            raise AnswerUnusable(f"{reply.url} answered {reply.status} ({words}); check GITHUB_API_URL")
        return reply

    def _wait(self, limit: Limit, waited_seconds: float, host: str, auth: TokenAuth | None) -> None:
        until = limit.resumes_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        if waited_seconds > self._patience_seconds:
            who = auth.name if auth else "requests without a token"
            advice = "go on then" if auth else "go on then, or set GITHUB_TOKEN for 5,000 requests an hour"
            raise LimitReached(f"{host} limits {who} until {until}; {advice}", limit.resumes_at)
        logger.warning("%s limits requests; waiting %.0f s, until %s", host, limit.wait_seconds, until)
        if self._on_wait is not None:
            self._on_wait(Wait(host, limit.wait_seconds, limit.resumes_at))
        self._sleep(limit.wait_seconds)


def back_off_seconds(attempt: int) -> float:
    """The pause after a failed attempt (1..): doubling, with a jitter that keeps several runs apart."""
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (attempt - 1))
    return longest * random.uniform(0.75, 1.25)


def _complete(response: httpx.Response) -> Reply:
    """Turn a response into a Reply, or raise AnswerUnusable where asking again may help."""
    url, status = str(response.url), response.status_code
    if status >= 500:
        raise AnswerUnusable(f"{url} answered {status}; try again later", is_overload=status in OVERLOAD)
    if status == 200 and not _is_json(response.content):
        raise AnswerUnusable(
            f"{url} answered with something that is no JSON; check for a proxy or a log-in page in between"
        )
    return Reply(status, url, _date(response), response.headers, response.content)


def _is_json(content: bytes) -> bool:
    try:
        content.decode()
        msgspec.json.decode(content, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _date(response: httpx.Response) -> datetime:
    """The server's clock; times of records and of waits are never taken from ours."""
    try:
        date = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        date = None
    if date is None:
        raise AnswerUnusable(f"{response.url} answered without a Date header; check for a proxy in between")
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
