"""The two records of a publication: what is being published (the plan) and what was (the commit).

Only their shape and their storing; the order in which they are written is `publication`'s. The merge's id is
the last field of each, before the digest: a folder's ETag is made of an object's end, and `merged` can be
long.
"""

from datetime import date, datetime
from typing import TypeVar

import msgspec

from gitpulse_assets.contracts.model import Layer
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.damage import damaged
from gitpulse_assets.lake.sealed import NotAsWritten, decode
from gitpulse_assets.lake.store import OpenObject, Store, read_written
from gitpulse_assets.place import Day, Organization, Place
from gitpulse_assets.repo import Repo

MergedCounts = dict[str, dict[str, int]]


class CommittedTable(msgspec.Struct, frozen=True):
    """A published table: its ETag, rows, bytes, and the fingerprint of the contract it was written under.

    `fingerprint` is of its bytes (`store.fingerprint_of`); empty where an older version published it.
    `made_from` is of all that a part's rows follow from, where the step that made it says so.
    """

    etag: str
    row_count: int
    size_bytes: int
    contract: str
    fingerprint: str = ""
    made_from: str = ""

    def difference(self, opened: OpenObject) -> str | None:
        """Say in words why an object is not the one that was published; None where it is."""
        if self.fingerprint and opened.fingerprint != self.fingerprint:
            return "its bytes are not those that were published"
        return None if opened.etag == self.etag else "not what the last merge published"


class MadeInRanges(msgspec.Struct, frozen=True):
    """When a merge was made that left tables in ranges, and their bounds (`ranges.bounds`).

    An older GitPulse knows one object a table, and would double and lose rows of these: it cannot read a
    record whose `made_at` is this, and refuses.
    """

    at: datetime
    ranges: str


class MadeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a merge, which says when that was made."""

    made: datetime | MadeInRanges = msgspec.field(name="made_at")

    @property
    def made_at(self) -> datetime:
        """The UTC time."""
        return self.made.at if isinstance(self.made, MadeInRanges) else self.made

    @property
    def ranges(self) -> str:
        """In which bounds every table of ranges lies; empty: each is one object, as of an older version."""
        return self.made.ranges if isinstance(self.made, MadeInRanges) else ""


class Commit(MadeRecord, frozen=True, kw_only=True):
    """Which tables belong together, by name, and the batches merged so far, `{stream: {run_id: count}}`."""

    tables: dict[str, CommittedTable]
    merged: MergedCounts
    merge_id: str

    @property
    def row_count(self) -> int:
        """The rows of all its tables."""
        return sum(table.row_count for table in self.tables.values())


class PlannedTable(msgspec.Struct, frozen=True):
    """A table of a plan.

    `etag` is the published table's when the plan was made (None: there was none). `staged` is the key of
    what replaces it, None where the table stays as it is.
    """

    name: str
    key: str
    etag: str | None
    staged: str | None
    row_count: int
    size_bytes: int
    contract: str
    fingerprint: str = ""
    made_from: str = ""


class Plan(MadeRecord, frozen=True, kw_only=True):
    """What a sealed merge publishes, in this order; enough to finish it in another process.

    `carried` are the tables of the layer that it leaves to another step, as the commit before names them;
    `removed` are keys of objects that it takes the place of, whose names are never used again.
    """

    layer: Layer
    repo_owner: str = ""
    repo_name: str = ""
    event_date: date | None = None
    org_login: str = ""
    tables: tuple[PlannedTable, ...]
    carried: dict[str, CommittedTable] = {}
    removed: tuple[str, ...] = ()
    merged: MergedCounts
    commit_etag: str | None
    merge_id: str

    @property
    def place(self) -> Place:
        """Whose tables it publishes."""
        if self.org_login:
            return Organization(self.org_login)
        return Day(self.event_date) if self.event_date else Repo(self.repo_owner, self.repo_name)


_Record = TypeVar("_Record", Plan, Commit)


def read_plan(store: Store, layer: Layer, place: Place) -> tuple[Plan | None, str | None]:
    """The newest sealed plan and its ETag; no plan where none was, and no ETag where there is no object.

    Lost with a write that never happened is only a plan that was carried out: each seal is behind a `settle`.
    """
    return _read(store, paths.plan_key(layer, place), Plan)


def read_commit(store: Store, layer: Layer, place: Place) -> tuple[Commit | None, str | None]:
    """The newest commit and its ETag; no commit where none was, and no ETag where there is no object.

    `promotion.commit_in_force` knows more where its writing never happened.
    """
    return _read(store, paths.commit_key(layer, place), Commit)


def _read(store: Store, key: str, kind: type[_Record]) -> tuple[_Record | None, str | None]:
    body, etag = read_written(store, key)
    if body is None:
        return None, etag
    try:
        return decode(body, kind), etag
    except NotAsWritten as error:
        raise damaged(store, key, f"not a {kind.__name__.lower()} of GitPulse ({error})") from error
