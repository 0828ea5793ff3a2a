"""Tables as CSV: what a spreadsheet makes of strangers' words."""

import csv
import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from gitpulse_assets.serve.media import chosen_format, encode_csv


def cells(value: object) -> str:
    text = encode_csv(pa.table({"x": [value], "end": ["end"]})).decode()
    header, row = csv.reader(io.StringIO(text))
    assert (header, row[1]) == (["x", "end"], "end")
    return row[0]


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']
)
def test_a_text_like_a_formula_is_kept_from_being_one(text):
    assert cells(text) == f"'{text}"


@pytest.mark.parametrize("text", ["plain", 'with "quotes"', "a,b", "two\nlines", "ünïcödé 🦆", "a=b", ""])
def test_other_text_stays_as_it_is(text):
    assert cells(text) == text


def test_values_are_written_plainly():
    assert cells(-3) == "-3"
    assert cells(None) == ""
    assert cells(True) == "true"
    assert cells(date(2026, 1, 31)) == "2026-01-31"
    assert cells(datetime(2026, 1, 31, 12, tzinfo=UTC)) == "2026-01-31T12:00:00+00:00"
    assert cells([1, 2, 3]) == "1; 2; 3"
    assert cells(["=a", "b"]) == "'=a; b"
    assert cells([{"a": 1}]) == '{"a":1}'


@pytest.mark.parametrize(
    ("name", "accept", "expected"),
    [
        (None, "", "json"),
        (None, "*/*", "json"),
        (None, "text/csv", "csv"),
        (None, "text/html, text/CSV;q=0.5", "csv"),
        (None, "application/vnd.apache.parquet", "parquet"),
        ("json", "text/csv", "json"),
        ("csv", "application/json", "csv"),
    ],
)
def test_the_format_asked_for(name, accept, expected):
    assert chosen_format(name, accept) == expected
