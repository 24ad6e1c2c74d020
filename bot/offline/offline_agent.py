"""The offline agent: what was heard goes to the script, what the script says to the mouth.

One for each session; ears and mouth are the server's.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence

from bot.audio import mulaw
from bot.offline.mind.agent_script import NO_ASIDE, Script
from bot.offline.mind.thoughts import Heard, Thought
from bot.offline.mouth import Mouth
from bot.offline.sound_formats import Pcm, heard, spoken
from bot.testing.agent import Reply, Speech, Spoken, ToolCall, Turn

ECHO_MS = 8_000
"""The most of the caller's own sound that is played back."""
ECHO_TRANSCRIPT = "(the caller's own voice)"
_EXACTLY = re.compile(r"say exactly the following[^\n]*\n+(.+)\Z", re.DOTALL | re.IGNORECASE)
_FRAME_MS = 20
_LOUD_SHARE = 0.3
"""The part of a turn's frames, the loudest of it, whose level is the caller's: pauses have none."""
_LOUDEST = 32_768


class OfflineAgent:
    """Thinks when all words of a turn are there."""

    def __init__(
        self, mouth: Mouth, *, script: Script | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._mouth = mouth
        self._script = Script() if script is None else script
        self._clock = clock

    def reply(self, turn: Turn) -> Answer:
        return Answer(self, turn, self._clock())

    def think(self, turn: Turn, words: list[str], asked_s: float) -> Reply:
        """The reply to `turn`, of which these are the words."""
        if turn.aside:
            return Reply((self._said([NO_ASIDE], turn),))
        thought = self._script.answer(self._understood(turn, words, asked_s))
        items: list[Spoken | Speech] = []
        if thought.sentences:
            items.append(self._said(thought.sentences, turn))
        if thought.echo and not turn.writes:
            items.append(_echo(turn))
        return Reply(items, _calls(thought))

    def _said(self, sentences: Sequence[str], turn: Turn) -> Spoken | Speech:
        """`sentences` aloud, or in writing, which costs no voice."""
        return Spoken(b"", " ".join(sentences)) if turn.writes else self._mouth.say(sentences, turn.spoken_in)

    def _understood(self, turn: Turn, words: list[str], asked_s: float) -> Heard:
        exactly = _EXACTLY.search(turn.instructions)
        return Heard(
            words=" ".join(filter(None, words)),
            level_db=level_db(heard(turn.audio, turn.heard_in)) if turn.audio else None,
            understood_ms=round((self._clock() - asked_s) * 1000),
            first=turn.greeting and not turn.number,
            interrupted=turn.interrupted,
            exactly=exactly[1].strip() if exactly else "",
            notes=turn.notes,
            outputs=turn.tool_outputs,
            functions=turn.tools,
            must_call=turn.must_call,
        )


class Answer:
    """One reply, as soon as the words are there that it answers."""

    def __init__(self, agent: OfflineAgent, turn: Turn, asked_s: float) -> None:
        self._agent = agent
        self._turn = turn
        self._asked_s = asked_s
        self._reply: Reply | None = None

    def poll(self) -> Reply | None:
        if self._reply is None:
            # What came before the very first answer is the past of a call that is carried on: only its end is answered.
            pending = self._turn.words if self._turn.number else self._turn.words[-1:]
            words = [one.poll() for one in pending]
            known = [one for one in words if one is not None]
            if len(known) == len(words):
                self._reply = self._agent.think(self._turn, known, self._asked_s)
        return self._reply


def level_db(pcm: Pcm) -> float:
    """The level of speech in `pcm`, in dB under the loudest sample there can be."""
    size = 2 * pcm.rate * _FRAME_MS // 1000
    frames = sorted(mulaw.rms(pcm.samples[at : at + size]) for at in range(0, len(pcm.samples), size))
    loud = frames[-max(1, round(_LOUD_SHARE * len(frames))) :]
    mean = math.sqrt(sum(level * level for level in loud) / max(1, len(loud)))
    return 20 * math.log10(max(1.0, mean) / _LOUDEST)


def _echo(turn: Turn) -> Spoken:
    sound = heard(turn.audio, turn.heard_in)
    longest = 2 * sound.rate * ECHO_MS // 1000
    audio = spoken(Pcm(sound.samples[:longest], sound.rate), turn.spoken_in)
    return Spoken(audio, ECHO_TRANSCRIPT, audio_format=turn.spoken_in)


def _calls(thought: Thought) -> tuple[ToolCall, ...]:
    return () if thought.call is None else (ToolCall(thought.call.name, thought.call.arguments),)
