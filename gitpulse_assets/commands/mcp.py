"""`gitpulse mcp`: an assistant's tools on stdin and stdout, where nothing else may be written."""

import os
import signal
from contextlib import closing
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.commands.console import refused
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from gitpulse_assets.commands.serve import watching
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.serve.assistant.server import Assistant, mcp_server
from gitpulse_assets.settings import Settings, SettingsError

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve_assistant(settings: Settings) -> int:
    """Serve until stdin ends; return the exit code. Ctrl-C, a hang-up and SIGTERM end the process."""
    try:
        answers = LakeAnswers(open_lake(settings, is_writable=False), watching(settings))
    except SettingsError as error:
        return refused(error, WRONG_USE)
    except LakeError as error:
        return refused(error, FAILED)
    # A thread that waits for stdin's next line cannot be called back; only reading, there is nothing to lose.
    for number in STOPS:
        signal.signal(number, lambda *_: os._exit(INTERRUPTED))
    with closing(answers):
        anyio.run(serve_on_stdio, mcp_server(Assistant(answers, settings.page_url.rstrip("/"))))
    return DONE


async def serve_on_stdio(server: Server[Any]) -> None:
    """Serve the one client there is."""
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
