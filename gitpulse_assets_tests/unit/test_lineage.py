"""Lineage is whole or refused: what DuckDB's parser sees is traced, and what cannot be is an error."""

import json

import pytest

from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.catalog.traced import FILE, tables_read, traced
from gitpulse_assets.lineage.project import traced_project
from gitpulse_assets.lineage.trace import Relation, Tracer, UntracedSql
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW

TABLES = {"t": ("a", "b", "j", "l", "k"), "u": ("k", "c"), "b": ("x",)}

# Values of no column: constants of a statement, names of the configuration, and the windows asked for.
CONSTANT = {
    ("quarantine", "stream"),
    ("mart_issue_lifecycle", "label_group"),
    ("mart_issue_transfer", "direction"),
    ("mart_issue_weekday_rhythm", "weekday_num"),
    ("mart_issue_weekday_rhythm", "weekday_name"),
    ("mart_issue_weekday_rhythm", "event_type"),
    ("mart_backlog_by_age", "band_num"),
    ("mart_backlog_by_age", "age_band"),
    ("mart_backlog_by_age", "from_days"),
    ("mart_backlog_by_age", "to_days"),
    ("mart_backlog_verdict", "window_days"),
}


def relation(name: str) -> Relation:
    if name not in TABLES:
        raise UntracedSql(f"{name} is no table")
    columns = {column: frozenset({(name, column)}) for column in TABLES[name]}
    return Relation(columns, columns[TABLES[name][0]])


def lineage(statement: str) -> dict[str, str]:
    found = Tracer(relation).trace(statement).columns
    return {name: " ".join(sorted(".".join(each) for each in origins)) for name, origins in found.items()}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select a, b as c from t", {"a": "t.a", "c": "t.b"}),
        ("select a.lower().trim() as n from t", {"n": "t.a"}),
        ("select sum(a) over w as s from t window w as (partition by b order by k)", {"s": "t.a"}),
        ("select row_number() over (order by b) as n from t", {"n": "t.b"}),
        ("select count(*) filter (where a = 1) as n from t", {"n": "t.a"}),
        ("select count(*) as n from t where b > 1", {"n": "t.b"}),
        ("select count(*) as n from t", {"n": "t.a"}),
        ("select * exclude (j, l, k) replace (b + 1 as b) from t", {"a": "t.a", "b": "t.b"}),
        ("select t.a, u.* from t join u using (k)", {"a": "t.a", "k": "u.k", "c": "u.c"}),
        ("select k from t full join u using (k)", {"k": "t.k u.k"}),
        ("select a + 1 as n, n * 2 as m from t", {"n": "t.a", "m": "t.a"}),
        ("select j ->> '$.user.login' as n from t", {"n": "t.j.user.login"}),
        ("select j.user.login as n from t", {"n": "t.j.user.login"}),
        ("select list_transform(l, lambda x: x ->> '$.name') as n from t", {"n": "t.l t.l.name"}),
        ("select b.x from b", {"x": "b.x"}),
        ("with t as (select c as a from u) select a from t", {"a": "u.c"}),
        ("with t as (select a as c from t) select c from t", {"c": "t.a"}),
        ("select a from t union all select c from u", {"a": "t.a u.c"}),
        ("select (select max(c) from u where u.k = t.k) as n from t", {"n": "u.c"}),
        ("select a in (select c from u) as n from t", {"n": "t.a u.c"}),
        ("select range, a from t, range(3)", {"range": "", "a": "t.a"}),
        ("select v.p, v.q from t, (values (1, 2)) as v (p, q)", {"p": "", "q": ""}),
        ("select unnest(l) as n from t", {"n": "t.l"}),
    ],
)
def test_a_column_is_traced(statement: str, expected: dict[str, str]):
    assert lineage(statement) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "select t from t",
        "select to_json(t) as n from t",
        "select count(t) as n from t",
        "select columns('a|b') from t",
        "select max(columns(*)) from t",
        "from (pivot t on a using sum(b))",
        "with p as (pivot t on a using sum(b)) select * from p",
        "from (unpivot t on a, b)",
        "select * from read_parquet('x.parquet')",
        "select nothing from t",
        "select t.nothing from t",
        "select a from unknown_table",
        "select a from t union by name select c from u",
        "select * from t positional join u",
        "create table x as select 1",
        "select from",
        "describe t",
        "with recursive r as (select 1 as n union all select n + 1 from r) select n from r",
    ],
)
def test_what_cannot_be_traced_is_refused(statement: str):
    with pytest.raises(UntracedSql):
        lineage(statement)


def test_the_stored_lineage_is_that_of_the_statements():
    assert json.loads(FILE.read_text(encoding="utf-8")) == traced_project(), "run `make docs`"


def test_every_column_flows_from_somewhere():
    nowhere = {
        (table.name, column)
        for table in CATALOG
        if table.layer != "bronze"
        for column in table.column_names
        if not any(column in columns for columns in tables_read(table).values())
    }
    assert nowhere == CONSTANT


def test_columns_of_the_lineage_are_columns_of_their_tables():
    columns = {"/".join(table.asset_key): set(table.column_names) for table in CATALOG}
    for made, tables in traced().items():
        for read, found in tables.items():
            assert set(found) <= columns[made]
            assert {source.partition(".")[0] for of in found.values() for source in of} <= columns[read]


def test_the_daily_flow_hangs_on_the_ledger_the_repository_and_the_sync_state():
    assert set(tables_read(MART_ISSUE_DAILY_FLOW)) == {
        ("silver", "issue_transitions"),
        ("silver", "repository"),
        ("silver", "sync_state"),
    }
