"""Tells of a mart of ranges what silver has and what is published: what cannot differ stays."""

import logging
from collections.abc import Collection, Mapping
from functools import partial

import pyarrow.dataset as ds

from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake.commit import CommittedTable
from gitpulse_assets.lake.errors import ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import parts_of, together
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.lake.ranges import first_number, range_part
from gitpulse_assets.lake.snapshot import Snapshot
from gitpulse_assets.pipeline.merge import lies_in_ranges, opened_for
from gitpulse_assets.transform.mart_ranges import Standing, inputs_of

logger = logging.getLogger(__name__)
RANGED = tuple(table for table in MART_TABLES if table.is_ranged)


def standing_marts(lake: Lake, publication: Publication, silver: Snapshot) -> dict[str, Standing]:
    """What silver has and what is published of each mart of ranges; none where silver lies in none."""
    if not all(lies_in_ranges(silver.commit, inputs_of(mart)) for mart in RANGED):
        return {}
    return {mart.name: standing_mart(lake, publication, silver, mart) for mart in RANGED}


def standing_mart(lake: Lake, publication: Publication, silver: Snapshot, mart: TableContract) -> Standing:
    """What silver has and what is published of one mart."""
    objects = {table.name: parts_of(silver.commit, table) for table in inputs_of(mart)}
    published = published_parts(lake, publication, mart)
    told = parts_of(publication.previous, mart)
    return Standing(
        {first_number(part): told_apart(objects, part) for part in objects[ISSUE_CURRENT.name]},
        {first_number(part): told[part].made_from for part in published},
        partial(open_sources, silver, mart),
        partial(of_ranges, mart, published),
    )


def published_parts(lake: Lake, publication: Publication, mart: TableContract) -> dict[str, ds.Dataset]:
    """The parts of a published mart; none where they are not what was published: then all are made anew.

    Raises PublicationConflict where another run published marts by now.
    """
    if not lies_in_ranges(publication.previous, [mart]):
        return {}
    try:
        return opened_for(lake, publication, [mart]).parts[mart.name]
    except ObjectDamaged as error:
        logger.warning("%s: %s is made anew, whole: %s", publication.place, mart.name, error)
        return {}


def told_apart(objects: Mapping[str, Mapping[str, CommittedTable]], part: str) -> str:
    """What tells one range's objects from all others."""
    return " ".join(f"{name} {parts[part].etag}" for name, parts in objects.items() if part in parts)


def open_sources(
    silver: Snapshot, mart: TableContract, first_numbers: Collection[int]
) -> dict[str, ds.Dataset]:
    """Open what a mart is made from, some ranges alone."""
    return {
        table.name: of_ranges(table, silver.parts[table.name], first_numbers) for table in inputs_of(mart)
    }


def of_ranges(
    table: TableContract, parts: Mapping[str, ds.Dataset], first_numbers: Collection[int]
) -> ds.Dataset:
    """A table's parts of some ranges as one dataset."""
    wanted = set(map(range_part, first_numbers))
    return together(table, [dataset for part, dataset in parts.items() if part in wanted])
