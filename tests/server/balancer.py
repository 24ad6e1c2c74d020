"""A TCP load balancer as small as can be: one address, before servers that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from bot.testing.network.loopback import LoopbackServer
from tests.waiting import GIVE_UP_S

LOOK_S = 0.2
NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CHECK = b"GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n"


class Balancer(LoopbackServer):
    """Each connection goes to the next of `ports` whose /readyz said 200 when last asked; to any while none did."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self.ready: set[int] = set()
        self._ports = list(ports)
        self._turn = 0
        self._open: list[asyncio.StreamWriter] = []
        self._checking: asyncio.Task[None] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._checking = asyncio.create_task(self._check())
        return self

    async def __aexit__(self, *why: object) -> None:
        assert self._checking is not None
        self._checking.cancel()
        await asyncio.wait([self._checking])
        await super().__aexit__(*why)  # type: ignore[arg-type]

    def add(self, port: int) -> None:
        """Add a server."""
        self._ports.append(port)

    def cut(self) -> None:
        """Every line breaks, in the middle of whatever was said."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._connected()
        if there is None:
            writer.write(NOBODY)
            writer.close()
            return
        self._open += [writer, there[1]]
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the first server that takes it, those that are ready before the others."""
        self._turn += 1
        at = self._turn % len(self._ports)
        in_turn = self._ports[at:] + self._ports[:at]
        for port in sorted(in_turn, key=lambda one: one not in self.ready):
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None

    async def _check(self) -> None:
        while True:
            for port in self._ports:
                if await _is_ready(port):
                    self.ready.add(port)
                else:
                    self.ready.discard(port)
            await asyncio.sleep(LOOK_S)


async def _is_ready(port: int) -> bool:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(GIVE_UP_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(CHECK)
                return b" 200 " in await reader.readline()
            finally:
                writer.transport.abort()
    return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort() if reader.exception() else writer.close()
