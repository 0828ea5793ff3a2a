"""Every table in every reader: folder, glob and single file, typed and counted alike.

What the development lock has reads here, the rest where `make readers` has put it: that shows the matrix.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.feather
import pytest

from gitpulse_assets.bi.readers import ADDRESSES, READERS, Address, Reader
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.readers import reading
from gitpulse_assets_tests.readers.lakes import LAKES, NAMED, NEW, OLD, ROW_COUNT, expected, put_all

ROOT = Path(__file__).parents[2]
ELSEWHERE = ROOT / ".venv-bench" / "readers" / "bin" / "python"
# pandas because `pyarrow.dataset` loads it wherever it is installed: half a second for each of its processes.
APART = ("DuckDB 1.2", "pandas 3.1", "chDB (ClickHouse) 26.9")
every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.full_name)


@dataclass(frozen=True)
class Case:
    """A place of a table that a reader is given, and the file it is to have read where it is one."""

    lake: str
    contract: TableContract
    place: Address
    path: str


def place_of(folder: Path, place: Address) -> str:
    """A table's folder, its files as a glob, or one of them."""
    file = min(folder.glob("*/*/**/*.parquet"), key=lambda path: ("empty" in str(path), str(path)))
    # Below repo_owner= and repo_name= lies the file, in bronze below run_id=.
    depth = len(file.relative_to(folder).parts) - 1
    pattern = "/".join([str(folder), *["*"] * depth, "*.parquet"])
    return {"folder": str(folder), "glob": pattern, "file": str(file)}[place]


def cases(root: Path, reader: Reader) -> Iterator[Case]:
    """Everything a reader is given."""
    for lake, (contracts, _) in LAKES.items():
        for contract in contracts:
            for place in reader.addresses:
                yield Case(lake, contract, place, place_of(root / lake / contract.folder, place))


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lakes")
    put_all(made)
    return made


def outcomes(reader: Reader, paths: list[str], folder: Path) -> list[pa.Table | str]:
    """What the reader makes of each path: a table, or what it raised."""
    lines = [reader.at(path) for path in paths]
    if reader.full_name not in APART:
        return [here(line) for line in lines]
    if not ELSEWHERE.exists():
        pytest.skip("`make readers` has not installed it")
    (folder / "jobs.json").write_text(json.dumps(lines))
    script = [str(ELSEWHERE), reading.__file__, str(folder / "jobs.json"), str(folder)]
    subprocess.run(script, check=True, timeout=300)
    return [there(folder / str(number)) for number in range(len(lines))]


def here(line: str) -> pa.Table | str:
    try:
        return reading.read(line)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def there(stem: Path) -> pa.Table | str:
    if stem.with_suffix(".arrow").exists():
        return pyarrow.feather.read_table(stem.with_suffix(".arrow"))
    if stem.with_suffix(".error").exists():
        return stem.with_suffix(".error").read_text()
    pytest.skip("there is none for this Python")


def kind(found: pa.DataType) -> str:
    """What a type holds, however Arrow lays it out."""
    if pa.types.is_dictionary(found):
        return kind(found.value_type)
    if pa.types.is_list(found) or pa.types.is_large_list(found):
        return f"list of {kind(found.value_type)}"
    if pa.types.is_struct(found):
        return f"struct of {', '.join(f'{field.name} {kind(field.type)}' for field in found)}"
    if pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found):
        return "text"
    if pa.types.is_timestamp(found):
        return "moment" if found.tz else "timestamp without zone"
    return str(found)


def plain(value: Any) -> Any:
    """A value without what two of the same may differ in: a moment's zone, an array for a list."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(({name: plain(row[name]) for name in sorted(row)} for row in rows), key=repr)


def assert_read(
    reader: Reader, found: pa.Table | str, contract: TableContract, rows: list[dict[str, Any]]
) -> None:
    """Columns, types and every value are those that were written."""
    if not reader.has_null_lists:
        lists = [field.name for field in contract.arrow_schema if pa.types.is_list(field.type)]
        rows = [row | {name: row[name] or [] for name in lists} for row in rows]
    assert isinstance(found, pa.Table), found
    assert {field.name: kind(field.type) for field in found.schema} == {
        field.name: kind(field.type) for field in contract.arrow_schema
    }
    assert in_order(found.to_pylist()) == in_order(rows)


@every_reader
def test_reads_every_table_alike(reader: Reader, root: Path, tmp_path: Path):
    given = list(cases(root, reader))
    for case, found in zip(given, outcomes(reader, [c.path for c in given], tmp_path), strict=True):
        rows = expected(case.contract, LAKES[case.lake][1])
        if case.place == "file":
            rows = [row for row in rows if Repo(row["repo_owner"], row["repo_name"]).folder in case.path]
        assert_read(reader, found, case.contract, rows)
    print(f"\n{reader.full_name:24} {', '.join(reader.addresses):20} {len(given)} reads")


@every_reader
def test_takes_no_other_place(reader: Reader, root: Path, tmp_path: Path):
    others = [place for place in ADDRESSES if place not in reader.addresses]
    paths = [place_of(root / "plain" / contract.folder, place) for place in others for contract in NAMED]
    found = outcomes(reader, paths, tmp_path) if paths else []
    assert [one for one in found if isinstance(one, pa.Table)] == []


@every_reader
@pytest.mark.parametrize("contract", NAMED, ids=lambda contract: contract.name)
def test_old_files_beside_new(reader: Reader, contract: TableContract, root: Path, tmp_path: Path):
    """As its limit says: null for what the old file lacks, or an error, or (pyarrow) the column left out."""
    folder = root / "mixed" / contract.folder
    (found,) = outcomes(reader, [place_of(folder, reader.addresses[0])], tmp_path)
    added = contract.column_names[-1]
    if reader.bears_old:
        old = [row | {added: None} for row in expected(contract, {OLD: ROW_COUNT})]
        assert_read(reader, found, contract, [*old, *expected(contract, {NEW: ROW_COUNT})])
    elif reader.name in ("pyarrow", "pandas"):
        assert isinstance(found, pa.Table)
        assert found.column_names == list(contract.column_names[:-1])
    else:
        assert isinstance(found, str), found
        assert added in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('pq.read_table("PLACE")', "ArrowTypeError"),
        ("duckdb.sql(\"from read_parquet('PLACE')\")", "int64"),
        ("duckdb.sql(\"from read_parquet('PLACE', hive_partitioning = false)\")", "string"),
    ],
)
def test_what_the_paths_do_to_a_reader_that_believes_them(line: str, said: str, root: Path):
    """Why each line says to leave them alone; the day this fails the lines can be shorter."""
    found = here(line.replace("PLACE", str(root / "digits" / NAMED[0].folder)))
    shown = found if isinstance(found, str) else str(found.schema.field("repo_name").type)
    assert said in shown


def test_the_readers_here_are_installed():
    """A reader that is missing would be an error of its line, not of the lake."""
    for reader in READERS:
        if reader.full_name not in APART:
            assert find_spec(reading.LIBRARIES[reader.line.partition(".")[0]])


@pytest.mark.parametrize(
    ("lake", "repo", "row_count"),
    [
        ("plain", Repo("acme", "rocket"), ROW_COUNT),
        ("digits", Repo("microsoft", "2048"), ROW_COUNT),
        ("digits", Repo("microsoft", "onnxruntime"), 0),
        ("null", Repo("acme", "null"), ROW_COUNT),
    ],
)
def test_the_readmes_own_query_works_whatever_repositories_are_named(
    lake: str, repo: Repo, row_count: int, root: Path
):
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    query = query.replace(".gitpulse/lake", str(root / lake))
    query = query.replace("'microsoft'", f"'{repo.owner}'").replace("'onnxruntime'", f"'{repo.name}'")
    assert len(duckdb.sql(query).fetchall()) == row_count
