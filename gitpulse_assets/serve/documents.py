"""What the OpenAPI document says of the replies: their columns, from the contracts, with examples."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from gitpulse_assets.contracts.model import Column
from gitpulse_assets.serve.media import MEDIA_TYPES

Schema = dict[str, Any]

PROBLEM: Schema = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do, for people."},
    },
}
WINDOW: Schema = {
    "type": "object",
    "required": ["start_date", "end_date", "days"],
    "properties": {
        "start_date": {"type": "string", "format": "date"},
        "end_date": {"type": "string", "format": "date"},
        "days": {"type": "integer"},
    },
}
ENVELOPE: dict[str, Schema] = {
    "repository": {"type": "string", "description": "owner/name in GitHub's spelling."},
    "as_of_at": {"type": "string", "format": "date-time", "description": "The moment the data hold for."},
    "is_complete": {"type": "boolean", "description": "Whether the last walk of the issue list was whole."},
    "note": {"type": ["string", "null"], "description": "What is lacking, and what to do about it."},
    "label": {"type": ["string", "null"], "description": "The label the answer is narrowed to."},
}
REASONS = {
    "401": "A key is needed: `Authorization: Bearer KEY`.",
    "404": "Nothing is known of the repository; the detail says what to do.",
    "409": "The first sync of the repository, or of what is asked of it, is not finished.",
    "422": "A parameter is wrong; the detail says which and why.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "The tables cannot be read at the moment.",
}


def column_schema(column: Column) -> Schema:
    """Describe one column as JSON Schema."""
    schema = _type_schema(column.type)
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
    return {**schema, "description": column.description}


def row_schema(columns: Sequence[Column]) -> Schema:
    """Describe one row."""
    return {
        "type": "object",
        "required": [column.name for column in columns],
        "properties": {column.name: column_schema(column) for column in columns},
    }


def row_example(columns: Sequence[Column]) -> dict[str, Any]:
    """Return a row such as there could be."""
    return {column.name: _example(column.type) for column in columns}


def documented(
    payload: dict[str, tuple[Schema, Any]],
    *,
    is_table: bool = True,
    is_windowed: bool = True,
    **more: Schema,
) -> dict[int | str, Any]:
    """Describe the replies of a route: its own payload inside the envelope, and every refusal.

    `payload` gives each member's schema and example, `more` members of the envelope beyond the usual.
    """
    members = {**ENVELOPE, **({"window": WINDOW} if is_windowed else {}), **more}
    own = {name: schema for name, (schema, _) in payload.items()}
    schema = {"type": "object", "required": [*members, *own], "properties": {**members, **own}}
    example = {**_envelope_example(members), **{name: shown for name, (_, shown) in payload.items()}}
    content: dict[str, Any] = {MEDIA_TYPES["json"]: {"schema": schema, "example": example}}
    if is_table:
        content["text/csv"] = {"schema": {"type": "string"}}
        content[MEDIA_TYPES["parquet"]] = {"schema": {"type": "string", "format": "binary"}}
    return {
        200: {"description": "The answer, with its ETag.", "content": content},
        304: {"description": "What `If-None-Match` names is still the answer."},
        **refusals("401", "404", "409", "422", "429", "503"),
    }


def refusals(*codes: str) -> dict[int | str, Any]:
    """Describe refusals by their status codes."""
    content = {"application/problem+json": {"schema": PROBLEM}}
    return {code: {"description": REASONS[code], "content": content} for code in codes}


def rows_of(columns: Sequence[Column]) -> dict[str, tuple[Schema, Any]]:
    """Describe a payload of rows."""
    return {"rows": ({"type": "array", "items": row_schema(columns)}, [row_example(columns)])}


def _type_schema(kind: pa.DataType) -> Schema:
    if pa.types.is_list(kind):
        return {"type": "array", "items": _type_schema(kind.value_type)}
    if pa.types.is_struct(kind):
        fields = {field.name: _nullable(_type_schema(field.type)) for field in kind}
        return {"type": "object", "properties": fields}
    if pa.types.is_date(kind):
        return {"type": "string", "format": "date"}
    if pa.types.is_timestamp(kind):
        return {"type": "string", "format": "date-time"}
    if pa.types.is_boolean(kind):
        return {"type": "boolean"}
    if pa.types.is_floating(kind):
        return {"type": "number"}
    return {"type": "integer" if pa.types.is_integer(kind) else "string"}


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _example(kind: pa.DataType) -> Any:
    schema = _type_schema(kind)
    if "format" in schema:
        return {"date": "2026-06-29", "date-time": "2026-06-30T12:00:00Z"}[schema["format"]]
    if pa.types.is_struct(kind):
        return {field.name: _example(field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_example(kind.value_type)]
    return {"boolean": True, "number": 0.5, "integer": 12, "string": "text"}[schema["type"]]


def _envelope_example(members: dict[str, Schema]) -> dict[str, Any]:
    known = {
        "repository": "acme/rocket",
        "as_of_at": "2026-06-30T12:00:00Z",
        "is_complete": True,
        "note": None,
        "label": None,
        "window": {"start_date": "2026-04-01", "end_date": "2026-06-29", "days": 90},
        "total_count": 1,
        "person": None,
        "not_known": [],
    }
    return {name: known[name] for name in members}
