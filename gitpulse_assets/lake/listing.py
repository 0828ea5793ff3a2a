"""Which places have something stored, by their objects' keys.

Every store lists in an order of its own: a folder by its folders, AWS by whole keys, in which `-` comes
before the `/` that ends a shorter owner.
"""

from collections.abc import Callable
from typing import TypeVar

from gitpulse_assets.lake import paths
from gitpulse_assets.lake.store import Store
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


def _with(store: Store, prefix: str, key: Callable[[P], str], of: Callable[[str], P | None]) -> list[P]:
    found = ((info.key, of(info.key)) for info in store.list(prefix))
    return sorted(place for stored, place in found if place and stored == key(place))
