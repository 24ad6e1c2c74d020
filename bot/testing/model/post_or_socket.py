"""One port for both: what begins as a POST goes to an HTTP server, anything else to the WebSocket's.

The socket's library reads GET alone, and a client secret is asked for beside the Realtime address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.asyncio.server import ServerConnection


class SilentConnections:
    """Connections that have said nothing yet. Neither server knows them, so whoever stops the two drops these."""

    def __init__(self) -> None:
        self._there: set[asyncio.Transport] = set()
        self._dropped = False

    def add(self, transport: asyncio.Transport) -> None:
        if self._dropped:
            transport.abort()
        else:
            self._there.add(transport)

    def discard(self, transport: asyncio.Transport) -> None:
        self._there.discard(transport)

    def drop(self) -> None:
        """Drop them, and any that still comes."""
        self._dropped = True
        for transport in list(self._there):
            transport.abort()


def post_or_socket(posts: Callable[[], asyncio.Protocol], silent: SilentConnections) -> type[ServerConnection]:
    """The kind of connection that has its POSTs answered by a protocol of `posts`."""

    class PostOrSocket(_Undecided):
        _silent = silent

        def _post(self) -> asyncio.Protocol:
            return posts()

    return PostOrSocket


class _Undecided(ServerConnection):
    """Begins with its first bytes: a connection without any is nobody's yet."""

    _silent: SilentConnections
    _transport: asyncio.Transport | None = None
    _taken_by: asyncio.Protocol | None = None
    """The protocol of a POST."""
    _begun = False

    def _post(self) -> asyncio.Protocol:
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._silent.add(self._transport)

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._begin(data)
        if self._taken_by is not None:
            self._taken_by.data_received(data)
        else:
            super().data_received(data)

    def _begin(self, first: bytes) -> None:
        assert self._transport is not None
        self._silent.discard(self._transport)
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
        elif self._transport is not None:
            self._silent.discard(self._transport)
