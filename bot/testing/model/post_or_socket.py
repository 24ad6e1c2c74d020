"""One port for both: what begins as a POST goes to an HTTP server, anything else to the WebSocket's.

The socket's library reads GET alone, and a client secret is asked for beside the Realtime address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection


def post_or_socket(posts: Callable[[], asyncio.Protocol]) -> type[ServerConnection]:
    """The kind of connection that has its POSTs answered by a protocol of `posts`."""

    class PostOrSocket(_Undecided):
        def _post(self) -> asyncio.Protocol:
            return posts()

    return PostOrSocket


class _Undecided(ServerConnection):
    """Begins with its first bytes: a connection without any is nobody's yet."""

    _transport: asyncio.Transport | None = None
    _taken_by: asyncio.Protocol | None = None
    """The protocol of a POST."""
    _begun = False

    def _post(self) -> asyncio.Protocol:
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's, as always here

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._begin(data)
        if self._taken_by is not None:
            self._taken_by.data_received(data)
        else:
            super().data_received(data)

    def _begin(self, first: bytes) -> None:
        assert self._transport is not None
        self._begun = True
        if not first.startswith(b"POST "):
            super().connection_made(self._transport)
            return
        self._taken_by = self._post()
        self._transport.set_protocol(self._taken_by)
        self._taken_by.connection_made(self._transport)

    def eof_received(self) -> None:
        if self._begun:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._begun:
            super().connection_lost(exc)
