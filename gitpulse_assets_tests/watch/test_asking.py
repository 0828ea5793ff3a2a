"""What is asked of GitHub for a watch list that is longer than a tick has time for."""

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.github.pages import Page
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.asking import LIST_TOO_LONG, identities, list_owner

NOW = datetime(2026, 7, 1, tzinfo=UTC)


class LongLists:
    """Stands for GitHub: it knows every name, and an owner with three pages of one repository each."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def repository(self, repo: Repo) -> Any:
        return SimpleNamespace(repository_id=int(repo.name[1:]), full_name=repo.key)

    def owned_repositories(self, owner: str, known: Mapping[str, KnownPage]) -> Iterator[Page]:
        for number, after in ((1, "2"), (2, "3"), (3, None)):
            url = str(number)
            self.asked.append("304" if url in known else "200")
            record = b'{"id": %d, "full_name": "many/r%d"}' % (number, number)
            records = [] if url in known else [record]
            yield Page(number, url, after, NOW, "etag", records, is_unchanged=url in known)


def test_names_are_asked_for_until_the_deadline_and_the_rest_waits():
    """One after the other ten thousand take a quarter of an hour; a tick has a minute."""
    names = [f"many/r{number:04}" for number in range(100)]
    client: Any = LongLists()
    found, stopped_by = identities(client, names, deadline=2, clock=itertools.count().__next__)
    assert (list(found), stopped_by) == (names[:16], "")
    assert [identity.repository_id for identity in found.values()] == list(range(16))


def test_a_list_of_repositories_that_is_longer_than_a_tick_is_gone_on_with_and_retires_nobody():
    client: Any = LongLists()
    first = list_owner(client, "many", None, NOW, deadline=1, clock=itertools.count().__next__)
    assert (len(first.repositories), first.trouble) == (2, LIST_TOO_LONG)
    whole = list_owner(client, "many", first, NOW)
    assert (len(whole.repositories), whole.trouble) == (3, "")
    assert client.asked == ["200", "200", "304", "304", "200"]
