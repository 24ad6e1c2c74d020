"""The offline agent in a process beside the bot's: what it takes to recognise and to speak delays no other call.

It ends when its standard input does, so it never outlives the bot, whatever ends that; a signal from the terminal
does not reach it, since calls go on for a while after one. Who starts it, and again: bot.offline.companion_keeper.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TextIO

from bot.offline.offline_server import offline_sessions
from bot.server.workers.event_loop import run_in_loop
from bot.testing.model.server import SimulatedRealtimeServer


def main() -> None:
    """Be that process: tell the URL on standard output, serve until standard input ends.

    Whatever else is printed, also by libraries, is told on standard error: of the output nobody reads more than the
    URL, and once the pipe was full all sessions would stand still.
    """
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)
        run_in_loop(_serve(port, told))


async def _serve(port: int, told: TextIO) -> None:
    async with offline_sessions() as sessions, SimulatedRealtimeServer(sessions, port=port, keep_sessions=False) as one:
        told.write(f"{one.url}\n")
        told.flush()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
