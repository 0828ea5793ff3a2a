"""What a refusal says, and whether another token may be answered otherwise.

Pure: decides nothing about waiting or sending.
"""

import re
from collections.abc import Sequence

import httpx
import msgspec

from gitpulse_assets.github.errors import BadToken, GitHubError
from gitpulse_assets.github.reply import Reply
from gitpulse_assets.github.target import Target

# Parts of an issue's history that are another repository's or nobody's to permit: the null there is all that
# follows.
ELSEWHERE = frozenset({"fromRepository", "actor"})
# What a thread is called in the answer to a question in which each has a field of its own, with a number.
THREAD_FIELD = "thread"
# Of several tokens' refusals the one with most to act on is told: what is forbidden, then what is not seen.
BAD, UNSEEN, FORBIDDEN = 1, 2, 3
SSO_ADDRESS = re.compile(r"\burl=([^\s;,]+)")


class _Problem(msgspec.Struct):
    type: str | None = None
    path: list[str | int] | None = None


class _Data(msgspec.Struct):
    nodes: list[msgspec.Raw] | None = None


class _Answer(msgspec.Struct):
    errors: list[_Problem] | None = None
    data: _Data | None = None


class _Block(msgspec.Struct):
    reason: str | None = None
    created_at: str | None = None
    html_url: str | None = None


class _Blocked(msgspec.Struct):
    block: _Block | None = None


def refusal_rank(outcome: Reply | GitHubError, *, is_first: bool = True) -> int:
    """How much a refusal says, 0 for what is none: any other token would be answered the same.

    Not `is_first`: another token was refused before, so that one which sees nothing tells nothing.
    """
    if isinstance(outcome, GitHubError):
        return BAD if isinstance(outcome, BadToken) else FORBIDDEN
    if outcome.status == 404:
        return UNSEEN
    return _graphql_rank(outcome.content, is_first=is_first) if outcome.status == 200 else 0


def _graphql_rank(content: bytes, *, is_first: bool) -> int:
    """GraphQL refuses with status 200; one node of several is not the token's affair, all of them are."""
    if b'"errors"' not in content[-20_000:] + content[:20_000]:
        return 0
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except msgspec.DecodeError:
        return 0
    problems = answer.errors or []
    return max((_rank_of(problem) for problem in problems), default=0) or _nodes_rank(
        problems, answer.data.nodes if answer.data else None, is_first=is_first
    )


def _rank_of(problem: _Problem) -> int:
    path = problem.path or []
    if problem.type == "NOT_FOUND" and path in ([], ["repository"]):
        return UNSEEN
    return FORBIDDEN if forbids(problem.type, path) else 0


def _nodes_rank(problems: list[_Problem], nodes: list[msgspec.Raw] | None, *, is_first: bool) -> int:
    if not nodes or any(bytes(node) != b"null" for node in nodes):
        return 0
    kinds = {problem.type for problem in problems}
    if "FORBIDDEN" in kinds:
        return FORBIDDEN
    return UNSEEN if "NOT_FOUND" in kinds and not is_first else 0


def forbids(kind: str | None, path: Sequence[str | int]) -> bool:
    """Whether an error of GraphQL's is about what the token may do, not about one node of several."""
    is_field = len(path) == 1 and str(path[0]).startswith(THREAD_FIELD)
    is_one_node = is_field or (len(path) == 2 and path[0] == "nodes")
    is_here = not is_one_node and ELSEWHERE.isdisjoint(path)
    return kind == "INSUFFICIENT_SCOPES" or (kind == "FORBIDDEN" and is_here)


def said(outcome: Reply | GitHubError) -> Reply:
    """The refusal as its reader expects it: returned or raised."""
    if isinstance(outcome, GitHubError):
        raise outcome
    return outcome


def is_about(request: httpx.Request, target: Target) -> bool:
    """Whether a request names the repository's owner; one by a numeric id may have led elsewhere."""
    return request.method == "POST" or f"/{target.owner}/" in f"{request.url.path.lower()}/"


def forbidden_words(reply: Reply) -> str:
    """GitHub's words about a 403 or 451, and what there is to do about it."""
    return f"{reply.message}); {_advice(reply)}"


def _advice(reply: Reply) -> str:
    block = _block_in(reply.content)
    if block is not None:
        since = f" since {block.created_at}" if block.created_at else ""
        where = f", see {block.html_url}" if block.html_url else ""
        return f"blocked for {block.reason or 'no reason given'}{since}{where}; take it off the watch list"
    if sso := sso_address(reply.headers):
        return f"authorise the token for single sign-on at {sso}"
    if reply.is_web_page:
        return "this is a web page, no answer of GitHub's API: check for a proxy or a firewall in between"
    if needed := reply.headers.get("x-accepted-github-permissions"):
        return f"give the token the permission {needed}"
    return "check what the token may read"


def sso_address(headers: httpx.Headers) -> str | None:
    """Where a token is authorised for an organisation's single sign-on, if that is what is missing."""
    found = SSO_ADDRESS.search(headers.get("x-github-sso", ""))
    return found.group(1) if found else None


def _block_in(content: bytes) -> _Block | None:
    try:
        return msgspec.json.decode(content, type=_Blocked).block
    except msgspec.DecodeError:
        return None
