"""Holds the published tables of two lakes against each other, cell by cell: before a change and after it.

    python scripts/compare_lakes.py BEFORE AFTER             two folders, each a lake
    python scripts/compare_lakes.py BEFORE AFTER run_id      without columns that may differ, by their names

Each difference is printed by table and column, with how many cells and the first row of one; what only one of
the two has (a table, a column) is named, too. Exit 1 when a cell differs that both have. Prints numbers of
rows and values: for generated repositories, not for real ones.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PUBLISHED = ("silver", "gold")
SHOWN = 120

# A table and what of it differs.
Place = tuple[str, str]


def published(lake: Path) -> dict[str, list[Path]]:
    """The objects of each table of a repository, by their folder."""
    found = defaultdict[str, list[Path]](list)
    for layer in PUBLISHED:
        for path in sorted((lake / layer).glob("*/*/*/*.parquet")):
            found[str(path.parent.relative_to(lake))].append(path)
    return found


def read(objects: list[Path]) -> pa.Table:
    """A table as it lies there, whatever wrote it."""
    return pa.concat_tables((pq.ParquetFile(path).read() for path in objects), promote_options="default")


def in_order(*tables: pa.Table) -> Iterator[pa.Table]:
    """The tables by what all have, since the order of rows hangs on the objects they lie in."""
    shared = set[str].intersection(*(set(table.column_names) for table in tables))
    keys = [f.name for f in tables[0].schema if f.name in shared and not pa.types.is_nested(f.type)]
    return (table.sort_by([(name, "ascending") for name in keys]) for table in tables)


def differences(before: pa.Table, after: pa.Table, left_out: set[str]) -> Iterator[tuple[str, int, str]]:
    """Yield what differs: a column or the number of rows, in how many cells, and the first of them."""
    if before.num_rows != after.num_rows:
        yield "number of rows", 1, f"{before.num_rows} and {after.num_rows}"
        return
    for name in before.column_names:
        if name in after.column_names and name not in left_out:
            pairs = zip(before[name].to_pylist(), after[name].to_pylist(), strict=True)
            # A NaN is no other value than itself.
            unlike = [(row, *pair) for row, pair in enumerate(pairs) if repr(pair[0]) != repr(pair[1])]
            if unlike:
                yield name, len(unlike), " | ".join(str(part)[:SHOWN] for part in unlike[0])


def compare(before: Path, after: Path, left_out: set[str]) -> tuple[int, Counter[Place], dict[Place, str]]:
    """Return how many cells were compared, how many differ by place, and the first of each."""
    one, other = published(before), published(after)
    cells, counts, firsts = 0, Counter[Place](), dict[Place, str]()
    for key in sorted(one.keys() | other.keys()):
        table = key.partition("/repo_owner=")[0]
        if key not in one or key not in other:
            print(f"{table}: only {'before' if key in one else 'after'}")
            continue
        old, new = read(one[key]), read(other[key])
        if len(one[key]) != len(other[key]):
            old, new = in_order(old, new)
        for name in sorted(set(old.column_names) ^ set(new.column_names)):
            print(f"{table}.{name}: only {'before' if name in old.column_names else 'after'}")
        cells += old.num_rows * len(set(old.column_names) & set(new.column_names) - left_out)
        for what, count, first in differences(old, new, left_out):
            counts[table, what] += count
            firsts.setdefault((table, what), first)
    return cells, counts, firsts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("left_out", nargs="*", help="columns that may differ")
    asked = parser.parse_args()
    cells, counts, firsts = compare(asked.before, asked.after, set(asked.left_out))
    for (table, what), count in sorted(counts.items()):
        print(f"{table}.{what}: {count:,}; first: {firsts[table, what]}")
    print(f"{cells:,} cells compared, {counts.total():,} differ")
    sys.exit(counts.total() > 0 or not cells)


if __name__ == "__main__":
    main()
