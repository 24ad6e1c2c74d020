"""The measure of all things: a relay that passes bytes both ways and reads none. `relay.py PORT HOST UPSTREAM [tls]`."""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import cast

import uvloop


class Leg(asyncio.Protocol):
    """One socket; what it receives goes to `peer`, and waits until there is one."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: Leg | None = None
        self.lost = False
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def join(self, peer: Leg) -> None:
        self.peer = peer
        if peer.transport is not None and self._early:
            peer.transport.writelines(self._early)
            self._early.clear()

    def data_received(self, data: bytes) -> None:
        if self.peer is None or self.peer.transport is None:
            self._early.append(data)
        else:
            self.peer.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.close()


class Front(Leg):
    """The accepted socket: it dials the other one."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._where = host, port, context

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        host, port, context = self._where
        back = Leg()
        await asyncio.get_running_loop().create_connection(lambda: back, host, port, ssl=context)
        back.join(self)
        self.join(back)
        if self.lost and back.transport is not None:
            back.transport.close()


async def main(port: int, host: str, upstream: int, *, tls: bool) -> None:
    context = ssl.create_default_context() if tls else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(host, upstream, context), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), tls="tls" in sys.argv[4:]))
