"""Evaluates a reader's line, in this process or in one of an environment that has nothing of GitPulse.

`python reading.py JOBS OUT`: JOBS is a JSON list of lines; what the n-th reads is written to OUT/n.arrow, and
what it raises to OUT/n.error.
"""

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather

LIBRARIES = {
    "pq": "pyarrow.parquet",
    "pd": "pandas",
    "pl": "polars",
    "duckdb": "duckdb",
    "datafusion": "datafusion",
    "chdb": "chdb",
}


def read(line: str) -> pa.Table:
    """What the line reads, as Arrow."""
    name = line.partition(".")[0]
    return as_arrow(eval(line, {name: import_module(LIBRARIES[name])}))


def as_arrow(found: Any) -> pa.Table:
    """A reader's own table as Arrow."""
    for method in ("to_arrow", "to_arrow_table"):
        if hasattr(found, method):
            return getattr(found, method)()
    return found if isinstance(found, pa.Table) else pa.Table.from_pandas(found, preserve_index=False)


def main(jobs: Path, out: Path) -> None:
    """Read every place."""
    for number, line in enumerate(json.loads(jobs.read_text())):
        if not find_spec(LIBRARIES[line.partition(".")[0]]):
            continue
        try:
            pyarrow.feather.write_feather(read(line), out / f"{number}.arrow", compression="uncompressed")
        except Exception as error:
            (out / f"{number}.error").write_text(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
