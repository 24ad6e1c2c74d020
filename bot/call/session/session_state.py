"""All that lives and dies with one Realtime session, in one object: a lost session's is dropped, not cleaned.

It is made as the session before is lost, and serves the one that takes its place from its first word on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from bot.call.playout.ledger import Entry
from bot.call.session.audio_formats import AudioFormats
from bot.call.session.inherited_items import InheritedItems
from bot.call.session.owed_words import OwedWords
from bot.call.session.pending_deletes import PendingDeletes
from bot.call.session.response_gate import ResponseGate
from bot.call.session.session_plan import Plan
from bot.call.session.turn_ownership import TurnOwnership
from bot.call.settings import CallSettings
from bot.call.step import Step, part
from bot.call.transcript.transcript import Transcript, Turn
from bot.call.uplink.appended_audio import AppendedAudio
from bot.call.uplink.caller_speech import CallerSpeech
from bot.call.uplink.frames_and_gaps import Uplink

MOST_GROWING = 8
"""Turns whose words are coming at a time; one or two in a call of people."""


class Carried(NamedTuple):
    """The part of a session that goes over to the next one."""

    wanted: dict[str, Any] | None = None
    """The response to ask for."""
    closed: bool = False
    """Nothing else is asked for but `last`, the goodbye."""
    last: dict[str, Any] | None = None
    requests: int = 0
    """Number of those that went out."""
    playing: frozenset[str] = frozenset()
    """Items that are still to be heard."""
    unturned: bytes = b""
    """The caller's audio of which no turn was made: heard again."""


def carried(old: Session, playing: Iterable[Entry], *, answers: bool, tool_awaited: bool = False) -> Carried:
    """All that goes over: the rest of a session is lost with it.

    Where the next one `answers`, an answer that was owed, asked for or broken off is its to give. One that
    ended in the call of a tool is behind the tool's output.
    """
    gate = old.responses
    wanted = answers and not gate.closed and (old.answer_due or (gate.unfinished and not tool_awaited))
    return Carried(
        wanted={} if wanted else None,
        closed=gate.closed,
        last=gate.last,
        requests=gate.requests,
        playing=frozenset([entry.item_id for entry in playing]),
        unturned=old.appended.unturned(),
    )


class Session:
    """One session: state, and notes of all that it was told."""

    def __init__(self, settings: CallSettings, step: Step, uplink: Uplink, over: Carried) -> None:
        self.turn_ownership = TurnOwnership(settings)
        self.formats = AudioFormats(step, settings.session)
        self.responses = ResponseGate(over.wanted, over.last, closed=over.closed, requests=over.requests)
        self.deletes = PendingDeletes()
        self.inherited = InheritedItems(step, over.playing)
        self.owes = OwedWords()
        self.ready_us = 0
        """Time at which it was configured."""
        self.plan: Plan | None = None
        # the caller
        self.appended = AppendedAudio()
        self.speech = CallerSpeech(settings.session, uplink)
        self.speech_us: int | None = None
        """Begin of the speech that is not over."""
        self.answer_due = False
        """The caller's turn is over and the server has yet to start its answer."""
        self.caller_turns: dict[str, Turn] = {}
        self.growing: dict[str, str] = {}
        """The beginning of what the caller says or has said, by the item that it will be."""
        self.doubtful: dict[str, tuple[int, int, int]] = {}
        """Silence and prompts before each turn that may turn out to have no words, and when it was."""
        # the bot
        self.silent: dict[str, str] = {}
        """Items with words and no sound on its way so far, and their responses."""
        self.knows_goodbye = False
        """It has been told what the goodbye is to be."""
        self.end_call: str | None = None
        """Its call of `end_call`, of which it waits for the output."""
        self.preamble = ""
        """The newest response in which the model said something ahead of a call (openai-realtime W2)."""
        # tools of remote servers
        self.unlisted = {server.label for server in settings.session.servers}
        """Servers whose tools are being listed: until then it is asked for nothing."""
        self.lists: dict[str, str] = {}
        """The item of each list, by the server's label."""
        self.away: dict[str, str] = {}
        """Servers whose tools can't be used, and the item that says so to the model."""
        self.remote_calls: list[str] = []
        """Calls that it makes itself and that are not over: it says nothing meanwhile."""
        # the bot's answers to calls
        self.outputs: dict[str, tuple[str, int]] = {}
        """Outputs that it has not confirmed: the function call of each, by event id, and how often it was refused."""

    def grows(self, item_id: str, text: str) -> None:
        """The caller's words so far in a turn; of too many such turns the oldest is forgotten."""
        self.growing[item_id] = text
        if len(self.growing) > MOST_GROWING:
            del self.growing[next(iter(self.growing))]


@part
class CurrentSession:
    """The session at hand is `now`: ask for it each time, since whoever keeps a part of it keeps a lost session's."""

    _settings: CallSettings
    _step: Step
    _uplink: Uplink
    _transcript: Transcript

    def __post_init__(self) -> None:
        self.begin(Carried())

    def begin(self, over: Carried) -> None:
        """From here on it is another session."""
        self.now = session = Session(self._settings, self._step, self._uplink, over)
        self._uplink.next_session(session.appended, over.unturned)
        self._transcript.of_caller = session.caller_turns
