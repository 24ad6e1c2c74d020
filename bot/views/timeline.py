"""A recorded call as people read it: who spoke when, what was heard, where it was cut, how long answers took.

Pure analysis of what the fixture holds; the core that made it is not asked.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from bot.audio.payload import BYTES_PER_MS
from bot.call import inputs
from bot.call.transcript.transcript import Transcript
from bot.realtime import events
from bot.recording.fixture import Fixture, FixtureLine
from bot.recording.told_outputs import end_of, report_of, turn_of
from bot.recording.wording import in_words
from bot.twilio import stream
from bot.views.pauses.fixture_waits import FixtureWaits
from bot.views.plain_words import in_plain_words
from bot.views.played import Played
from bot.views.timeline_parts import BargeIn, Event, Frame, Latency, LatencyKind, Side, Timeline, Turn

_CONTENT = 0
"""Audio items have one content part (openai-realtime 4)."""

_OPERATOR = "operator_{}"
"""What stands in place of an item for the voice of an operator who has the call, by how often somebody has had it."""
_SPEAKS = "(an operator speaks)"
OF_OPERATOR = ("taken_over", "handed_back")
"""Events that say who speaks with the caller."""

_note: msgspec.json.Decoder[inputs.Note] = msgspec.json.Decoder(inputs.Note)


def timeline(fixture: Fixture) -> Timeline:
    """`fixture` as a timeline."""
    reader = _Reader()
    for line in fixture.lines:
        reader.read(line)
    reader.finish()
    duration_us = max([line.us for line in fixture.lines[-1:]] + [p.heard_until_us for p in reader.played.pieces] + [0])
    return Timeline(
        path=fixture.path,
        date=fixture.header.date,
        call_sid=fixture.header.settings.call_sid or reader.call_sid,
        duration_us=duration_us,
        ended=reader.ended or "the recording stops before the call does",
        truncated=fixture.truncated,
        turns=sorted(reader.turns.values(), key=lambda turn: turn.from_us),
        events=sorted(reader.events, key=lambda event: event.us),
        barge_ins=reader.barge_ins,
        latencies=reader.latencies,
        marks=reader.played.marks,
        pieces=reader.played.pieces,
        frames=reader.frames(),
        waits=reader.waits.found,
    )


class _Reader:
    """Reads line by line. An item is one turn: the model gives each audio item one content part."""

    def __init__(self) -> None:
        self.turns: dict[str, Turn] = {}
        self.events: list[Event] = []
        self.barge_ins: list[BargeIn] = []
        self.latencies: list[Latency] = []
        self.played = Played()
        self.waits = FixtureWaits()
        self.call_sid = ""
        self.ended = ""
        self._lost = ""
        """The way in which the last session was lost; empty once another has come."""
        self._frames: list[tuple[int, int, str]] = []
        self._words = Transcript()
        self._complete: set[str] = set()
        self._quiet_us: dict[str, int | None] = {}
        self._waiting: dict[LatencyKind, int] = {}
        self._speech_us: int | None = None
        self._taken_over = 0
        self._operator = ""
        """The operator's item while one has the call."""

    def say(self, us: int, side: Side, kind: str, text: str, *, minor: bool = False) -> None:
        self.events.append(Event(us, side, kind, text, minor))

    def read(self, line: FixtureLine) -> None:
        text = bytes(line.message)
        try:
            match line.way:
                case "phone>bot":
                    self._from_phone(line.us, stream.parse(text))
                case "model>bot":
                    self._from_model(line.us, events.parse(text))
                case "bot>phone":
                    self._to_phone(line.us, stream.parse_outbound(text))
                case "bot>model":
                    self._to_model(line.us, events.parse_command(text), text)
                case "note":
                    self._noted(line.us, _note.decode(text))
                case "told":
                    self._told(line.us, msgspec.json.decode(text))
        except (stream.BadMessage, events.BadEvent, ValueError, RecursionError) as error:
            self.say(line.us, "call", "odd", f"{line.way}: not understood ({error})")

    # ---- the phone ----

    def _from_phone(self, us: int, message: stream.Inbound) -> None:
        self.waits.from_phone(us, message)
        match message:
            case stream.Media():
                self._frames.append((us, message.media.timestamp, message.media.payload))
            case stream.Start():
                if not self.call_sid:  # and no stream that follows one that was left
                    self._waiting["first_audio"] = us
                self.call_sid = message.start.call_sid
                self.say(us, "phone", "stream", f"the stream of {self.call_sid} starts")
            case stream.MarkEcho():
                self._echoed(us, message.mark.name)
            case stream.Dtmf():
                self.say(us, "caller", "key", f"presses {message.dtmf.digit}")
            case stream.Stop():
                self._hung_up(us)
                self.say(us, "phone", "stream", "the stream stops")
                self.ended = self.ended or "the phone side ended the stream"
            case _:
                pass

    def _echoed(self, us: int, name: str) -> None:
        mark = self.played.echo(us, name)
        if mark is None:
            self.say(us, "phone", "mark", f"{name} comes back, which is not out", minor=True)
            return
        late_ms = (us - mark.due_us) / 1000
        self.say(us, "phone", "mark", f"{name} comes back {late_ms:+.0f} ms after it was due", minor=True)

    def _to_phone(self, us: int, message: stream.Outbound) -> None:
        match message:
            case stream.PlayMedia():
                self.played.media(us, message.media.payload)
                if self._operator:
                    self._waiting.pop("answer", None)  # nobody measures people
                for kind in ("first_audio", "answer"):
                    self._took(kind, us)
            case stream.SetMark():
                self.played.mark(us, message.mark.name)
                self.say(us, "bot", "mark", f"{message.mark.name} sent", minor=True)
            case stream.Clear():
                self._cleared(us)

    def _cleared(self, us: int) -> None:
        dropped = self.played.clear(us)
        self._took("silence", us)
        items = list(dict.fromkeys(piece.item_id for piece in dropped))
        if self._taken_over and self._of_operator(items[:1]):
            return  # who hands the call back is not interrupted
        for item_id in items:
            self._cut(us, item_id, self.played.heard(item_id))
        unheard = sum(len(piece.audio) - piece.heard_bytes for piece in dropped) / BYTES_PER_MS
        first = items[0] if items else ""
        heard = self.played.heard(first) / BYTES_PER_MS if items else 0.0
        self.barge_ins.append(BargeIn(us, self._speech_us, first, heard, unheard))
        self._speech_us = None
        what = f"{first} cut after {heard:.0f} ms, {unheard:.0f} ms unheard" if items else "nothing was playing"
        self.say(us, "bot", "cut", f"clear sent: {what}")

    def _hung_up(self, us: int) -> None:
        """Nothing more is heard of what had been sent; nobody was interrupted by it."""
        for item_id in dict.fromkeys(piece.item_id for piece in self.played.clear(us)):
            self._cut(us, item_id, self.played.heard(item_id))

    def _cut(self, us: int, item_id: str, heard_bytes: int) -> None:
        turn = self._turn("bot", item_id, us)
        turn.cut_us = us if turn.cut_us is None else turn.cut_us
        received = self.played.received.get(item_id, 0)
        self._words.cut(item_id, _CONTENT, heard_bytes, received, all_came=item_id in self._complete)

    def _took(self, kind: LatencyKind, us: int) -> None:
        since = self._waiting.pop(kind, None)
        if since is not None:
            self.latencies.append(Latency(kind, us, us - since))

    # ---- the model ----

    def _from_model(self, us: int, event: events.ServerEvent) -> None:
        self.waits.from_model(us, event)
        match event:
            case events.AudioDelta():
                self._turn("bot", event.item_id, us)
                self.played.from_model(event.item_id, event.delta)
            case events.TranscriptDelta():
                self._turn("bot", event.item_id, us)
                received = self.played.received.get(event.item_id, 0)
                self._words.bot_words(event.item_id, event.content_index, event.delta, received)
            case events.TranscriptDone():
                self._turn("bot", event.item_id, us)
                self._words.bot_words_done(event.item_id, event.content_index, event.transcript)
            case events.AudioDone():
                self._complete.add(event.item_id)
                self._words.audio_done(event.item_id, _CONTENT, self.played.received.get(event.item_id, 0))
            case events.SpeechStarted() | events.SpeechStopped() | events.Committed() | events.CallerTranscript():
                self._caller(us, event)
            case _:
                self._of_session(us, event)

    def _caller(
        self, us: int, event: events.SpeechStarted | events.SpeechStopped | events.Committed | events.CallerTranscript
    ) -> None:
        turn = self._turn("caller", event.item_id, us)
        match event:
            case events.SpeechStarted():
                self._speech_us = us
                self._waiting["silence"] = us
                self._waiting.pop("answer", None)
                self.say(us, "caller", "speech", "is heard to speak")
            case events.SpeechStopped():
                turn.until_us = us
                self._waiting.pop("silence", None)
                self._speech_us = None
                self._waiting["answer"] = us
                self.say(us, "caller", "speech", "falls silent")
            case events.CallerTranscript():
                turn.text = event.transcript
            case _:
                turn.until_us = us if turn.until_us is None else turn.until_us

    def _of_session(self, us: int, event: events.ServerEvent) -> None:
        match event:
            case events.SessionCreated():
                self.say(us, "model", "session", f"session {event.session.id} of {event.session.model or 'a model'}")
            case events.SessionUpdated():
                self.say(us, "model", "session", "settings accepted")
            case events.ResponseCreated():
                self.say(us, "model", "response", f"{event.response.id} begins")
            case events.ResponseDone():
                self.say(us, "model", "response", f"{event.response.id} {event.response.status or 'done'}")
            case events.OutputItemDone() if event.item.type == "function_call":
                self.say(us, "model", "function", f"asks for {event.item.name}({event.item.arguments or ''})")
            case events.ItemTruncated():
                self.say(us, "model", "told", f"knows that {event.item_id} was cut at {event.audio_end_ms} ms")
            case events.Error():
                problem = event.error
                self.say(us, "model", "error", f"{problem.code or problem.type or 'error'}: {problem.message or ''}")
            case _:
                pass

    def _to_model(self, us: int, command: events.ClientEvent, text: bytes) -> None:
        self.waits.to_model(us, command)
        match command:
            case events.AppendAudio():
                pass
            case events.TruncateItem():
                turn = self._turn("bot", command.item_id, us)
                turn.truncated_ms = command.audio_end_ms
                self._cut(us, command.item_id, command.audio_end_ms * BYTES_PER_MS)
                self.say(us, "bot", "told", f"tells the model: {command.item_id} heard for {command.audio_end_ms} ms")
            case events.DeleteItem():
                if command.item_id in self.turns:  # not an item that the session was only told of
                    self.turns[command.item_id].deleted = True
                self.say(us, "bot", "told", f"tells the model: {command.item_id} was not heard at all")
            case _:
                self.say(us, "bot", "sends", in_words(msgspec.json.decode(text)), minor=True)

    def _noted(self, us: int, note: inputs.Note) -> None:
        self.waits.noted(us, note)
        match note:
            case inputs.Tick() | inputs.PhoneFull() | inputs.PhoneRoom() | inputs.SessionAlive():
                return
            case inputs.OperatorAudio():
                if self._operator:
                    self._turn("bot", self._operator, us)
                    self.played.from_model(self._operator, note.payload)
                return
            case inputs.PhoneClosed():
                self._hung_up(us)
                self.ended = self.ended or f"the phone side closed the stream ({note.code})"
            case inputs.ModelClosed():
                code = f", {note.code}" if note.code else ""
                self._lost = f"the model side is gone ({note.failure}{code})"
            case inputs.SessionWaiting():
                self._lost = ""
            case inputs.Shutdown():
                self.ended = self.ended or f"the server ended it ({note.reason})"
            case _:
                pass
        self.say(us, "call", "note", _note_in_words(note))

    def _told(self, us: int, told: Any) -> None:
        self.waits.told(us, told)
        fact = turn_of(told)
        if fact is not None and fact.who == "caller":
            self._quiet_us[fact.item_id] = fact.ended_us
        report = report_of(told)
        if report is not None:
            self._had_by_operator(report.event)
            kind = "operator" if report.event in OF_OPERATOR else "report" if report.level == "info" else "odd"
            self.say(us, "call", kind, in_plain_words(report.event, report.details))
        self.ended = end_of(told) or self.ended

    def _had_by_operator(self, event: str) -> None:
        if event == "taken_over":
            self._taken_over += 1
            self._operator = _OPERATOR.format(self._taken_over)
        elif event == "handed_back":
            self._operator = ""

    def _of_operator(self, items: list[str]) -> bool:
        return items == [_OPERATOR.format(self._taken_over)]

    # ---- together ----

    def _turn(self, who: Any, item_id: str, us: int) -> Turn:
        return self.turns.setdefault(item_id, Turn(who, item_id, us))

    def finish(self) -> None:
        """Fill in what is known only when all has been read."""
        self.ended = self.ended or self._lost
        texts = {turn.item_id: turn for turn in self._words.turns}
        operators = {_OPERATOR.format(number + 1) for number in range(self._taken_over)}
        for turn in self.turns.values():
            if turn.who == "bot":
                self._finish_bot(turn)
                spoken = texts.get(turn.item_id)
                turn.text, turn.unheard_text = (spoken.text or "", spoken.unheard) if spoken else ("", "")
            else:
                turn.quiet_us = self._quiet_us.get(turn.item_id)
            if turn.item_id in operators:
                turn.text, turn.by_operator = _SPEAKS, True
            said = turn.text or ("" if turn.unheard_text else "(no transcript)")
            cut = f" [not heard: {turn.unheard_text}]" if turn.unheard_text else ""
            self.say(turn.from_us, turn.who, "says", f"{said}{cut}".strip())

    def _finish_bot(self, turn: Turn) -> None:
        pieces = self.played.of_item.get(turn.item_id, [])
        turn.received_ms = self.played.received.get(turn.item_id, 0) / BYTES_PER_MS
        turn.heard_ms = self.played.heard(turn.item_id) / BYTES_PER_MS
        if pieces:
            turn.from_us = min(pieces[0].start_us, pieces[0].heard_until_us)  # one never reached stands at its cut
            turn.until_us = max(piece.heard_until_us for piece in pieces)

    def frames(self) -> list[Frame]:
        """The caller's audio. The frame that took least to arrive gives the offset between stream and call."""
        offset = min((us - at_ms * 1000 for us, at_ms, _ in self._frames), default=0)
        return [Frame(offset + at_ms * 1000, base64.b64decode(payload)) for _, at_ms, payload in self._frames]


def _note_in_words(note: inputs.Note) -> str:
    fields = {name: value for name, value in msgspec.structs.asdict(note).items() if value not in {"", 0}}
    return in_plain_words(str(note.__struct_config__.tag), fields)
