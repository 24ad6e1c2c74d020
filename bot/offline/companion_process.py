"""The offline agent in a process beside the bot's: what it takes to recognise and to speak delays no other call.

It ends when its standard input does, so it never outlives the bot, whatever ends that; a signal from the terminal
does not reach it, since calls go on for a while after one.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from bot.models import OFFLINE_AGENT
from bot.offline.offline_server import offline_sessions
from bot.server.workers.event_loop import run_in_loop
from bot.testing.model.server import SimulatedRealtimeServer

_ENDS_S = 5


class CompanionFailed(Exception):
    """The agent did not come up."""


@contextmanager
def companion() -> Iterator[str]:
    """The URL of an agent in a process of its own, which is ready. Raises CompanionFailed."""
    with subprocess.Popen(
        [sys.executable, "-m", "bot.offline"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().decode().strip()
            if not url:
                raise CompanionFailed("The offline agent could not start; what it said stands above.")
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(_ENDS_S)
            except subprocess.TimeoutExpired:
                process.kill()


def offline_settings(url: str) -> Mapping[str, str]:
    """The settings that make the bot dial the agent at `url`, whatever else is set."""
    return {
        "OPENAI_API_KEY": "offline-agent-takes-any-key",
        "OPENAI_API_KEY_FILE": "",
        "OPENAI_REALTIME_URL": url,
        "OPENAI_REALTIME_MODEL": OFFLINE_AGENT,
        "BOT_DIALECT": "openai",
        "BOT_TRANSCRIPTION_MODEL": OFFLINE_AGENT,
    }


def main() -> None:
    """Be that process: tell the URL on standard output, serve until standard input ends.

    Whatever else is printed, also by libraries, is told on standard error: of the output nobody reads more than the
    URL, and once the pipe was full all sessions would stand still.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)
        run_in_loop(_serve(told))


async def _serve(told: TextIO) -> None:
    async with offline_sessions() as sessions, SimulatedRealtimeServer(sessions, keep_sessions=False) as server:
        told.write(f"{server.url}\n")
        told.flush()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
