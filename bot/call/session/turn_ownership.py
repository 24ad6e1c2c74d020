"""Who acts on the caller's turns: the server by itself, or we.

Where every interruption is welcome the server does: it cancels its response on speech and answers each turn. Where one
may be refused, both flags of turn_detection are false and we cancel and ask for responses ourselves (how-it-works
ledger 4; openai-realtime 2.2). Until the announcement has been heard, and a moment of the greeting
(bot.call.conversation.opening), the turns are ours in any case.
"""

from __future__ import annotations

from typing import Any

from bot.call.settings import CallSettings
from bot.realtime.events import UpdateSession
from bot.realtime.session import session_object, turns_update


class TurnOwnership:
    """`server_owns` is as the server last confirmed it; updates on their way are remembered by event id."""

    def __init__(self, settings: CallSettings) -> None:
        opens = bool(settings.announcement_audio) or settings.greets
        self.can_truncate = settings.session.can_truncate
        self.may_leave = settings.session.can_leave_turns
        """The server can be told to listen and leave the rest to us; one that can't owns the turns at once."""
        self.server_owns = not self.may_leave or (settings.barge_in == "on" and not opens)
        self._owed = not self.server_owns and settings.barge_in == "on"
        """The server is to own the turns, but not yet."""
        self._at_first = self.server_owns
        self._session = settings.session
        self._told = False
        """Whether the session at hand was told what to be."""
        self._pending: dict[str, bool] = {}
        """Whom each update makes the owner, true for the server, by event id, oldest first."""

    @property
    def server_acts(self) -> bool:
        """Whether the server certainly cancels and answers by itself, now and until we say otherwise."""
        return self.server_owns and not self._pending

    @property
    def server_may_answer(self) -> bool:
        """Whether a response may be the server's own answer."""
        return self.server_owns or any(self._pending.values())

    def take_owed(self) -> bool:
        """Whether the turns are now to be handed to the server for the first time."""
        owed, self._owed = self._owed, False
        return owed

    def tell(self) -> dict[str, Any] | None:
        """The session to ask for first; None once it was asked for."""
        told, self._told = self._told, True
        return None if told else session_object(self._session, server_owns_turns=self._at_first)

    def update(self, event_id: str, *, server_owns: bool) -> UpdateSession:
        """A later session.update that makes the server, or us, the owner. It counts once it is confirmed."""
        self._pending[event_id] = server_owns
        return UpdateSession(turns_update(self._session.turn_detection, server_owns_turns=server_owns), event_id)

    def confirmed(self) -> None:
        """A `session.updated` came. It names no event id, but the server answers in order: it is the oldest's."""
        if self._pending:
            self.server_owns = self._pending.pop(next(iter(self._pending)))

    def refused(self, event_id: str | None) -> None:
        """An event of ours was refused. If it was an update, it was discarded whole: the owner stays who he was."""
        if event_id is not None:
            self._pending.pop(event_id, None)
