"""The Realtime sessions of one call: the one it speaks with, and the one that may take its place.

The call decides when (bot.call.session.failover); here are the sockets, and nothing a session says is heard by the call
before the session is the call's, or after another one is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from bot.call.inputs import DialFailed, ModelClosed, Note, SessionAlive, SessionExpires, SessionWaiting
from bot.call.outputs import Adopt, Dial, Drop, Transcode
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.connection import ConnectError, Endpoint, OnText, RealtimeConnection
from bot.realtime.failures import Failure, FailureKind
from bot.server.calls.transcoded_connection import TranscodedConnection
from bot.server.calls.warm_pool import IdleSession

HANDSHAKE_SHARE = 0.9
"""How much of the time until the first session must be ready its handshake may take: less than all, so that the log can
say which of the two was late."""
LONGEST_S = 24 * 3600

TakeIdle = Callable[[], IdleSession | None]


class ModelSessions:
    """`on_text` gets what the session at hand says, `on_note` what becomes of sessions. `take_idle` gives an idle one.

    `number` counts the call's sessions from 0; `failure` is what became of the last one that was lost or not to be had,
    `failures` counts all of them.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        settings: CallSettings,
        take_idle: TakeIdle,
        on_text: OnText,
        on_note: Callable[[Note], None],
    ) -> None:
        self.number = 0
        self.failure: Failure | None = None
        self.failures: Counter[FailureKind] = Counter()
        self._endpoint = endpoint
        self._settings = settings
        self._take_idle = take_idle
        self._on_text = on_text
        self._on_note = on_note
        self._loop = asyncio.get_running_loop()
        self.connection: RealtimeConnection | TranscodedConnection | None = None
        """To the session at hand. The caller's audio goes straight there."""
        self._already_sent: list[bytes] = []
        """What an idle session was sent before this call took it, and the core has yet to say."""
        self._waiting: IdleSession | None = None
        self._introduced: IdleSession | None = None
        """The session that was taken and has yet to say to the call what it has said so far."""
        self._dialling: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    # ---- the session at hand ----

    def take_idle(self) -> bool:
        """Begin with an idle session: whether there was one. From here on it is closed with the call."""
        session = self._take_idle()
        if session is not None:
            self._take(session)
        return session is not None

    async def open(self) -> None:
        """Dial, unless the call began with an idle session."""
        if self._introduced is not None:
            self._introduce()
            return
        connection = RealtimeConnection(self._endpoint, self._on_text, self._lost, self._alive)
        self.connection = connection
        try:
            await connection.open(self._settings.response_s * HANDSHAKE_SHARE)
        except ConnectError as error:
            if self.connection is connection:
                self._lost(error.failure)

    def send_all(self, texts: Sequence[bytes]) -> None:
        """Write messages to the session, if there is one, in one go."""
        due = [text for text in texts if not self._was_sent(text)]
        if due and self.connection is not None:
            self.connection.send_all(due)

    def _was_sent(self, text: bytes) -> bool:
        if not self._already_sent or self._already_sent[0] != text:
            return False
        del self._already_sent[0]
        return True

    def obey(self, order: Transcode | Dial | Adopt | Drop) -> None:
        """Do what the call says."""
        if isinstance(order, Transcode):
            self._transcode(order)
        elif isinstance(order, Dial):
            self._dialling = asyncio.create_task(self._dial(order.within_s), name="dial another session")
        elif isinstance(order, Adopt):
            self._adopt()
        else:
            self._drop()

    def _transcode(self, formats: Transcode) -> None:
        """Stand between the call and a session of another format."""
        connection = self._bare()
        if connection is not None:
            self.connection = between = TranscodedConnection(connection, formats.heard, formats.spoken)
            connection.hand_over(between.translate(self._on_text), self._lost, self._alive)

    def _bare(self) -> RealtimeConnection | None:
        between = self.connection
        return between.connection if isinstance(between, TranscodedConnection) else between

    def created(self, event: events.SessionCreated) -> None:
        """The session at hand says until when it lasts: the call knows no date."""
        if event.session.expires_at is not None:
            within_s = event.session.expires_at - int(time.time())
            if 0 < within_s <= LONGEST_S:
                self._on_note(SessionExpires(within_s))

    def _alive(self) -> None:
        self._on_note(SessionAlive())

    def _lost(self, failure: Failure) -> None:
        self._failed(failure)
        self._on_note(ModelClosed(failure.kind, failure.code, failure.reason))

    def _failed(self, failure: Failure) -> None:
        self.failure = failure
        self.failures[failure.kind] += 1

    # ---- the next one ----

    async def _dial(self, within_s: float) -> None:
        """Have another session ready: an idle one, or a new one."""
        try:
            session = self._take_idle()
            if session is None:
                session = IdleSession(self._endpoint, self._settings, self._next_lost)
                await session.open(within_s)
        except ConnectError as error:
            self._dial_failed(error.failure)
            return
        if session.failure is not None:  # between its last word and this step
            self._dial_failed(session.failure)
            return
        session.on_lost = self._next_lost
        self._waiting = session
        self._on_note(SessionWaiting())

    def _next_lost(self, session: IdleSession, failure: Failure) -> None:
        if session is self._waiting:
            self._waiting = None
            self._dial_failed(failure)

    def _dial_failed(self, failure: Failure) -> None:
        self._failed(failure)
        self._on_note(DialFailed(failure.kind, failure.code, failure.reason))

    def _adopt(self) -> None:
        """The session that waits is the call's from here on. What it has said comes in the loop's next turn."""
        session, self._waiting = self._waiting, None
        if session is None:
            return
        self._leave(self._bare())
        self.number += 1
        self.failure = None
        self._take(session)
        self._loop.call_soon(self._introduce)

    def _drop(self) -> None:
        """The next session is not needed."""
        if self._dialling is not None:
            self._dialling.cancel()
        session, self._waiting = self._waiting, None
        if session is not None:
            self._leave(session.connection)

    def _take(self, session: IdleSession) -> None:
        self.connection = session.connection
        self._already_sent = list(session.sent)
        self._introduced = session

    def _introduce(self) -> None:
        """The core is fed what the session has said, and what the core answers has been sent."""
        session, self._introduced = self._introduced, None
        if session is None:  # the call is over
            return
        session.connection.hand_over(self._on_text, self._lost, self._alive)
        for text in session.texts:
            self._on_text(text)
        if session.failure is not None:
            self._lost(session.failure)

    def _leave(self, connection: RealtimeConnection | None) -> None:
        """Close a session in the background; what it still says is unheard."""
        if connection is None:
            return
        connection.hand_over(_unheard, _unheard, lambda: None)
        task = asyncio.create_task(connection.close(), name="leave a session")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    # ---- the end ----

    async def close(self) -> None:
        """Close every session. Leaves no task and no socket behind."""
        self._introduced = None
        dialling = self._dialling
        self._drop()
        closing = [self.connection.close()] if self.connection is not None else []
        await asyncio.gather(*closing, *self._leaving)
        if dialling is not None:
            await asyncio.wait([dialling])


def _unheard(_: object) -> None:
    """Nobody listens any more."""
