"""Idle configured sessions, ready for a call: they spare it the dial, and one that lost its session a wait.

A session is configured by the first update that a call's core would send; when a call takes it, its core is fed the
same events, so that core, session and fixture agree.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from bot.call.session.turn_ownership import first_update
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.connection import ConnectError, Endpoint, RealtimeConnection
from bot.realtime.errors import ends_the_call
from bot.realtime.failures import Failure, failure_of_close
from bot.realtime.remote_server import with_credentials

OLDEST_S = 50 * 60.0
"""A session lasts an hour (openai-realtime 1.2): an older one would not last a call."""
RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
READY_S = 8.0

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger()


class IdleSession:
    """A session from its dialling until a call takes it: `texts` is what it said, in order, `sent` what it was sent."""

    def __init__(
        self, endpoint: Endpoint, settings: CallSettings, on_lost: Callable[[IdleSession, Failure], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.connection = RealtimeConnection(endpoint, self._heard, self._lost)
        self.opened_s = loop.time()
        self.texts: list[bytes] = []
        self.sent: list[bytes] = []
        self.failure: Failure | None = None
        """End of it, if it was lost."""
        self.on_lost = on_lost
        self.settings = settings
        self._update = _encode(first_update(settings))
        self._credentials = dict(endpoint.credentials_of_servers)
        self._configured: asyncio.Future[None] = loop.create_future()

    async def open(self, within_s: float | None = None) -> None:
        """Dial and configure within `within_s`; without one, READY_S each. Raises ConnectError."""
        within_s = 2 * READY_S if within_s is None else within_s
        until_s = asyncio.get_running_loop().time() + within_s
        await self.connection.open(min(within_s, READY_S))
        try:
            async with asyncio.timeout_at(until_s):
                await self._configured
        except TimeoutError:
            await self.connection.close()
            raise ConnectError(Failure("timeout", 0, f"not configured within {within_s:g} s")) from None
        except BaseException:
            await self.connection.close()
            raise

    def _heard(self, text: bytes) -> None:
        self.texts.append(text)
        with suppress(events.BadEvent):
            event = events.parse(text)
            if isinstance(event, events.SessionCreated | events.ConversationCreated):
                self._configure()
            elif isinstance(event, events.SessionUpdated) and not self._configured.done():
                self._configured.set_result(None)
            elif isinstance(event, events.Error) and not self._configured.done():
                self._refused(event.error)

    def _refused(self, problem: events.Problem) -> None:
        """Something was wrong before it was configured; a refused handshake closes by itself."""
        if ends_the_call(problem, ready=False):
            why = f"{problem.code or problem.type}: {problem.message}"
            known = failure_of_close(0, why)
            failure = known if known.kind != "closed" else Failure("refused", 0, why)
            self._configured.set_exception(ConnectError(failure))

    def _configure(self) -> None:
        """Say what a call's core would say; the formats in the echo are judged by the call that takes the session."""
        if not self.sent:
            self.sent.append(self._update)
            self.connection.send(with_credentials(self._update, self._credentials))

    def _lost(self, failure: Failure) -> None:
        self.failure = failure
        if not self._configured.done():
            self._configured.set_exception(ConnectError(failure))
        self.on_lost(self, failure)


class WarmPool:
    """Keeps `size` sessions ready while `run` runs. With size 0 it does nothing."""

    def __init__(self, endpoint: Endpoint, settings: CallSettings, size: int) -> None:
        self.size = size
        self.dialled = 0
        self.failures: Counter[str] = Counter()
        """Sessions that did not open or were lost while they waited, by kind of failure."""
        self._endpoint = endpoint
        self._settings = settings
        self._ready: deque[IdleSession] = deque()
        self._wanted = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._ready)

    def change(self, endpoint: Endpoint, settings: CallSettings) -> None:
        """Keep sessions of other settings from now on."""
        if not self._fits(endpoint, settings):
            while self._ready:
                self._drop(self._ready.popleft())
        self._endpoint, self._settings = endpoint, settings
        self._wanted.set()

    def _fits(self, endpoint: Endpoint, settings: CallSettings) -> bool:
        return endpoint == self._endpoint and settings.session == self._settings.session

    def take(self, endpoint: Endpoint, settings: CallSettings) -> IdleSession | None:
        """A ready session for a call with these settings, None when there is none; the pool fills up again."""
        if not self._fits(endpoint, settings):
            return None
        now_s = asyncio.get_running_loop().time()
        while self._ready:
            session = self._ready.popleft()
            self._wanted.set()
            if now_s - session.opened_s < OLDEST_S:
                return session
            self._drop(session)
        return None

    async def run(self) -> None:
        """Dial whatever is missing, for ever; after a failure wait, longer each time."""
        failures = 0
        try:
            while True:
                self._retire()
                if len(self._ready) >= self.size:
                    await self._rest(60.0)
                    continue
                try:
                    session = await self._dial()
                except ConnectError as error:
                    self.failures[error.failure.kind] += 1
                    _log.warning("warm_session_failed", failure=error.failure.kind, why=error.failure.reason)
                    await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
                else:
                    failures = 0
                    if session.failure is not None:  # between its last word and this step
                        continue
                    if session.settings is self._settings:
                        self._ready.append(session)
                    else:  # it was dialled before they changed
                        self._drop(session)
        finally:
            await asyncio.gather(*(session.connection.close() for session in self._ready), *self._closing)
            self._ready.clear()

    async def _rest(self, longest_s: float) -> None:
        self._wanted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._wanted.wait()

    def _retire(self) -> None:
        """Sessions too old to be taken make room for new ones."""
        now_s = asyncio.get_running_loop().time()
        while self._ready and now_s - self._ready[0].opened_s >= OLDEST_S:
            self._drop(self._ready.popleft())

    def _drop(self, session: IdleSession) -> None:
        task = asyncio.ensure_future(session.connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _dial(self) -> IdleSession:
        session = IdleSession(self._endpoint, self._settings, self._forget)
        self.dialled += 1
        await session.open()
        return session

    def _forget(self, session: IdleSession, failure: Failure) -> None:
        """The server closed an idle session."""
        if session in self._ready:
            self.failures[failure.kind] += 1
            self._ready.remove(session)
            self._wanted.set()
