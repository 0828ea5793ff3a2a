"""Which places have something stored, by their objects' keys.

Every store lists in an order of its own: a folder by its folders, AWS by whole keys, in which `-` comes
before the `/` that ends a shorter owner.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from gitpulse_assets.lake import paths
from gitpulse_assets.lake.store import ListedObject, Store
from gitpulse_assets.place import Day, Organization
from gitpulse_assets.repo import Repo

P = TypeVar("P", Repo, Organization, Day)


def repos_with(store: Store, prefix: str, key: Callable[[Repo], str]) -> list[Repo]:
    """The repositories that have the object of that key, all of them below `prefix`, by owner and name."""
    return _with(store, prefix, key, paths.repo_of)


def organizations_with(store: Store, prefix: str, key: Callable[[Organization], str]) -> list[Organization]:
    """The organisations that have the object of that key, all of them below `prefix`, by name."""
    return _with(store, prefix, key, paths.organization_of)


def days_with(store: Store, prefix: str, key: Callable[[Day], str]) -> list[Day]:
    """The days of events that have the object of that key, all of them below `prefix`, in order."""
    return _with(store, prefix, key, paths.day_of)


def day_versions(store: Store, prefix: str, key: Callable[[Day], str]) -> dict[Day, str]:
    """The same, each with what is another one whenever that object is replaced."""
    return dict(sorted((day, info.version) for day, info in _found(store, prefix, key, paths.day_of)))


def _with(store: Store, prefix: str, key: Callable[[P], str], of: Callable[[str], P | None]) -> list[P]:
    return sorted(place for place, _ in _found(store, prefix, key, of))


def _found(
    store: Store, prefix: str, key: Callable[[P], str], of: Callable[[str], P | None]
) -> Iterator[tuple[P, ListedObject]]:
    for info in store.list(prefix):
        place = of(info.key)
        if place and info.key == key(place):
            yield place, info
