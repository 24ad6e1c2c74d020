"""A recorded greeting: played with the start of the stream, known to the model as said, interrupted like any other."""

from __future__ import annotations

import base64

import pytest

from bot.call.call import Call
from bot.call.prompts.greeting import HEARD_ITEM, RECORDED_ITEM
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.testing.agent import ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall

WORDS = "Good day, this is the workshop, and who is calling, please?"
AUDIO = pattern(4_000, "greeting")
MS = 1_000


def a_call(*speech: SpeechAt, created_after_ms: int = 3, barge_in: str = "on") -> tuple[VirtualCall, SimulatedModel]:
    settings = CallSettings(
        greeting=WORDS,
        greeting_audio=base64.b64encode(AUDIO).decode(),
        barge_in=barge_in,  # type: ignore[arg-type]
    )
    model = SimulatedModel(
        ScriptedAgent([Spoken(pattern(1_000, "answer"))]),
        Behaviour(created_after_ms=created_after_ms),
        speech=speech,
        check=check_client_event,
    )
    phone = SimulatedPhone(frames=False)
    phone.hang_up(9_000 * MS)
    call = VirtualCall(Call(settings), phone, model)
    call.run()
    assert not phone.violations
    assert not model.violations
    return call, model


def said(model: SimulatedModel) -> list[tuple[str, str]]:
    return [(one.role, one.item_id) for one in model.memory() if one.role == "assistant"]


@pytest.mark.parametrize("created_after_ms", [3, 2_500])
def test_it_starts_with_the_stream_whether_or_not_the_session_is_there(created_after_ms: int) -> None:
    call, model = a_call(created_after_ms=created_after_ms)
    phone = call.phone
    assert phone.received[0].at_us == phone.opened_us
    assert b"".join(message.audio for message in phone.received) == AUDIO
    assert said(model) == [("assistant", RECORDED_ITEM)]
    assert not model.responses


def test_cut_short_the_model_knows_what_was_heard_of_it() -> None:
    call, model = a_call(SpeechAt(2_300 * MS, 2_600 * MS))
    assert len(call.phone.clears) == 1
    assert [one.item_id for one in model.deletions] == [RECORDED_ITEM]
    assert said(model)[0] == ("assistant", HEARD_ITEM)
    heard = call.core.transcript.turns[0]
    assert heard.cut
    assert (heard.text, heard.unheard) == ("Good day, this is the workshop,", WORDS.partition("workshop,")[2].strip())
    assert not model.truncations


def test_after_greeting_means_after_the_recording_too() -> None:
    call, model = a_call(SpeechAt(2_000 * MS, 2_300 * MS), barge_in="after_greeting")
    assert not call.phone.clears
    assert len(model.responses) == 1


def test_heard_to_its_end_nothing_is_touched_and_the_caller_is_answered() -> None:
    call, model = a_call(SpeechAt(5_000 * MS, 5_300 * MS))
    assert not model.deletions
    assert len(model.responses) == 1
    assert call.core.state is State.ENDED
