"""The API's questions as tools for an assistant: one a route, made from the document that describes it.

Names, parameters, bounds and columns are the API's; a call is a request to it within the process.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from gitpulse_assets.repo import Repo
from gitpulse_assets.serve.api import router

Schema = dict[str, Any]
# A whole history is more than a model reads well; what is left off is said.
ROWS_MAX = 400
# The reply's form is settled, and a repository is one argument.
NO_ARGUMENTS = ("format", "owner", "name")
REPOSITORY_ARGUMENT: Schema = {
    "type": "string",
    "description": "owner/name, in any letter case.",
    "examples": ["acme/rocket"],
}
PAGE_URL: Schema = {"type": "string", "description": "The page that shows the same to people."}
LEFT_OFF: Schema = {"type": "integer", "description": "Rows at the end that are not shown here."}


class ToolRefused(Exception):
    """The question cannot be answered; str() says why and what to do."""


@dataclass(frozen=True)
class Tool:
    """A question: its arguments and its answer as JSON Schema, and the path of its route."""

    name: str
    description: str
    path: str
    input_schema: Schema
    output_schema: Schema


def api_tools(app: FastAPI) -> dict[str, Tool]:
    """Make a tool of every route of the API, by name; `app` has them, and documents them."""
    paths = app.openapi()["paths"]
    routes = (route for route in router.routes if isinstance(route, APIRoute))
    return {route.name: tool_of(route, paths[route.path]["get"]) for route in routes}


def tool_of(route: APIRoute, described: Mapping[str, Any]) -> Tool:
    """Make a tool of one route."""
    parameters = {one["name"]: one for one in described.get("parameters", [])}
    is_of_one = "owner" in parameters
    arguments = {"repository": REPOSITORY_ARGUMENT} if is_of_one else {}
    arguments |= {name: argument(one) for name, one in parameters.items() if name not in NO_ARGUMENTS}
    answer = described["responses"]["200"]["content"]["application/json"]["schema"]
    return Tool(
        name=route.name,
        description=described["description"],
        path=route.path,
        input_schema={
            "type": "object",
            "properties": arguments,
            "required": ["repository"] if is_of_one else [],
            "additionalProperties": False,
        },
        output_schema=answer
        | {"properties": answer["properties"] | {"page_url": PAGE_URL, "rows_left_off": LEFT_OFF}},
    )


def argument(parameter: Mapping[str, Any]) -> Schema:
    """A parameter of the API as an argument."""
    return {**parameter["schema"], "description": parameter.get("description", "")}


async def ask(client: httpx.AsyncClient, tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the API and return its JSON; raises ToolRefused with the API's own words."""
    refuse_unknown(arguments, tool.input_schema)
    reply = await client.get(address(tool, arguments))
    content = reply.json()
    if reply.status_code != httpx.codes.OK:
        raise ToolRefused(content["detail"])
    return shortened(content)


def refuse_unknown(arguments: Mapping[str, Any], schema: Schema) -> None:
    """Raise ToolRefused where an argument is none of the schema's."""
    known = schema["properties"]
    if unknown := sorted(arguments.keys() - known.keys()):
        raise ToolRefused(f"{', '.join(unknown)}: not known here; known are {', '.join(known)}")


def address(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """The path and query of a question; raises ToolRefused where it names no repository."""
    given = {name: text(value) for name, value in arguments.items() if value is not None}
    path = tool.path
    if "repository" in tool.input_schema["properties"]:
        path = path.replace("{owner}/{name}", repository_of(given.pop("repository", "")).key)
    return f"{path}?{urlencode(given)}" if given else path


def text(value: object) -> str:
    """An argument as a query says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def repository_of(name: str) -> Repo:
    """The repository an argument names."""
    try:
        return Repo.parse(name)
    except ValueError as error:
        raise ToolRefused(f"repository: {error}") from None


def shortened(content: dict[str, Any]) -> dict[str, Any]:
    """The answer with no more rows than a model reads well."""
    rows = content.get("rows")
    if rows is None or len(rows) <= ROWS_MAX:
        return content
    return content | {"rows": rows[:ROWS_MAX], "rows_left_off": len(rows) - ROWS_MAX}


def questions(tools: Mapping[str, Tool]) -> Iterator[str]:
    """A line for each tool."""
    for tool in tools.values():
        yield f"{tool.name}: {tool.description.splitlines()[0]}"
