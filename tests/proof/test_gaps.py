"""In virtual time: the model hears the caller byte for byte, and where frames are missing exactly the gap as silence."""

from __future__ import annotations

import pytest

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.testing.agent import Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.microphone import Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.virtual.scheduler import VirtualCall

OPEN_US = 300_000
QUIET = b"\xff"


def heard_by_model(audio: bytes, microphone: Microphone, created_after_ms: int = 3) -> tuple[bytes, SimulatedPhone]:
    """The audio that the model was given, and the phone."""
    agent = ScriptedAgent([Reply((Spoken(pattern(400, "answer")),))])
    model = SimulatedModel(agent, Behaviour(created_after_ms=created_after_ms), speech=())
    phone = SimulatedPhone(microphone=microphone)
    phone.say(audio, OPEN_US)
    phone.hang_up(OPEN_US + 3_000_000)
    VirtualCall(Call(CallSettings()), phone, model, start_us=OPEN_US).run()
    assert not phone.violations
    assert not model.violations
    return bytes(model.heard), phone


@pytest.mark.parametrize("created_after_ms", [3, 1_500])
def test_nothing_is_lost_or_added_from_the_first_frame_on(created_after_ms: int) -> None:
    audio = pattern(2_000, "caller")
    got, phone = heard_by_model(audio, Microphone(first_timestamp_ms=5), created_after_ms)
    assert got.startswith(audio)
    assert got == b"".join(frame.audio for frame in phone.sent_frames)


@pytest.mark.parametrize("gap_ms", [20, 40, 80, 100, 120, 400, 1_000])
def test_what_is_filled_in_is_exactly_the_gap(gap_ms: int) -> None:
    audio = pattern(2_000, "caller")
    got, phone = heard_by_model(audio, Microphone(lost=[(OPEN_US + 400_000, gap_ms * 1_000)]))
    expected = b""
    for frame in phone.sent_frames:
        expected += QUIET * (frame.timestamp_ms * 8 - len(expected)) + frame.audio
    assert got == expected
    assert len(expected) == gap_ms * 8 + sum(len(frame.audio) for frame in phone.sent_frames)


def test_a_caller_who_sends_nothing_is_silence_by_the_clock() -> None:
    got, phone = heard_by_model(b"", Microphone(lost=[(0, 60_000_000)]))
    assert phone.sent_frames == []
    assert set(got) == set(QUIET)
    assert 2_900 * 8 <= len(got) <= 3_000 * 8
