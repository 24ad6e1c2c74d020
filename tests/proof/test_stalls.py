"""In virtual time: a line that stalls, on a route that sends silence and on one that does not.

The caller talks from 4 to 9 s and from 16 to 18 s, and the turns end half a second after. What they say differs from
frame to frame, so that one that is lost, doubled or out of order shows.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.call.call import Call
from bot.call.facts import TurnFact
from bot.call.settings import CallSettings
from bot.realtime.session import SessionSettings, TurnDetection
from bot.testing.agent import Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.microphone import Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.virtual.scheduler import VirtualCall

MS, S = 1_000, 1_000_000
SERVER_VAD = TurnDetection()
ONSET_MS, QUIET_MS = 60, 500
"""Delays of the simulated server's VAD, in ms, in telling of speech and of its end."""
FILLED_MS = 580
"""The latter where silence is filled in: after 100 ms, 40 ms behind the clock, in steps of 60 ms."""
SILENCE = b"\xff"


class Told(NamedTuple):
    """Times of a call in ms. `spoken`: begin and end of each turn by the record."""

    started: list[float]
    stopped: list[float]
    spoken: list[float]
    filled_ms: float
    sent: bytes
    heard: bytes


def speech(ms: int) -> bytes:
    """Loud audio, no two frames of one call alike."""
    return b"".join(bytes((number // 100, 0x80 | number % 100)) * 80 for number in range(ms // 20))


def told(
    *late: tuple[float, float],
    said: tuple[tuple[float, float], ...] = ((4, 9), (16, 18)),
    suppress_silence: bool = False,
    lost: tuple[tuple[float, float], ...] = (),
    detection: TurnDetection = SERVER_VAD,
) -> Told:
    """A call in which frames of the stretches `late`, in seconds, come at their end, all at once."""
    settings = CallSettings(greeting="Hello.", filler_s=0, session=SessionSettings(turn_detection=detection))
    agent = ScriptedAgent([Reply((Spoken(pattern(500, number), "words"),)) for number in range(20)])
    model = SimulatedModel(agent, Behaviour())
    late_us, lost_us = ([(round(a * S), round((b - a) * S)) for a, b in some] for some in (late, lost))
    phone = SimulatedPhone(microphone=Microphone(suppress_silence=suppress_silence, late=late_us, lost=lost_us))
    for begins_s, ends_s in said:
        phone.say(speech(round((ends_s - begins_s) * 1_000)), round(begins_s * S))
    phone.hang_up(round(max(said[-1][1] + 2, max((b for _, b in late), default=0) + 2) * S))
    core = Call(settings)
    call = VirtualCall(core, phone, model, settings=settings)
    call.run(60 * S)
    assert not model.violations
    times = {
        event: [line.us / MS for line in call.log if line.way == "model>bot" and json.loads(line.text)["type"] == event]
        for event in ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
    }
    sent, heard = b"".join(frame.audio for frame in phone.sent_frames), bytes(model.heard)
    assert len(heard) == core.uplink.appended.n_bytes == len(sent) + core.uplink.filled_bytes
    assert heard.replace(SILENCE, b"") == sent.replace(SILENCE, b"")
    assert core.uplink.distrusted_timestamps == 0
    spoken = [
        us / MS
        for _, fact in call.facts
        if isinstance(fact, TurnFact) and fact.who == "caller"
        for us in (fact.began_us, fact.ended_us)
        if us is not None
    ]
    return Told(*times.values(), spoken, core.uplink.filled_bytes / 8, sent, heard)


# ---- frames have come through silence: their absence is a stall ----


@pytest.mark.sampled(3)
@pytest.mark.parametrize("length_s", [0.2, 0.5, 1.0, 1.4, 1.49])
@pytest.mark.parametrize("at_s", [4.1, 4.5, 6.0, 8.6, 9.1])
def test_a_stall_inside_a_sentence_ends_no_turn_and_every_frame_stands_in_its_place(
    at_s: float, length_s: float
) -> None:
    call = told((at_s, at_s + length_s))
    assert call.started == [4_000 + ONSET_MS, 16_000 + ONSET_MS]
    # what came late is judged when it has come
    assert call.stopped == [max(9_000 + QUIET_MS, (at_s + length_s) * 1_000), 18_000 + QUIET_MS]
    assert call.spoken == pytest.approx([4_000, 9_000, 16_000, 18_000], abs=10)
    assert call.heard == call.sent
    assert call.filled_ms == 0


@pytest.mark.parametrize("silence_ms", [200, 900])
def test_how_long_a_stall_may_be_follows_the_silence_that_ends_a_turn(silence_ms: int) -> None:
    detection = TurnDetection(silence_duration_ms=silence_ms)
    call = told((6, 6.98 + silence_ms / 1_000), detection=detection)
    assert len(call.stopped) == 2
    assert call.heard == call.sent
    assert len(told((6, 7.2 + silence_ms / 1_000), detection=detection).stopped) == 3


@pytest.mark.parametrize("length_s", [1.7, 2.0, 3.0, 4.0])
def test_a_longer_one_ends_the_turn_and_what_comes_late_is_another(length_s: float) -> None:
    """The last frame comes at 6,000 ms, and 1,600 ms later all that has not come by then is silence."""
    call = told((6.01, 6.01 + length_s))
    assert call.started == [4_000 + ONSET_MS, (6.01 + length_s) * 1_000, 16_000 + ONSET_MS]
    assert call.stopped[0] == 7_600
    assert call.stopped[1:] == [max(9_000 + QUIET_MS, (6.01 + length_s) * 1_000), 18_000 + QUIET_MS]
    assert call.spoken == pytest.approx([4_000, 6_000, 6_000, 9_000, 16_000, 18_000], abs=10)
    assert length_s * 1_000 - 110 <= call.filled_ms <= length_s * 1_000


def test_one_stall_after_another_is_waited_out_too() -> None:
    call = told((4.5, 5.5), (5.6, 6.9), (7.0, 8.3), (8.4, 9.3), (16.5, 17.9))
    assert call.started == [4_000 + ONSET_MS, 16_000 + ONSET_MS]
    assert call.stopped == [9_000 + QUIET_MS, 18_000 + QUIET_MS]
    assert call.heard == call.sent


def test_after_long_stalls_the_next_turn_ends_in_time() -> None:
    call = told((5, 8), (10, 13))
    assert call.stopped[-1] == 18_000 + QUIET_MS


def test_a_caller_who_mutes_themselves_for_long_is_silent_and_so_they_are_the_next_time() -> None:
    """The first time the turn ends after the wait for a stall, the second time at once."""
    call = told(said=((4, 6), (12, 14), (20, 22)), lost=((6, 11.9), (14, 19.9)))
    assert call.stopped == [7_580, 14_560, 22_000 + QUIET_MS]
    assert call.heard.replace(SILENCE, b"") == call.sent.replace(SILENCE, b"")


def test_frames_in_silence_after_a_mute_make_the_next_absence_a_stall_again() -> None:
    call = told((17, 18.2), said=((4, 6), (16, 20)), lost=((6, 10),))
    assert call.stopped == [7_580, 20_000 + QUIET_MS]


# ---- silence is not sent ----


@pytest.mark.sampled(4)
@pytest.mark.parametrize("length_s", [0, 0.2, 1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("at_s", [4.1, 5.0, 8.5])
def test_where_silence_is_not_sent_a_turn_ends_in_time_whatever_stalled_before(at_s: float, length_s: float) -> None:
    """After the last of the caller's audio has come: a surplus that an old stall left is no part of a later gap."""
    call = told((at_s, at_s + length_s), suppress_silence=True)
    all_there_ms = max(9.0, at_s + length_s) * 1_000
    first, last = next(ms for ms in call.stopped if ms >= 9_000), call.stopped[-1]
    assert first <= all_there_ms + 700
    assert last == 18_000 + FILLED_MS
    assert call.started[-1] == 16_000 + ONSET_MS
    assert (call.spoken[0], *call.spoken[-2:]) == (4_000, 16_000, 18_000)


def test_where_silence_is_not_sent_it_is_known_from_the_first_pause_on() -> None:
    """Frames come through silence until 6.5 s, as they do where a gateway takes its time: one end of turn waits."""
    pauses = ((6.5, 9.9), (12.0, 14.9), (17.0, 19.9))
    call = told(said=((4, 6.5), (10, 12), (15, 17), (20, 22)), lost=pauses)
    assert call.stopped == [8_080, 12_560, 17_560, 22_000 + QUIET_MS]


def test_a_stall_where_silence_is_not_sent_proves_nothing_about_silence() -> None:
    call = told((5, 7), (16.5, 17), suppress_silence=True)
    assert call.stopped[-1] == 18_000 + FILLED_MS


def test_a_caller_who_speaks_before_anything_is_known_of_the_route_is_answered_at_once() -> None:
    call = told(said=((0.4, 2.0), (16, 18)), suppress_silence=True)
    assert call.stopped == [2_000 + FILLED_MS, 18_000 + FILLED_MS]


def test_semantic_vad_waits_a_second_and_a_half_whatever_the_other_setting_says() -> None:
    detection = TurnDetection(type="semantic_vad", silence_duration_ms=10_000)
    assert told((6, 7.48), detection=detection).filled_ms == 0
    assert told((6, 7.7), detection=detection).filled_ms > 0


# ---- any stalls at all ----


@given(
    st.lists(st.tuples(st.integers(50, 3_000), st.integers(20, 4_000)), max_size=6),
    st.booleans(),
)
@hypothesis_settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_whatever_stalls_nothing_is_dropped_or_doubled_and_the_fill_is_no_more_than_the_gaps(
    stalls: list[tuple[int, int]], suppress_silence: bool
) -> None:
    """(ms of flow, ms of stall). The bytes and their order are looked at by `told`."""
    late, at_ms = [], 3_000
    for flow_ms, stall_ms in stalls:
        late.append(((at_ms + flow_ms) / 1_000, (at_ms + flow_ms + stall_ms) / 1_000))
        at_ms += flow_ms + stall_ms
    call = told(*late, suppress_silence=suppress_silence)
    assert len(call.started) == len(call.stopped)
    if not suppress_silence:
        assert call.filled_ms <= sum(ms for _, ms in stalls if ms > 1_500)
        assert all(before < after for before, after in pairwise(call.started))
