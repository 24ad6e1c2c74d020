"""One process of the server, from its start until its last call is over."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Callable

from bot.config import Settings
from bot.server.bookkeeping.store_service import keeping
from bot.server.http.app import running
from bot.server.http.handler_context import CALLS, DOOR
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.socket_handover import SocketHandover
from bot.server.workers.drain import drain
from bot.server.workers.event_loop import Memory
from bot.server.workers.operator_messages import OperatorMessages

BEAT_S = 1.0
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Server:
    """Runs until it is told to stop, and then until its calls are over.

    `replaced` tells whether the manager has started another process in place of this one. `operator`: who is told what
    happens; None where the manager does that.
    """

    def __init__(
        self,
        settings: Settings,
        registry: CallRegistry | None = None,
        handover: SocketHandover | None = None,
        replaced: Callable[[], bool] = lambda: False,
        operator: OperatorMessages | None = None,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._handover = handover
        self._replaced = replaced
        self._operator = operator
        self._told: Counter[int] = Counter()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Drain and leave. A second Ctrl-C, or one after SIGTERM, ends the calls at once.

        SIGTERM only ever asks to drain: gunicorn repeats it every second to a worker that it replaces, and some
        platforms send it to each process of a group. gunicorn answers a Ctrl-C with SIGQUIT to workers that the
        terminal has told already, in either order, and a Ctrl-C after SIGTERM with SIGQUIT, and SIGKILL after two
        seconds. The SIGTERM of a process that is being replaced is nobody's wish to stop the server.
        """
        if self._operator is not None and number == signal.SIGINT:
            self._operator.stopping()
        self._stop.set()
        if number == signal.SIGTERM and self._replaced():
            return
        self._told[number] += 1
        if self._told[signal.SIGINT] > 1 or (self._told[signal.SIGTERM] and number != signal.SIGTERM):
            self._hurry.set()

    async def run(self, sock: socket.socket | None = None) -> None:
        """Serve on `sock`, or where the settings say."""
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, self.stop, number)
        async with (
            keeping(self._settings) as kept,
            running(self._settings, self._registry, sock, self._handover, kept) as (app, _),
        ):
            calls, memory = app[CALLS], Memory()
            if self._operator is not None:
                self._operator.ready()
            while not self._stop.is_set():
                calls.registry.presence.announce(accepting=True)
                memory.tidy(ended=calls.directory.ended, live=len(calls.directory))
                await _set_within(self._stop, BEAT_S)
            await drain(calls, app[DOOR], self._settings.drain_s, self._hurry)


def deaf() -> None:
    """Ignore every further stop, in the last step of the loop: it would only kill a process that is leaving, or print a
    traceback. Closing, the loop puts back the default actions of the signals that it still handles.
    """
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _set_within(event: asyncio.Event, longest_s: float) -> None:
    try:
        async with asyncio.timeout(longest_s):
            await event.wait()
    except TimeoutError:
        return
