"""Makes typed Parquet by type of an hour file, in other ways; for the interpreter of the peers' environment.

Usage: events_run.py NAME FILE FOLDER. Nothing is deduplicated, kept as text, checked or published: it is the
least that each of them can do with the same columns.
"""

# Of the peers' own environment.
# pyright: reportMissingImports=false
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The columns of the shipped typed tables, by their paths: the type of each as DuckDB has it.
USER = {"login": "varchar"}
PAYLOAD: dict[str, Any] = {
    "action": "varchar",
    "ref": "varchar",
    "ref_type": "varchar",
    "head": "varchar",
    "before": "varchar",
    "size": "bigint",
    "number": "bigint",
    "issue": {"id": "bigint", "number": "bigint", "title": "varchar", "user": USER},
    "comment": {"id": "bigint"},
    "review": {"id": "bigint", "state": "varchar"},
    "release": {"id": "bigint", "tag_name": "varchar", "prerelease": "boolean"},
    "forkee": {"id": "bigint", "full_name": "varchar"},
    "pull_request": {
        "id": "bigint",
        "title": "varchar",
        "user": USER,
        "created_at": "varchar",
        "merged": "boolean",
        "additions": "bigint",
        "deletions": "bigint",
        "base": {"ref": "varchar"},
    },
}
COLUMNS: dict[str, Any] = {
    "id": "varchar",
    "type": "varchar",
    "created_at": "varchar",
    "actor": {"id": "bigint", "login": "varchar"},
    "repo": {"id": "bigint", "name": "varchar"},
    "org": {"login": "varchar"},
    "payload": PAYLOAD,
}


def unpacked(path: str, folder: Path) -> Path:
    """The file's lines, unpacked by isal."""
    import shutil

    from isal import igzip

    found = folder / "lines.ndjson"
    with igzip.open(path) as packed, found.open("wb") as file:
        shutil.copyfileobj(packed, file, 4 * 1024 * 1024)
    return found


def duckdb_type(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    fields = ", ".join(f'"{name}" {duckdb_type(one)}' for name, one in kind.items())
    return f"struct({fields})"


def plain(path: str, folder: Path) -> None:
    """DuckDB with one wide schema: the best plain pipeline known."""
    import duckdb

    columns = ", ".join(f"{name}: '{duckdb_type(kind)}'" for name, kind in COLUMNS.items())
    with duckdb.connect() as con:
        con.execute("set memory_limit = '500MB'; set preserve_insertion_order = false")
        con.execute(
            f"copy (from read_json('{unpacked(path, folder)}', format = 'newline_delimited', "
            f"columns = {{{columns}}})) to '{folder / 'out'}' (format parquet, partition_by (type))"
        )


def with_polars(path: str, folder: Path) -> None:
    import polars as pl

    kinds = {"varchar": pl.String(), "bigint": pl.Int64(), "boolean": pl.Boolean()}

    def typed(kind: Any) -> Any:
        if isinstance(kind, str):
            return kinds[kind]
        return pl.Struct({name: typed(one) for name, one in kind.items()})

    schema = {name: typed(kind) for name, kind in COLUMNS.items()}
    lines = pl.scan_ndjson(unpacked(path, folder), schema=schema)
    lines.sink_parquet(pl.PartitionBy(folder / "out", key="type"), mkdir=True)


def with_chdb(path: str, folder: Path) -> None:
    import chdb

    kinds = {"varchar": "Nullable(String)", "bigint": "Nullable(Int64)", "boolean": "Nullable(Bool)"}

    def typed(kind: Any) -> str:
        if isinstance(kind, str):
            return kinds[kind]
        fields = ", ".join(f"{name} {typed(one)}" for name, one in kind.items())
        return f"Tuple({fields})"

    structure = ", ".join(f"{name} {typed(kind)}" for name, kind in COLUMNS.items())
    structure = structure.replace("type Nullable(String)", "type String", 1)
    (folder / "out").mkdir()
    chdb.query(
        f"insert into function file('{folder / 'out'}/{{_partition_id}}.parquet', 'Parquet') "
        f"partition by type select * from file('{path}', 'JSONEachRow', '{structure}') "
        "settings input_format_skip_unknown_fields = 1, input_format_null_as_default = 1"
    )


def with_orjson(path: str, folder: Path) -> None:
    """Python: each line decoded, the wanted values of it kept, then written."""
    from collections import defaultdict

    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq
    from isal import igzip

    def cut(found: Any, kind: Any) -> Any:
        if isinstance(kind, str) or not isinstance(found, dict):
            return found if isinstance(kind, str) else None
        return {name: cut(found.get(name), one) for name, one in kind.items()}

    kinds = {"varchar": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_()}

    def typed(kind: Any) -> pa.DataType:
        if isinstance(kind, str):
            return kinds[kind]
        return pa.struct([(name, typed(one)) for name, one in kind.items()])

    schema = pa.schema([(name, typed(kind)) for name, kind in COLUMNS.items()])
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with igzip.open(path) as packed:
        for line in packed:
            event = cut(orjson.loads(line), COLUMNS)
            rows[event["type"]].append(event)
    for event_type, some in rows.items():
        pq.write_table(pa.Table.from_pylist(some, schema), folder / f"{event_type}.parquet")


WAYS: dict[str, Callable[[str, Path], None]] = {
    "plain": plain,
    "polars": with_polars,
    "chdb": with_chdb,
    "orjson": with_orjson,
}


def main(name: str, path: str, folder: str) -> None:
    Path(folder).mkdir()
    WAYS[name](path, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:4])
