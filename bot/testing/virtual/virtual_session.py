"""The sessions of a call in virtual time: the one it speaks with, and one that is dialled to follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from bot.call.call import Call
from bot.call.outputs import Transcode
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.failures import Failure
from bot.realtime.transcoder import Transcoder
from bot.testing.peer import Peer


class ModelPeer(Peer, Protocol):
    """The simulated model."""

    @property
    def closed(self) -> tuple[int, str] | None:
        """Close code and reason once its side has closed; what due() still gives goes out before."""

    def disconnected(self, now_us: int) -> None:
        """The bot closed the session."""


Redial = Callable[[int], ModelPeer | Failure]
"""Answer to a dial at this time: a session, which says when it opens, or the failure to get one."""


def unanswered(_: int) -> Failure:
    """The dialler of a call whose first session is its only one."""
    return Failure("unreachable", 0, "nobody answers")


class VirtualSession:
    """One session and what the shell keeps of it. `number` counts the call's sessions from 0.

    `said` is what it said while it was not yet the call's.
    """

    def __init__(self, peer: ModelPeer, number: int = 0) -> None:
        self.peer = peer
        self.number = number
        self.gone = False
        self.said: list[str] = []
        self.configured = False
        self._sent: list[str] = []
        self._core: Call | None = None
        self._transcoder: Transcoder | None = None

    def transcode(self, order: Transcode) -> None:
        self._transcoder = Transcoder(order.heard, order.spoken)

    def translated(self, text: str) -> str:
        """A message of the session, as the call takes it."""
        return text if self._transcoder is None else self._transcoder.from_session(text.encode()).decode()

    def to_send(self, text: str) -> str | None:
        """The message to write for one of the call; None when it was sent before the session was the call's."""
        if self._sent and self._sent[0] == text:
            del self._sent[0]
            return None
        return text if self._transcoder is None else self._transcoder.to_session(text.encode()).decode()

    def introduced(self, text: str, settings: CallSettings) -> list[str]:
        """The answer to a message of a session that waits to take over: what the call's core would say."""
        self.said.append(text)
        event = events.parse(text)
        if isinstance(event, events.SessionUpdated):
            self.configured = True
        if not isinstance(event, events.SessionCreated | events.ConversationCreated):
            return []
        self._core = self._core or Call(settings)
        answers = [msgspec.json.encode(one).decode() for one in self._core.receive(event, 0)]
        self._sent += answers
        return answers
