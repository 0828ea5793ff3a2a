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
from functools import partial
from typing import Literal

import httpx

from gitpulse_assets.github.credentials import KNOWN_BODY, Credential, CredentialSource
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    BadToken,
    Forbidden,
    GitHubError,
    LimitReached,
    NetworkDown,
    Smaller,
    Unreachable,
    one_line,
)
from gitpulse_assets.github.github_app import GitHubApp
from gitpulse_assets.github.limits import Limit, limit_in
from gitpulse_assets.github.pace import MOST_A_MINUTE, RequestPace
from gitpulse_assets.github.refusals import forbidden_words, is_about, refusal_rank, said
from gitpulse_assets.github.reply import Reply, read_reply
from gitpulse_assets.github.spending import Meter, rest_cost
from gitpulse_assets.github.target import Owner, Target
from gitpulse_assets.github.tokens import Token, Tokens
from gitpulse_assets.processes.stopping import pause, stop_if_wished

logger = logging.getLogger(__name__)

# Six tries over about 20 seconds outlast a dropped connection or a deployment, not an outage.
ATTEMPTS = 6
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
REDIRECTS = (301, 302, 307, 308)
MAX_REDIRECTS = 5
PASSED_ON = (200, 304, 404, 410, 422, *REDIRECTS)
NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
# How often a question is sent that fails: as often as ever, all but one that was too large, or once. What can
# be asked in a smaller way need not be asked again.
Tries = Literal["all", "unless overload", "one"]
# What an App asks for itself is about no repository.
NOBODY = Owner("")


@dataclass(frozen=True)
class Wait:
    """A limit that is being waited out; `resumes_at` is UTC on GitHub's clock."""

    host: str
    seconds: float
    resumes_at: datetime


@dataclass
class Patience:
    """What one request has waited for limits: as asked or as it took, whichever is longer."""

    began: float
    asked_seconds: float = 0.0
    refusal_count: int = 0

    def seconds_with(self, limit: Limit, now: float) -> float:
        """Count a further wait; all of them together."""
        self.asked_seconds += limit.wait_seconds
        return max(self.asked_seconds, now - self.began + limit.wait_seconds)


class Transport:
    """Sends requests for repositories, each with a token that may read it."""

    def __init__(
        self,
        http: httpx.Client,
        tokens: Tokens,
        patience_seconds: float,
        on_wait: Callable[[Wait], None] | None = None,
        sleep: Callable[[float], None] = pause,
        attempts: int = ATTEMPTS,
        was_reached: bool = False,
        clock: Callable[[], float] = time.monotonic,
        make_pace: Callable[[str, str], RequestPace] | None = None,
    ):
        self._http = http
        self._tokens = tokens
        self._patience_seconds = patience_seconds
        self._on_wait = on_wait
        self._sleep = sleep
        self._attempts = attempts
        self._was_reached = was_reached
        self._clock = clock
        self._make_pace = make_pace or (lambda whose, api: RequestPace(self._clock))
        self._paces: dict[tuple[str, str], RequestPace] = {}
        self._told: set[str] = set()
        # Whether a secondary limit refused anything: how near one is, no answer tells.
        self.was_too_much = False
        self.rest_meter = Meter()
        self.graphql_meter = Meter()
        self._app_meter = Meter()

    def has_token(self, target: Target) -> bool:
        """Whether requests for this repository carry a token."""
        return bool(self._tokens.in_turn(target))

    def has_renewed_token(self, target: Target) -> bool:
        """Whether the repository's token is an App's, made anew every hour: ETags end with it."""
        return isinstance(self._tokens.first(target), GitHubApp)

    def token_name(self, target: Target) -> str:
        """The name by which budgets and messages tell the repository's token from others; never the token."""
        source = self._tokens.first(target)
        return source.name if source else "no token"

    def token_mark(self, target: Target) -> str:
        """Tells whoever asks about a target from others, also in another process; empty without a token."""
        source = self._tokens.first(target)
        return source.mark if isinstance(source, Token) else source.name if source else ""

    def mask(self, text: str) -> str:
        """Words that came from outside, without any token they may repeat."""
        return self._tokens.mask(text)

    def get(
        self,
        url: str,
        target: Target,
        *,
        etag: str | None = None,
        known_body: bytes | None = None,
        follow: bool = True,
        is_free: bool = False,
        tries: Tries = "all",
    ) -> Reply:
        """GET with the REST budget; redirects within the origin are followed and reported.

        `known_body` is what the `etag` stands for: with it the question outlives a change of tokens.
        `is_free`: GitHub answers this also when nothing is left of the budget.
        """
        headers = {"If-None-Match": etag} if etag else {}
        extensions = {KNOWN_BODY: known_body} if etag and known_body else {}
        request = self._http.build_request("GET", url, headers=headers, extensions=extensions)
        send = partial(self._send, target=target, meter=self.rest_meter, is_free=is_free, tries=tries)
        return self._followed(request, send) if follow else send(request)

    def post(self, url: str, target: Target, body: bytes, *, tries: Tries = "all") -> Reply:
        """POST JSON with the GraphQL budget."""
        headers = {"Content-Type": "application/json"}
        request = self._http.build_request("POST", url, headers=headers, content=body)
        return self._send(request, target, self.graphql_meter, tries=tries)

    def _ask(self, method: str, url: str, source: CredentialSource) -> Reply:
        """What an App asks for itself, which no repository's budget pays for."""
        request = self._http.build_request(method, url)
        send = partial(self._answer, source=source, target=NOBODY, meter=self._app_meter)
        return self._followed(request, send)

    def _followed(self, request: httpx.Request, send: Callable[[httpx.Request], Reply]) -> Reply:
        """The answer at the end of all redirects, with the address they led to."""
        url, reply = request.url, send(request)
        for _ in range(MAX_REDIRECTS):
            if reply.status not in REDIRECTS:
                return reply
            target = reply.location
            logger.info("%s moved to %s", url, target)
            onward = httpx.Request(
                request.method, target, headers=request.headers, extensions=request.extensions
            )
            reply = replace(send(onward), moved_to=target)
        raise AnswerUnusable(f"{url} redirects more than {MAX_REDIRECTS} times; check GITHUB_API_URL")

    def _send(
        self,
        request: httpx.Request,
        target: Target,
        meter: Meter,
        *,
        is_free: bool = False,
        tries: Tries = "all",
    ) -> Reply:
        """The first answer that is no refusal; where every token is refused, the refusal that says most.

        A 404 or 403 with one token is no answer while another was not tried.
        """
        asked = partial(self._answer, target=target, meter=meter, is_free=is_free, tries=tries)
        refusals: list[Reply | GitHubError] = []
        for source in self._tokens.in_turn(target) or (None,):
            try:
                outcome = self._checked(asked(request, source), source)
            except (BadToken, Forbidden) as error:
                outcome = error
            if isinstance(outcome, Reply) and not refusal_rank(outcome, is_first=not refusals):
                if source and is_about(request, target):
                    self._tokens.serves(target, source, after_refusal=bool(refusals))
                return outcome
            refusals.append(outcome)
            if source:
                source.refused(target)
                self._tell_refused(outcome, source)
        return said(max(refusals, key=refusal_rank))

    def _tell_refused(self, outcome: Reply | GitHubError, source: Token | GitHubApp) -> None:
        """Say once that one of several tokens is none, since the others hide it."""
        if isinstance(outcome, BadToken) and len(self._tokens) > 1:
            self._tell(source.name, f"{outcome}; the other tokens are asked instead")

    def _tell(self, what: str, words: str) -> None:
        if what not in self._told:
            self._told.add(what)
            logger.warning("%s", words)

    def _answer(
        self,
        request: httpx.Request,
        source: CredentialSource | None,
        target: Target,
        meter: Meter,
        *,
        is_free: bool = False,
        tries: Tries = "all",
    ) -> Reply:
        """One token's answer, all limits waited out."""
        patience, again_count = Patience(self._clock()), 0
        while True:
            # Anew each time: a wait may outlast what the request was signed with.
            credential = source.credential(target, self._ask) if source else None
            pace = self._pace(source, credential, meter)
            send = partial(self._with_retries, request, credential, meter, tries, pace)
            reply = self._in_turn(pace, send, is_free=is_free)
            if isinstance(reply, Limit):
                self._wait(reply, patience, request.url.host, source)
                pace.reopen(reply)
                continue
            limit = limit_in(reply.status, reply.headers, reply.content, reply.date, patience.refusal_count)
            self._count(reply, meter, has_token=source is not None, is_limit=limit is not None)
            if limit is not None:
                self.was_too_much |= reply.headers.get("x-ratelimit-remaining") != "0"
                patience.refusal_count += 1
                pace.close(limit)
                self._wait(limit, patience, request.url.host, source)
                pace.reopen(limit)
                continue
            again_seconds = self._again_seconds(reply, source, credential, again_count)
            if again_seconds is None:
                return reply
            again_count += 1
            if again_seconds:
                self._sleep(again_seconds)

    def _again_seconds(
        self, reply: Reply, source: CredentialSource | None, credential: Credential | None, try_count: int
    ) -> float | None:
        """How soon the same question may be answered otherwise; None for the answer that counts."""
        return source.again_after(reply, credential, try_count) if source and credential else None

    def _pace(
        self, source: CredentialSource | None, credential: Credential | None, meter: Meter
    ) -> RequestPace:
        account = credential.account if credential else ""
        api = "graphql" if meter is self.graphql_meter else "rest"
        if (account, api) not in self._paces:
            # Another process may have the same token under another name.
            whose = source.mark if isinstance(source, Token) else account
            # Who has no token is counted by the address, which other processes need not have.
            pace = self._make_pace(whose, api) if credential else RequestPace(self._clock)
            # Of two threads that come here first, both go by one of them.
            self._paces.setdefault((account, api), pace)
        return self._paces[account, api]

    def _in_turn(self, pace: RequestPace, send: Callable[[], Reply], *, is_free: bool) -> Reply | Limit:
        """The answer, asked for when its turn comes; or the limit that has to end first."""
        try:
            place = pace.take()
            if isinstance(place, Limit):
                if not is_free:
                    return place
            elif place:
                self._sleep(place)
            reply = send()
            pace.answered(reply.headers, reply.date)
            return reply
        finally:
            pace.ended()

    def _count(self, reply: Reply, meter: Meter, *, has_token: bool, is_limit: bool) -> None:
        # What a GraphQL query cost stands in its answer, which is not read here.
        cost = rest_cost(reply.status, has_token, is_limit) if meter is self.rest_meter else 0
        meter.answered(reply.headers, cost)
        if reply.status == 200 and meter is self.rest_meter and "x-ratelimit-limit" not in reply.headers:
            host = httpx.URL(reply.url).host
            self._tell(
                host, f"{host} announces no rate limit; at most {MOST_A_MINUTE} requests a minute are sent"
            )

    def _with_retries(
        self,
        request: httpx.Request,
        credential: Credential | None,
        meter: Meter,
        tries: Tries,
        pace: RequestPace,
    ) -> Reply:
        for attempt in range(1, 1 if tries == "one" else self._attempts):
            try:
                return self._attempt(request, credential, meter)
            except (NetworkDown, AnswerUnusable) as error:
                if isinstance(error, Unreachable) or (error.is_overload and tries == "unless overload"):
                    raise
                seconds = back_off_seconds(attempt)
                logger.warning("%s: attempt %d of %d in %.1f s", error, attempt + 1, self._attempts, seconds)
            self._sleep(seconds)
            pace.renew()
        return self._attempt(request, credential, meter)

    def _attempt(self, request: httpx.Request, credential: Credential | None, meter: Meter) -> Reply:
        stop_if_wished()
        meter.sent()
        response, failure = None, None
        if credential is not None:
            credential.sign(request)
        try:
            response = self._http.send(request)
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
            return AnswerUnusable(
                f"{url.host} cut its answer short or garbled it ({cause}); try again later", "at last"
            )
        kind = "timed out" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        is_for_good = is_nobody_there(error) and not self._was_reached
        return (Unreachable if is_for_good else NetworkDown)(
            f"{url.host} {kind} ({cause}); check the network and GITHUB_API_URL, HTTPS_PROXY where there is "
            "a proxy, SSL_CERT_FILE where there is a private CA",
            _smaller(error),
        )

    def _checked(self, reply: Reply, source: CredentialSource | None) -> Reply:
        if reply.status in PASSED_ON:
            return reply
        host, words = httpx.URL(reply.url).host, reply.message
        if reply.status == 401:
            who = f"does not accept {source.name}" if source else "wants a token"
            raise BadToken(f"{host} {who} (401: {words}); set GITHUB_TOKEN to a valid token")
        if reply.status in (403, 451):
            told = self.mask(forbidden_words(reply))
            raise Forbidden(f"{host} forbids {reply.url} ({reply.status}: {told}")
        raise AnswerUnusable(f"{reply.url} answered {reply.status} ({words}); check GITHUB_API_URL")

    def _wait(self, limit: Limit, patience: Patience, host: str, source: CredentialSource | None) -> None:
        until = limit.resumes_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        if patience.seconds_with(limit, self._clock()) > self._patience_seconds:
            who = source.name if source else "requests without a token"
            advice = "go on then" if source else "go on then, or set GITHUB_TOKEN for 5,000 requests an hour"
            raise LimitReached(f"{host} limits {who} until {until}; {advice}", limit.resumes_at)
        logger.warning("%s limits requests; waiting %.0f s, until %s", host, limit.wait_seconds, until)
        if self._on_wait is not None:
            self._on_wait(Wait(host, limit.wait_seconds, limit.resumes_at))
        self._sleep(limit.wait_seconds)


def _smaller(error: httpx.HTTPError) -> Smaller:
    """Whether the size may be why a connection ended that had come about."""
    if isinstance(error, httpx.ReadTimeout):
        return "at once"
    return "at last" if isinstance(error, httpx.ReadError | httpx.WriteError) else "no help"


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
