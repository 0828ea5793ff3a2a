"""What a stream is: from where records come, what of each is read then, and how they are known again.

And what an entity is: the streams it is merged from, and the tables that gives. Both are declared in
`streams/`, a subject a file, and found by `catalog/subjects.py`; `collect/` walks what is declared,
`transform/silver.py` merges it.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec

from gitpulse_assets.chosen import has_comment_texts
from gitpulse_assets.contracts.model import Check, TableContract
from gitpulse_assets.contracts.sources import RestList, Source


class Head(msgspec.Struct):
    """The few fields of a record that collecting needs; the rest stays unparsed until silver."""

    id: int | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None

    @property
    def is_pull_request(self) -> bool:
        """Whether the record is a pull request's."""
        return False


Reading = Callable[[Any], object]


@dataclass(frozen=True)
class Stream:
    """Records of one kind and from one source, kept as received.

    `bronze`: where, `noun`: what people call it. `head`: what of a record is read when it comes; `columns`:
    what is kept of that beside the payload, by column, each a function of the head. `key`: the column that
    holds a record's id. `pages`: the table of a full walk's pages, by which the next one asks for those that
    changed only; its subject's code keeps them. `collected_by`: the loop over lists alone, or the code of its
    subject. `texts`: keys of a record that are kept where a setting asks for them only.

    Raises ValueError for a stream that no walk can be made of.
    """

    bronze: TableContract
    source: Source
    noun: str = ""
    head: type[Head] = Head
    columns: Mapping[str, Reading] = field(default_factory=dict[str, Reading])
    key: str = ""
    pages: TableContract | None = None
    collected_by: Literal["list", "subject"] = "subject"
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pages is not None and self.collected_by == "list":
            raise ValueError(f"{self.name}: the loop over lists keeps no pages, but a subject's code")
        if self.collected_by == "list" and not self._can_be_walked():
            raise ValueError(
                f"{self.name}: a list is walked by a key among its columns and in an order by creation or "
                "update, by which its end is proven, and after its first walk by what was updated since, or "
                "every run would walk it whole"
            )

    def _can_be_walked(self) -> bool:
        if not isinstance(self.source, RestList) or self.key not in self.columns:
            return False
        whole, changed = self.source.whole, self.source.changed or {}
        return whole.get("sort") in ("created", "updated") and changed.get("sort") == "updated"

    @property
    def name(self) -> str:
        """Its name in the manifest and in `sync_state`."""
        return self.bronze.name

    @property
    def listing(self) -> RestList:
        """Its source, of a stream that is a list."""
        assert isinstance(self.source, RestList), f"{self.name} is no list"
        return self.source

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Head]:
        return msgspec.json.Decoder(self.head)

    def read_head(self, record: bytes) -> Head:
        """Read a record's head; one that cannot be read has an empty head and is judged in silver."""
        try:
            return self._decoder.decode(record)
        except msgspec.DecodeError:
            return self.head()

    def kept(self, record: bytes) -> bytes:
        """A record as it is stored: as received, but for texts that nobody asked for."""
        if not self.texts or has_comment_texts():
            return record
        try:
            found = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        except msgspec.MsgspecError:
            return record
        return msgspec.json.encode({key: value for key, value in found.items() if key not in self.texts})


@dataclass(frozen=True)
class Merged:
    """A table that a merge makes anew for the keys of the relation `scope`, or whole where that is None.

    `before`: statements that it needs beside what was made before it. `checks`: what must hold between it
    and other tables. Where `sql/silver/` has no file of the table's name, its rows are the winning records.
    `told_by`: columns too large to be compared or copied, each with the one that tells whether it changed.
    """

    contract: TableContract
    scope: str | None = None
    before: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    told_by: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Judged:
    """Where a merge finds the usable and the unusable records of a stream.

    `relation` has `rule` (null where the record can be used) and `detail`; it is one of the entity's steps,
    or else (not `is_made`) a file that is read for this alone. `key`: its column by which a later usable
    record takes the place of an unusable one; empty: any later one does. `key_in_payload`: where an unusable
    record tells it, where `quarantine` has no column of it.
    """

    stream: Stream
    relation: str
    key: str = ""
    key_in_payload: str = ""
    is_made: bool = True


@dataclass(frozen=True)
class Entity:
    """What is merged from streams into tables; a `run_id` in those is of the first stream.

    `steps`: what is made on the way, in order: files of `sql/silver/`, of which `<name>_record` types and
    judges a record, and where the entity has a `key` `<name>_winner` and `touched_<name>`, which follow from
    it. Of several records with one key the greatest by `newest_by` wins, and beats the stored row
    of `current` where that is not greater; the keys of the relations in `touched_by` are merged anew.
    `needed`: the statement of `sql/retention/` that finds which old records of its first stream its tables
    rest on; of a stream with none all stay. `news`: the statement of `sql/silver/` that finds records which
    tell other than is stored; where there is none, each does.
    """

    name: str
    streams: tuple[Stream, ...]
    tables: tuple[Merged, ...]
    steps: tuple[str, ...] = ()
    key: str = ""
    newest_by: tuple[str, ...] = ("fetched_at", "run_sequence")
    current: str = ""
    touched_by: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()
    needed: str = ""
    news: str = ""

    @property
    def record(self) -> str:
        """The relation of its typed and judged records."""
        return f"{self.name}_record"

    @property
    def winner(self) -> str:
        """The relation of the records that replace a stored row: `<key>`, `record_rowid`."""
        return f"{self.name}_winner"

    @property
    def touched(self) -> str:
        """The relation of the keys that the new records say anything about."""
        return f"touched_{self.name}"
