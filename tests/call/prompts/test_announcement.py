"""The announcement: heard first and to its end, known to the model as said; nobody is recorded before it was heard."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bot.call.call import Call
from bot.call.inputs import PhoneRoom
from bot.call.prompts.announcement import ANNOUNCEMENT_ITEM
from bot.call.prompts.greeting import HEARD_ITEM, RECORDED_ITEM
from bot.call.settings import CallSettings
from bot.realtime.events import SessionCreated
from bot.testing.agent import ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import Echoes, SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio.stream import SetMark
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    added,
    audio,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    item_done,
    speaks,
    start,
    stops,
    updated,
)

WORDS = "This call is recorded."
NOTICE, GREETING, ANSWER = (pattern(ms, str(ms)) for ms in (3_000, 2_000, 1_000))
MS = 1_000
OPENS_MS = 300


def settings(**more: Any) -> CallSettings:
    notice = base64.b64encode(NOTICE).decode()
    return changed(CallSettings(greeting="Hello.", announcement=WORDS, announcement_audio=notice), **more)


def a_call(
    *speech: SpeechAt, created_after_ms: int = 3, echoes: Echoes = "faithful", recorded: bool = False, **more: Any
) -> tuple[VirtualCall, SimulatedModel]:
    if recorded:
        more["greeting_audio"] = base64.b64encode(GREETING).decode()
    replies = [Spoken(ANSWER, "Yes.")] if recorded else [Spoken(GREETING, "Hello."), Spoken(ANSWER, "Yes.")]
    model = SimulatedModel(
        ScriptedAgent(replies), Behaviour(created_after_ms=created_after_ms), speech=speech, check=check_client_event
    )
    phone = SimulatedPhone(frames=False, echoes=echoes)
    phone.hang_up(12_000 * MS)
    line = Line(40 * MS)
    call = VirtualCall(Call(settings(**more)), phone, model, out_line=line, in_line=Line(40 * MS))
    call.run()
    assert not phone.violations
    assert not model.violations
    assert all(one.accepted for one in [*model.truncations, *model.deletions])
    return call, model


def heard(call: VirtualCall) -> bytes:
    return b"".join(span.audio for span in call.phone.playout.spans(12_000 * MS))


def said(model: SimulatedModel) -> list[str]:
    return [one.item_id for one in model.memory() if one.role == "assistant"]


def reported_us(call: VirtualCall, event: str) -> list[int]:
    return [us for us, report in call.reports if report.event == event]


@pytest.mark.parametrize("created_after_ms", [3, 5_000])
@pytest.mark.parametrize("recorded", [False, True])
def test_it_is_heard_first_whether_or_not_the_session_is_there(created_after_ms: int, *, recorded: bool) -> None:
    call, model = a_call(created_after_ms=created_after_ms, recorded=recorded)
    assert call.phone.received[0].at_us == (OPENS_MS + 2 * 40) * MS
    assert heard(call) == NOTICE + GREETING
    assert said(model)[0] == ANNOUNCEMENT_ITEM
    assert (said(model)[1] == RECORDED_ITEM) is recorded
    first, second = call.core.transcript.turns[:2]
    assert (first.item_id, first.text, first.cut) == (ANNOUNCEMENT_ITEM, WORDS, False)
    assert second.text == "Hello."


def test_speech_during_it_cuts_nothing_and_is_answered_afterwards() -> None:
    call, model = a_call(SpeechAt(1_000 * MS, 1_500 * MS))
    assert not call.phone.clears
    assert not model.truncations
    assert heard(call) == NOTICE + GREETING + ANSWER
    assert call.core.counts["interruptions_refused"] == 1


def test_speech_that_begins_during_it_and_goes_on_has_the_greeting_wait_but_not_it() -> None:
    call, model = a_call(SpeechAt(3_000 * MS, 4_500 * MS))
    assert len(call.phone.clears) == 1
    begun = heard(call).removeprefix(NOTICE).removesuffix(GREETING + ANSWER)
    assert begun == GREETING[: len(begun)]  # while the mark behind the announcement was on its way
    assert len(begun) <= 3 * 40 * 8
    assert not model.truncations
    assert not model.deletions


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("at_ms", [2_000, 3_260, 3_300, 3_360, 3_400, 3_440])
def test_speech_around_its_end_does_not_take_away_the_proof_that_it_was_heard(at_ms: int, *, recorded: bool) -> None:
    """A `clear` before the mark behind it has come back: nobody would be recorded for another half a minute."""
    call, _ = a_call(SpeechAt(at_ms * MS, 4_500 * MS), recorded=recorded)
    (heard_us,) = reported_us(call, "announcement_heard")
    assert heard_us <= (OPENS_MS + 3_000 + 4 * 40) * MS
    assert heard(call).count(NOTICE) == 1


def test_a_mark_that_comes_back_a_little_before_its_end_has_the_greeting_wait_at_that_end() -> None:
    """And not two seconds later, when it would count as heard without a mark."""
    desk = ScriptedCall(settings())
    desk.give(created("R1"), delta("R1", "A", 2_000))
    behind = [one.mark.name for one in desk.outputs if isinstance(one, SetMark)][1]
    desk.at(2_800).give(speaks())
    desk.at(2_990)
    out = desk.give(echo(behind))
    while "clear" not in out:
        desk.at(max(desk.call.deadline_us or 0, desk.now_us + 1) / MS)
        out = desk.tick()
    assert desk.now_us <= 3_010 * MS


def test_where_no_mark_comes_back_speech_around_its_end_has_the_greeting_wait_all_the_same() -> None:
    call, _ = a_call(SpeechAt(3_000 * MS, 7_000 * MS), echoes="never", recorded=True)
    assert reported_us(call, "announcement_heard")
    assert heard(call).endswith(GREETING + ANSWER)


def test_what_comes_behind_it_may_be_cut() -> None:
    call, model = a_call(SpeechAt(4_500 * MS, 4_900 * MS))
    assert len(call.phone.clears) == 1
    assert heard(call).startswith(NOTICE + GREETING[:8_000])
    (truncation,) = model.truncations
    assert truncation.audio_end_ms == 4_500 - 380 - 3_000 + 40
    assert said(model)[0] == ANNOUNCEMENT_ITEM
    assert not model.deletions


def test_a_recorded_greeting_behind_it_is_retold_as_heard() -> None:
    _, model = a_call(SpeechAt(4_500 * MS, 4_900 * MS), recorded=True, greeting="Hello, this is the workshop.")
    assert [one.item_id for one in model.deletions] == [RECORDED_ITEM]
    assert set(said(model)[:2]) == {ANNOUNCEMENT_ITEM, HEARD_ITEM}


def test_the_server_owns_the_turns_from_its_end_on() -> None:
    desk = ScriptedCall(settings(greeting=""), ready=False)
    assert desk.give(start()) == ["mark e0.0", "media 3000", "mark e0.1"]
    assert desk.give(SessionCreated(SESSION)) == ["update us"]
    desk.raw(updated())
    assert desk.at(1_000).give(speaks(), stops()) == []
    assert desk.give(committed()) == ["create"]
    assert desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 500)) == ["mark e0.2", "media 500", "mark e0.3"]
    assert desk.at(2_999).give(item_done("A"), done("R1")) == []
    assert desk.at(3_000).give(echo("e0.1")) == ["update server"]
    assert desk.at(3_500).give(echo("e0.3")) == []


@pytest.mark.parametrize("barge_in", ["after_greeting", "off"])
def test_where_interruptions_may_be_refused_the_turns_stay_ours(barge_in: str) -> None:
    call, model = a_call(SpeechAt(1_000 * MS, 1_500 * MS), SpeechAt(4_000 * MS, 4_300 * MS), barge_in=barge_in)
    assert not call.phone.clears
    assert len([line for line in call.log if line.way == "bot>model" and "session.update" in line.text]) == 1
    assert len(model.responses) >= 2


def test_it_counts_as_heard_when_a_mark_behind_it_has_come_back() -> None:
    call, _ = a_call()
    (heard_us,) = reported_us(call, "announcement_heard")
    assert heard_us == (OPENS_MS + 40 + 3_000 + 2 * 40) * MS
    assert call.core.announced


def test_without_echoes_it_counts_as_heard_two_seconds_later() -> None:
    call, _ = a_call(SpeechAt(5_000 * MS, 5_200 * MS), SpeechAt(6_000 * MS, 6_300 * MS), echoes="never")
    (heard_us,) = reported_us(call, "announcement_heard")
    assert (OPENS_MS + 40 + 3_000 + 2_000) * MS <= heard_us <= 6_000 * MS


def test_a_caller_who_hangs_up_during_it_has_not_heard_it() -> None:
    desk = ScriptedCall(settings(), ready=False)
    desk.give(start())
    desk.at(2_900).give(echo("e0.1"), speaks())
    assert not desk.call.announced
    assert [report.event for report in desk.reports if report.event == "announcement_heard"] == []


def test_without_one_the_caller_may_be_recorded_at_once() -> None:
    assert ScriptedCall(ready=False).call.announced


def test_a_long_one_goes_out_whole() -> None:
    """More than one step may hand over: the rest follows when the transport has room."""
    desk = ScriptedCall(CallSettings(announcement=WORDS, announcement_audio=audio(20_000)), ready=False)
    assert desk.give(start()) == ["mark e0.0", "media 6000", "mark e0.1", "media 6000", "mark e0.2"]
    assert desk.give(PhoneRoom()) == ["media 6000", "mark e0.3", "media 2000", "mark e0.4"]
    assert desk.at(19_999).give(echo("e0.3")) == []
    assert not desk.call.announced
    assert desk.at(20_000).give(echo("e0.4")) == []
    assert desk.call.announced
