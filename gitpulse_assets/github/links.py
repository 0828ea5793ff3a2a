"""`Link` headers, origins and the addresses of pages: where an answer may send us next.

Pure functions; nothing here sends a request.
"""

import re
from datetime import datetime

import httpx

from gitpulse_assets.github.errors import AnswerUnusable, ForeignLink, WrongAddress

LINK_VALUE = re.compile(r'\s*<([^>]*)>((?:\s*;\s*[^\s=;,"]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"]*))?)*)\s*(?:,|$)')
# Each divides the one before, so that a counted list has a page of the next size at every place of this one.
PAGE_SIZES = (100, 50, 25, 5, 1)
PAGE_SIZE_DEFAULT = 30
CURSORS = frozenset({"after", "before"})
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


def page_size(url: str) -> int:
    """How many records a page is asked to hold; 0 where the address does not say."""
    size = httpx.URL(url).params.get("per_page", "")
    return int(size) if size.isdecimal() else 0


def page_number(url: str) -> int | None:
    """The number of a counted list's page in its address; None for what is no number."""
    page = httpx.URL(url).params.get("page", "1")
    return int(page) if page.isdecimal() else None


def is_counted(url: str) -> bool:
    """Whether the address finds its place in the list by counting pages, not by a cursor."""
    address = httpx.URL(url)
    return not CURSORS & set(address.params) and not address.path.endswith("/issues")


def is_by_cursor(url: str) -> bool:
    """Whether the address finds its place in the list by a cursor."""
    return bool(CURSORS & set(httpx.URL(url).params))


def since_of(url: str) -> datetime | None:
    """From which update on the list of an address is (UTC); None for the whole list."""
    since = httpx.URL(url).params.get("since")
    return datetime.fromisoformat(since) if since else None


def is_dense(url: str) -> bool:
    """Whether every page of the list is full but its last: a list of issues, or of their events."""
    return httpx.URL(url).path.endswith(("/issues", "/issues/events"))


def place(url: str) -> frozenset[tuple[str, str]]:
    """What tells a page from the others of its list, under whichever of its names the repository is asked."""
    return frozenset(httpx.URL(url).params.multi_items())


def rows_up_to(url: str) -> int:
    """How many rows of a counted list lie up to the end of this page; 0 for a cursor's page."""
    if CURSORS & set(httpx.URL(url).params):
        return 0
    return (page_number(url) or 0) * (page_size(url) or PAGE_SIZE_DEFAULT)


def page_before(url: str) -> str | None:
    """The address of the page before a counted list's page; None for a first page or one by cursor."""
    address = httpx.URL(url)
    number = page_number(url) or 1
    has_one = number > 1 and not CURSORS & set(address.params)
    return str(address.copy_set_param("page", number - 1)) if has_one else None


def page_after(url: str) -> str:
    """The address of the page after a counted list's page."""
    return str(httpx.URL(url).copy_set_param("page", (page_number(url) or 1) + 1))


def shrunk(url: str) -> str | None:
    """The same place of the list in smaller pages; None where there are none."""
    return next((at_size(url, size) for size in PAGE_SIZES if size < page_size(url)), None)


def grown(url: str, size_max: int) -> str:
    """The same place in larger pages, one step towards the size the walk began with; else the address."""
    larger = [size for size in PAGE_SIZES if page_size(url) < size <= size_max]
    return (at_size(url, larger[-1]) if larger and page_size(url) else None) or url


def at_size(url: str, size: int) -> str | None:
    """The place of an address in pages of another size; None where no page of that size begins there."""
    address = httpx.URL(url)
    if CURSORS & set(address.params) or (page_number(url) or 1) == 1:
        return str(address.copy_set_param("per_page", size))
    row = ((page_number(url) or 1) - 1) * page_size(url)
    sized = address.copy_set_param("per_page", size).copy_set_param("page", row // size + 1)
    return None if row % size else str(sized)
