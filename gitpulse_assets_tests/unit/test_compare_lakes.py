"""scripts/compare_lakes.py: what two lakes differ in, and what only one of them has."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_lakes.py"
ROWS = {"run_id": ["r1", "r1"], "label": [["a", "b"], None], "share": [0.5, float("nan")]}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare_lakes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put(lake: Path, table: str, rows: dict[str, list], part: str = "data") -> Path:
    path = lake / table / "repo_owner=acme" / "repo_name=rocket" / f"{part}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), path)
    return lake


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (ROWS, {}),
        (ROWS | {"run_id": ["r1", "r2"]}, {}),
        (ROWS | {"label": [["a", "c"], None]}, {"label": 1}),
        (ROWS | {"share": [0.5, 0.0]}, {"share": 1}),
        ({name: values[:1] for name, values in ROWS.items()}, {"number of rows": 1}),
        ({name: ROWS[name] for name in ("run_id", "share")}, {}),
    ],
    ids=["equal", "left out", "list", "nan", "rows", "column gone"],
)
def test_a_cell_that_both_have_and_that_differs_is_counted(script, tmp_path, rows, found):
    one, other = (put(tmp_path / name, "gold/mart", given) for name, given in (("a", ROWS), ("b", rows)))
    _, counts, _ = script.compare(one, other, {"run_id"})
    assert {what: count for (_, what), count in counts.items()} == found


def test_what_only_one_of_the_two_has_is_named(script, tmp_path, capsys):
    one, other = put(tmp_path / "a", "gold/mart", ROWS), put(tmp_path / "b", "gold/mart", {"new": [1, 2]})
    put(other, "silver/other", ROWS)
    script.compare(one, other, set())
    told = capsys.readouterr().out.splitlines()
    assert "gold/mart.label: only before" in told
    assert "gold/mart.new: only after" in told
    assert "silver/other: only after" in told


def test_in_how_many_objects_a_table_lies_is_no_difference(script, tmp_path):
    one = put(tmp_path / "a", "silver/issue", {"number": [1, 7, 3], "state": ["open", "closed", "open"]})
    other = put(tmp_path / "b", "silver/issue", {"number": [1, 3], "state": ["open", "open"]})
    put(other, "silver/issue", {"number": [7], "state": ["closed"]}, "000000005-000000009")
    assert script.compare(one, other, set())[:2] == (6, {})
