"""What can go wrong between us and GitHub, one class a cause.

`str()` of each is one line that says what happened, where, and what to do; it never holds a token. Nothing
here decides when an error is raised: transport, pages and the GraphQL modules do.
"""

from datetime import datetime
from typing import Literal

# What a smaller question may do about an error: it is worth asking at once, or where the same question failed
# again and again.
Smaller = Literal["no help", "at once", "at last"]


def one_line(text: str, limit: int = 300) -> str:
    """Fold text that came from outside into one line of at most `limit` characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


class GitHubError(Exception):
    """Base of all errors of this client; the first argument is the whole message."""

    def __str__(self) -> str:
        return one_line(str(self.args[0]), limit=700)


class RepositoryNotFound(GitHubError):
    """404: no such repository, or not visible to this token (or without one)."""


class BadToken(GitHubError):
    """401, or a text that cannot be a token."""


class UnusableEnvironment(GitHubError):
    """A proxy or certificate variable with which no HTTP client can be made."""


class WrongAddress(GitHubError):
    """GITHUB_API_URL leads to a server that answers, but not to its API."""


class TokenRequired(GitHubError):
    """GraphQL was asked for without a token."""


class IssuesDisabled(GitHubError):
    """410 on the issue list, or a repository that says `has_issues: false`."""


class Forbidden(GitHubError):
    """403 that is no limit (SSO, blocked repository, missing scope) and 451."""


class LimitReached(GitHubError):
    """A rate limit would have to be waited out longer than the patience allows."""

    def __init__(self, message: str, resumes_at: datetime):
        super().__init__(message, resumes_at)

    @property
    def resumes_at(self) -> datetime:
        """When requests are welcome again, UTC by GitHub's clock."""
        return self.args[1]


class Unanswered(GitHubError):
    """No answer that can be used, which a smaller question may still get."""

    def __init__(self, message: str, smaller: Smaller = "no help"):
        super().__init__(message, smaller)

    @property
    def is_overload(self) -> bool:
        """Whether it says that the question was too large (502, 504, read time-out)."""
        return self.args[1] == "at once"

    @property
    def may_be_size(self) -> bool:
        """Whether a smaller question may succeed where this one fails again and again."""
        return self.args[1] != "no help"


class NetworkDown(Unanswered):
    """No answer came: DNS, refused connection, TLS, time-out, connection lost."""


class Unreachable(NetworkDown):
    """Nobody was there at the very first request: no such name, refused, no way there, or no trust."""


class AnswerUnusable(Unanswered):
    """An answer came that cannot be used: 5xx, HTML, cut short, not what the address promises."""


class ForeignLink(GitHubError):
    """A `Link`, redirect or stored address points to another origin, where no token may go."""


class CursorRefused(GitHubError):
    """GitHub no longer takes a stored next address: start the walk again."""


class SchemaTooOld(GitHubError):
    """A server's GraphQL does not know a field, an argument or a type that cannot be done without."""


class PageUnserved(AnswerUnusable):
    """GraphQL cannot serve a page of a walk, however small: one issue may stand in the way."""
