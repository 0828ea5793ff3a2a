"""`gitpulse mcp`: an assistant's tools on stdin and stdout, where nothing else may be written."""

from contextlib import closing, suppress
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.assistant.server import Assistant, mcp_server
from gitpulse_assets.commands.serve import watching
from gitpulse_assets.console import refused
from gitpulse_assets.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.settings import Settings, SettingsError


def serve_assistant(settings: Settings) -> int:
    """Serve until stdin ends or Ctrl-C; return the exit code."""
    try:
        answers = LakeAnswers(open_lake(settings, is_writable=False), watching(settings))
    except SettingsError as error:
        return refused(error, WRONG_USE)
    except LakeError as error:
        return refused(error, FAILED)
    with closing(answers), suppress(KeyboardInterrupt):
        anyio.run(serve_on_stdio, mcp_server(Assistant(answers, settings.page_url.rstrip("/"))))
    return DONE


async def serve_on_stdio(server: Server[Any]) -> None:
    """Serve the one client there is."""
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
