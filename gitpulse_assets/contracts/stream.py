"""What a stream is: from where records come. And an entity: what it is merged from, and into which tables.

Both are declared in `streams/`, a subject a file; `transform/silver.py` merges what is declared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from gitpulse_assets import streams
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.github.sources import Source


@dataclass(frozen=True)
class Stream:
    """Records of one kind and from one source, kept as received in the table `bronze`."""

    bronze: TableContract
    source: Source

    @property
    def name(self) -> str:
        """Its name in the manifest and in `sync_state`."""
        return self.bronze.name


@dataclass(frozen=True)
class Merged:
    """A table that a merge makes anew for the keys of the relation `scope`, or whole where that is None.

    `before`: a statement that it needs beside what was made before it. Where `sql/silver/` has no file of the
    table's name, its rows are the winning records.
    """

    contract: TableContract
    scope: str | None = None
    before: str = ""


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
    """What is merged from streams into tables.

    `steps`: what is made on the way, in order: files of `sql/silver/`, of which `<name>_record` types and
    judges a record, and where the entity has a `key` `<name>_winner` and `touched_<name>`, which follow from
    it. Of several records with one key the greatest by `newest_by` wins, and beats the stored row
    of `current` where that is not greater; the keys of the relations in `touched_by` are merged anew.
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


def declared_entities() -> Iterator[Entity]:
    """Yield the entities of every module of `streams/`."""
    for module in _modules():
        yield from module.ENTITIES


def _modules() -> Iterator[Any]:
    for module in iter_modules(streams.__path__):
        yield import_module(f"{streams.__name__}.{module.name}")
