"""The Realtime sessions of one call: the current one, and the one that may take its place.

The call decides when (bot.call.session.failover); here are the sockets. The call hears a session only while that is
its current one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.audio.transcode import Format
from bot.call.inputs import DialFailed, ModelClosed, Note, SessionAlive, SessionExpires, SessionWaiting
from bot.call.outputs import Adopt, Dial, Drop, Transcode
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.connection import ConnectError, Endpoint, OnText, RealtimeConnection
from bot.realtime.failures import Failure, FailureKind
from bot.realtime.remote_server import with_credentials
from bot.realtime.transcoder import Transcoder
from bot.server.calls.sessions.dialled_ahead import DialledAhead
from bot.server.calls.sessions.warm_pool import IdleSession

HANDSHAKE_SHARE = 0.9
"""Part that its handshake may take of the time until the first session must be ready: less than all, so that the log
can say which of the two was late."""
LONGEST_S = 24 * 3600

TakeIdle = Callable[[], IdleSession | None]


class TranscodedConnection:
    """A session of another format, for a call that knows mu-law only. Such a call pays for it in every frame."""

    def __init__(self, connection: RealtimeConnection, heard: Format, spoken: Format) -> None:
        """`heard` is what the session takes, `spoken` what it makes."""
        self.connection = connection
        self._transcoder = Transcoder(heard, spoken)

    def send(self, text: bytes) -> None:
        self.connection.send(self._transcoder.to_session(text))

    def send_all(self, texts: Sequence[bytes]) -> None:
        self.connection.send_all([self._transcoder.to_session(text) for text in texts])

    async def close(self) -> None:
        await self.connection.close()

    def translate(self, on_text: OnText) -> OnText:
        from_session = self._transcoder.from_session

        def heard(text: bytes) -> None:
            on_text(from_session(text))

        return heard


@dataclass(eq=False)
class ModelSessions:
    """`on_text` gets the events of the current session, `on_note` the news of sessions."""

    endpoint: Endpoint
    settings: CallSettings
    take_idle: TakeIdle
    on_text: OnText
    on_note: Callable[[Note], None]
    ahead: DialledAhead | None = None
    """A session that was dialled before it was known what the call is to be; taken unless an idle one is."""
    number: int = 0
    """Number of the current session, from 0."""
    failure: Failure | None = None
    """The last failure of the current session, or of the dials for another."""
    failures: Counter[FailureKind] = field(default_factory=Counter)
    """Sessions that were lost or not to be had."""
    connection: RealtimeConnection | TranscodedConnection | None = None
    """To the current session. The caller's audio goes straight there."""
    warm: bool = False
    """True if the call began with an idle session."""
    _already_sent: list[bytes] = field(default_factory=list)
    """Messages that an idle session was sent before this call took it, and that the core has yet to say."""
    _standby: IdleSession | None = None
    _to_replay: IdleSession | None = None
    """The session that was taken and whose events so far the call has yet to hear."""
    _dialling: asyncio.Task[None] | None = None
    _closing: list[asyncio.Task[None]] = field(default_factory=list)

    # ---- the current session ----

    def begin_idle(self) -> None:
        """Begin with an idle session, if there is one. From here on it is closed with the call."""
        session = self.take_idle()
        if session is not None:
            self._take(session)
            self.warm = True

    async def open(self) -> None:
        if self._to_replay is not None:
            self._replay()
            return
        connection, opening = self._dialled()
        try:
            await opening
        except ConnectError as error:
            if self.connection is connection:
                self._lost(error.failure)

    def _dialled(self) -> tuple[RealtimeConnection, Awaitable[None]]:
        """The first session, on its way or there already: then it is heard from its first word."""
        ahead, self.ahead = self.ahead, None
        if ahead is None:
            self.connection = connection = RealtimeConnection(self.endpoint, self.on_text, self._lost, self._alive)
            return connection, connection.open(self.settings.response_s * HANDSHAKE_SHARE)
        self.connection = ahead.connection
        ahead.connection.hand_over(self.on_text, self._lost, self._alive)
        for text in ahead.texts:
            self.on_text(text)
        if ahead.failure is not None:
            self._lost(ahead.failure)
        return ahead.connection, ahead.opening

    def send_all(self, texts: Sequence[bytes]) -> None:
        """Write messages to the session, if there is one, in one go."""
        due = [text for text in texts if not self._was_sent(text)]
        if self.endpoint.credentials_of_servers:
            credentials = dict(self.endpoint.credentials_of_servers)
            due = [with_credentials(text, credentials) for text in due]
        if due and self.connection is not None:
            self.connection.send_all(due)

    def _was_sent(self, text: bytes) -> bool:
        if not self._already_sent or self._already_sent[0] != text:
            return False
        del self._already_sent[0]
        return True

    def execute(self, command: Transcode | Dial | Adopt | Drop) -> None:
        if isinstance(command, Transcode):
            self._transcode(command)
        elif isinstance(command, Dial):
            self._dialling = asyncio.create_task(self._dial(command.within_s), name="dial another session")
        elif isinstance(command, Adopt):
            self._adopt()
        else:
            self._drop()

    def _transcode(self, formats: Transcode) -> None:
        """Stand between the call and a session of another format."""
        connection = self._untranscoded()
        if connection is not None:
            self.connection = between = TranscodedConnection(connection, formats.heard, formats.spoken)
            connection.hand_over(between.translate(self.on_text), self._lost, self._alive)

    def _untranscoded(self) -> RealtimeConnection | None:
        between = self.connection
        return between.connection if isinstance(between, TranscodedConnection) else between

    def created(self, event: events.SessionCreated) -> None:
        """Tell the call how long the current session lasts: the call knows no date."""
        if event.session.expires_at is not None:
            within_s = event.session.expires_at - int(time.time())
            if 0 < within_s <= LONGEST_S:
                self.on_note(SessionExpires(within_s))

    def _alive(self) -> None:
        self.on_note(SessionAlive())

    def _lost(self, failure: Failure) -> None:
        self._failed(failure)
        self.on_note(ModelClosed(failure.kind, failure.code, failure.reason))

    def _failed(self, failure: Failure) -> None:
        self.failure = failure
        self.failures[failure.kind] += 1

    # ---- the standby ----

    async def _dial(self, within_s: float) -> None:
        """Get another session ready: an idle one, or a new one."""
        try:
            session = self.take_idle()
            if session is None:
                session = IdleSession(self.endpoint, self.settings, self._standby_lost)
                await session.open(within_s)
        except ConnectError as error:
            self._dial_failed(error.failure)
            return
        if session.failure is not None:  # between its last word and this step
            self._dial_failed(session.failure)
            return
        session.on_lost = self._standby_lost
        self._standby = session
        self.on_note(SessionWaiting())

    def _standby_lost(self, session: IdleSession, failure: Failure) -> None:
        if session is self._standby:
            self._standby = None
            self._dial_failed(failure)

    def _dial_failed(self, failure: Failure) -> None:
        self._failed(failure)
        self.on_note(DialFailed(failure.kind, failure.code, failure.reason))

    def _adopt(self) -> None:
        """Make the standby the current session. Its events so far come in the loop's next turn."""
        session, self._standby = self._standby, None
        if session is None:
            return
        self._close_later(self._untranscoded())
        self.number += 1
        self.failure = None
        self._take(session)
        asyncio.get_running_loop().call_soon(self._replay)

    def _drop(self) -> None:
        """Close the standby, or stop dialling it."""
        if self._dialling is not None:
            self._dialling.cancel()
        session, self._standby = self._standby, None
        if session is not None:
            self._close_later(session.connection)

    def _take(self, session: IdleSession) -> None:
        self.connection = session.connection
        self._already_sent = list(session.sent)
        self._to_replay = session

    def _replay(self) -> None:
        """Feed the core the events of the session so far; its answers to them have been sent."""
        session, self._to_replay = self._to_replay, None
        if session is None:  # the call is over
            return
        session.connection.hand_over(self.on_text, self._lost, self._alive)
        for text in session.texts:
            self.on_text(text)
        if session.failure is not None:
            self._lost(session.failure)

    def _close_later(self, connection: RealtimeConnection | None) -> None:
        """Close a session in the background; its further events are ignored."""
        if connection is None:
            return
        connection.hand_over(_ignore, _ignore, lambda: None)
        task = asyncio.create_task(connection.close(), name="leave a session")
        self._closing.append(task)
        task.add_done_callback(self._closing.remove)

    # ---- the end ----

    async def close(self) -> None:
        """Close every session. Leaves no task and no socket behind."""
        self._to_replay = None
        dialling = self._dialling
        self._drop()
        closing = [one.close() for one in (self.connection, self.ahead) if one is not None]
        await asyncio.gather(*closing, *self._closing)
        if dialling is not None:
            await asyncio.wait([dialling])


def _ignore(_: object) -> None:
    pass
