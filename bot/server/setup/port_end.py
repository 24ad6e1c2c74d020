"""The end of a listening port, with nobody forgotten who was let in last.

asyncio's server, closed in the turn in which it accepts, forgets that connection: nobody answers it, and it stays open
until the garbage collector comes by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Protocol

from aiohttp import web

ACCEPTED_TURNS = 5
"""Turns of any loop after which a connection that the kernel has given us is the server's."""


class Listener(Protocol):
    """A listening socket, as any loop shows it."""

    def fileno(self) -> int: ...


async def close_ports(sites: Collection[web.BaseSite]) -> None:
    """Listen no more at these; what is open stays open."""
    servers = [site._server for site in sites]  # noqa: SLF001  nothing else tells of its sockets
    await accept_no_more(listener for server in servers for listener in getattr(server, "sockets", ()))
    for site in sites:
        await site.stop()


async def accept_no_more(listening: Iterable[Listener]) -> None:
    """Accept no more connections, and wait until each that was accepted is its server's, which may be closed then."""
    loop = asyncio.get_running_loop()
    for listener in listening:
        loop.remove_reader(listener.fileno())
    await accepted()


async def accepted() -> None:
    """Wait until what was accepted is its server's."""
    for _ in range(ACCEPTED_TURNS):
        await asyncio.sleep(0)
