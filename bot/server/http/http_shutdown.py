"""The end of the HTTP server: what was accepted is answered, and what asks nothing holds nobody up."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.server.setup.port_end import accepted, close_ports

IN_FLIGHT_S = 0.1
"""Seconds for a connection that was accepted just before the port was closed to say what it wants."""
LOOK_S = 0.02


async def close(runner: web.AppRunner) -> None:
    """Close the port, answer what comes on open connections, then close those and clean up the application.

    aiohttp's runner closes connections without a request once, and then waits its whole `shutdown_timeout` for each
    that was being accepted in that moment: its handler had not begun to wait for a request, and then does so for ever.
    They are closed for as long as the runner waits.
    """
    server = runner.server
    if server is None:  # it never started
        await runner.cleanup()
        return
    await close_ports(runner.sites)
    await _answer(server)
    closing_idle = asyncio.create_task(_close_idle(server), name="idle connections")
    try:
        await runner.cleanup()
    finally:
        closing_idle.cancel()
        await asyncio.wait([closing_idle])


async def _answer(server: web.Server) -> None:
    """Wait until no connection is left, but not for long."""
    await accepted()
    loop = asyncio.get_running_loop()
    until_s = loop.time() + IN_FLIGHT_S
    while server.connections and loop.time() < until_s:  # noqa: ASYNC110  the server tells of its end by no event
        await asyncio.sleep(LOOK_S)


async def _close_idle(server: web.Server) -> None:
    """Again and again: a connection may begin to wait for a request after each look."""
    while True:
        server.pre_shutdown()
        await asyncio.sleep(LOOK_S)
