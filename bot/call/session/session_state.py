"""All that lives and dies with one Realtime session, in one object: a lost session's is dropped, not cleaned.

It is made as the session before is lost, and serves the one that takes its place from its first word on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from bot.call.playout.ledger import Entry
from bot.call.session.audio_formats import AudioFormats
from bot.call.session.inherited_items import InheritedItems
from bot.call.session.pending_deletes import PendingDeletes
from bot.call.session.response_gate import ResponseGate
from bot.call.session.turn_ownership import TurnOwnership
from bot.call.settings import CallSettings
from bot.call.step import Step


class Carried(NamedTuple):
    """What goes over from a session to the next one."""

    wanted: dict[str, Any] | None = None
    """The response to ask for."""
    closed: bool = False
    last: dict[str, Any] | None = None
    requests: int = 0
    playing: frozenset[str] = frozenset()
    """Items that are still to be heard."""


def carried(old: Session, playing: Iterable[Entry], *, owed: bool, answers: bool) -> Carried:
    """All that goes over: the rest of a session is lost with it.

    Where the next one `answers`, an answer that was asked for or broken off, or is `owed` anyway, is its to give.
    """
    gate = old.responses
    wanted = answers and not gate.closed and (owed or gate.unfinished)
    return Carried(
        wanted={} if wanted else None,
        closed=gate.closed,
        last=gate.last,
        requests=gate.requests,
        playing=frozenset([entry.item_id for entry in playing]),
    )


class Session:
    """What is known of one session, and what it was told."""

    def __init__(self, settings: CallSettings, step: Step, over: Carried) -> None:
        self.turns = TurnOwnership(settings)
        self.formats = AudioFormats(step, settings.session)
        self.responses = ResponseGate(over.wanted, over.last, closed=over.closed, requests=over.requests)
        self.deletes = PendingDeletes()
        self.inherited = InheritedItems(step, over.playing)


class CurrentSession:
    """The session at hand is `now`: ask for it each time, since whoever keeps a part of it keeps a lost session's."""

    def __init__(self, settings: CallSettings, step: Step) -> None:
        self._settings = settings
        self._step = step
        self.begin(Carried())

    def begin(self, over: Carried) -> None:
        """From here on it is another session."""
        self.now = Session(self._settings, self._step, over)
