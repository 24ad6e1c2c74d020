"""The callers of the command line, on the real simulated phone in virtual time."""

from __future__ import annotations

import base64

import msgspec
import pytest

from bot.audio.payload import BYTES_PER_MS
from bot.audio.prompts import prompt
from bot.realtime.session import END_CALL
from bot.testing.agent import Reply, Turn, pattern
from bot.testing.commands.line_test import LineTestAgent
from bot.testing.handset.callers_of_commands import demo_script, file_script
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import Script
from bot.testing.model.hearing.vad import Edge, LoudnessJudge, Vad
from bot.twilio import stream

TURNS = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
LINES = ["caller_hello", "caller_long", "caller_stop", "caller_goodbye"]
LIMIT_US = 120_000_000
START_US = 1_000_000


class Bot:
    """The least that can talk to a phone: turns by energy, replies from the agent, a clear when interrupted."""

    def __init__(self, script: Script, agent: LineTestAgent | None = None) -> None:
        self.phone = SimulatedPhone(script=script)
        self.turns: list[Turn] = []
        self.heard = bytearray()
        self._agent = agent
        self._vad = Vad(TURNS, "audio/pcmu", 0, LoudnessJudge("audio/pcmu"))
        self._turn_from = 0
        self._interrupted = False
        self._hangs_up = False
        self.now_us = START_US

    def run(self) -> None:
        self.phone.open(self.now_us)
        if self._agent:
            self._reply(Turn(0, greeting=True))
        while not self.phone.ended:
            now_us = self.phone.next_us()
            assert now_us is not None
            assert now_us < LIMIT_US, "the call never ends"
            self.now_us = now_us
            for text in self.phone.due(now_us):
                self._hear(stream.parse(text))
            if self._hangs_up and not self.phone.playout.buffered_bytes(now_us):
                self.phone.closed(now_us)

    def _hear(self, message: stream.Inbound) -> None:
        if not isinstance(message, stream.Media):
            return
        audio = base64.b64decode(message.media.payload)
        self.heard += audio
        for edge in self._vad.hear(audio):
            self._turn(edge)

    def _turn(self, edge: Edge) -> None:
        at = edge.at_ms * BYTES_PER_MS
        if edge.started:
            self._turn_from = at
            self._interrupted = self.phone.playout.buffered_bytes(self.now_us) > 0
            if self._interrupted:
                self._send(stream.Clear(self.phone.ids.stream_sid))
        elif self._agent:
            said = bytes(self.heard[self._turn_from : at])
            self._reply(Turn(len(self.turns), said, interrupted=self._interrupted))

    def _reply(self, turn: Turn) -> None:
        assert self._agent
        self.turns.append(turn)
        reply = self._agent.reply(turn)
        for item in reply.items:
            payload = base64.b64encode(item.audio).decode()
            self._send(stream.PlayMedia(self.phone.ids.stream_sid, stream.OutPart(payload)))
        self._hangs_up = [call.name for call in reply.tool_calls] == [END_CALL]

    def _send(self, message: stream.Outbound) -> None:
        self.phone.receive(msgspec.json.encode(message).decode(), self.now_us)


@pytest.mark.parametrize("name", LINES)
def test_each_line_of_the_demos_caller_is_exactly_one_turn(name: str) -> None:
    silence = bytes([0xFF]) * 8000
    edges = Vad(TURNS, "audio/pcmu", 0, LoudnessJudge("audio/pcmu")).hear(silence + prompt(name).audio + silence)
    assert [edge.started for edge in edges] == [True, False]


def test_the_demo_is_a_whole_conversation_that_the_bot_ends() -> None:
    bot = Bot(demo_script(), LineTestAgent())
    bot.run()
    assert bot.phone.violations == []
    assert bot.phone.ended_by == "bot"
    assert [turn.interrupted for turn in bot.turns] == [False, False, False, True, False]
    at = 0
    for name in LINES:
        at = bot.heard.index(prompt(name).audio, at) + len(prompt(name).audio)


def test_the_demos_caller_hears_everything_but_the_rest_of_the_long_answer() -> None:
    bot = Bot(demo_script(interrupts_after_ms=4000), LineTestAgent())
    bot.run()
    assert len(bot.phone.clears) == 1
    cut = bot.phone.heard_when_cleared(0)
    *before, long_answer = cut
    assert before == [len(message.audio) for message in bot.phone.received[: len(before)]]
    # The bot needs a few frames of speech to notice, and the first sounds of "Stop" are soft.
    assert 4000 < long_answer / BYTES_PER_MS < 4300
    after = range(len(cut), len(bot.phone.received))
    heard = [bot.phone.playout.heard_bytes(k, bot.now_us) for k in after]
    assert heard == [len(bot.phone.received[k].audio) for k in after]


def test_the_demos_caller_hears_their_own_words_again() -> None:
    bot = Bot(demo_script(), LineTestAgent())
    bot.run()
    said = prompt("caller_hello").audio
    _greeting, _you_said, echo, *_ = bot.phone.received
    assert said[len(said) // 4 : -len(said) // 4] in echo.audio


def test_the_demos_caller_hangs_up_on_a_bot_that_stays_on_the_line() -> None:
    class Clinging(LineTestAgent):
        def reply(self, turn: Turn) -> Reply:
            return msgspec.structs.replace(super().reply(turn), tool_calls=())

    bot = Bot(demo_script(), Clinging())
    bot.run()
    assert bot.phone.ended_by == "phone"
    assert bot.phone.hung_up == "clean"
    assert len(bot.turns) == 5


def test_a_recording_is_said_byte_for_byte_after_the_greeting_and_the_answer_is_heard_out() -> None:
    recording = pattern(3210)
    bot = Bot(file_script(recording), LineTestAgent())
    bot.run()
    greeting_bytes = len(bot.phone.received[0].audio)
    assert bot.heard.index(recording) == greeting_bytes + 2000 * BYTES_PER_MS
    assert len(bot.turns) == 2
    assert bot.phone.clears == []
    assert bot.phone.hung_up == "clean"
    last_run = bot.phone.playout.runs[-1]
    assert not last_run.cut
    assert bot.phone.ended_us == last_run.end_us + 4_000_000


def test_a_recording_is_said_to_a_bot_that_says_nothing_and_the_caller_gives_up() -> None:
    recording = pattern(1000)
    bot = Bot(file_script(recording, speaks_after_ms=500, stays_ms=1500))
    bot.run()
    assert bot.heard.index(recording) == 500 * BYTES_PER_MS
    assert bot.phone.ended_us == START_US + (500 + 1000 + 1500) * 1000
