"""TCP connections that can break, or go dead without breaking, between a phone and the bot, or the bot and a model."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.testing.network.loopback import LoopbackServer

CHUNK_BYTES = 65_536


class FrailLine(LoopbackServer):
    """`async with FrailLine(port) as line:` and connect to `line.origin` instead. `far_port` may be known later."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.far_port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._near: set[asyncio.StreamWriter] = set()
        self._stranded: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Every connection breaks, for both ends."""
        for writer in self._open:
            writer.transport.abort()

    def go_dead(self) -> None:
        """Let nothing pass any more, and tell neither end."""
        self._passing.clear()

    def move_on(self) -> None:
        """Let what was held up pass; nothing of it is lost."""
        self._passing.set()

    def strand(self) -> None:
        """Let nothing pass any more through the open connections; new ones pass."""
        self._passing.clear()
        self._stranded |= self._open
        self._passing = asyncio.Event()
        self._passing.set()

    def drop_stranded(self) -> None:
        """Close the stranded connections: their ends have found out."""
        for writer in self._stranded:
            writer.transport.abort()

    def noticed(self) -> None:
        """Twilio has found the dead connections out; new ones pass."""
        self._passing.set()
        for writer in self._near:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far_port)
        ends = {writer, far_writer}
        self._open |= ends
        self._near.add(writer)
        try:
            passing = self._passing
            await asyncio.gather(self._pass_on(reader, far_writer, passing), self._pass_on(far_reader, writer, passing))
        finally:
            self._open -= ends
            self._near.discard(writer)
            for end in ends:
                end.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await passing.wait()
                writer.write(data)
        with suppress(OSError):
            writer.write_eof()
