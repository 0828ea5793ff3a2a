"""Sends an answer over ASGI, or breaks its delivery as a fault says."""

import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.messages import Response

Message = MutableMapping[str, Any]


async def send_response(
    response: Response, fault: Fault | None, scope: Message, send: Callable[[Message], Awaitable[None]]
) -> None:
    """Send the answer whole, truncated or not at all."""
    kind = fault.kind if fault is not None else ""
    if kind in ("reset", "hang"):
        abort(scope)
        return
    headers = {"content-length": str(len(response.body)), "content-type": response.content_type}
    if response.status == 304:
        headers = {}
    encoded = [
        (name.encode(), value.encode("latin-1")) for name, value in (headers | response.headers).items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if kind == "truncated":
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        # Returning without the rest makes the server close the connection short of its content-length.
        return
    await send({"type": "http.response.body", "body": response.body})


def abort(scope: Message) -> None:
    """Cut the connection without an answer; `server` puts the transport into the scope's state."""
    transport = scope["state"]["transport"]
    # No lingering: the peer gets a reset, not an orderly end.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
