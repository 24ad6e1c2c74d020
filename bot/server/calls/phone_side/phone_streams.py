"""The streams of one call, one after the other: the one at hand, and those that are closed while the call goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from bot.server.calls.phone_side.phone_socket import PhoneSocket

OnText = Callable[[bytes], None]


class PhoneStreams:
    """Joins each stream to the call. Nothing that still comes of one that was left is the call's."""

    def __init__(
        self,
        on_binary: Callable[[], None],
        on_lost: Callable[[int], None],
        shut: Callable[[PhoneSocket], Coroutine[None, None, None]],
    ) -> None:
        """`shut` closes a stream's socket, whatever becomes of it."""
        self.current: PhoneSocket | None = None
        self.number = 0
        """Number of streams that have come."""
        self._on_binary = on_binary
        self._on_lost = on_lost
        self._shut = shut
        self._left: list[asyncio.Task[None]] = []

    def attach(self, socket: PhoneSocket, on_text: OnText) -> None:
        """The next stream has come."""
        self.current = socket
        self.number += 1
        socket.listen(on_text)
        socket.on_binary, socket.on_lost = self._on_binary, self._on_lost

    def listen(self, on_text: OnText) -> None:
        """Give the messages of the stream at hand to another."""
        if self.current is not None:
            self.current.listen(on_text)

    def leave(self) -> None:
        """Close the stream at hand, and not the call."""
        socket, self.current = self.current, None
        if socket is not None:
            socket.listen(_ignore)
            socket.on_binary = socket.on_lost = _ignore
            task = asyncio.create_task(self._shut(socket), name="leave")
            self._left.append(task)
            task.add_done_callback(self._left.remove)

    async def close(self) -> None:
        """Close the stream at hand, and wait for those that were left."""
        current = [] if self.current is None else [self._shut(self.current)]
        await asyncio.gather(*current, *self._left)


def _ignore(*_: object) -> None:
    pass
