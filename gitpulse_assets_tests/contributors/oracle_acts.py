"""Who counts, and what is a word: the part of the oracle that every figure stands on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gitpulse_assets_tests.contributors.truth import Account, Thread, World

GHOST_ID = 0


@dataclass(frozen=True)
class Act:
    """The opening of a thread, or a word in it."""

    thread: Thread
    kind: str
    at: datetime
    author: Account
    association: str
    is_human: bool
    is_maintainer: bool
    state: str = ""
    dismissed_at: datetime | None = None

    @property
    def person(self) -> int:
        return person(self.author)

    @property
    def is_authors(self) -> bool:
        """Whether who opened the thread did it."""
        return self.person == person(self.thread.author)


def person(account: Account) -> int:
    """All deleted accounts are one person."""
    return GHOST_ID if account.is_deleted else account.account_id


def name_of(account: Account) -> str:
    return "ghost" if account.is_deleted else account.login


def is_human(account: Account, world: World) -> bool:
    if account.is_deleted:
        return True
    if account.type in ("Bot", "Organization"):
        return False
    return not any(login.endswith("[bot]") for login in (account.login, account.old_login)) and not any(
        is_whose(listed, account, world) for listed in world.bots
    )


def is_whose(login: str, account: Account, world: World) -> bool:
    """Whether it is an account's login: now, or before where no other account has it now."""
    if account.login.lower() == login:
        return True
    # Who has it now is asked last: it looks through every word of the world.
    return account.old_login.lower() == login and not any(
        word.author.login.lower() == login for thread in world.threads for word in thread.words
    )


def is_member(world: World, account: Account, association: str, at: datetime) -> bool:
    """MEMBER by association before the first look at the members, by days of membership from then on."""
    if world.organization is None or at < world.organization.first_look_at:
        return association == "MEMBER"
    if account.is_deleted:
        return False
    day = at.astimezone(UTC).date()
    return any(
        (first is None or first <= day) and (absent is None or day < absent)
        for first, absent in world.organization.spans.get(account.account_id, [])
    )


def is_maintainer(world: World, account: Account, association: str, at: datetime) -> bool:
    if not is_human(account, world):
        return False
    return association in ("OWNER", "COLLABORATOR") or is_member(world, account, association, at)


def act(
    world: World, thread: Thread, kind: str, at: datetime, author: Account, association: str, **said: Any
) -> Act:
    human = is_human(author, world)
    maintains = is_maintainer(world, author, association, at)
    return Act(thread, kind, at, author, association, human, maintains, **said)


def present(world: World) -> list[Thread]:
    return [thread for thread in world.threads if not thread.has_departed]


def openings(world: World) -> list[Act]:
    return [
        act(world, thread, "opening", thread.created_at, thread.author, thread.association)
        for thread in present(world)
    ]


def words_of(world: World, thread: Thread) -> list[Act]:
    return [
        act(
            world, thread, word.kind, word.at, word.author, word.association,
            state=word.state, dismissed_at=word.dismissed_at,
        )
        for word in thread.words
    ]  # fmt: skip


def acts(world: World) -> list[Act]:
    """Every opening and word in the threads that are here."""
    return openings(world) + [word for thread in present(world) for word in words_of(world, thread)]
