"""A TCP proxy on loopback that delays what passes, each way alike, order kept: a network between phone and bot."""

from __future__ import annotations

import asyncio
import contextlib

from bot.testing.network.line import Line
from bot.testing.network.loopback import LoopbackServer

CHUNK_BYTES = 64 * 1024


class SlowLine(LoopbackServer):
    """`async with SlowLine(port, out_line, in_line) as line:` and connect to `line.origin` instead.

    `out_line` delays what the server sends, `in_line` what it is sent.
    """

    def __init__(self, port: int, out_line: Line, in_line: Line) -> None:
        super().__init__()
        self._far_port = port
        self._out_line = out_line
        self._in_line = in_line

    @property
    def origin(self) -> str:
        """The http origin to connect to."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one connection to one of its own, until both are over."""
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far_port)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, far_writer, self._in_line))
                group.create_task(_pass_on(far_reader, writer, self._out_line))
        except OSError:
            pass  # an end that is gone takes the other with it
        finally:
            for end in ends:
                end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> None:
    """Read at once, write when the line has carried it; pass the end on too."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def write() -> None:
        while True:
            at_s, data = await waiting.get()
            await asyncio.sleep(at_s - loop.time())
            if not data:
                break
            writer.write(data)
        with contextlib.suppress(OSError):
            writer.write_eof()

    writing = asyncio.ensure_future(write())
    try:
        while True:
            try:
                data = await reader.read(CHUNK_BYTES)
            except OSError:
                data = b""
            waiting.put_nowait((line.arrival(int(loop.time() * 1e6)) / 1e6, data))
            if not data:
                break
        await writing
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
