"""Turn ownership: the caller's turns are acted on by the server itself, or by us.

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
        self.owed = not self.server_owns and settings.barge_in == "on"
        """The server is to own the turns, but not yet."""
        self._at_first, self._owed_at_first = self.server_owns, self.owed
        self._session = settings.session
        self._told = False
        """The session at hand was told what to be."""
        self._pending: dict[str, bool] = {}
        """The owner whom each update makes, true for the server, by event id, oldest first."""
        self.server_acts = self.server_owns
        """The server certainly cancels and answers by itself, now and until we say otherwise."""

    @property
    def server_may_answer(self) -> bool:
        """A response may be the server's own answer."""
        return self.server_owns or any(self._pending.values())

    def tell(self) -> dict[str, Any] | None:
        """The session to ask for first; None once it was asked for."""
        told, self._told = self._told, True
        return None if told else session_object(self._session, server_owns_turns=self._at_first)

    def update(self, event_id: str, *, server_owns: bool) -> UpdateSession:
        """A later session.update that makes the server, or us, the owner. It counts once it is confirmed."""
        self._pending[event_id], self.server_acts = server_owns, False
        return UpdateSession(turns_update(self._session.turn_detection, server_owns_turns=server_owns), event_id)

    def confirmed(self) -> None:
        """A `session.updated` came. It names no event id, but the server answers in order: it is the oldest's."""
        if self._pending:
            self.server_owns = self._pending.pop(next(iter(self._pending)))
            self.server_acts = self.server_owns and not self._pending

    def session_lost(self) -> None:
        """The next session begins as the first one did."""
        self.server_owns = self.server_acts = self._at_first
        self.owed = self._owed_at_first
        self._told = False
        self._pending.clear()

    def refused(self, event_id: str | None) -> None:
        """An event of ours was refused. If it was an update, it was discarded whole: the owner stays as it was."""
        if event_id is not None:
            self._pending.pop(event_id, None)
            self.server_acts = self.server_owns and not self._pending
