#!/usr/bin/env bash
# mcp 2.3.0 (the Python SDK of the Model Context Protocol): a tool's parameter of type `str | None` does not receive a
# text that happens to be JSON. "null" arrives as None, as if it had not been given; "[1]" and "{}" are refused.
#
# One would guess that text the schema declares ("anyOf": string or null) arrives as it was sent: it does for a
# parameter of type `str`, and for "12" and "true" too. MCPServer parses whatever is not plain `str` as JSON before it
# validates. So an optional filter, say a label that is called "null", is dropped without a word, and the answer is
# about everything. A server on the lower `mcp.server.Server`, which validates by itself, is not concerned.
#
# Seen (what was sent, what the tool got):
#   optional 'null' -> None
#   optional 'bug' -> 'bug'
#   optional '12' -> '12'
#   optional 'true' -> 'true'
#   optional '[1]' -> refused
#   optional '{}' -> refused
#   required 'null' -> 'null'
#   required '[1]' -> '[1]'
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cat > "$folder/seen.py" <<'PY'
import anyio
from mcp import Client
from mcp.server import MCPServer

server = MCPServer("shelf")


@server.tool()
def optional(text: str | None = None) -> str:
    return repr(text)


@server.tool()
def required(text: str) -> str:
    return repr(text)


async def main():
    async with Client(server) as client:
        for tool, texts in (
            ("optional", ["null", "bug", "12", "true", "[1]", "{}"]),
            ("required", ["null", "[1]"]),
        ):
            for text in texts:
                answer = await client.call_tool(tool, {"text": text})
                print(tool, repr(text), "->", "refused" if answer.is_error else answer.content[0].text)


anyio.run(main)
PY
"$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
optional 'null' -> None
optional 'bug' -> 'bug'
optional '12' -> '12'
optional 'true' -> 'true'
optional '[1]' -> refused
optional '{}' -> refused
required 'null' -> 'null'
required '[1]' -> '[1]'
EXPECTED
echo "as described"
