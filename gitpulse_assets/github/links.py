"""`Link` headers and origins: where an answer may send us next.

Pure functions; nothing here sends a request.
"""

import re

import httpx

from gitpulse_assets.github.errors import AnswerUnusable, ForeignLink

LINK_VALUE = re.compile(r'\s*<([^>]*)>((?:\s*;\s*[^\s=;,"]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"]*))?)*)\s*(?:,|$)')
PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))')


def next_link(header: str) -> str | None:
    """The target of `rel="next"` in a Link header (RFC 8288), exactly as written.

    Raises AnswerUnusable for a header that cannot be read: taking it for "no next page" would lose pages.
    """
    return link(header, "next")


def link(header: str, relation: str) -> str | None:
    """The target of any relation in a Link header; raises AnswerUnusable as `next_link` does."""
    position, found = 0, None
    while position < len(header.rstrip()):
        value = LINK_VALUE.match(header, position)
        if value is None:
            raise AnswerUnusable("a Link header that cannot be read came back; report it with the address")
        if found is None and relation in _relations(value.group(2)):
            found = value.group(1)
        position = value.end()
    return found


def _relations(parameters: str) -> list[str]:
    for name, quoted, bare in PARAMETER.findall(parameters):
        if name.lower() == "rel":
            return (quoted or bare).lower().split()
    return []


def origin(url: str | httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port, the port of the scheme filled in.

    Raises ForeignLink for what is no http(s) address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ForeignLink("a link that is no address was given; it is not followed") from None
    port = parsed.port or {"http": 80, "https": 443}.get(parsed.scheme)
    if port is None or not parsed.host:
        raise ForeignLink("a link that is no http address was given; it is not followed")
    return parsed.scheme, parsed.host, port


def same_origin(base: str, target: str) -> str:
    """`target`, made absolute against `base` if it is relative.

    Raises ForeignLink when it leaves the origin of `base` or carries a user name: a token goes nowhere else.
    """
    try:
        absolute = httpx.URL(target) if "://" in target else httpx.URL(base).join(target)
    except httpx.InvalidURL:
        absolute = httpx.URL("")
    if origin(absolute) != origin(base) or absolute.userinfo:
        raise ForeignLink(
            f"{httpx.URL(base).host} points to another origin ({absolute.host}), which is not "
            "followed so that no token leaves; check GITHUB_API_URL"
        )
    return target if "://" in target else str(absolute)
