"""One process of the server, from its start until its last call is over."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.config import Settings
from bot.config.profiles import Profiles
from bot.server.bookkeeping.store_service import keeping
from bot.server.http.app import running
from bot.server.http.app_keys import CALLS, LISTENER, Mount
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.socket_handover import SocketHandover
from bot.server.workers.drain import drain
from bot.server.workers.event_loop import Memory
from bot.server.workers.operator_messages import OperatorMessages
from bot.server.workers.rereading import Rereading

HEARTBEAT_S = 1.0
"""Seconds between two words of a process that it is there."""
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
REPLACED = signal.SIGUSR2
"""The manager's word that another process has come in place of this one: nobody's wish to stop the server."""


@dataclass(eq=False)
class Server:
    """Runs until it is told to stop, and then until its calls are over."""

    settings: Settings
    registry: CallRegistry | None = None
    handover: SocketHandover | None = None
    mounts: Sequence[Mount] = ()
    operator: OperatorMessages | None = None
    """None where the manager tells the operator."""
    profiles: Profiles | None = None
    _signals: Counter[int] = field(default_factory=Counter)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _force: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to end the calls at once."""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Drain and leave. A second Ctrl-C, or one after SIGTERM, ends the calls at once.

        SIGTERM only ever asks to drain: some platforms send it more than once, to each process of a group. gunicorn
        answers a Ctrl-C with SIGQUIT to workers that the terminal has told already, in either order, and a Ctrl-C after
        SIGTERM with SIGQUIT, and SIGKILL after two seconds.
        """
        if self.operator is not None and number == signal.SIGINT:
            self.operator.stopping()
        self._stop.set()
        self._signals[number] += 1
        if self._signals[signal.SIGINT] > 1 or (self._signals[signal.SIGTERM] and number != signal.SIGTERM):
            self._force.set()

    async def run(self, sock: socket.socket | None = None) -> None:
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, self.stop, number)
        loop.add_signal_handler(REPLACED, self._stop.set)
        async with (
            keeping(self.settings) as kept,
            running(
                self.settings,
                self.registry,
                sock,
                handover=self.handover,
                keeping=kept,
                mounts=self.mounts,
                profiles=self.profiles,
            ) as (app, _),
        ):
            calls, memory = app[CALLS], Memory()
            rereading = Rereading(calls.profiles)
            if self.operator is not None and self.settings.profiles is not None:
                loop.add_signal_handler(signal.SIGHUP, rereading.begin)
            if self.operator is not None:
                self.operator.ready()
            while not self._stop.is_set():
                calls.registry.processes.announce(accepting=True)
                memory.tidy(ended=calls.directory.ended, live=len(calls.directory))
                await _set_within(self._stop, HEARTBEAT_S)
            rereading.close()
            await drain(calls, app[LISTENER], self.settings.drain_s, self._force)


def ignore_stops() -> None:
    """Ignore every further stop, in the last step of the loop: it would only kill a process that is leaving, or print a
    traceback. Closing, the loop puts back the default actions of the signals that it still handles.
    """
    loop = asyncio.get_running_loop()
    for number in (*STOPS, REPLACED):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _set_within(event: asyncio.Event, longest_s: float) -> None:
    try:
        async with asyncio.timeout(longest_s):
            await event.wait()
    except TimeoutError:
        return
