"""The phone's WebSocket as the bridge sees it: whole frames written at once, closed within half a second."""

from __future__ import annotations

import asyncio

from aiohttp import web
from websockets.frames import Frame, Opcode

CLOSE_S = 0.5
FULL_BYTES = 64 * 1024
"""Above this the transport gets no more media, so that little ever stands before a `clear`."""


class PhoneSocket:
    """Writes go straight to the transport: they neither wait nor switch tasks. The handler's loop does the reading."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._ws = ws
        self._transport = transport

    def send(self, text: bytes) -> None:
        """Write one text frame. After the socket is closed it does nothing."""
        if not self._ws.closed and not self._transport.is_closing():
            self._transport.write(Frame(Opcode.TEXT, text).serialize(mask=False))

    @property
    def full(self) -> bool:
        return self._transport.get_write_buffer_size() >= FULL_BYTES

    async def close(self) -> None:
        """A closing handshake for half a second, then the hard way."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._ws.close()
        except TimeoutError:
            pass
        finally:
            if not self._transport.is_closing():
                self._transport.abort()
