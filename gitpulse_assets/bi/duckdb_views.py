"""The published tables as SQL views for DuckDB, under the names that people's queries use.

A view reads Parquet where it lies and needs nothing of GitPulse. Each reads its newest files by itself;
tables that must belong together are the API's business, which reads by commit.
"""

from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import urlsplit

import pyarrow as pa

from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.events.tables import EVENT_CONTRACTS
from gitpulse_assets.lake.duck import identifier, literal
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parquet import contract_fingerprint
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.members.tables import CHOSEN_MEMBER_CONTRACTS

VIEWED = (
    *(contract for contract in CATALOG if contract.layer in ("silver", "gold")),
    *CHOSEN_MEMBER_CONTRACTS,
    *EVENT_CONTRACTS,
)
TYPES = {
    pa.string(): "varchar",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamptz",
}


def duckdb_views(lake: Lake, lake_url: str, s3: S3Options, *, with_comments: bool = True) -> str:
    """Return the statements that make the views, with what opens the bucket before them.

    A table that no place has yet becomes an empty view. No key is written: DuckDB finds them by AWS's
    own search. Raises LakeError where the lake cannot be read, or its path would be taken for a pattern.
    """
    root = lake_url.rstrip("/")
    if any(character in root for character in "*?["):
        raise LakeError(f"GITPULSE_LAKE_URL: {root} has a character that DuckDB takes for a pattern (* ? [)")
    published = defaultdict[tuple[str, str], set[str]](set)
    for place, fingerprint in published_tables(lake):
        published[place].add(fingerprint)
    parts = list(opening(root, s3)) if root.startswith("s3://") else []
    for contract in VIEWED:
        fingerprints = published[contract.asset_key]
        parts.append(view(contract, root) if fingerprints else empty_view(contract))
        # A table stored under an older contract may lack a column, and a comment on it would be an error.
        if with_comments and fingerprints <= {contract_fingerprint(contract)}:
            parts.append("\n".join(comments(contract, "view", contract.view_name)))
    return "\n\n".join(parts) + "\n"


def published_tables(lake: Lake) -> Iterator[tuple[tuple[str, str], str]]:
    """Name the tables that some place has, as ((layer, name), fingerprint of its contract)."""
    layers: tuple[Layer, ...] = ("silver", "gold")
    for layer in layers:
        places = (lake.committed_repos, lake.committed_organizations, lake.committed_days)
        for place in (place for committed in places for place in committed(layer)):
            commit = lake.commit(layer, place)
            for name, table in commit.tables.items() if commit else ():
                yield (layer, name.partition("/")[0]), table.contract


def view(contract: TableContract, root: str) -> str:
    """The statement of a view over all published files of a table."""
    files = literal(f"{root}/{contract.folder}/{contract.files}")
    return (
        f"create or replace view {contract.view_name} as\n"
        f"select * from read_parquet({files}, union_by_name = true, hive_partitioning = false);"
    )


def empty_view(contract: TableContract) -> str:
    """The statement of a view with the columns of a table nobody published, and no row."""
    columns = ",\n".join(f"    null::{type_name(c.type)} as {identifier(c.name)}" for c in contract.columns)
    return (
        f"-- Nothing is published of it yet; print the views again when it is.\n"
        f"create or replace view {contract.view_name} as\nselect\n{columns}\nwhere false;"
    )


def comments(contract: TableContract, kind: str, name: str) -> Iterator[str]:
    """Tell what the contract says of the view or table of that name and its columns; BI tools show it."""
    said = f"{contract.description} Grain: {contract.grain}."
    yield f"comment on {kind} {name} is {literal(said)};"
    for column in contract.columns:
        place = f"{name}.{identifier(column.name)}"
        yield f"comment on column {place} is {literal(column.description)};"


def opening(root: str, s3: S3Options) -> Iterator[str]:
    """Load what reads S3, and say how the bucket is reached; the keys are those of the environment."""
    parameters = ["type s3", "provider credential_chain", f"scope {literal(root)}"]
    if s3.region:
        parameters.append(f"region {literal(s3.region)}")
    if s3.endpoint_url:
        parts = urlsplit(s3.endpoint_url)
        parameters += [
            f"endpoint {literal(parts.netloc)}",
            "url_style 'path'",
            f"use_ssl {str(parts.scheme == 'https').lower()}",
        ]
    yield "install httpfs;\nload httpfs;\ninstall aws;\nload aws;"
    lines = ",\n    ".join(parameters)
    yield f"create or replace secret gitpulse (\n    {lines}\n);"


def type_name(kind: pa.DataType) -> str:
    """Spell an Arrow type in DuckDB's SQL."""
    if pa.types.is_list(kind):
        return f"{type_name(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = ", ".join(f"{identifier(field.name)} {type_name(field.type)}" for field in kind)
        return f"struct({fields})"
    return TYPES[kind]
