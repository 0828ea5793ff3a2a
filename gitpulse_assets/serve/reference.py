"""Writes the routes and columns of `docs/api.md` from the API's own document; a test holds the two together.

`python -m gitpulse_assets.serve.reference docs/api.md` renews what stands between its marks, nothing else.
"""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI

from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import SUBJECTS
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.serve.api import REPOSITORY, add_act_first, add_mart, router
from gitpulse_assets.serve.badges import badges_router
from gitpulse_assets.serve.kpi import kpi_router
from gitpulse_assets.texts.written_parts import renew, with_part

Schema = dict[str, Any]

KINDS = {"date": "date", "date-time": "UTC time"}
# What every answer about a repository has, and every metric: told once, by hand.
BESIDE = frozenset(
    (
        "repository",
        "as_of_at",
        "is_complete",
        "note",
        "label",
        "window",
        "total_count",
        "coverage",
        "data_quality",
        "person",
        "not_known",
    )
)


def written(text: str) -> str:
    """Return the text of `docs/api.md` with its routes and columns made anew."""
    paths = document()["paths"]
    for subject in SUBJECTS:
        added = subject_document(subject)["paths"]
        paths = {path: told for path, told in paths.items() if path not in added}
        text = with_part(text, f"routes of {subject}", "\n".join(routes(added)))
        text = with_part(text, f"columns of {subject}", "\n".join(columns(added)))
    text = with_part(text, "routes", "\n".join(routes(paths)))
    return with_part(text, "columns", "\n".join(columns(paths)))


def document() -> Schema:
    """The OpenAPI document of the API, its badges, feeds and the metrics that are shipped."""
    app = FastAPI(title="GitPulse")
    app.include_router(router)
    app.include_router(badges_router)
    app.include_router(kpi_router(shipped_metrics()))
    return app.openapi()


def subject_document(subject: str) -> Schema:
    """The OpenAPI document of the routes that a subject adds, chosen or not."""
    app, added = FastAPI(title="GitPulse"), APIRouter(prefix=router.prefix)
    for mart in marts_of(subject):
        add_mart(added, mart)
    add_act_first(added)
    app.include_router(added)
    return app.openapi()


def routes(paths: Schema) -> Iterator[str]:
    """A table of every path and what it answers."""
    yield "| path | answer |"
    yield "|---|---|"
    for path, operations in paths.items():
        yield f"| `{short(path)}` | {first_sentence(operations['get']['description'])} |"


def columns(paths: Schema) -> Iterator[str]:
    """A section for each route with rows or figures: their columns, with type and meaning."""
    for path, operations in paths.items():
        content = operations["get"]["responses"]["200"].get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        for name, member in schema.get("properties", {}).items():
            row = member.get("items", member)
            if name in BESIDE or "properties" not in row:
                continue
            yield f"**`{short(path)}`**, `{name}`\n"
            yield "| column | type | meaning |\n|---|---|---|"
            for column, told in row["properties"].items():
                meaning = told.get("description", "").replace("|", "\\|")
                yield f"| `{column}` | {kind(told)} | {meaning} |"
            yield ""


def short(path: str) -> str:
    """A path as the reference has it: those of one repository share a beginning."""
    return path.replace(f"{router.prefix}{REPOSITORY}", "…")


def first_sentence(text: str) -> str:
    """The first sentence of a description, on one line."""
    return re.split(r"(?<=[.;])\s", " ".join(text.split()), maxsplit=1)[0].rstrip(".;").replace("|", "\\|")


def kind(schema: Schema) -> str:
    """The type of a column in a word or two."""
    types = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type")]
    if types[0] == "array":
        word = f"list of {kind(schema['items'])}"
    elif types[0] == "object":
        word = f"record ({', '.join(schema['properties'])})" if "properties" in schema else "record"
    else:
        word = KINDS.get(schema.get("format", ""), "text" if types[0] == "string" else str(types[0]))
    return f"{word} or null" if "null" in types else word


if __name__ == "__main__":
    renew(written)
