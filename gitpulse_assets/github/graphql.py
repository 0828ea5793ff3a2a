"""Asking GitHub's GraphQL API: documents, answers with errors in them, and batches that shrink.

What the documents ask for is in documents/*.graphql; what is made of the answers is in lifecycle.py and
departures.py.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import resources
from typing import TypeVar

import httpx
import msgspec

from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.dialect import Dialect
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    CursorRefused,
    Forbidden,
    RepositoryNotFound,
    TokenRequired,
    Unanswered,
    one_line,
)
from gitpulse_assets.github.refusals import forbids, sso_address
from gitpulse_assets.github.transport import Transport, Tries
from gitpulse_assets.repo import Repo

T = TypeVar("T")

MOST_NODES = 100
# Errors that answer the question: the null at their path is all there is to know. Any other means that
# GitHub left something out which a smaller question may bring.
SETTLED = ("NOT_FOUND", "FORBIDDEN")
# How graphql-ruby, which GitHub runs, names what a server's schema lacks. Of a value that a variable's type
# lacks it tells `problems`.
SCHEMA_CODES = ("undefinedField", "undefinedType", "argumentNotAccepted")
# Older ones than that say it in words alone.
SCHEMA_WORDS = re.compile(
    r"Field '\w+' doesn't (exist on type|accept argument) |No such type \w+, so it can't be "
    r"|Variable \$\w+ of type \S+ was provided invalid value"
    r"|Argument '\w+' on Field '\w+' has an invalid value"
)
# After so many batches that passed, a size that had to be halved is tried doubled.
PASSES_BEFORE_GROWING = 5


class Problem(msgspec.Struct):
    """One entry of an answer's `errors`; `path` leads to the null it explains, if it is told."""

    words: str | None = msgspec.field(name="message", default=None)
    type: str | None = None
    path: list[str | int] | None = None
    extensions: dict[str, object] | None = None

    @property
    def message(self) -> str:
        """What GitHub says of it; empty where that is nothing."""
        return self.words or ""

    @property
    def place(self) -> tuple[str | int, ...]:
        """The path; empty where GitHub names none, which is an error of the whole."""
        return tuple(self.path or ())

    @property
    def is_of_schema(self) -> bool:
        """Whether the server does not know what the document asks for; none of it was executed."""
        extensions = self.extensions or {}
        is_coded = extensions.get("code") in SCHEMA_CODES or "problems" in extensions
        return is_coded or (self.type is None and SCHEMA_WORDS.match(self.message) is not None)


class _Cost(msgspec.Struct):
    cost: int = 1


class _Spent(msgspec.Struct, rename="camel"):
    rate_limit: _Cost | None = None


class _Envelope(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Problem] | None = None


@dataclass(frozen=True)
class GraphQLAnswer:
    """One answer. `is_partial`: GitHub left something out, for want of resources or time.

    `sso_address`: where the token is authorised for single sign-on, if that is missing. `left_out`: names of
    what the server is too old to tell.
    """

    url: str
    date: datetime
    data: bytes = field(repr=False)
    problems: list[Problem]
    sso_address: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether something is missing that another, smaller question may still get."""
        return self.data == b"null" or any(problem.type not in SETTLED for problem in self.problems)

    def problem_at(self, *place: str | int) -> Problem | None:
        """The error that explains the null at a path, where there is one."""
        return next((problem for problem in self.problems if problem.place == place), None)

    @property
    def absences(self) -> dict[tuple[str | int, ...], str]:
        """Why there is a null at a path: not_found or forbidden."""
        settled = [problem for problem in self.problems if problem.type in SETTLED]
        return {problem.place: str(problem.type).lower() for problem in settled}

    @property
    def reason(self) -> str:
        """GitHub's words about what is missing, on one line."""
        return one_line("; ".join(problem.message for problem in self.problems) or "no reason given")

    def read(self, kind: type[T]) -> T | None:
        """The data as `kind`, or None where there is none.

        Raises AnswerUnusable for data of another form.
        """
        return None if self.data == b"null" else decode(self.data, kind, self.url)


class BatchSize:
    """How many issues to ask for at once: halved when GitHub is overloaded, regrown when it recovered.

    At the size that passed last a question is sent as often as ever, unless it was too large; then once at
    each smaller one.
    """

    def __init__(self, most: int = MOST_NODES):
        self._most = most
        self._passes = 0
        self._had = most
        self._is_worn = False
        self.value = most

    @property
    def is_smallest(self) -> bool:
        """Whether the batch cannot shrink any further."""
        return self.value == 1

    @property
    def tries(self) -> Tries:
        """How often a question of this size is sent."""
        if self._is_worn or self.value > self._had:
            return "one"
        return "all" if self.is_smallest else "unless overload"

    def shrink(self, error: Unanswered | None = None) -> None:
        """Halve the batch: the last question was too large, or failed as often as it was sent."""
        self._is_worn |= error is not None and not error.is_overload and self.tries != "one"
        self.value = max(1, self.value // 2)
        self._passes = 0

    def revive(self) -> None:
        """Note that GitHub answers others: the next question is sent as often as ever."""
        self._is_worn = False

    def passed(self) -> None:
        """Note that a question was answered whole; after some of them the batch doubles."""
        self._had, self._is_worn = self.value, False
        self._passes += 1
        if self._passes >= PASSES_BEFORE_GROWING:
            self.value = min(self._most, self.value * 2)
            self._passes = 0


class GraphQL:
    """Sends documents for repositories."""

    def __init__(self, transport: Transport, url: str):
        self._transport = transport
        self._url = url
        self.host = httpx.URL(url).host
        self.dialect = Dialect(self.host)

    def ask(
        self, repo: Repo, document: str, variables: dict[str, object], *, tries: Tries = "all"
    ) -> GraphQLAnswer:
        """Send one query, without what the server turns out not to know and we can do without.

        Raises RepositoryNotFound, Forbidden, CursorRefused for errors of that kind and SchemaTooOld where the
        server lacks what is needed; others are left in the answer's problems.
        """
        if not self._transport.has_token(repo):
            raise TokenRequired(f"{self.host} answers GraphQL only with a token; set GITHUB_TOKEN")
        while True:
            known = self.dialect.left_out
            answer = self._send(repo, *self.dialect.spoken(document, variables), tries)
            unknown = [problem.message for problem in answer.problems if problem.is_of_schema]
            if not unknown:
                break
            self.dialect.leave_out(unknown, known)
        for problem in answer.problems:
            _raise_final(problem, repo, self.host, answer.sso_address)
        return replace(answer, left_out=self.dialect.lost)

    def ask_alive(self, repo: Repo) -> datetime:
        """GitHub's time by an answer to the least question; raises what keeps it from answering that."""
        answer = self.ask(repo, load_document("repository_alive"), {"owner": repo.owner, "name": repo.name})
        if answer.is_partial:
            raise AnswerUnusable(f"{self._url} answers nothing ({answer.reason}); try again later")
        return answer.date

    def _send(self, repo: Repo, document: str, variables: dict[str, object], tries: Tries) -> GraphQLAnswer:
        body = msgspec.json.encode({"query": document, "variables": variables})
        reply = self._transport.post(self._url, repo, body, tries=tries)
        if reply.status != 200:
            raise AnswerUnusable(
                f"{self._url} answered {reply.status} ({reply.message}); check GITHUB_GRAPHQL_URL"
            )
        envelope = decode(reply.content, _Envelope, self._url)
        problems = envelope.errors or []
        for problem in problems:
            problem.words = self._transport.mask(problem.message)
        answer = GraphQLAnswer(
            self._url, reply.date, bytes(envelope.data), problems, sso_address(reply.headers)
        )
        spent = answer.read(_Spent)
        self._transport.graphql_meter.used(spent.rate_limit.cost if spent and spent.rate_limit else 1)
        return answer

    def ask_shrinking(
        self, repo: Repo, size: BatchSize, asked: Callable[[int], tuple[str, dict[str, object]]]
    ) -> GraphQLAnswer:
        """Send a query for as many as `size` says, fewer and fewer while GitHub is overloaded.

        `asked`: the document and the variables for so many. The answer may be partial only when one was asked
        for.
        """
        while True:
            try:
                answer = self.ask(repo, *asked(size.value), tries=size.tries)
            except Unanswered as error:
                if size.is_smallest or not error.may_be_size:
                    raise
                size.shrink(error)
                continue
            if size.is_smallest or not answer.is_partial:
                size.passed()
                return answer
            size.shrink()


def _raise_final(problem: Problem, repo: Repo, host: str, sso: str | None) -> None:
    """Raise for what neither waiting nor a smaller batch can help."""
    words, path = one_line(problem.message), problem.place
    if problem.type == "NOT_FOUND" and path in ((), ("repository",)):
        raise RepositoryNotFound(
            f"{repo} is not found at {host}, or not visible to the token in use ({words}); check the name"
        )
    if forbids(problem.type, path):
        raise Forbidden(forbidden_words(problem, repo, host, sso))
    if problem.type == "INVALID_CURSOR_ARGUMENTS" or "valid cursor" in words:
        raise CursorRefused(f"{host} no longer takes the cursor for {repo} ({words}); start the walk again")


def forbidden_words(problem: Problem, repo: Repo, host: str, sso: str | None) -> str:
    """What the token may not have of a repository, and what there is to do about it."""
    words, path = one_line(problem.message), problem.place
    permission = f"give it the permission {_permission(path)}: read for it (a classic token: the scope repo)"
    advice = f"authorise the token for single sign-on at {sso}" if sso else permission
    what = ".".join(map(str, path)) or "this"
    return f"{host} forbids the token {what} of {repo} ({words}); {advice}"


def _permission(path: Sequence[str | int]) -> str:
    """The permission, by GitHub's name, that a query about what the path leads to needs."""
    if "pullRequests" in path:
        return "Pull requests"
    return "Metadata" if path == ("repository",) else "Issues"


def load_document(name: str, fragments: Sequence[str] = ()) -> str:
    """The text of documents/<name>.graphql with the fragments it uses."""
    folder = resources.files("gitpulse_assets.github") / "documents"
    texts = [(folder / f"{part}.graphql").read_text(encoding="utf-8") for part in (name, *fragments)]
    return "\n".join(texts)
