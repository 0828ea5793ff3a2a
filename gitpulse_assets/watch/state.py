"""What the watch list has come to, kept in the lake so that it outlives every process.

Three objects: who is watched (written by the sensor that follows the watch list), what the last looks at
them found (written by the sensor that looks for changes), and what their servers are too old to know (written
by runs). Each is replaced whole by compare-and-swap. How they change is decided elsewhere.
"""

import uuid
from datetime import datetime
from typing import Generic, Literal, TypeVar

import msgspec

from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.sealed import NotAsWritten, decode, encode
from gitpulse_assets.lake.store import Store, read_written
from gitpulse_assets.repo import Repo

FOLDER = "_watch/"
# Rendered bodies beyond this are not kept: a look at such an issue after a token's renewal costs one unit.
KEPT_BODY_BYTES_MAX = 200_000


class Member(msgspec.Struct, frozen=True):
    """A repository of the watch list, by its partition key.

    `name`: how GitHub calls it now, `origin`: where the watch list names it, `since`: when it came (back).
    """

    name: str
    origin: str
    since: datetime
    repository_id: int | None = None
    status: Literal["watched", "retired"] = "watched"
    retired_at: datetime | None = None
    is_first_run_due: bool = False

    @property
    def repo(self) -> Repo:
        """The repository under its present name."""
        return Repo.parse(self.name)


class OwnedRepository(msgspec.Struct, frozen=True, rename={"repository_id": "id"}):
    """A repository as GitHub's list of an owner's repositories tells of it; unknown fields are left out."""

    repository_id: int
    full_name: str
    archived: bool = False
    fork: bool = False
    has_issues: bool = True


class ListedPage(msgspec.Struct, frozen=True):
    """A page of that list: how it is known to GitHub, and what stood in it."""

    etag: str
    next_url: str | None
    repositories: list[OwnedRepository]

    @property
    def known(self) -> KnownPage:
        """What a conditional request for the page needs."""
        return KnownPage(self.etag, self.next_url)


class Listing(msgspec.Struct, frozen=True):
    """An organisation's repositories when they were last asked for; `trouble`: why they could not be."""

    asked_at: datetime
    pages: dict[str, ListedPage]
    trouble: str = ""

    @property
    def repositories(self) -> list[OwnedRepository]:
        """The repositories of all pages."""
        return [found for page in self.pages.values() for found in page.repositories]


class Stop(msgspec.Struct, frozen=True):
    """What ends every tick of a sensor early (a refused token, a limit, a lost network), and since when."""

    reason: str
    since: datetime


def stop_after(before: Stop | None, reason: str, now: datetime) -> Stop | None:
    """What a tick leaves that was ended by `reason`, or by nothing: the first of them says since when."""
    return Stop(reason, before.since if before else now) if reason else None


class Membership(msgspec.Struct, frozen=True):
    """Who is watched, by partition key; organisations by owner; what could not be watched, and why.

    `by_hand`: the ids of repositories that were refreshed without being members, by key, as far as read.
    """

    members: dict[str, Member] = {}
    listings: dict[str, Listing] = {}
    troubles: dict[str, str] = {}
    revision: str = ""
    stop: Stop | None = None
    by_hand: dict[str, int] = {}

    @property
    def watched_keys(self) -> list[str]:
        """The partition keys that are refreshed, in order."""
        return sorted(key for key, member in self.members.items() if member.status == "watched")


class Sight(msgspec.Struct, frozen=True):
    """What the looks at one repository found.

    `etag` stands for an answer all of which is in silver (`body`: that answer, where tokens change),
    `repository_etag` for one whose open count is; `counted_mark`: the count a run was last asked for.
    `asked_mark`: the change a run was requested for at `asked_at`; `settled_mark`: one a run has dealt with.
    `failure_count`: runs or looks that failed in a row, after which nothing is tried before `not_before`.
    """

    etag: str | None = None
    body: bytes | None = None
    repository_etag: str | None = None
    counted_mark: str = ""
    settled_mark: str = ""
    asked_mark: str = ""
    asked_at: datetime | None = None
    failure_count: int = 0
    not_before: datetime | None = None
    trouble: str = ""


class Sights(msgspec.Struct, frozen=True):
    """The looks at all repositories, by partition key."""

    sights: dict[str, Sight] = {}
    revision: str = ""
    stop: Stop | None = None


class Servers(msgspec.Struct, frozen=True):
    """What the GraphQL of each host was found not to know, by the names github/dialect.py has for it."""

    left_out: dict[str, list[str]] = {}
    revision: str = ""


State = TypeVar("State", bound=msgspec.Struct)


class StateObject(Generic[State]):
    """One of the objects: read it, decide, replace it; refused where another process was faster.

    Its state has a `revision`, a name of its own for every version.
    """

    def __init__(self, store: Store, key: str, kind: type[State]):
        self._store, self._key, self._kind = store, f"{FOLDER}{key}", kind
        self._etag: str | None = None
        self._read: State | None = None

    def load(self) -> State:
        """Read the state, an empty one where none was saved; raises LakeError."""
        body, self._etag = read_written(self._store, self._key)
        try:
            self._read = decode(body, self._kind) if body else self._kind()
        except NotAsWritten as error:
            raise LakeError(
                f"{self._store.uri(self._key)}: not a state of GitPulse ({error}); remove it to begin anew"
            ) from error
        return self._read

    def version(self) -> str | None:
        """What is another one whenever somebody replaced it; None where nothing was saved."""
        return next((one.version for one in self._store.list(FOLDER) if one.key == self._key), None)

    def save(self, state: State) -> None:
        """Replace what was loaded, unless nothing changed.

        Raises PreconditionFailed where another process replaced it.
        """
        if state == self._read:
            return
        # An ETag may be a content hash, so that every version must differ.
        changed = msgspec.structs.replace(state, revision=uuid.uuid4().hex)
        body = encode(changed)
        self._etag = self._store.put(self._key, body, if_match=self._etag, if_absent=self._etag is None)
        self._read = changed


def membership(store: Store) -> StateObject[Membership]:
    """Who is watched, as the lake keeps it."""
    return StateObject(store, "membership.json", Membership)


def sights(store: Store) -> StateObject[Sights]:
    """What the looks found, as the lake keeps it."""
    return StateObject(store, "sights.json", Sights)


def servers(store: Store) -> StateObject[Servers]:
    """What the servers lack, as the lake keeps it."""
    return StateObject(store, "servers.json", Servers)
