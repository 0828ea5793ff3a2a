"""Tables and records as bytes in the formats the server speaks; knows no route and no question."""

import re
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
# What a spreadsheet would take for a formula; titles and labels are written by strangers. It begins a cell,
# or follows a semicolon or line end where the locale parts cells at semicolons: a quote behind a comma does
# not begin its cell then, and guards nothing. Full-width signs count in East Asia.
SIGN = "[=+@\\-\uff1d\uff0b\uff0d\uff20]"
FORMULA_START = re.compile(rf"\A(?=[\t\r\n]|{SIGN})|[;\t\r\n]\s*(?={SIGN})")
TO_BE_QUOTED = re.compile(r'[",;\t\r\n]')
QUALITY = re.compile(r"q=([01](?:\.\d*)?)")


def qualities(header: str) -> dict[str, float]:
    """Read an Accept or Accept-Encoding header: its names, and how welcome each is (0 to 1)."""
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        given = [text for text in parameters if text.startswith("q=")]
        quality = QUALITY.fullmatch(given[0]) if given else None
        found[name] = float(quality[1]) if quality else float(not given)
    return found


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client that sent this header takes gzip, and no less gladly than plain bytes."""
    given = qualities(accept_encoding)
    quality = given.get("gzip", given.get("*", 0))
    return quality > 0 and quality >= given.get("identity", 0)


def chosen_format(format_name: str | None, accept: str) -> Format:
    """Return the format a request asks for: by name, else what its Accept header likes best, else JSON."""
    given = qualities(accept)

    def quality(name: Format) -> float:
        media_type = MEDIA_TYPES[name].partition(";")[0]
        kind = f"{media_type.partition('/')[0]}/*"
        return given.get(media_type, given.get(kind, given.get("*/*", 0)))

    for name in MEDIA_TYPES:
        if name == format_name:
            return name
    return max(MEDIA_TYPES, key=quality)


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Return JSON: days as YYYY-MM-DD, moments in RFC 3339 and UTC."""
    return msgspec.json.encode(body)


def encode_csv(table: pa.Table) -> bytes:
    """Return CSV (RFC 4180) with a header; lists joined by `; `, a `'` before what looks like a formula.

    A text with a semicolon is quoted too, which the csv module has no setting for.
    """
    columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    rows = [table.column_names, *zip(*columns, strict=True)]
    return "".join(",".join(row) + "\r\n" for row in rows).encode()


def encode_parquet(table: pa.Table) -> bytes:
    """Return a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _cell(value: object) -> str:
    if isinstance(value, list):
        return _quoted(_harmless("; ".join(_text(item) for item in value)))
    return _quoted(_harmless(value)) if isinstance(value, str) else "" if value is None else _text(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)  # pyright: ignore[reportAttributeAccessIssue]


def _harmless(text: str) -> str:
    return FORMULA_START.sub(r"\g<0>'", text)


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if TO_BE_QUOTED.search(text) else text
