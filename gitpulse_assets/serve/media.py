"""Tables and records as bytes in the formats the server speaks; knows no route and no question."""

import csv
import io
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

Format = Literal["json", "csv", "parquet"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
# What a spreadsheet would take for a formula; titles and labels are written by strangers.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def chosen_format(format_name: str | None, accept: str) -> Format:
    """Return the format a request asks for: by name, else by its Accept header, else JSON."""
    accepted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for name, media_type in MEDIA_TYPES.items():
        if name == format_name or (not format_name and media_type.partition(";")[0] in accepted):
            return name
    return "json"


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Return JSON: days as YYYY-MM-DD, moments in RFC 3339 and UTC."""
    return msgspec.json.encode(body)


def encode_csv(table: pa.Table) -> bytes:
    """Return CSV (RFC 4180) with a header; lists joined by `; `, a `'` before a text like a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(table.column_names)
    columns = [column.to_pylist() for column in table.columns]
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return file.getvalue().encode()


def encode_parquet(table: pa.Table) -> bytes:
    """Return a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _cell(value: object) -> object:
    if isinstance(value, list):
        return _harmless("; ".join(_text(item) for item in value))
    return _harmless(value) if isinstance(value, str) else "" if value is None else _text(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)  # pyright: ignore[reportAttributeAccessIssue]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
