"""One complete answer, or the reason why what came is none.

Only what is true of any answer: whether it came whole, its clock, its links. What its status means for a
question is decided by those who asked.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from gitpulse_assets.github.errors import AnswerUnusable, Smaller, WrongAddress, one_line
from gitpulse_assets.github.links import link, next_link, same_origin

# GitHub's words for a question that was too much; the others of the 5xx may come of the size, too.
OVERLOAD = (502, 504)


@dataclass(frozen=True)
class Reply:
    """One complete answer. `date` is the server's clock; `moved_to` the address a redirect led to.

    `message` is GitHub's own words about a refusal, on one line, or the status phrase.
    """

    status: int
    url: str
    date: datetime
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    message: str
    moved_to: str | None = None

    @property
    def etag(self) -> str | None:
        """The answer's ETag, if it has one."""
        return self.headers.get("etag")

    @property
    def is_web_page(self) -> bool:
        """Whether it is HTML, which GitHub's API never sends."""
        return _is_web_page(self)

    @property
    def next_url(self) -> str | None:
        """The target of `rel="next"`, held to this address's origin."""
        target = next_link(self.headers.get("link", ""))
        return None if target is None else same_origin(self.url, target)

    @property
    def last_url(self) -> str | None:
        """The target of `rel="last"`, which only lists with counted pages have, and not their last page."""
        return link(self.headers.get("link", ""), "last")

    @property
    def location(self) -> str:
        """Where a redirect points, held to this address's origin."""
        target = self.headers.get("location")
        if not target:
            raise AnswerUnusable(
                f"{self.url} answered {self.status} without saying where it moved; try again later"
            )
        return same_origin(self.url, target)


def read_reply(response: httpx.Response) -> Reply:
    """Turn a response into a Reply, or raise AnswerUnusable where asking again may help."""
    url, status = str(response.url), response.status_code
    if status >= 500:
        raise AnswerUnusable(f"{url} answered {status}; try again later", _smaller(response))
    if status == 200 and not _is_json(response.content):
        raise AnswerUnusable(
            f"{url} answered with something that is no JSON; check for a proxy or a log-in page in "
            f"between{_hint(response.url)}",
            "at last" if response.content[:1] in (b"", b"[", b"{") else "no help",
        )
    words = "" if status == 200 else _message(response)
    reply = Reply(status, url, _date(response), response.headers, response.content, words)
    if status == 404 and reply.is_web_page:
        raise WrongAddress(
            f"{url} answered 404 with a web page, so it is no address of GitHub's API; check "
            f"GITHUB_API_URL{_hint(response.url)}"
        )
    return reply


def _smaller(response: httpx.Response) -> Smaller:
    """Whether the size may be what a 5xx is about; not where it says when the server is back."""
    if response.status_code in OVERLOAD:
        return "at once"
    return "no help" if "retry-after" in response.headers else "at last"


def _is_web_page(answer: Reply | httpx.Response) -> bool:
    return "html" in answer.headers.get("content-type", "")


def _hint(url: httpx.URL) -> str:
    """What is forgotten in the address of a GitHub Enterprise Server."""
    if url.path.startswith("/api/v3/") or url.host == "api.github.com":
        return ""
    return f"; GitHub Enterprise Server's ends in /api/v3: {url.scheme}://{url.netloc.decode()}/api/v3"


def _message(response: httpx.Response) -> str:
    try:
        words = msgspec.json.decode(response.content, type=dict[str, object]).get("message")
    except msgspec.DecodeError:
        words = None
    return one_line(words) if isinstance(words, str) else response.reason_phrase


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
