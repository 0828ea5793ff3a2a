"""Asking GitHub's GraphQL API: documents, answers with errors in them, and batches that shrink.

What the documents ask for is in documents/*.graphql; what is made of the answers is in lifecycle.py and
departures.py.
"""

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
    NetworkDown,
    RepositoryNotFound,
    TokenRequired,
    one_line,
)
from gitpulse_assets.github.refusals import sso_address
from gitpulse_assets.github.transport import Transport
from gitpulse_assets.repo import Repo

T = TypeVar("T")

MOST_NODES = 100
# Errors that answer the question: the null at their path is all there is to know. Any other means that
# GitHub left something out which a smaller question may bring.
SETTLED = ("NOT_FOUND", "FORBIDDEN")
# How graphql-ruby, which GitHub runs, names what a server's schema lacks. Of a value that a variable's type
# lacks it tells `problems`.
SCHEMA_CODES = ("undefinedField", "undefinedType", "argumentNotAccepted")
# After so many batches that passed, a size that had to be halved is tried doubled.
PASSES_BEFORE_GROWING = 5


class Problem(msgspec.Struct):
    """One entry of an answer's `errors`; `path` leads to the null it explains, if it is told."""

    message: str = ""
    type: str | None = None
    path: list[str | int] | None = None
    extensions: dict[str, object] | None = None

    @property
    def place(self) -> tuple[str | int, ...]:
        """The path; empty where GitHub names none, which is an error of the whole."""
        return tuple(self.path or ())

    @property
    def is_of_schema(self) -> bool:
        """Whether the server does not know what the document asks for; none of it was executed."""
        extensions = self.extensions or {}
        return extensions.get("code") in SCHEMA_CODES or "problems" in extensions


class _Cost(msgspec.Struct):
    cost: int = 1


class _Spent(msgspec.Struct, rename="camel"):
    rate_limit: _Cost | None = None


class _Envelope(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Problem] | None = None


@dataclass(frozen=True)
class Answer:
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
    """How many issues to ask for at once: halved when GitHub is overloaded, regrown when it recovered."""

    def __init__(self, most: int = MOST_NODES):
        self._most = most
        self._passes = 0
        self.value = most

    @property
    def is_smallest(self) -> bool:
        """Whether the batch cannot shrink any further."""
        return self.value == 1

    def shrink(self) -> None:
        """Halve the batch: the last question was too large."""
        self.value = max(1, self.value // 2)
        self._passes = 0

    def passed(self) -> None:
        """Note that a question was answered whole; after some of them the batch doubles."""
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
        self, repo: Repo, document: str, variables: dict[str, object], *, retry_overload: bool = True
    ) -> Answer:
        """Send one query, without what the server turns out not to know and we can do without.

        Raises RepositoryNotFound, Forbidden, CursorRefused for errors of that kind and SchemaTooOld where the
        server lacks what is needed; others are left in the answer's problems.
        """
        if not self._transport.has_token(repo):
            raise TokenRequired(f"{self.host} answers GraphQL only with a token; set GITHUB_TOKEN")
        while True:
            answer = self._send(repo, *self.dialect.spoken(document, variables), retry_overload)
            unknown = [problem.message for problem in answer.problems if problem.is_of_schema]
            if not unknown:
                break
            self.dialect.leave_out(unknown)
        for problem in answer.problems:
            _raise_final(problem, repo, self.host, answer.sso_address)
        return replace(answer, left_out=self.dialect.lost)

    def ask_alive(self, repo: Repo) -> datetime:
        """GitHub's time by an answer to the least question; raises what keeps it from answering that."""
        answer = self.ask(repo, load_document("repository_alive"), {"owner": repo.owner, "name": repo.name})
        if answer.is_partial:
            raise AnswerUnusable(f"{self._url} answers nothing ({answer.reason}); try again later")
        return answer.date

    def _send(self, repo: Repo, document: str, variables: dict[str, object], retry_overload: bool) -> Answer:
        body = msgspec.json.encode({"query": document, "variables": variables})
        reply = self._transport.post(self._url, repo, body, retry_overload=retry_overload)
        if reply.status != 200:
            raise AnswerUnusable(
                f"{self._url} answered {reply.status} ({reply.message}); check GITHUB_GRAPHQL_URL"
            )
        envelope = decode(reply.content, _Envelope, self._url)
        problems = envelope.errors or []
        for problem in problems:
            problem.message = self._transport.mask(problem.message)
        answer = Answer(self._url, reply.date, bytes(envelope.data), problems, sso_address(reply.headers))
        spent = answer.read(_Spent)
        self._transport.graphql_meter.used(spent.rate_limit.cost if spent and spent.rate_limit else 1)
        return answer

    def ask_shrinking(
        self, repo: Repo, document: str, size: BatchSize, variables: Callable[[int], dict[str, object]]
    ) -> Answer:
        """Send a query for as many as `size` says, fewer and fewer while GitHub is overloaded.

        The answer may be partial only when one issue was asked for.
        """
        while True:
            try:
                asked = variables(size.value)
                answer = self.ask(repo, document, asked, retry_overload=size.is_smallest)
            except (AnswerUnusable, NetworkDown) as error:
                if size.is_smallest or not error.is_overload:
                    raise
            else:
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
    # One node of several that is out of this token's sight is an answer about that node only.
    is_one_node = len(path) == 2 and path[0] == "nodes"
    if problem.type == "INSUFFICIENT_SCOPES" or (problem.type == "FORBIDDEN" and not is_one_node):
        permission = (
            f"give it the permission {_permission(path)}: read for it (a classic token: the scope repo)"
        )
        advice = f"authorise the token for single sign-on at {sso}" if sso else permission
        what = ".".join(map(str, path)) or "this"
        raise Forbidden(f"{host} forbids the token {what} of {repo} ({words}); {advice}")
    if problem.type == "INVALID_CURSOR_ARGUMENTS" or "valid cursor" in words:
        raise CursorRefused(f"{host} no longer takes the cursor for {repo} ({words}); start the walk again")


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
