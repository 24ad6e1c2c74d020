"""The caller's turns: speech that begins and ends, is committed, answered and perhaps transcribed (section 3.3)."""

from __future__ import annotations

from typing import Any

from bot.testing.model.behaviour import SpeechAt
from bot.testing.model.conversation import Entry
from bot.testing.model.ear import Ear
from bot.testing.model.floor import Floor
from bot.testing.model.items import decoded
from bot.testing.model.refusal import Refused
from bot.testing.model.state import MS, State
from bot.testing.model.usage import transcription_usage
from bot.testing.model.vad import prefix_ms, silence_ms

Json = dict[str, Any]
COMMIT_MS = 100
"""The least audio a commit takes."""


class Listening:
    """Turns input audio, or scripted speech, into turns."""

    def __init__(self, state: State, floor: Floor, opens_us: int, *, keep: bool, detect: bool) -> None:
        self._state = state
        self._floor = floor
        self._opens_us = opens_us
        listening = state.listening
        self.ear = Ear(listening["format"]["type"], listening["turn_detection"], keep=keep, detect=detect)
        self._item_id = ""
        self._start_ms = 0
        self._turn_end_ms = 0
        self._quiet_us: int | None = None
        self._turns = 0
        self._early = False

    def reconfigure(self) -> None:
        """The session changed."""
        listening = self._state.listening
        if listening["turn_detection"] is None:
            self.ear.end_turn()
        self.ear.use(listening["format"]["type"], listening["turn_detection"])

    # ---- the client's events -----------------------------------------------------------------------------------------

    def append(self, audio: str, now_us: int) -> None:
        """input_audio_buffer.append: never answered. Raises Refused for bad base64."""
        if not self._state.configured and not self._early:
            self._early = True
            self._state.violations.append(
                "input_audio_buffer.append: audio before session.updated is read in the old format"
            )
        for edge in self.ear.append(decoded(audio, "audio")):
            if edge.started:
                self._started(edge.at_ms, now_us)
            else:
                self._stopped(edge.at_ms, now_us)

    def commit(self) -> None:
        """input_audio_buffer.commit: makes an item and no response. Raises Refused under 100 ms."""
        buffered = self.ear.buffered_ms
        if buffered < COMMIT_MS:
            message = (
                f"Error committing input audio buffer: buffer too small. Expected at least {COMMIT_MS}ms of audio, "
                f"but buffer only has {buffered:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", message)
        if not self.ear.speaking:
            self._item_id, self._start_ms = self._state.new_id("item"), self._turn_end_ms
        self.ear.end_turn()
        self._commit(self.ear.written_ms)

    def clear(self) -> None:
        """input_audio_buffer.clear"""
        self.ear.clear()
        self._state.agenda.emit("input_audio_buffer.cleared")

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
        if not self.ear.speaking:
            self._started(self._clock_ms(now_us), now_us)
        self._state.agenda.at(quiet_us, self._fell_quiet)

    def _fell_quiet(self, now_us: int) -> None:
        if self._quiet_us is None or now_us < self._quiet_us or not self.ear.speaking:
            return
        self._quiet_us = None
        self._stopped(self._clock_ms(now_us), now_us)

    def _clock_ms(self, now_us: int) -> int:
        """The offset scripted speech has: in the audio written, or by the clock while none ever was."""
        return self.ear.written_ms if self.ear.written_bytes else (now_us - self._opens_us) // MS

    def _started(self, at_ms: int, now_us: int) -> None:
        turns = self._state.turns
        assert turns is not None
        self.ear.speaking = True
        self._item_id = self._state.new_id("item")
        self._start_ms = max(self._turn_end_ms, at_ms - prefix_ms(turns))
        self._state.agenda.emit(
            "input_audio_buffer.speech_started", audio_start_ms=self._start_ms, item_id=self._item_id
        )
        if turns["interrupt_response"]:
            self._floor.interrupt(now_us)

    def _stopped(self, at_ms: int, now_us: int) -> None:
        turns = self._state.turns
        assert turns is not None
        self.ear.speaking = False
        self._state.agenda.emit("input_audio_buffer.speech_stopped", audio_end_ms=at_ms, item_id=self._item_id)
        self._commit(at_ms)
        if turns["create_response"]:
            self._floor.answer(now_us)

    def _commit(self, end_ms: int) -> None:
        """The turn becomes an item of the conversation: added and done at once (section 3.3)."""
        audio = self.ear.take(self._start_ms, end_ms)
        per_ms = 48 if self._state.listening["format"]["type"] == "audio/pcm" else 8
        length_ms = len(audio) // per_ms if audio else max(0, end_ms - self._start_ms)
        self._turn_end_ms = end_ms
        entry = Entry(
            self._item_id,
            "message",
            "user",
            status="completed",
            part="input_audio",
            audio=audio,
            audio_bytes=length_ms * per_ms,
            bytes_per_ms=per_ms,
            done=True,
        )
        before = self._state.conversation.add(entry)
        emit = self._state.agenda.emit
        emit("input_audio_buffer.committed", previous_item_id=before, item_id=entry.id)
        for step in ("added", "done"):
            emit(f"conversation.item.{step}", previous_item_id=before, item=entry.shown())
        self._floor.heard(audio, length_ms)
        self._transcribe(entry)

    def _transcribe(self, entry: Entry) -> None:
        """The separate recogniser answers late, or fails (section 2.3)."""
        turn, self._turns = self._turns, self._turns + 1
        words = self._state.behaviour.caller_words
        if self._state.listening["transcription"] is None or turn >= len(words):
            return
        agenda, said = self._state.agenda, words[turn]
        wait_us = self._state.behaviour.transcription_after_ms * MS

        def leave(_us: int) -> None:
            kind = "conversation.item.input_audio_transcription"
            if said is None:
                error = {"type": "transcription_error", "code": "audio_unintelligible", "message": "", "param": None}
                agenda.emit(f"{kind}.failed", item_id=entry.id, content_index=0, error=error)
                return
            entry.text = said
            if self._state.dialect == "xai":  # so far, then all of it (section 1.5)
                agenda.emit(f"{kind}.updated", item_id=entry.id, content_index=0, transcript=said.partition(" ")[0])
                agenda.emit(f"{kind}.completed", item_id=entry.id, content_index=0, transcript=said)
                return
            usage = transcription_usage(self._state.behaviour.transcription_usage, entry.audio_ms, said)
            agenda.emit(f"{kind}.delta", item_id=entry.id, content_index=0, delta=said)
            agenda.emit(f"{kind}.completed", item_id=entry.id, content_index=0, transcript=said, usage=usage)

        agenda.at(agenda.now_us + wait_us, leave)
