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
    "text",
    [
        *("=1+1", "+cmd", "-2+3", "@SUM(A1)", "\ttext", "\rtext", "\ntext", '=HYPERLINK("http://x")'),
        *("\uff1d1+1", "\uff0bcmd", "\uff0d2", "\uff20SUM(A1)"),
    ],
)
def test_16_a_text_like_a_formula_is_kept_from_being_one(text):
    assert cells(text) == f"'{text}"


@pytest.mark.parametrize("text", ["plain", 'with "quotes"', "a,b", "two\nlines", "ünïcödé 🦆", "a=b", ""])
def test_other_text_stays_as_it_is(text):
    assert cells(text) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a;b", "a;b"),
        ("a;=1+1", "a;'=1+1"),
        ("a; @SUM(A1)", "a; '@SUM(A1)"),
        ("a;;\uff1d1", "a;;'\uff1d1"),
        (["b", "=1"], "b; '=1"),
        ("a\n=1", "a\n'=1"),
        ("a\r\n @SUM(A1)", "a\r\n '@SUM(A1)"),
        ("\t=1", "'\t'=1"),
    ],
)
def test_16_a_spreadsheet_that_parts_cells_at_semicolons_finds_no_formula(value, written):
    assert cells(value) == written
    assert f'"{written}"' in encode_csv(pa.table({"x": [value]})).decode()


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
        (None, "text/csv;q=0", "json"),
        (None, "application/json;q=0.5, text/csv", "csv"),
        (None, "text/csv;q=0.5, */*;q=0.1", "csv"),
        (None, "text/csv;q=0.5, */*", "json"),
        (None, "text/*", "csv"),
        (None, "application/vnd.apache.parquet", "parquet"),
        ("json", "text/csv", "json"),
        ("csv", "application/json", "csv"),
    ],
)
def test_the_format_asked_for(name, accept, expected):
    assert chosen_format(name, accept) == expected
