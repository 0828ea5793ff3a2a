"""The statements that follow from an entity, tried on one that the product has not."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import ENTITIES, MERGED_TABLES
from gitpulse_assets.catalog.traced import tables_read
from gitpulse_assets.contracts.bronze import ISSUE_PAGE, ISSUES, record_table
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.contracts.silver import QUARANTINE
from gitpulse_assets.contracts.sources import OneAnswer, RestList
from gitpulse_assets.contracts.stream import Entity, Judged, Merged, Stream
from gitpulse_assets.transform.entities import derived, statement
from gitpulse_assets.transform.sql_file import has_file

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
CURRENT = TableContract(
    layer="silver",
    name="comment_current",
    description="The newest record of every comment.",
    grain="one comment",
    order_by=("comment_id",),
    key=("comment_id",),
    columns=(
        Column("comment_id", pa.int64(), "The comment."),
        Column("updated_at", UTC_TIMESTAMP, "When it was changed."),
        Column("fetched_at", UTC_TIMESTAMP, "When it came."),
        Column("run_id", pa.string(), "With which run."),
        Column("body", pa.string(), "What it says."),
    ),
)
COMMENTS = Stream(ISSUES, RestList("/issues/comments"), key="comment_id")
COMMENT = Entity(
    "comment",
    (COMMENTS,),
    tables=(Merged(CURRENT, "touched_comment"),),
    steps=("comment_record", "comment_winner", "touched_comment"),
    key="comment_id",
    newest_by=("updated_at", "fetched_at", "run_sequence"),
    current=CURRENT.name,
    judged=(Judged(COMMENTS, "comment_record", "comment_id", key_in_payload="id"),),
)
STATEMENTS = derived([COMMENT])
RECORD = pa.schema(
    [
        *(field for field in QUARANTINE.arrow_schema if field.name not in ("stream", "issue_id")),
        ("run_sequence", pa.int64()),
        *(
            (column.name, column.type)
            for column in CURRENT.columns
            if column.name not in ("run_id", "fetched_at")
        ),
    ]
)


def record(comment_id: int | None, body: str, *, day: int = 0, run: int = 1, rule: str | None = None) -> dict:
    """A received comment, changed on a day and fetched an hour later, or in the hour of its run."""
    at = MONDAY + timedelta(days=day)
    return {
        "repo_owner": "octo",
        "repo_name": "demo",
        "run_id": f"run-{run}",
        "run_sequence": run,
        "page_number": 1,
        "record_number": 1,
        "fetched_at": MONDAY + timedelta(days=30, hours=run),
        "comment_id": comment_id,
        "updated_at": at,
        "body": body,
        "rule": rule,
        "detail": rule and "cannot be used",
        "payload_json": f'{{"id": {comment_id or "null"}, "body": "{body}"}}',
    }


@pytest.fixture
def merged():
    """Run the entity's statements on records that come and rows that are stored; return the rows of one."""

    def run(relation: str, *records: dict, stored: tuple = (), unusable: tuple = ()) -> list[dict]:
        con = duckdb.connect()
        con.execute("set TimeZone = 'UTC'")
        order = pa.table({"run_id": ["run-1", "run-2", "run-3"], "run_sequence": [1, 2, 3]})
        bad = [{**row, "stream": COMMENTS.name, "issue_id": None} for row in unusable]
        tables = {
            "run_order": order,
            "stored_comment_current": pa.Table.from_pylist(list(stored), CURRENT.arrow_schema),
            "stored_quarantine": pa.Table.from_pylist(bad, QUARANTINE.arrow_schema),
        }
        for name, table in tables.items():
            con.register(name, table)
        con.register("received", pa.Table.from_pylist(list(records), RECORD))
        con.execute("create temp table comment_record as from received")
        for name in ("comment_winner", "touched_comment", "comment_current", "quarantine"):
            con.execute(f"create temp table {name} as {STATEMENTS[name]}")
        return con.sql(f"from {relation} order by all").to_arrow_table().to_pylist()

    return run


def bodies(rows: list[dict]) -> dict[int, str]:
    return {row["comment_id"]: row["body"] for row in rows}


def test_the_newest_record_of_a_key_becomes_its_row(merged):
    rows = merged("comment_current", record(1, "old"), record(1, "new", day=1), record(2, "other"))
    assert bodies(rows) == {1: "new", 2: "other"}
    assert list(rows[0]) == list(CURRENT.column_names)


def test_what_was_fetched_later_wins_at_the_same_change_and_what_is_older_never(merged):
    stored = (record(1, "stored", day=1, run=2), record(2, "stored", day=1, run=2))
    rows = merged(
        "comment_current", record(1, "again", day=1, run=3), record(2, "older", run=3), stored=stored
    )
    assert bodies(rows) == {1: "again"}


def test_of_two_fetches_in_one_second_the_later_run_wins(merged):
    first, second = record(1, "first", run=1), record(1, "second", run=2)
    second["fetched_at"] = first["fetched_at"]
    assert bodies(merged("comment_current", second, stored=(first,))) == {1: "second"}
    assert merged("comment_current", first, stored=(second,)) == []


def test_touched_is_every_key_that_a_usable_record_has(merged):
    touched = merged("touched_comment", record(1, "a"), record(2, "b", rule="no_time"), record(1, "c"))
    assert touched == [{"comment_id": 1}]


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (record(1, "good", run=2), []),
        (record(2, "another's", run=2), ["bad"]),
        (record(1, "earlier", run=1) | {"fetched_at": MONDAY}, ["bad"]),
    ],
    ids=["replaced", "by its own key only", "not by an earlier one"],
)
@pytest.mark.parametrize("is_stored", [True, False])
def test_an_unusable_record_stays_until_a_later_usable_one_of_its_key(merged, later, left, is_stored):
    bad = record(1, "bad", run=1, rule="no_time")
    rows = merged("quarantine", later, *([] if is_stored else [bad]), unusable=(bad,) if is_stored else ())
    assert [json.loads(row["payload_json"])["body"] for row in rows] == left


def test_an_unusable_record_without_a_key_stays_to_be_looked_at(merged):
    bad = record(None, "bad", rule="no_id")
    (row,) = merged("quarantine", record(1, "good", run=3), unusable=(bad, bad))
    assert (row["rule"], row["issue_id"], row["stream"]) == ("no_id", None, COMMENTS.name)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"pages": ISSUE_PAGE, "collected_by": "list"}, "the loop over lists keeps no pages"),
        ({"collected_by": "list", "key": "label_id"}, "a key among its columns"),
        ({"collected_by": "list", "source": RestList("/labels")}, "in an order by creation or update"),
        ({"collected_by": "list", "source": OneAnswer("/topics")}, "a list is walked"),
        ({"collected_by": "list"}, "by what was updated since"),
    ],
    ids=["pages", "key", "order", "no list", "no changes"],
)
def test_a_stream_that_no_walk_can_be_made_of_is_refused_where_it_is_declared(declared, said):
    labels = record_table("labels", "Every label as received.", Column("id", pa.int64(), "Its id."))
    source = RestList("/labels", whole={"sort": "created"})
    columns = {"id": lambda head: head.id}
    with pytest.raises(ValueError, match=f"labels: .*{said}"):
        Stream(**{"bronze": labels, "source": source, "columns": columns, "key": "id"} | declared)


def test_every_step_and_table_of_the_product_has_one_statement(merged):

    own = derived(ENTITIES)
    made = [
        name for entity in ENTITIES for name in (*entity.steps, *(t.contract.name for t in entity.tables))
    ]
    assert all(statement(name) for name in made)
    assert own.keys() <= {*made, QUARANTINE.name}
    assert not [name for name in own if has_file("silver", name)]


def test_every_table_is_made_behind_those_it_is_made_from():
    keys = [table.asset_key for table in MERGED_TABLES]
    for number, table in enumerate(MERGED_TABLES):
        assert not tables_read(table).keys() & set(keys[number + 1 :]), table.name
