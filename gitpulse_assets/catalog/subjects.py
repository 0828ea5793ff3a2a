"""Every declared stream and entity, and the tables of bronze and silver that follow. Nothing else.

A subject is a module of `streams/`; what it declares is found here without being named.
"""

from collections.abc import Iterator
from typing import Any

from gitpulse_assets import streams
from gitpulse_assets.catalog.declared import modules_of
from gitpulse_assets.chosen import is_chosen
from gitpulse_assets.contracts.bronze import FOLDED_RUN, MANIFEST
from gitpulse_assets.contracts.model import Check, TableContract
from gitpulse_assets.contracts.silver import QUARANTINE, SYNC_STATE
from gitpulse_assets.contracts.stream import Entity, Merged, Stream


def subjects() -> Iterator[Any]:
    """Yield the chosen modules of `streams/` by name."""
    yield from filter(is_chosen, modules_of(streams))


STREAMS: tuple[Stream, ...] = tuple(stream for subject in subjects() for stream in subject.STREAMS)
ENTITIES: tuple[Entity, ...] = tuple(entity for subject in subjects() for entity in subject.ENTITIES)

# What is merged; two streams may lie in one table.
COLLECTED: tuple[TableContract, ...] = tuple(dict.fromkeys(stream.bronze for stream in STREAMS))
BRONZE: tuple[TableContract, ...] = (
    *dict.fromkeys(table for stream in STREAMS for table in (stream.bronze, stream.pages) if table),
    MANIFEST,
    FOLDED_RUN,
)

# What a process that chose otherwise may have left in the lake, by subject.
UNCHOSEN: tuple[tuple[str, TableContract], ...] = tuple(
    (subject.SUBJECT, table)
    for subject in modules_of(streams)
    if not is_chosen(subject)
    for table in (
        *(stream.bronze for stream in subject.STREAMS),
        *(merged.contract for entity in subject.ENTITIES for merged in entity.tables),
    )
)

# What runs store in numbered batches, by the name that the manifest has for it.
BATCHED = {table.name: table for table in BRONZE if table is not MANIFEST}
# Where the pages are kept that the records of a list came in.
PAGES_OF = {stream.name: stream.pages for stream in STREAMS if stream.pages}

# The tables in the order they are made, each with the entity whose key its scope has; what cannot be used of
# any stream comes behind all of them.
MAKING: tuple[tuple[Entity | None, Merged], ...] = (
    *((entity, merged) for entity in ENTITIES for merged in entity.tables),
    (None, Merged(QUARANTINE, checks=(Check("nothing_quarantined", is_blocking=False),))),
)

# What a merge publishes, each table behind those it is made from; the sync state moves in a step of its own.
MERGED_TABLES: tuple[TableContract, ...] = tuple(merged.contract for _, merged in MAKING)
SILVER_TABLES: tuple[TableContract, ...] = (*MERGED_TABLES, SYNC_STATE)
