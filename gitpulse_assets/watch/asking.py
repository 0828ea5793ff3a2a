"""What the watch list has to ask GitHub: an organisation's repositories, and who a new name is.

What follows from the answers is decided in membership.py.
"""

from collections.abc import Iterable
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
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.membership import Identity
from gitpulse_assets.watch.state import ListedPage, Listing, OwnedRepository

# What is the matter with one repository or owner; anything else (a limit, no network) stops the asking.
OF_ONE = (RepositoryNotFound, IssuesDisabled, Forbidden, AnswerUnusable)


def list_owner(client: GitHubClient, owner: str, before: Listing | None, now: datetime) -> Listing:
    """Ask for an owner's repositories; pages that did not change cost nothing and are taken over.

    Where they cannot be had the ones known before stay, with the trouble beside them.
    """
    kept = before.pages if before else {}
    known = {url: page.known for url, page in kept.items()}
    try:
        pages = {
            page.url: kept[page.url] if page.is_unchanged else read_page(page)
            for page in client.owned_repositories(owner, known)
        }
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


def identities(client: GitHubClient, keys: Iterable[str]) -> tuple[dict[str, Identity], str]:
    """Ask for each key until a limit or the network stops it, and say what did; the rest waits."""
    found: dict[str, Identity] = {}
    for key in keys:
        try:
            found[key] = identify(client, Repo.parse(key))
        except GitHubError as error:
            return found, str(error)
    return found, ""
