"""The other processes of this instance: what they tell the pages that are open here of the calls that they have.

Each has a socket in the directory that they share, on which it tells its live calls as it tells them to a page of its
own: a line of JSON for each event. Nobody but this instance can open that directory. One whose reader is slow loses
news and no memory (bot.console.live.live_feed).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

SUFFIX = ".live"
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one event; the rows of all calls of a process are one."""

Event = tuple[str, Any]
"""Name and data of an event for a page."""
Events = AsyncIterator[Event]

_encode = msgspec.json.Encoder().encode
_decode: msgspec.json.Decoder[tuple[str, Any]] = msgspec.json.Decoder(tuple[str, Any])


class Neighbours:
    """The socket of this process, and the way to those of the others."""

    def __init__(self, own: Callable[[], Events]) -> None:
        """`own` gives this process's events, for as long as it is iterated."""
        self._own = own
        self._directory: Path | None = None
        self._path: Path | None = None
        self._server: asyncio.Server | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def open(self, directory: Path) -> None:
        """Tell and hear from now on, in the directory that the processes share."""
        self._directory, self._path = directory, directory / f"{os.getpid()}{SUFFIX}"
        self._server = await asyncio.start_unix_server(self._asked, self._path)

    async def close(self) -> None:
        if self._server is None or self._path is None:
            return
        self._server.close()
        self._path.unlink(missing_ok=True)
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def others(self) -> list[Path]:
        """Sockets of the other processes; one that was killed has left its own."""
        return (
            [] if self._directory is None else [one for one in self._directory.glob(f"*{SUFFIX}") if one != self._path]
        )

    def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._tell_while_heard(reader, writer), name="neighbour")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_while_heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Nothing is ever read: it ends when nobody listens there any more, also while there is nothing to tell."""
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell(writer), name="neighbour")
            with suppress(ConnectionError):
                await reader.read()
            telling.cancel()

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        events = self._own()
        try:
            async for event in events:
                writer.write(_encode(event) + b"\n")
                await writer.drain()
        except ConnectionError:  # the page there is closed
            pass
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # a generator is one
            writer.close()


async def heard(path: Path) -> Events:
    """Events of the process whose socket this is, until it or the connection ends."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    except OSError:
        return
    try:
        with suppress(OSError, ValueError):  # it is gone, or was killed in the middle of a line
            while line := await reader.readline():
                yield _decode.decode(line)
    finally:
        writer.close()
