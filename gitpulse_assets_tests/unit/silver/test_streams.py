"""What holds of every declared stream that has records, when they are merged: its SQL is held to it unnamed.

The records are what the stand-in GitHub serves of a small repository. How they are collected is tried in
`collect/test_streams.py`, which rule a record breaks beside the stream's other cases.
"""

import json
from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest

from gitpulse_assets.catalog.subjects import COLLECTED, ENTITIES, MERGED_TABLES
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.stream import Judged
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.pipeline.refresh import receive
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.transform.silver import merge_silver
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")
POISONS = ("[]", '"text"', "{}", '{"id": "x"', '{"id": [1], "user": 7, "created_at": 5}')
# Where a record was found.
PLACE = {"page_number", "record_number"}
JUDGED = [each for entity in ENTITIES for each in entity.judged]

Tables = dict[str, pa.Table]
Row = dict[str, object]

every_stream = pytest.mark.parametrize("judged", JUDGED, ids=lambda judged: judged.stream.name)


@pytest.fixture(scope="module")
def received(tmp_path_factory) -> Tables:
    """What one run brought, by bronze table."""
    plan = HistoryPlan(REPO.key, seed=7, issue_count=12, day_count=30, body_bytes_mean=10, has_people=True)
    reader = Reader(generate([plan]), REPO, tmp_path_factory.mktemp("lake"))
    with reader.client(reader.token) as client:
        receive(Session(client, reader.lake, REPO, "run-1"))
    rows = reader.lake.manifest(REPO).rows()
    return {
        table.name: reader.lake.bronze_dataset(
            table,
            REPO,
            [(row.run_id, range(1, row.batch_count + 1)) for row in rows if row.stream == table.name],
        ).to_table()
        for table in COLLECTED
    }


def merged(received: Tables) -> dict[str, list[Row]]:
    """The silver tables of what was received, without where it was found."""
    with connect() as con:
        merge_silver(con, {f"bronze_{name}": table for name, table in received.items()}, ["run-1"])
        return {
            table.name: [
                {name: value for name, value in row.items() if name not in PLACE}
                for row in con.sql(f"from {table.name} order by all").to_arrow_table().to_pylist()
            ]
            for table in MERGED_TABLES
        }


@pytest.fixture(scope="module")
def untroubled(received) -> dict[str, list[Row]]:
    return merged(received)


def changed(received: Tables, judged: Judged, change: Callable[[list[Row]], list[Row]]) -> Tables:
    """What was received, with the rows of one stream changed."""
    bronze = judged.stream.bronze
    rows = received[bronze.name].to_pylist()
    assert rows, f"the stand-in GitHub serves nothing of {bronze.name}"
    return received | {bronze.name: pa.Table.from_pylist(change(rows), bronze.arrow_schema)}


def with_news(row: Row) -> Row:
    record = json.loads(str(row["payload_json"]))
    return row | {"payload_json": json.dumps({"new_key": [{}], **record, "newer_key": None})}


@every_stream
def test_case_14_records_out_of_order_twice_and_with_unknown_keys_merge_alike(received, untroubled, judged):
    def change(rows: list[Row]) -> list[Row]:
        again = [row | {"page_number": 1000} for row in rows if "page_number" in row]
        return [with_news(row) for row in [*rows[::-1], *again]]

    assert merged(changed(received, judged, change)) == untroubled


@every_stream
def test_case_07_records_that_cannot_be_used_are_set_aside_and_the_rest_goes_on(received, untroubled, judged):
    def change(rows: list[Row]) -> list[Row]:
        last, key = rows[-1], judged.stream.key or judged.key
        later = {"fetched_at": last["fetched_at"] + timedelta(seconds=1)}
        bad = [
            last
            | later
            | ({"record_number": 900 + number} if "record_number" in last else {})
            | ({key: None} if key in last else {})
            | {"payload_json": poison}
            for number, poison in enumerate(POISONS)
        ]
        return [*rows, *bad]

    tables = merged(changed(received, judged, change))
    set_aside = tables.pop("quarantine")
    assert sorted(row["payload_json"] for row in set_aside) == sorted(POISONS)
    assert {row["stream"] for row in set_aside} == {judged.stream.name}
    assert all(row["rule"] and row["detail"] for row in set_aside)
    assert tables == {name: rows for name, rows in untroubled.items() if name != "quarantine"}
