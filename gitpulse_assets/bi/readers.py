"""How the tables' files are read by what people have: one line a reader, and what it cannot do.

`repo_owner` and `repo_name` stand in the files and in their paths, and most readers take what stands in a
path for theirs to type: each line says to leave the paths alone. `docs/tables.md` shows the lines, and a test
evaluates them.
"""

from dataclasses import dataclass
from typing import Literal

Address = Literal["folder", "glob", "file"]
ADDRESSES: tuple[Address, ...] = ("folder", "glob", "file")
ADDRESS = "ADDRESS"


@dataclass(frozen=True)
class Reader:
    """A line of Python in which `ADDRESS` stands for what is read; `addresses` are those it takes.

    `bears_old`: whether it reads files stored before a column was added beside newer ones, with null for it.
    `has_null_lists`: whether a list that is null is null, not empty. `limit` says what it cannot do.
    """

    name: str
    version: str
    line: str
    addresses: tuple[Address, ...]
    bears_old: bool
    limit: str
    has_null_lists: bool = True

    @property
    def full_name(self) -> str:
        """The reader with the version that was tried."""
        return f"{self.name} {self.version}"

    def at(self, address: str) -> str:
        """The line that reads what lies at an address."""
        return self.line.replace(ADDRESS, address)


DUCKDB = "duckdb.sql(\"from read_parquet('ADDRESS', union_by_name = true, hive_partitioning = false)\")"
READERS = (
    Reader(
        "DuckDB",
        "2.0",
        DUCKDB,
        ADDRESSES,
        True,
        "Without `hive_partitioning = false` a lake whose repositories are all named in digits has a "
        "`repo_name` of BIGINT.",
    ),
    Reader(
        "DuckDB",
        "1.2",
        DUCKDB,
        ("glob", "file"),
        True,
        "The same, and a repository named `null` reads as NULL. A folder is `FOLDER/**/*.parquet`.",
    ),
    Reader(
        "pyarrow",
        "26.0",
        'pq.read_table("ADDRESS", partitioning=None)',
        ("folder", "file"),
        False,
        "Without `partitioning=None`: ArrowTypeError. Takes no glob. Leaves out, without a word, the "
        "columns that the first file lacks.",
    ),
    Reader(
        "pandas",
        "3.1",
        'pd.read_parquet("ADDRESS", partitioning=None, dtype_backend="pyarrow")',
        ("folder", "file"),
        False,
        "As pyarrow, with which it reads. Without `dtype_backend` whole numbers beside nulls become floats.",
    ),
    Reader(
        "polars",
        "2.1",
        'pl.read_parquet("ADDRESS", hive_partitioning=False)',
        ADDRESSES,
        False,
        "A column that only some files have is an error.",
    ),
    Reader(
        "DataFusion",
        "55.0",
        'datafusion.SessionContext().read_parquet("ADDRESS")',
        ("folder", "file"),
        False,
        "Takes no glob. A column that may not be null and that only some files have is an error.",
    ),
    Reader(
        "chDB (ClickHouse)",
        "26.9",
        "chdb.query(\"select * from file('ADDRESS', Parquet) settings use_hive_partitioning = 0, "
        'schema_inference_mode = \'union\', schema_inference_make_columns_nullable = 1", "ArrowTable")',
        ("glob", "file"),
        True,
        "A list is never null, but empty. Without `union` it takes the columns of one of the files, and "
        "without `nullable` what an old file lacks reads as 0. A folder is `FOLDER/**/*.parquet`.",
        has_null_lists=False,
    ),
)
