"""Which repositories and days have something stored, by their objects' keys.

Every store lists in an order of its own: a folder by its folders, AWS by whole keys, in which `-` comes
before the `/` that ends a shorter owner.
"""

from collections.abc import Callable

from gitpulse_assets.lake import paths
from gitpulse_assets.lake.store import Store
from gitpulse_assets.place import Day
from gitpulse_assets.repo import Repo


def repos_with(store: Store, prefix: str, key: Callable[[Repo], str]) -> list[Repo]:
    """The repositories that have the object of that key, all of them below `prefix`, by owner and name."""
    found = ((info.key, paths.repo_of(info.key)) for info in store.list(prefix))
    return sorted(repo for stored, repo in found if repo and stored == key(repo))


def days_with(store: Store, prefix: str, key: Callable[[Day], str]) -> list[Day]:
    """The days of events that have the object of that key, all of them below `prefix`, in order."""
    found = ((info.key, paths.day_of(info.key)) for info in store.list(prefix))
    return sorted(day for stored, day in found if day and stored == key(day))
