"""The caller's turns: speech that begins, ends, is committed, answered, perhaps transcribed (openai-realtime 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from bot.testing.agent import Ears, Pending
from bot.testing.model.answering.active_response import ActiveResponse
from bot.testing.model.hearing.input_audio_buffer import InputAudioBuffer
from bot.testing.model.hearing.transcription import Transcription
from bot.testing.model.hearing.vad import prefix_ms, silence_ms
from bot.testing.model.protocol.client_items import decoded
from bot.testing.model.protocol.default_conversation import Entry
from bot.testing.model.protocol.refusal import Refused
from bot.testing.model.state.behaviour import SpeechAt
from bot.testing.model.state.simulated_state import MS, SessionState

Json = dict[str, Any]
COMMIT_MS = 100
"""The least audio a commit takes."""
PAUSE_MS, LONG_PAUSE_MS = 60, 200
"""Silence within speech in which what was said is made out already: time is gained, most of all if it was the end."""
LONG_MS = 2_000
"""Speech that takes long to make out: from here on the short pause is enough. In less, a cut costs more words."""


def pause_enough_ms(spoken_ms: int) -> int:
    """Silence behind so much speech in which it is made out."""
    return LONG_PAUSE_MS if spoken_ms < LONG_MS else PAUSE_MS


class PartsOfTurn(NamedTuple):
    """Words that were made out part by part, once all of them are there."""

    parts: Sequence[Pending[str]]

    def poll(self) -> str | None:
        words = [part.poll() for part in self.parts]
        known = [one for one in words if one is not None]
        return " ".join(filter(None, known)) if len(known) == len(words) else None

    def so_far(self) -> str:
        """The words of the first parts that are there."""
        known = iter(part.poll() for part in self.parts)
        return " ".join(filter(None, takewhile(lambda words: words is not None, known)))


class CallerTurns:
    """Turns input audio, or scripted speech, into turns."""

    def __init__(
        self,
        state: SessionState,
        floor: ActiveResponse,
        opens_us: int,
        *,
        keep: bool,
        detect: bool,
        ears: Ears | None = None,
    ) -> None:
        self._ears = ears
        self._state = state
        self._floor = floor
        self._opens_us = opens_us
        listening = state.listening
        self.buffer = InputAudioBuffer(
            listening["format"]["type"], listening["turn_detection"], keep=keep, detect=detect, ears=ears
        )
        self._item_id = ""
        self._start_ms = 0
        self._turn_end_ms = 0
        self._quiet_us: int | None = None
        self._speaking: Entry | None = None
        """The item that speech in progress has made, in a dialect where it does."""
        self._transcription = Transcription(state)
        self._early = False
        self._words: list[Pending[str]] = []
        """The words of the turn in progress, pause by pause."""
        self._words_from_ms = 0

    def reconfigure(self) -> None:
        """The session changed."""
        listening = self._state.listening
        if listening["turn_detection"] is None:
            self.buffer.end_turn()
        self.buffer.use(listening["format"]["type"], listening["turn_detection"])
        self._begin_words(self.buffer.written_ms)

    # ---- the client's events -----------------------------------------------------------------------------------------

    def append(self, audio: str, now_us: int) -> None:
        """input_audio_buffer.append: never answered. Raises Refused for bad base64."""
        if not self._state.configured and not self._early:
            self._early = True
            self._state.violations.append(
                "input_audio_buffer.append: audio before session.updated is read in the old format"
            )
        for edge in self.buffer.append(decoded(audio, "audio")):
            if edge.started:
                self._started(edge.at_ms, now_us)
            else:
                self._stopped(edge.at_ms, now_us)
        self._made_out_so_far()

    def commit(self) -> None:
        """input_audio_buffer.commit: makes an item and no response. Raises Refused under 100 ms."""
        buffered = self.buffer.buffered_ms
        if buffered < COMMIT_MS:
            message = (
                f"Error committing input audio buffer: buffer too small. Expected at least {COMMIT_MS}ms of audio, "
                f"but buffer only has {buffered:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", message)
        if not self.buffer.speaking:
            self._item_id, self._start_ms = self._state.new_id("item"), self._turn_end_ms
            self._begin_words(self._start_ms)
        self.buffer.end_turn()
        self._commit(self.buffer.written_ms)

    def clear(self) -> None:
        """input_audio_buffer.clear"""
        self.buffer.clear()
        self._begin_words(self.buffer.written_ms)
        self._state.emit("input_audio_buffer.cleared")

    # ---- speech ------------------------------------------------------------------------------------------------------

    def script(self, speech: SpeechAt) -> None:
        """Speech by the clock."""
        self._state.agenda.at(speech.start_us, lambda us: self._scripted(speech, us))

    def _scripted(self, speech: SpeechAt, now_us: int) -> None:
        turns = self._state.turns
        if turns is None:
            return
        quiet_us = speech.stop_us + silence_ms(turns) * MS
        self._quiet_us = max(quiet_us, self._quiet_us or 0)
        if not self.buffer.speaking:
            self._started(self._clock_ms(now_us), now_us)
        self._state.agenda.at(quiet_us, self._fell_quiet)

    def _fell_quiet(self, now_us: int) -> None:
        if self._quiet_us is None or now_us < self._quiet_us or not self.buffer.speaking:
            return
        self._quiet_us = None
        self._stopped(self._clock_ms(now_us), now_us)

    def _clock_ms(self, now_us: int) -> int:
        """The offset scripted speech has: in the audio written, or by the clock while none ever was."""
        return self.buffer.written_ms if self.buffer.written_bytes else (now_us - self._opens_us) // MS

    def _started(self, at_ms: int, now_us: int) -> None:
        turns = self._state.turns
        assert turns is not None
        self.buffer.speaking = True
        self._item_id = self._state.new_id("item")
        self._start_ms = max(self._turn_end_ms, at_ms - prefix_ms(turns))
        self._begin_words(self._start_ms)
        told_ms = self._told_ms(self._start_ms, now_us)
        self._state.emit("input_audio_buffer.speech_started", audio_start_ms=told_ms, item_id=self._item_id)
        if not self._state.wire.item_done:
            self._speaking = Entry(self._item_id, "message", "user", part="input_audio")
            self._add(self._speaking)
        self._transcription.started(self._item_id)
        if turns["interrupt_response"]:
            self._floor.interrupt(now_us)

    def _stopped(self, at_ms: int, now_us: int) -> None:
        turns = self._state.turns
        assert turns is not None
        self.buffer.speaking = False
        told_ms = self._told_ms(at_ms, now_us)
        self._state.emit("input_audio_buffer.speech_stopped", audio_end_ms=told_ms, item_id=self._item_id)
        self._commit(at_ms)
        if turns["create_response"]:
            self._floor.answer(now_us)

    def _made_out_so_far(self) -> None:
        """Have what was said up to a pause made out while the caller pauses, or has ended."""
        if self._ears is None:
            return
        if self._words:
            self._transcription.made_out(self._item_id, PartsOfTurn(self._words).so_far())
        pause_ms, now_ms = self.buffer.pause_ms, self.buffer.written_ms
        if pause_ms and self._has_more and pause_ms >= pause_enough_ms(now_ms - pause_ms - self._words_from_ms):
            self._words.append(self._ears.recognise(self.buffer.look(self._words_from_ms, now_ms), self._format))
            self._words_from_ms = now_ms

    def _all_words(self, end_ms: int) -> Pending[str] | None:
        """The words of the turn that ends there; None where there are no ears."""
        if self._ears is None:
            return None
        if self._has_more or not self._words:
            self._words.append(self._ears.recognise(self.buffer.look(self._words_from_ms, end_ms), self._format))
        words = PartsOfTurn(tuple(self._words))
        self._begin_words(end_ms)
        return words

    def _begin_words(self, from_ms: int) -> None:
        self._words, self._words_from_ms = [], from_ms

    @property
    def _has_more(self) -> bool:
        """Speech has come that nobody was asked about."""
        return self.buffer.spoken_until_ms > self._words_from_ms

    @property
    def _format(self) -> str:
        return str(self._state.listening["format"]["type"])

    def _told_ms(self, at_ms: int, now_us: int) -> int:
        """The offset as it is told: xAI's is on a clock of its own, taken for the session's (openai-realtime W8)."""
        return at_ms if self._state.wire.item_done else (now_us - self._opens_us) // MS

    def _commit(self, end_ms: int) -> None:
        """The turn becomes an item of the conversation, unless its speech has made one: added and done at once."""
        words = self._all_words(end_ms)
        audio = self.buffer.take(self._start_ms, end_ms)
        per_ms = 48 if self._state.listening["format"]["type"] == "audio/pcm" else 8
        length_ms = len(audio) // per_ms if audio else max(0, end_ms - self._start_ms)
        self._turn_end_ms = end_ms
        spoken, self._speaking = self._speaking, None
        entry = spoken or Entry(self._item_id, "message", "user", part="input_audio")
        entry.status, entry.done = "completed", True
        entry.audio, entry.audio_bytes, entry.bytes_per_ms = audio, length_ms * per_ms, per_ms
        conversation = self._state.conversation
        before = conversation.last if spoken is None else None
        self._state.emit("input_audio_buffer.committed", previous_item_id=before, item_id=entry.id)
        if spoken is None:
            self._add(entry)
        self._floor.heard(audio, length_ms, words)
        self._transcription.committed(entry, words)

    def _add(self, entry: Entry) -> None:
        state = self._state
        before = state.conversation.add(entry)
        for step in ("added", "done"):
            state.emit(f"conversation.item.{step}", previous_item_id=before, item=entry.shown(state.wire))
