"""The Realtime server of many sessions, a process of its own: `python -m tests.benchmarks.model_load`."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from dataclasses import dataclass, field
from functools import partial

from tests.benchmarks.control import Reply, run_generator, serve_commands
from tests.benchmarks.model_session import DELTA_MS, ModelCounts, ModelSession
from tests.benchmarks.pacer import Pacer
from tests.benchmarks.stamps import NOBODY

STEP = 123
"""Prime to 200: the phases of the sessions' deltas are spread over their 200 ms."""


@dataclass
class ModelLoad:
    """All sessions, and the pace of their deltas. `first_audio_s` is how long a response takes to begin."""

    first_audio_s: float = 0.0
    counts: ModelCounts = field(default_factory=ModelCounts)
    sessions: set[ModelSession] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._slots: list[list[ModelSession]] = [[] for _ in range(DELTA_MS)]
        self._numbers = itertools.count()
        self._talk = True
        self._in_turns = False
        self._calling_s = self._tool_s = self._tool_in_turns_s = 0.0
        self._servers: list[asyncio.Server] = []
        self._pacer = Pacer(DELTA_MS, self._fire)

    def _fire(self, slot: int) -> None:
        if self._talk:
            for session in self._slots[slot]:
                if session.talking:
                    session.delta()

    def make(self) -> ModelSession:
        """A session for a socket that was just accepted."""
        number = next(self._numbers)
        session = ModelSession(number, self.counts, self.first_audio_s, self._over)
        if self._in_turns:
            session.take_turns(len(self.sessions))
        session.tool_s = self._tool_in_turns_s
        self.sessions.add(session)
        self._slots[number * STEP % DELTA_MS].append(session)
        return session

    def _over(self, session: ModelSession) -> None:
        self.sessions.discard(session)
        self._slots[session.number * STEP % DELTA_MS].remove(session)

    async def listen(self, certificate: str = "") -> Reply:
        """Open a port on loopback, with TLS when the file of a certificate and its key is given."""
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self.make, "127.0.0.1", 0, ssl=context, backlog=1024)
        self._servers.append(server)
        return {"port": server.sockets[0].getsockname()[1]}

    def pace(self, first_audio_s: float) -> Reply:
        """Let each response take `first_audio_s` to begin, from now on."""
        self.first_audio_s = first_audio_s
        return {}

    def converse(self, in_turns: bool) -> Reply:
        """Sessions to come talk a third of the time, or all the time."""
        self._in_turns = in_turns
        return {}

    def window(self) -> Reply:
        """Measure from here."""
        self.counts.up.clear()
        self._pacer.window()
        return {}

    def report(self) -> Reply:
        return {
            "sent": self.counts.sent,
            "received": self.counts.received,
            "filled": self.counts.filled,
            "errors": self.counts.errors[:3],
            "sessions": len(self.sessions),
            "tools": {"called": self.counts.called, "answered": self.counts.answered},
            "delay": self.counts.up.summary_us(),
            **self._pacer.health(),
        }

    def call_tools(self, every_s: float, seconds: float) -> Reply:
        """Have each session call a tool of `seconds` every so often, in turn with the others; 0: no more."""
        self._calling_s, self._tool_s = every_s, seconds
        for number, session in enumerate(sorted(self.sessions, key=lambda session: session.number)):
            if every_s:
                session.later(every_s * number / len(self.sessions), partial(self._call_tool, session))
        return {}

    def call_in_turns(self, seconds: float) -> Reply:
        """Have each session call a tool of `seconds` in each turn, before it answers; 0: none."""
        self._tool_in_turns_s = seconds
        for session in self.sessions:
            session.tool_s = seconds
        return {}

    def _call_tool(self, session: ModelSession) -> None:
        if self._calling_s and session in self.sessions:
            session.call_tool(self._tool_s)
            session.later(self._calling_s, partial(self._call_tool, session))

    def stop(self) -> Reply:
        """Send no more audio; the sessions stay."""
        self._talk = False
        return {}

    async def interrupt(self, times: int, every_s: float) -> Reply:
        """Have callers interrupt, one session after the other. Gives (call, time in ns) of each."""
        if not self.sessions:
            raise LookupError("no session is open")
        said: list[tuple[int, int]] = []
        turn = itertools.cycle(sorted(self.sessions, key=lambda session: session.number))
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for _ in range(times):
            session = next(turn)
            if session.talking and session.call != NOBODY:
                said.append((session.call, session.interrupt()))
            due_s += every_s
            await asyncio.sleep(max(0, due_s - loop.time()))
        return {"said": said}

    def reset(self) -> Reply:
        """Forget what was counted, and talk again."""
        counts = self.counts
        counts.sent = counts.received = counts.filled = 0
        counts.errors.clear()
        self.first_audio_s, self._talk = 0.0, True
        return {"sessions": len(self.sessions)}


async def main() -> None:
    load = ModelLoad()
    await serve_commands(
        {
            "listen": load.listen,
            "pace": load.pace,
            "converse": load.converse,
            "call_tools": load.call_tools,
            "call_in_turns": load.call_in_turns,
            "window": load.window,
            "report": load.report,
            "stop": load.stop,
            "interrupt": load.interrupt,
            "reset": load.reset,
        }
    )


if __name__ == "__main__":
    run_generator(main())
