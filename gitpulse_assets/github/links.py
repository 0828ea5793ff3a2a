"""`Link` headers and origins: where an answer may send us next.

Pure functions; nothing here sends a request.
"""

import re

import httpx

from gitpulse_assets.github.errors import AnswerUnusable, ForeignLink, WrongAddress

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

    Raises ForeignLink when it leaves the origin of `base` or carries a user name: a token goes nowhere else;
    WrongAddress where it is the same host by another scheme.
    """
    try:
        absolute = httpx.URL(target) if "://" in target else httpx.URL(base).join(target)
    except httpx.InvalidURL:
        absolute = httpx.URL("")
    if origin(absolute) != origin(base) or absolute.userinfo:
        raise _refusal(httpx.URL(base), absolute)
    return target if "://" in target else str(absolute)


def _refusal(base: httpx.URL, target: httpx.URL) -> ForeignLink | WrongAddress:
    """Why a link is not followed: mostly another host, now and then the same one by another scheme."""
    schemes = (base.scheme, target.scheme)
    if base.host == target.host and not target.userinfo and schemes == ("http", "https"):
        port = f":{target.port}" if target.port else ""
        return WrongAddress(
            f"{base.host} answers by https only, and a token goes there by nothing else; write "
            f"https://{base.host}{port} in GITHUB_API_URL"
        )
    if base.host == target.host and not target.userinfo and schemes == ("https", "http"):
        return WrongAddress(
            f"{base.host}, asked by https, gives links by http, where no token goes; let the proxy before it "
            "send X-Forwarded-Proto: https"
        )
    return ForeignLink(
        f"{_place(base)} points to another origin ({_place(target)}), which is not followed so that no token "
        "leaves; check GITHUB_API_URL"
    )


def _place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}" if url.host else "no address"
