"""The caller's words as a recogniser beside the model has them: late, growing, or not at all (openai-realtime 2.3)."""

from __future__ import annotations

import re

from bot.testing.agent import Pending
from bot.testing.model.answering.generation import LOOK_MS
from bot.testing.model.answering.token_usage import transcription_usage
from bot.testing.model.protocol.default_conversation import Entry
from bot.testing.model.state.simulated_state import MS, SessionState

KIND = "conversation.item.input_audio_transcription"
WORD_MS = 300
REST_MS, COMPLETED_MS = 200, 500
"""Delays from the commit to the last words, and to all of them, where words come as spoken (openai-realtime W5)."""
GROWING_MS = 200
"""Delay of the first word of a transcript that grows, from its begin (openai-realtime W8)."""


class Transcription:
    """Transcripts of the caller's turns: as they were recognised, or the nth turn has the nth of the script's words."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._turn = 0
        self._item_id = ""
        self._left: list[str] = []
        """The words of the turn in progress that have not left."""
        self._told = ("", "")
        """The item of a turn of which words were told before it was over, and these words."""

    def started(self, item_id: str) -> None:
        """The caller begins to speak."""
        agenda, said = self._state.agenda, self._script()
        self._item_id, self._left = item_id, re.findall(r"\S+", said or "")
        first_ms = self._state.behaviour.transcription_from_ms
        if self._grows:
            agenda.at(agenda.now_us + GROWING_MS * MS, lambda _us: self._grow(item_id))
        elif first_ms is not None and said is not None and self._fails() is None:
            agenda.at(agenda.now_us + first_ms * MS, lambda us: self._word(item_id, us))

    def made_out(self, item_id: str, words: str) -> None:
        """Words of the turn in progress, as far as they are recognised by now."""
        before = self._said_before(item_id)
        if words == before or self._state.listening["transcription"] is None or self._fails() is not None:
            return
        self._told = (item_id, words)
        if self._grows:
            self._so_far(item_id, words)
        else:
            self._words(item_id, words[len(before) :].split())

    def _said_before(self, item_id: str) -> str:
        return self._told[1] if self._told[0] == item_id else ""

    def committed(self, entry: Entry, words: Pending[str] | None) -> None:
        """The caller's turn is over; `words` is what is being recognised of it."""
        if words is not None and self._state.listening["transcription"] is not None and self._fails() is None:
            self._recognised(entry, words)
            return
        said, failed = self._script(), self._fails()
        self._turn += 1
        if failed is None and said is None:
            return
        agenda, streams = self._state.agenda, self._streams(entry.id)
        wait_ms = COMPLETED_MS if streams else self._state.behaviour.transcription_after_ms
        left, self._left, self._item_id = self._left if streams else re.findall(r"\S+", said or ""), [], ""
        if failed is not None:
            agenda.at(agenda.now_us + wait_ms * MS, lambda _us: self._failed(entry, failed))
            return
        if streams:
            agenda.at(agenda.now_us + REST_MS * MS, lambda _us: self._words(entry.id, left))
            left = []
        agenda.at(agenda.now_us + wait_ms * MS, lambda _us: self._completed(entry, said or "", left))

    # ---- what the script says ----------------------------------------------------------------------------------------

    @property
    def _grows(self) -> bool:
        return self._state.wire.says(f"{KIND}.updated")

    def _streams(self, item_id: str) -> bool:
        return self._state.behaviour.transcription_from_ms is not None and item_id == self._item_id and not self._grows

    def _script(self) -> str | None:
        """Words of the present turn; None: it has none, or they can't be made out."""
        words = self._state.behaviour.caller_words
        on = self._state.listening["transcription"] is not None
        return words[self._turn] if on and self._turn < len(words) else None

    def _fails(self) -> str | None:
        """Code with which the present turn fails; None: it does not."""
        behaviour, wanted = self._state.behaviour, self._state.listening["transcription"]
        if wanted is None:
            return None
        if behaviour.deployments is not None and wanted.get("model") not in behaviour.deployments:
            return "DeploymentNotFound"
        words = behaviour.caller_words
        return "audio_unintelligible" if self._turn < len(words) and words[self._turn] is None else None

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _word(self, item_id: str, us: int) -> None:
        if self._item_id == item_id and self._left:
            self._words(item_id, [self._left.pop(0)])
            self._state.agenda.at(us + WORD_MS * MS, lambda us: self._word(item_id, us))

    def _words(self, item_id: str, words: list[str]) -> None:
        for word in words:
            self._state.emit(f"{KIND}.delta", item_id=item_id, content_index=0, delta=f" {word}")

    def _grow(self, item_id: str) -> None:
        if self._item_id == item_id and self._left:
            self._so_far(item_id, self._left[0])

    def _so_far(self, item_id: str, words: str) -> None:
        fields = {"item_id": item_id, "content_index": 0, "transcript": words}
        self._state.emit(f"{KIND}.updated", **fields)
        self._state.emit(f"{KIND}.completed", **fields, status="in_progress")

    def _recognised(self, entry: Entry, words: Pending[str]) -> None:
        """Tell the words as soon as they are there."""
        said, agenda = words.poll(), self._state.agenda
        if said is None:
            agenda.at(agenda.now_us + LOOK_MS * MS, lambda _us: self._recognised(entry, words))
        else:
            self._completed(entry, said, said[len(self._said_before(entry.id)) :].split())

    def _completed(self, entry: Entry, said: str, left: list[str]) -> None:
        entry.text = said
        if self._grows:
            self._so_far(entry.id, " ".join(said.split()[:-1]) or said)
        else:
            self._words(entry.id, left)
        usage = transcription_usage(self._state.behaviour.transcription_usage, entry.audio_ms, said)
        self._state.emit(
            f"{KIND}.completed", item_id=entry.id, content_index=0, transcript=said, usage=usage, status="completed"
        )

    def _failed(self, entry: Entry, code: str) -> None:
        message = f"Input transcription failed for item '{entry.id}'."
        kind = "server_error" if code == "DeploymentNotFound" else "transcription_error"
        error = {"type": kind, "code": code, "message": message, "param": None}
        self._state.emit(f"{KIND}.failed", item_id=entry.id, content_index=0, error=error)
