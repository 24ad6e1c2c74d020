"""A model's side of a conversation in turns: the bot speaks a third of the time, the caller in between.

An answer of 4 to 9 s comes in deltas of 200 ms at five times real time, with its words beside it, and with every event
that stands around it on the wire (openai-realtime 5).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

DELTA_S = 0.2
FASTER = 5
SHORTEST_S, LONGEST_S = 4.0, 9.0
SHARE = 3
"""The bot speaks one part in so many."""
GREETING_S = 1.0
ROUND_S = SHARE * (SHORTEST_S + LONGEST_S) / 2
"""A turn of both on average: so far apart are first answers spread, that not all calls do the same at once."""
REACTION_S = 0.5
"""Seconds from the end of what is heard to the caller's first word, and from their last to the answer."""
TRANSCRIBED_S = 0.4
PIECES = 4
"""Pieces in which the caller's words are told before they are told whole."""
FIRST_AUDIO_S = 0.25


class Speaker(Protocol):
    """A session that these turns are said in."""

    def emit(self, kind: str, **fields: object) -> None: ...
    def answer(self) -> None: ...
    def begin_audio(self) -> None: ...
    def delta(self) -> None: ...
    def respond_done(self, words: str) -> None: ...
    def place(self) -> dict[str, object]: ...
    def later(self, wait_s: float, step: Callable[[], None]) -> None: ...


class TurnTaking:
    """`seed` chooses how long everything takes: the same calls for every subject."""

    def __init__(self, session: Speaker, seed: int) -> None:
        self._session = session
        self._random = random.Random(seed)
        self._turns = 0
        self._left = 0
        self._said: list[str] = []

    def talk(self) -> None:
        """A response was made: its audio comes in a moment. The first one greets."""
        length_s = self._random.uniform(SHORTEST_S, LONGEST_S) if self._turns else GREETING_S
        silence_s = (SHARE - 1) * length_s if self._turns else self._random.uniform(3 * REACTION_S, ROUND_S)
        self._turns += 1
        self._left = round(length_s / DELTA_S)
        self._said.clear()
        self._session.later(FIRST_AUDIO_S, self._begin)
        self._session.later(FIRST_AUDIO_S + length_s + REACTION_S, lambda: self._caller_starts(silence_s))

    def _begin(self) -> None:
        self._session.begin_audio()
        self._say()

    def _say(self) -> None:
        """The next 200 ms and the word in it."""
        session = self._session
        if not self._left:
            session.respond_done("".join(self._said))
            return
        self._left -= 1
        session.delta()
        self._said.append(" word")
        session.emit("response.output_audio_transcript.delta", **session.place(), delta=self._said[-1])
        session.later(DELTA_S / FASTER, self._say)

    def _caller_starts(self, silence_s: float) -> None:
        said = f"said_{self._turns}"
        self._session.emit("input_audio_buffer.speech_started", audio_start_ms=2**31, item_id=said)
        self._session.later(silence_s - 2 * REACTION_S - FIRST_AUDIO_S, lambda: self._caller_stops(said))

    def _caller_stops(self, said: str) -> None:
        session = self._session
        item = {"id": said, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        session.emit("input_audio_buffer.speech_stopped", audio_end_ms=2**31, item_id=said)
        session.emit("input_audio_buffer.committed", previous_item_id=None, item_id=said)
        session.emit("conversation.item.added", previous_item_id=None, item=item)
        session.emit("conversation.item.done", previous_item_id=None, item=item)
        session.later(TRANSCRIBED_S, lambda: self._transcribed(said))
        session.later(REACTION_S, session.answer)

    def _transcribed(self, said: str) -> None:
        told, place = "conversation.item.input_audio_transcription", {"item_id": said, "content_index": 0}
        word = f" word{self._turns}"  # the same in each turn would be a call that leads nowhere
        for _ in range(PIECES):
            self._session.emit(f"{told}.delta", **place, delta=word)
        usage = {"type": "duration", "seconds": 3}
        self._session.emit(f"{told}.completed", **place, transcript=word * PIECES, usage=usage)
