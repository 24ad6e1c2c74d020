"""The account a call gives of its turns: one fact when a turn is over, another when its text changes later.

The caller's turn is over when it is committed; its words may come much later. The bot's is over when it was heard to
its end, cut short, or given up; when the call ends, whatever is playing is cut at what was heard by then.
"""

from __future__ import annotations

from bot.audio.payload import BYTES_PER_MS
from bot.call.facts import TurnFact
from bot.call.playout.ledger import Entry
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.playout.truncation import Verdict, judge
from bot.call.prompts.greeting import Greeting
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.transcript.transcript import Transcript, Turn
from bot.call.turn_log.latencies import Latencies
from bot.call.uplink.wordless_turns import WordlessTurns
from bot.realtime import events

MAX_SILENT = 64
"""Items with words and no sound; a response has one or two. Beyond, the oldest is given up."""


@part
class TurnLog:
    """Told what happens to turns; looks at the ledger when a mark has come back or the line is silent."""

    _step: Step
    _playout: PlayoutQueue
    _session: CurrentSession
    _transcript: Transcript
    _greeting: Greeting

    def __post_init__(self) -> None:
        self.waits = Latencies(self._step)
        self.wordless = WordlessTurns()
        self.open: dict[str, list[Entry]] = {}
        """Items of which something was sent and whose turn is not over, with their entries in the order of playing."""

    # ---- the caller ----

    def caller_started(self, event: events.SpeechStarted) -> None:
        self._session.now.speech.started(event, self._step.now_us)
        self.waits.caller_started()

    def caller_stopped(self, event: events.SpeechStopped) -> None:
        self.waits.caller_stopped(self._session.now.speech.stopped(event, self._step.now_us))

    def caller_turn(self, item_id: str) -> None:
        """The caller's turn was committed."""
        turn = self._transcript.caller_turn(item_id)
        if turn.ended_us is None:
            session = self._session.now
            turn.began_us, turn.ended_us = session.speech.take(item_id, self._step.now_us)
            self.wordless.add(turn.number, session.appended.take_turn())
            if item_id in session.growing:
                self._transcript.caller_words(item_id, session.growing[item_id].strip())
            self._tell(turn)

    def caller_words_so_far(self, item_id: str, text: str) -> None:
        """The beginning of what the caller said. Its words wait until the turn is over."""
        self._session.now.grows(item_id, text)
        turn = self._transcript.of_caller.get(item_id)
        if turn is not None and turn.ended_us is not None:
            self._words(item_id, text)

    def _words(self, item_id: str, text: str) -> Turn:
        before = self._transcript.caller_turn(item_id).text
        turn = self._transcript.caller_words(item_id, text)
        if turn.ended_us is not None and turn.text != before:
            self._tell(turn)
        return turn

    def caller_words(self, item_id: str, text: str) -> None:
        """Words of the caller, as they were understood."""
        self._session.now.growing.pop(item_id, None)
        turn = self._words(item_id, text)
        self.wordless.known(turn.number)
        if turn.ended_us is None:
            self.caller_turn(item_id)

    def caller_keyed(self, item_id: str, text: str, began_us: int) -> None:
        """Keys that belong together have come, and are answered from here on."""
        turn = self._transcript.caller_words(item_id, text)
        turn.began_us, turn.ended_us = began_us, self._step.now_us
        self.waits.caller_stopped(self._step.now_us)
        self._tell(turn)

    # ---- the bot ----

    def words(self, event: events.TranscriptDelta) -> None:
        """More of what the bot says."""
        received, ledger = 0, self._playout.ledger
        content_index = ledger.content(event.item_id, event.content_index)
        for entry in ledger.find(event.item_id):
            if entry.content_index == content_index:
                received = entry.received
        self._transcript.bot_words(event.item_id, content_index, event.delta, received)
        if event.item_id not in self.open:
            silent = self._session.now.silent
            silent[event.item_id] = event.response_id
            if len(silent) > MAX_SILENT:
                self._never_heard(next(iter(silent)))

    def words_of(self, item_id: str) -> str:
        """Words heard of an item, as far as they are known."""
        return self._transcript.words_of(item_id)

    def words_done(self, event: events.TranscriptDone) -> None:
        """All of what the bot says; a turn that is over may change by it."""
        turn = self._transcript.bot_turn(event.item_id)
        before = turn.text
        self._transcript.bot_words_done(event.item_id, event.content_index, event.transcript)
        if turn.ended_us is not None and turn.text != before:
            self._tell(turn)

    def audio_done(self, entry: Entry) -> None:
        """No more audio of `entry` comes."""
        self._transcript.audio_done(entry.item_id, entry.content_index, entry.received)

    def begun(self) -> None:
        """The first bytes of entries were handed over: also a sign that what was before them may be over."""
        fresh, self._playout.fresh = self._playout.fresh, []
        for entry in fresh:
            if entry.aside:
                continue
            self._session.now.silent.pop(entry.item_id, None)
            of_item = self.open.setdefault(entry.item_id, [])
            of_item.append(entry)
            turn = self._transcript.bot_turn(entry.item_id)
            live = self._playout.ledger.find(entry.item_id)
            self._transcript.sounds(entry.item_id, [one.content_index for one in (*of_item, *live)])
            self.waits.sent(entry, turn.number, greeting=self._greeting.owns(entry))

    @property
    def unfinished(self) -> bool:
        """A turn of the bot has begun and is not over: time may end it."""
        return bool(self.open)

    def look(self) -> None:
        """A mark came back, an item was finished or the line is silent: which turns have begun, and which are over."""
        now_us, ledger = self._step.now_us, self._playout.ledger
        for item_id, entries in list(self.open.items()):
            turn = self._transcript.bot_turn(item_id)
            if turn.began_us is None and entries[0].begun:
                self._began(turn, entries[0])
            if all(ledger.over(entry, now_us) and (entry.item_done or not entry.response_id) for entry in entries):
                self._over(turn, entries)

    def item_done(self, item_id: str) -> None:
        """The item stands finished in the conversation: no more audio or text of it comes."""
        for entry in self.open.get(item_id, ()):
            entry.item_done = True
        self.look()

    def response_done(self, response_id: str) -> None:
        """All items of the response stand finished; one that has words and no sound will not be heard."""
        for entries in self.open.values():
            for entry in entries:
                entry.item_done = entry.item_done or entry.response_id == response_id
        for item_id in [one for one, response in self._session.now.silent.items() if response == response_id]:
            if not self._playout.ledger.find(item_id):
                self._never_heard(item_id)
        self.look()

    def broken_off(self) -> None:
        """The session is lost: what was being made is as long as what has come of its sound."""
        ledger = self._playout.ledger
        for entry in ledger.heard(self._step.now_us):
            if entry.response_id and not entry.done:
                self._cut(entry, entry.received)
                self._step.send_all(self._playout.done(entry, self._step.now_us))
            entry.item_done = True
        for item_id in [one for one in self._session.now.silent if not ledger.find(one)]:
            self._never_heard(item_id)
        self.look()

    def _never_heard(self, item_id: str) -> None:
        """The item was given up before any of it could be heard: if there are words, they are unheard."""
        self._session.now.silent.pop(item_id, None)
        turn = self._transcript.find(item_id)
        if turn is not None and turn.ended_us is None:
            self._transcript.unheard(item_id)
            self._over(turn, [])

    def cut(self, verdict: Verdict) -> None:
        """The caller hears no more."""
        items = {item_id: list(of_item) for item_id, of_item in self.open.items()}
        for entry in verdict.entries:
            of_item = items.setdefault(entry.item_id, [])
            if entry not in of_item:
                of_item.append(entry)
            ms = verdict.cut_ms(entry)
            if ms is not None:
                self._cut(entry, ms * BYTES_PER_MS)
        for item_id, of_item in items.items():
            turn = self._transcript.bot_turn(item_id)
            if turn.ended_us is None:
                self._over(turn, [entry for entry in of_item if entry.heard >= BYTES_PER_MS])
            for entry in of_item:
                self.waits.unheard(entry)
        for item_id in list(self._session.now.silent):
            self._never_heard(item_id)

    def rewound(self) -> None:
        """Forget the turn that was being heard: it will be heard again, from its beginning."""
        now_us = self._step.now_us
        for item_id, entries in list(self.open.items()):
            if not all(entry.over_by(now_us) for entry in entries):
                del self.open[item_id]
                for entry in entries:
                    self.waits.again(entry)

    def _cut(self, entry: Entry, heard_bytes: int) -> None:
        self._transcript.bot_turn(entry.item_id)
        self._transcript.cut(entry.item_id, entry.content_index, heard_bytes, entry.received, all_came=entry.done)

    def cut_off(self, entry: Entry) -> None:
        """No more audio of `entry` comes, and all that came has been heard: its words may have run ahead."""
        self._cut(entry, entry.received)

    def close(self) -> None:
        """The call is over."""
        self.begun()
        if self._playout.begun:
            entries = self._playout.ledger.heard(self._step.now_us)
            self.cut(judge([entry for entry in entries if not entry.aside]))

    def _began(self, turn: Turn, entry: Entry) -> None:
        turn.began_us = entry.began_us
        if turn.began_us is not None:
            self.waits.heard(entry, turn.began_us, turn.number)

    def _over(self, turn: Turn, heard: list[Entry]) -> None:
        """The turn is over. One of which nothing was heard stands at the moment at which it was given up."""
        now_us = self._step.now_us
        if turn.began_us is None and heard:
            self._began(turn, heard[0])
        ended_us = heard[-1].ended_us if heard else None
        turn.ended_us = now_us if ended_us is None else min(ended_us, now_us)
        turn.began_us = turn.ended_us if turn.began_us is None else min(turn.began_us, turn.ended_us)
        self.open.pop(turn.item_id, None)
        self._session.now.silent.pop(turn.item_id, None)
        self._transcript.over(turn.item_id)
        if heard or turn.text is not None:
            self._tell(turn)

    def _tell(self, turn: Turn) -> None:
        self._step.send(
            TurnFact(
                turn.number, turn.who, turn.item_id, turn.text, turn.unheard, turn.cut, turn.began_us, turn.ended_us
            )
        )
