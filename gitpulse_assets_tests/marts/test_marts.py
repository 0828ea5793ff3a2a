"""The standard suite over the declared marts: what holds for every one, also for one that is added tomorrow.

No mart is named here but where it is told apart from the others. What one counts is tried in `unit/gold/`,
where every check is damaged too (`test_check_semantics.py`), and its answer in `answers/`.
"""

import io
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gitpulse_assets.catalog.tables import MART_TABLES, MARTS
from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import Rule, TableContract
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.pipeline.marts import make_marts
from gitpulse_assets.transform.audit import audit_table
from gitpulse_assets.transform.contributors import RELATIONS, named_in
from gitpulse_assets.transform.gold import SILVER_INPUTS
from gitpulse_assets.transform.sql_file import load_sql
from gitpulse_assets_tests.answer_lakes import EMPTY, ROCKET, copy_filled, publish

MOVED_BY = timedelta(days=40)
each_mart = pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
each_rule = pytest.mark.parametrize(
    ("table", "rule"),
    [
        pytest.param(table, rule, id=f"{table.name}-{rule.name}")
        for table in MART_TABLES
        for rule in table.rules
    ],
)
# What a column is set to, to break a rule: too small, too large, and no word that is known.
WRONG = {
    "number": ("-1", "1000000", "0", '"{0}" + 1'),
    "text": ("'unheard of'",),
    "time": ('"{0}" - interval 1000 day', '"{0}" + interval 1000 day'),
    "flag": ('not "{0}"',),
}


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A repository in which everything happened, and one without an issue, both published."""
    folder = tmp_path_factory.mktemp("marts")
    # Where the subject is chosen, something has to trend.
    copy_filled(request.config, folder, 400, 420)
    return Lake.open(str(folder))


@pytest.fixture(scope="module")
def gold(filled: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published marts of both repositories, as `<mart>` and `empty_<mart>`."""
    with connect() as con:
        for table in MART_TABLES:
            for repo, name in ((ROCKET, table.name), (EMPTY, f"empty_{table.name}")):
                con.register("stored", filled.dataset(table, repo).to_table())
                con.execute(f"create temp table {name} as from stored")
        yield con


@pytest.fixture(scope="module")
def moved(filled: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts of the same silver tables, as of a later moment: nothing happened since."""
    silver = {table: filled.dataset(table, ROCKET).to_table() for table in SILVER_INPUTS}
    state = silver[SYNC_STATE]
    later = pc.add(state["as_of_at"], pa.scalar(MOVED_BY, pa.duration("us")))
    place = state.schema.get_field_index("as_of_at")
    silver[SYNC_STATE] = state.set_column(place, state.schema.field(place), later)
    lake = Lake.open(str(tmp_path_factory.mktemp("moved")))
    publish(lake, "silver", ROCKET, silver)
    with connect() as con:
        make_marts(con, lake, ROCKET)
        yield con


def rows(con: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """The rows as text, in an order of their own."""
    return [
        row[0] for row in con.execute(f"select to_json(t) as row from {relation} as t order by 1").fetchall()
    ]


@each_mart
def test_its_columns_and_types_are_the_contracts(gold: duckdb.DuckDBPyConnection, mart: Mart):
    schema = gold.table(mart.name).to_arrow_table().schema
    assert [(f.name, f.type) for f in schema] == [(f.name, f.type) for f in mart.contract.arrow_schema]
    assert rows(gold, mart.name), "nothing happens in `answer_lakes.generated_world` that gives it a row"


@each_mart
@pytest.mark.parametrize("prefix", ["", "empty_"])
def test_it_keeps_its_contract_also_without_an_issue(
    gold: duckdb.DuckDBPyConnection, mart: Mart, prefix: str
):
    audited = audit_table(gold, mart.contract, prefix + mart.name)
    assert audited.broken == ()


@each_mart
def test_a_doubled_row_and_every_missing_value_are_found(gold: duckdb.DuckDBPyConnection, mart: Mart):
    required = [c.name for c in mart.contract.columns if not c.nullable and c.name not in mart.contract.key]
    without = ", ".join(f'null as "{name}"' for name in required)
    replaced = f"replace ({without})" if required else ""
    gold.execute(
        f"create or replace temp table damaged as select * {replaced} from (from {mart.name} limit 9) "
        f"union all by name from (from {mart.name} limit 1)"
    )
    broken = {rule.name for rule in audit_table(gold, mart.contract, "damaged").broken}
    assert {"key_unique", *(f"{name}_not_null" for name in required)} <= broken


@each_rule
def test_each_rule_speaks_when_one_column_is_wrong(
    gold: duckdb.DuckDBPyConnection, table: TableContract, rule: Rule
):
    assert any(
        gold.execute(
            f'select 1 from (select * replace ({value} as "{name}") from {table.name}) '
            f"where {rule.broken_when} limit 1"
        ).fetchall()
        for name, value in wrong_values(table, rule)
    )


def wrong_values(table: TableContract, rule: Rule) -> Iterator[tuple[str, str]]:
    """Columns that the rule names, each with what it is set to."""
    for column in table.columns:
        if re.search(rf"\b{column.name}\b", rule.broken_when):
            for value in WRONG[kind_of(column.type)]:
                yield column.name, value.format(column.name)


def kind_of(type_: pa.DataType) -> str:
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    if pa.types.is_boolean(type_):
        return "flag"
    return "text" if pa.types.is_string(type_) else "time"


@each_mart
def test_it_moves_with_the_as_of_moment_where_its_sql_asks_for_it(
    gold: duckdb.DuckDBPyConnection, moved: duckdb.DuckDBPyConnection, mart: Mart
):
    assert audit_table(moved, mart.contract, mart.name).broken == ()
    is_moved = rows(moved, mart.name) != rows(gold, mart.name)
    if mart.name == "mart_contributor":
        return  # Who is a member at a moment: of an organisation, and here is none.
    if "as_of_at" in asked_for(mart):
        assert is_moved
    elif not any("as_of_at" in asked_for(other) for other in read_by(mart)):
        assert not is_moved


def place_of(column: str, body: bytes) -> int:
    """Where a column's values lie in a Parquet file, or the first column's: of all no mart may read any."""
    metadata = pq.ParquetFile(io.BytesIO(body)).metadata
    if not metadata.num_rows:
        return 8
    group = metadata.row_group(0)
    chunks = {
        group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)
    }
    chunk = chunks.get(column, group.column(0))
    return (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 1


def asked_for(mart: Mart) -> str:
    """The SQL of a mart, with a word for the moment that code gives to its windows."""
    own = "".join(load_sql("gold", name) for name in with_relations(mart.sources))
    is_told = bool(mart.computed or mart.label_windows_days)
    return own + "as_of_at" * is_told


def with_relations(names: tuple[str, ...]) -> set[str]:
    """Statements, and the relations of conversations that they and those name."""
    found, waiting = set(names), list(names)
    while waiting:
        new = named_in(load_sql("gold", waiting.pop()), RELATIONS) - found
        found |= new
        waiting += new
    return found


def read_by(mart: Mart) -> list[Mart]:
    """The marts it reads."""
    return [other for other in MARTS if other.contract.asset_key in tables_read(mart.contract)]


@pytest.mark.parametrize("table", SILVER_INPUTS, ids=lambda table: table.name)
def test_a_damaged_input_is_named_and_nothing_published(filled: Lake, tmp_path: Path, table: TableContract):
    """Each mart reads some of these, and all are made in one step: one bit stops them all."""
    shutil.copytree(filled.store.uri(""), tmp_path / "lake")
    lake = Lake.open(str(tmp_path / "lake"))
    before, key = lake.commit("gold", ROCKET), paths.table_key(table, ROCKET)
    stored = lake.store.get(key)
    assert stored is not None
    place = place_of("issue_id", stored.body)
    lake.store.put(key, stored.body[:place] + bytes([stored.body[place] ^ 4]) + stored.body[place + 1 :])
    with connect() as con, pytest.raises(ObjectDamaged, match=f"silver/{table.name}/.*gitpulse repair"):
        make_marts(con, lake, ROCKET)
    assert lake.commit("gold", ROCKET) == before
