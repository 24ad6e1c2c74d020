"""Whole calls in virtual time in which sessions are lost at any moment: in the announcement, in the greeting, as the caller
speaks or cuts in, in an answer, twice in a row, at the goodbye. In the three dialects.

The caller asks, cuts the answer short, and asks again. However the sessions die they hear the announcement and the
greeting to their ends, one whole answer to each turn that was not cut short, and never nothing for long.
"""

from __future__ import annotations

import base64
import json
from itertools import count, pairwise
from typing import NamedTuple

import pytest

from bot.call.call import Call
from bot.call.outputs import End
from bot.call.settings import CallSettings
from bot.realtime.session import END_CALL, Dialect, SessionSettings
from bot.testing.agent import Pacing, Reply, Spoken, ToolCall, Turn
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, CloseAt, SimulatedModel
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall
from tests.faults.outcome import MS, Sound, in_words, sounds, tone

WORDS = "Acme, this call is recorded."
ANNOUNCED, GREETED, ANSWERED = 1_000, 1_500, 2_500
FILLED = 800
OPENS_MS = 150
VOICE = bytes((0x10, 0x90)) * 80
ASKS, CUTS = (6_000, 600), (8_200, 600)
"""Times at which the caller speaks: begin and length in ms."""
HANGS_UP = 16_000
DIALECTS: list[Dialect] = ["openai", "azure", "xai"]
MOST_MS = 2_000
"""Longest time from when something is due to when something is heard (the table of faults)."""
TURN_MS = 500
"""Time from the caller's last sound to the end of their turn."""


class Speaker:
    """Every reply sounds another way; the last of a call that hangs up is its goodbye."""

    def __init__(self, goodbye: int, pacing: Pacing) -> None:
        self._number = count(1)
        self._goodbye = goodbye
        self._pacing = pacing
        self.known = {"announcement": tone(ANNOUNCED, 90), "filler": tone(FILLED, 91)}

    def reply(self, turn: Turn) -> Reply:
        number = next(self._number)
        greets = "Acme" in turn.instructions
        audio = tone(GREETED if greets else ANSWERED, number)
        self.known[f"{'greeting' if greets else 'answer'} {number}"] = audio
        calls = (ToolCall(END_CALL),) if number >= self._goodbye > 0 else ()
        return Reply((Spoken(audio, "some words"),), calls, self._pacing)


class Outcome(NamedTuple):
    heard: list[Sound]
    known: dict[str, bytes]
    call: VirtualCall
    ends: int
    speech: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return f"{in_words(self.heard)}; {self.call.ended}"

    def whole(self, what: str) -> list[Sound]:
        """Sounds whose names begin with `what` and that were heard to their last sample without a gap."""
        return [
            one
            for one in self.heard
            if one.what.startswith(what) and one.until_ms - one.from_ms >= len(self.known[one.what]) // 8 - 1
        ]

    @property
    def broken(self) -> list[str]:
        """Answers that were being made as a session was lost: the next one carries each on."""
        found = []
        for number in range(len(self.call.sessions)):
            told = [
                json.loads(line.text) for line in self.call.log if line.way == "model>bot" and line.socket == number
            ]
            deltas = [event for event in told if event["type"] == "response.output_audio.delta"]
            done = {event["response"]["id"] for event in told if event["type"] == "response.done"}
            if deltas and deltas[-1]["response_id"] not in done:
                audio = base64.b64decode(deltas[-1]["delta"])
                found.append(next(name for name, whole in self.known.items() if audio in whole).split()[0])
        return found


def lost(
    *at_ms: int,
    dialect: Dialect = "openai",
    speech: tuple[tuple[int, int], ...] = (ASKS, CUTS),
    speed: float = 4,
    goodbye: int = 0,
    barge_in: str = "on",
    hangs: bool = False,
    max_call_s: float = 3_600,
) -> Outcome:
    """A call whose sessions are lost at these moments, one after the other; `hangs`: they fall mute, and answer pings."""
    speaker = Speaker(goodbye, Pacing(speed=speed))
    settings = CallSettings(
        session=SessionSettings(dialect=dialect),
        greeting=WORDS,
        announcement="This call is recorded.",
        announcement_audio=base64.b64encode(speaker.known["announcement"]).decode(),
        filler_audio=base64.b64encode(speaker.known["filler"]).decode(),
        barge_in=barge_in,  # type: ignore[arg-type]
        max_call_s=max_call_s,
    )
    models: list[SimulatedModel] = []
    coming = iter(at_ms)

    def session(now_us: int) -> SimulatedModel:
        close = next((ms for ms in coming if ms * MS > now_us), None)
        behaviour = Behaviour()
        if close is not None:
            behaviour = Behaviour(hangs_us=close * MS) if hangs else Behaviour(closes=CloseAt(close * MS, 1006, ""))
        models.append(
            SimulatedModel(
                speaker,
                behaviour,
                opens_us=now_us,
                dialect=dialect,
                name=f"s{len(models)}_",
                check=None if dialect == "xai" else check_client_event,
                keep_heard=False,
            )
        )
        return models[-1]

    phone = SimulatedPhone()
    for from_ms, ms in speech:
        phone.say(VOICE * (ms // 20), from_ms * MS)
    phone.hang_up(HANGS_UP * MS)
    call = VirtualCall(
        Call(settings),
        phone,
        session(0),
        out_line=Line(20 * MS),
        in_line=Line(20 * MS),
        redial=lambda now_us: session(now_us + OPENS_MS * MS),
        settings=settings,
    )
    ends = 0
    receive = call.core.receive

    def counted(item: object, now_us: int) -> list[object]:
        nonlocal ends
        assert ends <= 1
        out = receive(item, now_us)  # type: ignore[arg-type]
        assert not (ends and out), "something after the end"
        ends += sum(type(one) is End for one in out)
        return out  # type: ignore[return-value]

    call.core.receive = counted  # type: ignore[method-assign,assignment]
    call.run((HANGS_UP + 10_000) * MS)
    assert not phone.violations, phone.violations
    assert not [fault for model in models for fault in model.violations]
    return Outcome(sounds(phone, speaker.known), speaker.known, call, ends, speech)


def judge(one: Outcome, ended: str = "caller_hung_up") -> None:
    assert one.ends == 1, one
    assert one.call.ended is not None
    assert one.call.ended[1] == ended, one
    assert one.heard[0].what in {"announcement", "filler"}, one
    assert len(one.whole("announcement")) == 1, one
    broken = one.broken
    assert len(one.whole("greeting")) == 1 or "greeting" in broken, one
    _no_dead_air(one)
    _one_answer_a_turn(one)


def _no_dead_air(one: Outcome) -> None:
    """Assert that something is heard where it is due: after a turn, and after whatever broke off."""
    ended_ms = one.call.ended[0] / MS if one.call.ended else 0
    starts = [sound.from_ms for sound in one.heard] + [ended_ms]
    due = [from_ms + ms + TURN_MS for from_ms, ms in one.speech]
    due += [sound.until_ms for sound in one.heard if sound not in one.whole("")]
    for at_ms in due:
        playing = any(sound.from_ms <= at_ms < sound.until_ms for sound in one.heard)
        speaks = any(from_ms - MOST_MS <= at_ms < from_ms + ms + TURN_MS for from_ms, ms in one.speech)
        after = min((start for start in starts if start >= at_ms), default=ended_ms)
        assert playing or speaks or after - at_ms <= MOST_MS + 100, f"nothing from {at_ms} to {after}: {one}"


def _one_answer_a_turn(one: Outcome) -> None:
    borders = [from_ms for from_ms, _ in one.speech] + [HANGS_UP + 10_000]
    for from_ms, until_ms in pairwise(borders):
        answers = [sound for sound in one.whole("answer") if from_ms < sound.from_ms < until_ms]
        assert len(answers) <= 1 + len(one.broken), f"{len(answers)} answers: {one}"
    last = [sound for sound in one.whole("answer") if sound.from_ms > borders[-2]]
    assert last, f"the last turn is not answered: {one}"


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "at_ms", [320, 700, 1_340, 1_600, 2_300, 5_980, 6_020, 7_100, 7_900, 8_200, 8_240, 9_300, 11_000]
)
def test_a_session_that_is_lost(at_ms: int, dialect: Dialect) -> None:
    judge(lost(at_ms, dialect=dialect))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("again_ms", [160, 320, 1_000])
@pytest.mark.parametrize("at_ms", [500, 1_500, 7_100, 8_220])
def test_two_that_are_lost_in_a_row(at_ms: int, again_ms: int, dialect: Dialect) -> None:
    judge(lost(at_ms, at_ms + again_ms, dialect=dialect, speed=1.3))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("at_ms", [7_300, 7_600, 8_400, 9_000, 10_000, 10_300])
def test_one_that_is_lost_about_the_goodbye(at_ms: int, dialect: Dialect) -> None:
    """The second response says goodbye and hangs up: it is heard to its end, once, and then the call is over."""
    one = lost(at_ms, dialect=dialect, speech=(ASKS,), goodbye=2)
    judge(one, ended="bot_hung_up")


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("at_ms", [7_160, 7_300, 7_420, 7_600, 8_000])
def test_one_that_falls_mute_after_it_has_begun_an_answer(at_ms: int, dialect: Dialect) -> None:
    """Before its first sound, or in the middle of it: another session answers in less time than it takes to be given up."""
    one = lost(at_ms, dialect=dialect, speech=(ASKS,), speed=1.3, hangs=True)
    _no_dead_air(one)
    answers = [sound.from_ms for sound in one.heard if sound.what.startswith("answer")]
    assert 6_000 <= answers[-1] - at_ms <= 7_500, str(one)
    assert len(one.call.sessions) == 2


@pytest.mark.slow
@pytest.mark.parametrize("at_ms", range(320, 12_000, 20))
def test_one_that_is_lost_at_any_time_of_a_call(at_ms: int) -> None:
    """Each moment with other settings than the next."""
    number = at_ms // 20
    barge_in, speed = ("on", "after_greeting")[number % 2], (0, 1.3, 4)[number // 2 % 3]
    judge(lost(at_ms, dialect=DIALECTS[number // 6 % 3], speed=speed, barge_in=barge_in))
