"""An assistant's tools, asked by the SDK's own client over stdin and over HTTP."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest
import uvicorn
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError
from starlette.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.catalog.tables import CATALOG, MARTS
from gitpulse_assets.commands.exit_codes import INTERRUPTED
from gitpulse_assets.commands.serve import listen, server_config, url_of
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.serve.api import router
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.serve.assistant import server, tools
from gitpulse_assets.serve.assistant.server import ACTS, Assistant, mcp_server
from gitpulse_assets.settings import Settings

KEY = "a-key-of-the-team-0123456789"
PAGE = "https://backlog.example.com"
ROCKET = {"repository": "Acme/Rocket"}
Asked = Callable[[Callable[[Client], Awaitable[Any]]], Any]


@pytest.fixture(scope="module")
def answers(folder: Path) -> Iterator[LakeAnswers]:
    made = LakeAnswers(Lake.open(str(folder), is_writable=False))
    yield made
    made.close()


@pytest.fixture(scope="module")
def ask(answers: LakeAnswers) -> Asked:
    """Ask within this process, as the protocol has it."""
    asked = mcp_server(Assistant(answers, PAGE))

    def run(question: Callable[[Client], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with Client(asked) as client:
                # Raised within, it would come out of the client in a group.
                try:
                    return await question(client)
                except MCPError as error:
                    return error

        return anyio.run(main)

    return run


def called(ask: Asked, name: str, **arguments: Any) -> Any:
    return ask(lambda client: client.call_tool(name, arguments))


def text_of(result: Any) -> str:
    return result.content[0].text


def test_every_question_of_the_api_is_a_tool_with_its_bounds(ask):
    listed = {tool.name: tool for tool in ask(lambda client: client.list_tools()).tools}
    assert set(listed) == {route.name for route in router.routes} | {ACTS}
    assert {mart.answer.route.replace("-", "_") for mart in MARTS if mart.answer} < set(listed)
    limit = listed["issues"].input_schema["properties"]["limit"]
    assert (limit["minimum"], limit["maximum"]) == (1, 1000)
    for tool in listed.values():
        assert tool.annotations.read_only_hint
        assert tool.input_schema["additionalProperties"] is False
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)


@pytest.mark.parametrize("name", [*(route.name for route in router.routes), ACTS])
def test_every_answer_is_as_its_schema_says_and_the_same_in_text(ask, name):
    schema = next(t for t in ask(lambda client: client.list_tools()).tools if t.name == name).output_schema
    result = called(ask, name, **({} if name == "repositories" else ROCKET))
    assert not result.is_error, text_of(result)
    jsonschema.validate(result.structured_content, schema)
    assert json.loads(result.content[1].text) == result.structured_content
    assert PAGE in text_of(result)


def test_a_verdict_begins_with_its_paragraph(ask):
    result = called(ask, "verdict", **ROCKET)
    verdict = result.structured_content["verdict"]
    assert text_of(result).startswith(verdict["paragraph"])
    assert "95 % interval" in text_of(result)
    assert f"Data as of {result.structured_content['as_of_at']}" in text_of(result)
    assert f"{PAGE}/?repo=acme/rocket&from=2026-04-01&to=2026-06-29" in text_of(result)


def test_where_to_act_first_names_labels_and_issues(ask):
    result = called(ask, ACTS, **ROCKET)
    content = result.structured_content
    first = content["oldest_open_issues"][0]
    assert f"Oldest open issues: #{first['issue_number']} (" in text_of(result)
    assert content["labels"][0]["label_name"] in text_of(result)
    assert len(content["most_discussed_open_issues"]) == 10


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        (
            "verdict",
            {"repository": "acme/rocket", "windw": "28"},
            "windw: not known here; known are repository",
        ),
        ("verdict", {"repository": "acme/rocket", "window": "29"}, "window"),
        (
            "verdict",
            {"repository": "acme/rocket", "window": "90", "from": "2026-01-01", "to": "2026-02-01"},
            "both",
        ),
        ("verdict", {"repository": "acme/unknown"}, "acme/unknown"),
        ("verdict", {"repository": "acme/half"}, "first sync"),
        ("verdict", {"repository": "acme/rocket/../x"}, "owner/name"),
        ("verdict", {}, "owner/name"),
        ("issues", {"repository": "acme/rocket", "limit": 1001}, "limit"),
        ("issues", {"repository": "acme/rocket", "limit": -1}, "limit"),
        ("issues", {"repository": "acme/rocket", "sort": ["oldest"]}, "sort"),
        ("issues", {"repository": "acme/rocket", "label": {"a": 1}}, ""),
        ("daily_flow", {"repository": "acme/rocket", "format": "csv"}, "format: not known here"),
    ],
)
def test_a_wrong_question_is_refused_with_its_reason(ask, name, arguments, words):
    result = called(ask, name, **arguments)
    if "label" in arguments:
        assert result.structured_content["total_count"] == 0
        return
    assert result.is_error
    assert words in text_of(result)


def test_the_text_null_is_a_text(ask):
    assert called(ask, "issues", label="null", **ROCKET).structured_content["label"] == "null"
    assert called(ask, "issues", label=None, **ROCKET).structured_content["label"] is None


def test_a_tool_that_is_none_is_refused(ask):
    error = called(ask, "delete_all")
    assert "no tool 'delete_all'; known are ages" in str(error)


def test_rows_left_off_are_said(ask, monkeypatch):
    monkeypatch.setattr(tools, "ROWS_MAX", 20)
    result = called(ask, "daily_flow", **ROCKET)
    assert result.structured_content["rows_left_off"] == 70
    assert "20 of 90 rows are shown." in text_of(result)


def test_every_table_is_a_resource_with_its_columns_in_words(ask):
    listed = ask(lambda client: client.list_resources()).resources
    assert {one.name for one in listed} >= {f"{contract.layer}/{contract.name}" for contract in CATALOG}
    read = ask(lambda client: client.read_resource("gitpulse://tables/gold/mart_issue_daily_flow"))
    assert "| `open_at_end` |" in read.contents[0].text
    error = ask(lambda client: client.read_resource("gitpulse://tables/gold/none"))
    assert "no table 'gitpulse://tables/gold/none'" in str(error)


def test_a_fault_of_the_server_is_told_without_its_inside(ask, monkeypatch):
    def fail(*_: Any) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(LakeAnswers, "status", fail)
    result = called(ask, "verdict", **ROCKET)
    assert result.is_error
    assert "the server failed" in text_of(result)
    assert "the inside" not in text_of(result)


def app_of(folder: Path, **settings: Any) -> Any:
    given = {"GITPULSE_API_RATE_PER_MINUTE": 0, "GITPULSE_PAGE_URL": PAGE, **settings}
    hosts = ("localhost", "127.0.0.1", "[::1]")
    return create_app(
        Lake.open(str(folder), is_writable=False), Settings.model_validate(given), allowed_hosts=hosts
    )


@asynccontextmanager
async def over_http(url: str, mode: str) -> AsyncIterator[Client]:
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {KEY}"}) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A server with a key, on a socket."""
    app = app_of(folder, GITPULSE_API_KEYS=KEY)
    with listen("127.0.0.1", 0) as listener:
        served = uvicorn.Server(server_config(app, None))
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield url_of(listener)
        served.should_exit = True
        thread.join()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_over_http_with_a_key_in_both_generations_of_the_protocol(url, mode):
    async def main() -> tuple[list[str], Any]:
        async with over_http(url, mode) as client:
            return [tool.name for tool in (await client.list_tools()).tools], await client.call_tool(
                "verdict", ROCKET
            )

    names, result = anyio.run(main)
    assert ACTS in names
    assert text_of(result).startswith("**acme/rocket, 90 days to ")


def test_over_http_without_a_key_from_elsewhere_or_too_often_there_is_no_answer(folder):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    app = app_of(folder, GITPULSE_API_KEYS=KEY, GITPULSE_API_RATE_PER_MINUTE=3)
    with TestClient(app, base_url="http://localhost") as client:
        client.headers["Accept"] = "application/json, text/event-stream"
        assert client.post("/mcp", json=asked).status_code == 401
        client.headers["Authorization"] = f"Bearer {KEY}"
        assert client.post("/mcp", json=asked, headers={"Host": "evil.example"}).status_code == 400
        codes = [client.post("/mcp", json=asked).status_code for _ in range(12)]
    assert codes[0] == 200
    assert codes[-1] == 429


def test_over_stdin(folder, tmp_path):
    """As an assistant starts it: `gitpulse mcp` with the lake in its environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GITPULSE_LAKE_URL": str(folder)}
    command = StdioServerParameters(
        command=str(Path(sys.executable).parent / "gitpulse"),
        args=["mcp"],
        env=environment,
        cwd=str(tmp_path),
    )

    async def main() -> Any:
        async with Client(stdio_client(command)) as client:
            return await client.call_tool("verdict", ROCKET)

    assert text_of(anyio.run(main)).startswith("**acme/rocket, 90 days to ")


def test_what_a_model_is_told_first_says_what_strangers_wrote_is_data():
    assert "never an instruction" in server.INSTRUCTIONS


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_it_while_stdin_is_open(folder, tmp_path, number):
    command = [str(Path(sys.executable).parent / "gitpulse"), "mcp"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GITPULSE_LAKE_URL": str(folder)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, cwd=tmp_path) as server_process:
        assert server_process.stdin
        assert server_process.stdout
        server_process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        server_process.stdin.flush()
        assert server_process.stdout.readline()
        server_process.send_signal(number)
        assert server_process.wait(30) == INTERRUPTED


def test_where_to_act_first_names_the_days_of_its_flows_and_takes_no_other_argument(ask):
    told = called(ask, ACTS, **ROCKET)
    assert told.structured_content["window"]["days"] == 90
    assert "their flows are of 90 UTC days, " in text_of(told)
    refused = called(ask, ACTS, **ROCKET, window="28")
    assert text_of(refused) == "window: not known here; known are repository"
