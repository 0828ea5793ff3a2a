"""Keeps the members in step with the watch list: who comes, who is retired, who goes by a new name.

Pure: the organisations' lists and the identity of new names were asked for before.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from gitpulse_assets.repo import InvalidRepo, Repo
from gitpulse_assets.watch.state import Listing, Member, Membership, OwnedRepository
from gitpulse_assets.watch.watch_list import WatchedOrganization, WatchList

LISTED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Wanted:
    """A repository that shall be watched: where the list names it, and its id where GitHub's list said it."""

    origin: str
    repository_id: int | None = None


@dataclass(frozen=True)
class Identity:
    """Who a new name is at GitHub; `trouble` where it could not be found out or cannot be watched."""

    repository_id: int | None = None
    full_name: str = ""
    trouble: str = ""


@dataclass
class Step:
    """The members after a step, and the partition keys that are new to it, came back or were retired.

    `unasked_count`: names of the list that are no members yet, since it could not be found out who they are.
    """

    members: dict[str, Member]
    unasked_count: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


def wanted_repos(wanted: WatchList, listings: Mapping[str, Listing]) -> dict[str, Wanted]:
    """Everything the list asks for by key: names first, then what organisations were last seen to have."""
    found = {repo.key: Wanted(origin) for repo, origin in wanted.origins.items()}
    for organization in wanted.organizations:
        listing = listings.get(organization.owner)
        for repository in listing.repositories if listing else ():
            key = key_of(repository.full_name)
            if key and is_taken(organization, repository):
                place = found.get(key, Wanted(f"{organization.owner}/*"))
                found[key] = Wanted(place.origin, repository.repository_id)
    return found


def is_taken(organization: WatchedOrganization, repository: OwnedRepository) -> bool:
    """Whether an organisation's options and patterns want the repository."""
    return (
        repository.has_issues
        and (organization.include_archived or not repository.archived)
        and (organization.include_forks or not repository.fork)
        and organization.takes(repository.full_name.partition("/")[2])
    )


def key_of(full_name: str) -> str | None:
    """The partition key of a name; None where GitHub has names that cannot be one."""
    try:
        return Repo.parse(full_name).key
    except InvalidRepo:
        return None


def strangers(state: Membership, wanted: Mapping[str, Wanted]) -> list[str]:
    """The wanted names that no member goes by."""
    known = set(state.members) | {member.name.lower() for member in state.members.values()}
    return sorted(set(wanted) - known)


def identity_of(name: str, place: Wanted, identities: Mapping[str, Identity]) -> Identity:
    """Who a name is: as GitHub said when asked for it, else as its owner's list or the name itself says."""
    return identities.get(name, Identity(place.repository_id, name))


def follow(
    state: Membership,
    wanted: Mapping[str, Wanted],
    identities: Mapping[str, Identity],
    by_hand: Mapping[str, int | None],
    unlisted_owners: Iterable[str],
    now: datetime,
) -> Step:
    """Bring the members in step with what is wanted.

    `by_hand`: what a person refreshed, its id by its key; None where it is not known. Members that only an
    organisation of `unlisted_owners` brought stay: that its list could not be had says nothing of them.
    """
    step = Step(dict(state.members))
    known = KnownNames(state, by_hand)
    present: set[str] = set()
    for name, place in wanted.items():
        identity = identity_of(name, place, identities)
        key = known.key(name, identity)
        if key is None and identity.trouble:
            step.troubles[name] = identity.trouble
            continue
        key = key or known.add(name, identity)
        present.add(key)
        arrive(step, key, member_now(state.members.get(key), place, identity, now), by_hand)
    kept_origins = {f"{owner}/*" for owner in unlisted_owners}
    for key, member in state.members.items():
        if key not in present and member.status == "watched" and member.origin not in kept_origins:
            step.retired.append(key)
            step.members[key] = retired(member, now)
    return step


class KnownNames:
    """The partition keys by every name they are known under: the key, the present name, the numeric id."""

    def __init__(self, state: Membership, by_hand: Mapping[str, int | None]):
        self._keys = set(state.members)
        self._names = {member.name.lower(): key for key, member in state.members.items()}
        self._ids = {number: key for key, number in by_hand.items() if number}
        for key, member in state.members.items():
            if member.repository_id:
                self._ids[member.repository_id] = key

    def key(self, name: str, identity: Identity) -> str | None:
        """The key of the member that goes by this name or has this id; None where it is new."""
        if name in self._keys:
            return name
        return self._names.get(name) or self._ids.get(identity.repository_id or 0)

    def add(self, name: str, identity: Identity) -> str:
        """Make a new name a key of its own, so that a further name of the same repository finds it."""
        if identity.repository_id:
            self._ids[identity.repository_id] = name
        return name


def arrive(step: Step, key: str, member: Member, by_hand: Collection[str]) -> None:
    """Let a member in; one that nobody knew before is due for the run that fetches its history."""
    before = step.members.get(key)
    is_new = before is None and key not in by_hand
    if is_new:
        step.new.append(key)
    elif before is None or before.status == "retired":
        step.returned.append(key)
    is_due = is_new or (before is not None and before.is_first_run_due)
    step.members[key] = msgspec.structs.replace(member, is_first_run_due=is_due)


def retired(member: Member, now: datetime) -> Member:
    """The member as one that is refreshed no more."""
    return msgspec.structs.replace(member, status="retired", retired_at=now, is_first_run_due=False)


def member_now(before: Member | None, place: Wanted, identity: Identity, now: datetime) -> Member:
    """The member as the list and GitHub name it now; one that comes back begins anew."""
    kept = before if before is not None and before.status == "watched" else None
    return Member(
        # The name asked for follows the newest known; the one under which it was registered stays its key.
        name=identity.full_name.lower(),
        origin=place.origin,
        since=kept.since if kept else now,
        repository_id=identity.repository_id or (before.repository_id if before else None),
    )


def due_owners(wanted: WatchList, listings: Mapping[str, Listing], now: datetime) -> list[str]:
    """The organisations whose repositories are to be asked for: never asked, in trouble, or an hour ago."""
    owners = dict.fromkeys(organization.owner for organization in wanted.organizations)
    return [
        owner
        for owner in owners
        if owner not in listings or listings[owner].trouble or now - listings[owner].asked_at >= LISTED_FOR
    ]
