"""What the watch list has to ask GitHub: an organisation's repositories, and who a new name is.

What follows from the answers is decided in membership.py.
"""

import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.errors import (
    AnswerUnusable,
    Forbidden,
    GitHubError,
    IssuesDisabled,
    RepositoryNotFound,
)
from gitpulse_assets.github.pages import Page
from gitpulse_assets.processes.stopping import each_in_threads
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.looking import REQUESTS_AT_ONCE
from gitpulse_assets.watch.membership import Identity
from gitpulse_assets.watch.state import ListedPage, Listing, OwnedRepository

# What is the matter with one repository or owner; anything else (a limit, no network) stops the asking.
OF_ONE = (RepositoryNotFound, IssuesDisabled, Forbidden, AnswerUnusable)
LIST_TOO_LONG = "its list of repositories is longer than a tick; the next goes on with it"
Clock = Callable[[], float]


def list_owner(
    client: GitHubClient,
    owner: str,
    before: Listing | None,
    now: datetime,
    deadline: float = math.inf,
    clock: Clock = time.monotonic,
) -> Listing:
    """Ask for an owner's repositories; pages that did not change cost nothing and are taken over.

    Where they cannot be had, or not all by the deadline, the ones known before stay, with the trouble beside
    them.
    """
    kept = before.pages if before else {}
    known = {url: page.known for url, page in kept.items()}
    pages: dict[str, ListedPage] = {}
    try:
        for page in client.owned_repositories(owner, known):
            pages[page.url] = kept[page.url] if page.is_unchanged else read_page(page)
            if page.next_url and clock() >= deadline:
                return Listing(now, kept | pages, LIST_TOO_LONG)
    except OF_ONE as error:
        return Listing(now, kept, str(error))
    return Listing(now, pages)


def read_page(page: Page) -> ListedPage:
    """The page as it is kept; raises AnswerUnusable."""
    found = [decode(record, OwnedRepository, page.url) for record in page.records]
    return ListedPage(page.etag or "", page.next_url, found)


def identify(client: GitHubClient, repo: Repo) -> Identity:
    """Ask who a name is: 1 unit, once for a name."""
    try:
        answer = client.repository(repo)
    except OF_ONE as error:
        return Identity(trouble=str(error))
    return Identity(answer.repository_id, answer.full_name or repo.key)


def identities(
    client: GitHubClient, keys: Sequence[str], deadline: float, clock: Clock = time.monotonic
) -> tuple[dict[str, Identity], str]:
    """Ask for the keys, several at once, until the deadline, a limit or the network stops it; the rest waits.

    Also said is which limit or what of the network did.
    """
    found: dict[str, Identity] = {}
    stopped_by = ""
    for start in range(0, len(keys), REQUESTS_AT_ONCE):
        if stopped_by or clock() >= deadline:
            break
        some = keys[start : start + REQUESTS_AT_ONCE]
        asked = each_in_threads(lambda key: identify(client, Repo.parse(key)), some, REQUESTS_AT_ONCE)
        for key, answer in zip(some, asked, strict=True):
            try:
                found[key] = answer.result()
            except GitHubError as error:
                stopped_by = stopped_by or str(error)
    return found, stopped_by
