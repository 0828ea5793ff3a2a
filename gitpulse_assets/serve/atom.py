"""Flipped verdicts as an Atom feed (RFC 4287), and the feeds of all repositories as a list (OPML 2.0)."""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from gitpulse_assets.answers.flips import Flip

MEDIA_TYPE = "application/atom+xml"
LIST_MEDIA_TYPE = "text/x-opml"
NAMESPACE = "http://www.w3.org/2005/Atom"
# No XML 1.0 holds these, not even as references, and labels are named by strangers.
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def feed(page_url: str, path: str, name: str, flips: Sequence[Flip]) -> bytes:
    """Return the feed of a repository's flips, which are given in order of time.

    `page_url` is the address of the page, `path` that of the feed below it. An entry keeps its id for ever.
    """
    root = Element("feed", xmlns=NAMESPACE)
    address = f"{page_url}{path}"
    text(root, "id", address)
    text(root, "title", f"{name}: when the verdict on its issue backlog flipped")
    SubElement(root, "link", rel="self", href=address, type=MEDIA_TYPE)
    SubElement(root, "link", rel="alternate", href=f"{page_url}/", type="text/html")
    author = SubElement(root, "author")
    text(author, "name", "GitPulse")
    text(root, "updated", (moment(flips[-1]) if flips else NEVER).isoformat())
    for flip in reversed(flips):
        entry(root, page_url, name, flip)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def feed_list(page_url: str, paths: Mapping[str, str]) -> bytes:
    """Return the list of feeds; `paths` are those of the feeds below the page's address, by repository."""
    root = Element("opml", version="2.0")
    text(SubElement(root, "head"), "title", "GitPulse: verdicts on issue backlogs that flipped")
    body = SubElement(root, "body")
    for name, path in paths.items():
        page = f"{page_url}/?{urlencode({'repo': name}, safe='/')}"
        SubElement(body, "outline", type="rss", text=name, xmlUrl=f"{page_url}{path}", htmlUrl=page)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def entry(root: Element, page_url: str, name: str, flip: Flip) -> None:
    """Add one flip."""
    verdict, made = flip.verdict, SubElement(root, "entry")
    key = f"{verdict['repo_owner']}/{verdict['repo_name']}"
    window = {"repo": key, "from": verdict["window_start_date"], "to": verdict["window_end_date"]}
    known_as = f"https://github.com/{key}#backlog-{verdict['window_days']}-{verdict['window_end_date']}"
    text(made, "id", uuid.uuid5(uuid.NAMESPACE_URL, known_as).urn)
    text(made, "title", f"{name}: the backlog was {flip.before}, now it is {verdict['direction']}")
    text(made, "updated", moment(flip).isoformat())
    SubElement(made, "link", rel="alternate", href=f"{page_url}/?{urlencode(window)}", type="text/html")
    text(made, "content", verdict["paragraph"]).set("type", "text")


def moment(flip: Flip) -> datetime:
    """The last second of the week at whose end it was judged."""
    return datetime.combine(flip.verdict["window_end_date"], time(23, 59, 59), UTC)


def text(parent: Element, name: str, content: str) -> Element:
    """Add an element with a text, without what XML cannot hold."""
    made = SubElement(parent, name)
    made.text = NOT_IN_XML.sub("\ufffd", content)
    return made
