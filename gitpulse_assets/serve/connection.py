"""A client's connection: refuses what is no HTTP in the form of all refusals, ends when nothing comes.

uvicorn ends a connection that is idle after an answer, but waits without end for a first request, for the
rest of one, and for a client that takes no more of its answer.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gitpulse_assets.serve.problems import MEDIA_TYPE, problem


class Connection(HttpToolsProtocol):
    """uvicorn's connection, ended where nothing went on between two looks, `idle_seconds` apart."""

    idle_seconds = 30.0
    _look: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def close_if_idle(self, before: tuple[object, int]) -> None:
        """End the connection where it stands as `before` and no answer is being made."""
        is_being_answered = self.cycle is not None and not self.cycle.response_complete
        is_stuck = self._state() == before and (not is_being_answered or self.flow.write_paused)
        if is_stuck:
            self.transport.abort()
        else:
            self._look_again()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed."""
        body = bytes(problem(400, "the request is not valid HTTP").body)
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _look_again(self) -> None:
        self._look = self.loop.call_later(self.idle_seconds, self.close_if_idle, self._state())

    def _state(self) -> tuple[object, int]:
        """Which request it is at, and how much of its answer the client has not taken yet."""
        return self.cycle, self.transport.get_write_buffer_size()
