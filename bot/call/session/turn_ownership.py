"""Turn ownership: the caller's turns are acted on by the server itself, or by us.

Where every interruption is welcome the server does: it cancels its response on speech and answers each turn. Where one
may be refused, both flags of turn_detection are false and we cancel and ask for responses ourselves (how-it-works
ledger 4; openai-realtime 2.2). Until the announcement has been heard, and a moment of the greeting
(bot.call.conversation.opening), the turns are ours in any case.
"""

from __future__ import annotations

from bot.call.machines import TURN_OWNER, Move, TurnOwner
from bot.call.settings import CallSettings
from bot.realtime.events import UpdateSession
from bot.realtime.session import session_object, turns_update

OPENING_UPDATE = "session_1"
"""The event id of every session's first session.update: the one that a call's first event id makes."""


def server_owns_at_first(settings: CallSettings) -> bool:
    """Owner of the turns as a session begins: at once the server where it can't leave them to us."""
    opens = bool(settings.announcement_audio) or settings.greets
    return not settings.session.can_leave_turns or (settings.barge_in == "on" and not opens)


def first_update(settings: CallSettings, event_id: str = OPENING_UPDATE) -> UpdateSession:
    """The first thing a session is told, by a call or before it has one: what it is to be."""
    return UpdateSession(session_object(settings.session, server_owns_turns=server_owns_at_first(settings)), event_id)


class TurnOwnership:
    """The owner as the server last confirmed it, and the updates on their way that make another one."""

    def __init__(self, settings: CallSettings) -> None:
        self.can_truncate = settings.session.can_truncate
        self.may_leave = settings.session.can_leave_turns
        """The server can be told to listen and leave the rest to us; one that can't owns the turns at once."""
        self.told = False
        """The session was told what to be."""
        ours = TurnOwner.US_FOR_NOW if settings.barge_in == "on" else TurnOwner.US
        self.owner = TurnOwner.SERVER if server_owns_at_first(settings) else ours
        self._detection = settings.session.turn_detection
        self._pending: dict[str, Move] = {}
        """Change of the owner that each update makes, by event id, oldest first."""
        self.server_acts = self.server_owns
        """The server certainly cancels and answers by itself, now and until we say otherwise."""

    @property
    def server_owns(self) -> bool:
        """The server acts on the turns, as far as it has confirmed."""
        return self.owner is TurnOwner.SERVER

    @property
    def server_may_answer(self) -> bool:
        """A response may be the server's own answer."""
        return self.server_owns or Move.TO_SERVER in self._pending.values()

    def update(self, event_id: str, *, server_owns: bool) -> UpdateSession:
        """A later session.update that makes the server, or us, the owner. It counts once it is confirmed."""
        self._pending[event_id] = Move.TO_SERVER if server_owns else Move.TO_US
        self._move(Move.TOLD)
        return UpdateSession(turns_update(self._detection, server_owns_turns=server_owns), event_id)

    def confirmed(self) -> None:
        """A `session.updated` came. It names no event id, but the server answers in order: it is the oldest's."""
        if self._pending:
            self._move(self._pending.pop(next(iter(self._pending))))

    def refused(self, event_id: str | None) -> None:
        """An event of ours was refused. If it was an update, it was discarded whole: the owner stays as it was."""
        if event_id is not None and self._pending.pop(event_id, None) is not None:
            self._move(Move.REFUSED)

    def _move(self, move: Move) -> None:
        self.owner = TURN_OWNER[self.owner, move]
        self.server_acts = self.server_owns and not self._pending
