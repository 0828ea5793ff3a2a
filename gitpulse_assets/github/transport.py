"""The one place that sends a request: headers, time-outs, retries, limits, redirects, counting.

It hands back answers a caller can act on (200, 304, 404, 410, 422, and 3xx when asked not to follow) and
raises for all others. What an answer means for a repository, a list or a query is decided by the callers.
"""

import errno
import logging
import random
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import httpx

from gitpulse_assets.github.app import KNOWN_BODY, AppAuth
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    BadToken,
    Forbidden,
    LimitReached,
    NetworkDown,
    Unreachable,
    one_line,
)
from gitpulse_assets.github.limits import Limit, limit_in
from gitpulse_assets.github.reply import Reply, read_reply
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
NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)


@dataclass(frozen=True)
class Wait:
    """A limit that is being waited out; `resumes_at` is UTC on GitHub's clock."""

    host: str
    seconds: float
    resumes_at: datetime


class Transport:
    """Sends requests for repositories, each with the repository's own token."""

    def __init__(
        self,
        http: httpx.Client,
        tokens: Tokens,
        patience_seconds: float,
        on_wait: Callable[[Wait], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
        was_reached: bool = False,
    ):
        self._http = http
        self._tokens = tokens
        self._patience_seconds = patience_seconds
        self._on_wait = on_wait
        self._sleep = sleep
        self._attempts = attempts
        self._was_reached = was_reached
        self.rest_meter = Meter()
        self.graphql_meter = Meter()

    def has_token(self, repo: Repo) -> bool:
        """Whether requests for this repository carry a token."""
        return self._tokens.auth_for(repo) is not None

    def has_renewed_token(self, repo: Repo) -> bool:
        """Whether the repository's token is an App's, made anew every hour: ETags end with it."""
        return isinstance(self._tokens.auth_for(repo), AppAuth)

    def token_name(self, repo: Repo) -> str:
        """The name by which budgets and messages tell the repository's token from others; never the token."""
        auth = self._tokens.auth_for(repo)
        return auth.name if auth else "no token"

    def mask(self, text: str) -> str:
        """Words that came from outside, without any token they may repeat."""
        return self._tokens.mask(text)

    def get(
        self,
        url: str,
        repo: Repo,
        *,
        etag: str | None = None,
        known_body: bytes | None = None,
        follow: bool = True,
    ) -> Reply:
        """GET with the REST budget; redirects within the origin are followed and reported.

        `known_body` is what the `etag` stands for: with it the question outlives a change of tokens.
        """
        headers = {"If-None-Match": etag} if etag else {}
        extensions = {KNOWN_BODY: known_body} if etag and known_body else {}
        request = self._http.build_request("GET", url, headers=headers, extensions=extensions)
        reply = self._send(request, repo, self.rest_meter)
        for _ in range(MAX_REDIRECTS):
            if reply.status not in REDIRECTS or not follow:
                return reply
            target = reply.location
            logger.info("%s moved to %s", url, target)
            request = self._http.build_request("GET", target, headers=headers, extensions=extensions)
            reply = self._send(request, repo, self.rest_meter)
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
        self, request: httpx.Request, auth: TokenAuth | AppAuth | None, meter: Meter, retry_overload: bool
    ) -> Reply:
        for attempt in range(1, self._attempts):
            try:
                return self._attempt(request, auth, meter)
            except (NetworkDown, AnswerUnusable) as error:
                if isinstance(error, Unreachable) or (error.is_overload and not retry_overload):
                    raise
                seconds = back_off_seconds(attempt)
                logger.warning("%s: attempt %d of %d in %.1f s", error, attempt + 1, self._attempts, seconds)
            self._sleep(seconds)
        return self._attempt(request, auth, meter)

    def _attempt(self, request: httpx.Request, auth: TokenAuth | AppAuth | None, meter: Meter) -> Reply:
        meter.sent()
        response, failure = None, None
        try:
            response = self._http.send(request, auth=auth)
        except httpx.HTTPError as error:
            failure = self._failure(error, request.url)
        if response is None:
            # Raised here, outside the handler, so that the request with its headers is not in the chain.
            raise failure or NetworkDown("no answer")
        self._was_reached = True
        reply = read_reply(response)
        return replace(reply, message=self.mask(reply.message))

    def _failure(self, error: httpx.HTTPError, url: httpx.URL) -> NetworkDown | AnswerUnusable:
        cause = one_line(self.mask(str(error))) or "no detail"
        if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
            return AnswerUnusable(f"{url.host} cut its answer short or garbled it ({cause}); try again later")
        kind = "timed out" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        is_for_good = is_nobody_there(error) and not self._was_reached
        return (Unreachable if is_for_good else NetworkDown)(
            f"{url.host} {kind} ({cause}); check the network and GITHUB_API_URL, HTTPS_PROXY where there is "
            "a proxy, SSL_CERT_FILE where there is a private CA",
            is_overload=isinstance(error, httpx.ReadTimeout),
        )

    def _checked(self, reply: Reply, auth: TokenAuth | AppAuth | None) -> Reply:
        if reply.status in PASSED_ON:
            return reply
        host, words = httpx.URL(reply.url).host, reply.message
        if reply.status == 401:
            who = f"does not accept {auth.name}" if auth else "wants a token"
            raise BadToken(f"{host} {who} (401: {words}); set GITHUB_TOKEN to a valid token")
        if reply.status in (403, 451):
            raise Forbidden(
                f"{host} forbids {reply.url} ({reply.status}: {words}); check what the token may read"
            )
        raise AnswerUnusable(f"{reply.url} answered {reply.status} ({words}); check GITHUB_API_URL")

    def _wait(self, limit: Limit, waited_seconds: float, host: str, auth: TokenAuth | AppAuth | None) -> None:
        until = limit.resumes_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        if waited_seconds > self._patience_seconds:
            who = auth.name if auth else "requests without a token"
            advice = "go on then" if auth else "go on then, or set GITHUB_TOKEN for 5,000 requests an hour"
            raise LimitReached(f"{host} limits {who} until {until}; {advice}", limit.resumes_at)
        logger.warning("%s limits requests; waiting %.0f s, until %s", host, limit.wait_seconds, until)
        if self._on_wait is not None:
            self._on_wait(Wait(host, limit.wait_seconds, limit.resumes_at))
        self._sleep(limit.wait_seconds)


def is_nobody_there(error: httpx.HTTPError) -> bool:
    """Whether no connection came about for a reason that seldom passes by itself; a reset one is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    known = (socket.gaierror, ConnectionRefusedError, ssl.SSLCertVerificationError)
    return isinstance(cause, known) or (cause is not None and cause.errno in NO_WAY)


def back_off_seconds(attempt: int) -> float:
    """The pause after a failed attempt (1..): doubling, with a jitter that keeps several runs apart."""
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (attempt - 1))
    return longest * random.uniform(0.75, 1.25)
