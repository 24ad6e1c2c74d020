"""A session dies and another takes over: what the caller hears, and exactly what the next one is told."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from bot.audio.payload import BYTES_PER_MS, payload_bytes
from bot.call.inputs import DialFailed, ModelClosed, SessionAlive, SessionExpires, SessionWaiting
from bot.call.outputs import Adopt, Dial
from bot.call.session.failover import OUTAGE_US
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.call.transcript.past_turns import CARRY_ON, PastTurn
from bot.realtime import events
from bot.realtime.session import SessionSettings
from tests.call.scripted_call import (
    MS,
    SESSION,
    ScriptedCall,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    frame,
    function,
    item_done,
    speaks,
    start,
    stops,
    updated,
    words,
)

DIES = ModelClosed("closed", 1006)
CARRY = "item message carry_on"
TOLD = ["item message said_1", "item message said_2"]
GREETED = CallSettings(greeting="Hello.")


def understood(item: str, text: str) -> events.CallerTranscript:
    return events.CallerTranscript(item, text)


def frames(desk: ScriptedCall, from_ms: int, until_ms: int) -> None:
    """The caller's audio as it comes; each frame says which one it is."""
    for at in range(from_ms, until_ms, 20):
        desk.at(at).give(frame(at, fill=at // 20 % 200))


def replaced(desk: ScriptedCall) -> list[str]:
    """The next session is there: what it is told, its own first session.update left out, and who owns the turns."""
    assert desk.give(SessionWaiting()) == ["adopt"]
    assert desk.give(events.SessionCreated(SESSION)) == ["update us"]
    return [one for one in desk.give(updated()) if one != "update server"]


def items(desk: ScriptedCall, first: int = 0) -> list[tuple[str, str]]:
    """Role and words of every item that was made, from the `first` on."""
    made = desk.sent(events.CreateItem)[first:]
    return [(one.item["role"], one.item["content"][0].get("text", "(audio)")) for one in made]


def greeted() -> ScriptedCall:
    """The greeting has been heard, at 2 s."""
    desk = ScriptedCall(GREETED)
    desk.give(created("R0"), words("R0", "G", "Hello."), delta("R0", "G", 1_000), audio_done("R0", "G"))
    desk.give(item_done("G"), done("R0"))
    frames(desk, 0, 2_000)
    desk.give(echo("e0.0"), echo("e0.1"))
    assert desk.call.state is State.LISTENING
    return desk


def asked() -> ScriptedCall:
    """And the caller has asked something, at 4 s."""
    desk = greeted()
    desk.give(speaks(2_000))
    frames(desk, 2_000, 4_000)
    desk.give(stops(), committed("U"), understood("U", "What is the time?"))
    assert desk.call.state is State.THINKING
    return desk


def answering(*, whole: bool) -> ScriptedCall:
    """And three seconds of an answer are there, of which one has been heard, at 5 s."""
    desk = asked()
    desk.give(created("R1"), added("R1", "A"), words("R1", "A", "It is a quarter past nine"))
    desk.give(delta("R1", "A", 3_000))
    if whole:
        desk.give(audio_done("R1", "A"), item_done("A"), done("R1"))
    frames(desk, 4_000, 5_000)
    assert desk.call.state is State.SPEAKING
    return desk


# ---- in each state ----


def test_it_dies_while_nobody_speaks() -> None:
    desk = greeted()
    assert desk.give(DIES) == ["dial"]
    frames(desk, 2_000, 2_300)
    out = replaced(desk)
    assert out[:2] == ["item message said_1", CARRY]
    assert "create" not in out
    assert items(desk) == [("assistant", "Hello."), ("system", CARRY_ON)]
    assert desk.call.state is State.LISTENING
    (told,) = [one for one in desk.reports if one.event == "session_replaced"]
    assert told.details == {"after_ms": 300, "told": 1, "answers": False}


def test_the_next_session_owns_the_turns_as_the_last_one_did() -> None:
    desk = greeted()
    desk.give(updated(), DIES, SessionWaiting(), events.SessionCreated(SESSION))
    assert desk.give(updated())[-1] == "update server"
    assert not desk.call.session.turn_ownership.server_acts
    desk.give(updated())
    assert desk.call.session.turn_ownership.server_acts


@pytest.mark.parametrize("sign", [SessionAlive(), events.Unknown("rate_limits.updated")])
def test_what_it_has_heard_by_its_last_sign_of_life_the_next_does_not_hear_again(sign: Any) -> None:
    def heard_again_ms(*signs: Any) -> int:
        desk = greeted()
        frames(desk, 2_000, 6_000)
        desk.give(*signs, DIES)
        desk.outputs.clear()
        replaced(desk)
        return sum(payload_bytes(one.audio) for one in desk.sent(events.AppendAudio)) // BYTES_PER_MS

    assert 1_000 <= heard_again_ms(sign) <= 1_500
    assert heard_again_ms() >= 4_000


def test_it_dies_while_the_caller_speaks_and_the_next_hears_all_they_said() -> None:
    desk = greeted()
    desk.give(speaks(2_000))
    frames(desk, 2_000, 3_000)
    assert desk.give(DIES) == ["dial"]
    assert desk.call.state is State.LISTENING
    frames(desk, 3_000, 3_600)
    desk.outputs.clear()
    out = replaced(desk)
    assert out[:2] == ["item message said_1", CARRY]
    assert "create" not in out
    appended = b"".join(b64decode(one.audio) for one in desk.sent(events.AppendAudio))
    said = b"".join(b64decode(frame(at, fill=at // 20 % 200).media.payload) for at in range(2_000, 3_600, 20))
    assert appended.endswith(said)
    assert desk.give(speaks((len(appended) - len(said)) // BYTES_PER_MS)) == []
    assert desk.call.state is State.HEARING
    desk.give(stops(), committed("U2"), created("R2"))
    assert desk.call.state is State.THINKING
    assert desk.call.counts["interruptions"] == 0


def test_it_dies_while_the_caller_waits_for_an_answer() -> None:
    desk = asked()
    assert desk.give(DIES) == ["dial"]
    assert desk.call.state is State.THINKING
    out = replaced(desk)
    assert out == [*TOLD, CARRY, "create"]
    assert items(desk) == [("assistant", "Hello."), ("user", "What is the time?"), ("system", CARRY_ON)]
    assert desk.give(created("R9"), delta("R9", "B", 500)) == ["mark e0.2", "media 500", "mark e0.3"]


@pytest.mark.parametrize("asks", [True, False])
def test_it_dies_with_an_answer_begun_and_nothing_of_it_heard(asks: bool) -> None:
    desk = asked()
    desk.give(created("R1"), *([added("R1", "A"), words("R1", "A", "It is")] if asks else []))
    desk.give(DIES)
    assert replaced(desk) == [*TOLD, CARRY, "create"]
    assert desk.call.state is State.THINKING


def test_it_dies_after_a_whole_answer_was_made() -> None:
    desk = answering(whole=True)
    assert desk.give(DIES) == ["dial"]
    assert desk.at(5_200).give(SessionWaiting()) == ["adopt"]
    desk.give(events.SessionCreated(SESSION))
    out = desk.give(updated())
    assert [one for one in out if not one.startswith(("append", "update"))] == [*TOLD, "item message said_3", CARRY]
    assert items(desk)[2] == ("assistant", "It is a quarter past nine")
    assert desk.call.state is State.SPEAKING
    assert desk.at(7_200).give(echo("e0.2"), echo("e0.3")) == []
    assert desk.call.state is State.LISTENING


def test_it_dies_in_the_middle_of_an_answer_what_was_made_is_heard_and_the_rest_asked_for() -> None:
    desk = answering(whole=False)
    assert desk.give(DIES) == ["dial"]
    out = [one for one in replaced(desk) if not one.startswith("append")]
    assert out == [*TOLD, "item message said_3", CARRY, "create"]
    (turn,) = [turn for turn in desk.call.transcript.turns if turn.item_id == "A"]
    assert items(desk)[2] == ("assistant", turn.text)
    assert desk.give(created("R2"), delta("R2", "B", 400)) == ["mark e0.4", "media 400", "mark e0.5"]
    assert desk.call.state is State.SPEAKING
    assert desk.call.counts["interruptions"] == 0


@pytest.mark.parametrize("whole", [True, False])
def test_the_caller_cuts_short_what_an_earlier_session_made(whole: bool) -> None:
    """A text item can't be truncated: what was heard of it takes its place."""
    desk = answering(whole=whole)
    desk.give(DIES)
    replaced(desk)
    frames(desk, 5_000, 5_500)
    desk.outputs.clear()
    assert desk.give(speaks(10)) == ["clear", "item message heard_3", "delete said_3"]
    (put,) = desk.sent(events.CreateItem)
    assert put.previous_item_id == "said_3"
    (turn,) = [turn for turn in desk.call.transcript.turns if turn.item_id == "A"]
    assert turn.cut
    assert put.item["content"] == [{"type": "output_text", "text": turn.text}]
    assert turn.text
    assert turn.text != "It is a quarter past nine"


def test_what_was_never_reached_is_taken_back_whole() -> None:
    desk = answering(whole=True)
    desk.give(created("R2"), words("R2", "B", "And more"), delta("R2", "B", 1_000), audio_done("R2", "B"))
    desk.give(item_done("B"), done("R2"), DIES)
    replaced(desk)
    frames(desk, 5_000, 5_500)
    out = desk.give(speaks(10))
    assert out == ["clear", "item message heard_3", "delete said_3", "delete said_4"]


def test_a_recorded_greeting_is_known_to_the_next_session_and_cut_there() -> None:
    sound = delta("R", "I", 3_000).delta
    desk = ScriptedCall(CallSettings(greeting="Hello and welcome to the shop.", greeting_audio=sound))
    desk.at(1_000).give(DIES)
    assert replaced(desk) == ["item message said_1", CARRY]
    assert desk.at(1_500).give(speaks(10**6)) == ["clear", "item message heard_1", "delete said_1"]


def test_it_dies_while_the_goodbye_is_heard_and_the_call_ends_when_it_was() -> None:
    desk = asked()
    desk.give(created("R1"), words("R1", "A", "Bye."), delta("R1", "A", 1_000), audio_done("R1", "A"), item_done("A"))
    desk.give(function("R1", "end_call"))
    assert desk.call.state is State.CLOSING
    assert desk.give(DIES) == ["dial"]
    assert desk.at(4_200).give(SessionWaiting()) == ["adopt"]
    desk.give(events.SessionCreated(SESSION), updated())
    assert desk.at(5_100).give(echo("e0.2"), echo("e0.3")) == ["end bot_hung_up"]


def test_a_caller_who_speaks_drops_a_hang_up_the_next_session_never_heard_of() -> None:
    desk = asked()
    desk.give(created("R1"), words("R1", "A", "Bye."), delta("R1", "A", 2_000), audio_done("R1", "A"), item_done("A"))
    desk.give(function("R1", "end_call"), done("R1"), DIES)
    replaced(desk)
    out = desk.at(4_500).give(speaks(10))
    assert out[0] == "clear"
    assert not [one for one in out if "function_call_output" in one]
    assert desk.call.state is State.HEARING


def test_it_dies_between_a_truncate_and_its_answer() -> None:
    desk = answering(whole=True)
    assert desk.give(speaks()) == ["clear", "truncate A at 1000"]
    desk.give(DIES)
    assert desk.call.state is State.LISTENING
    out = [one for one in replaced(desk) if not one.startswith("append")]
    assert out == [*TOLD, "item message said_3", CARRY]
    (turn,) = [turn for turn in desk.call.transcript.turns if turn.item_id == "A"]
    assert items(desk)[2] == ("assistant", turn.text)
    assert turn.cut


def test_it_dies_before_the_greeting_was_made_and_the_next_one_greets() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R0"))
    assert desk.give(DIES) == ["dial"]
    assert replaced(desk) == ["create ['instructions']"]
    desk.give(created("R1"), delta("R1", "G", 100))
    assert desk.call.state is State.SPEAKING


def test_it_dies_before_the_stream_has_come_and_the_greeting_is_heard_all_the_same() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    desk.give(events.SessionCreated(SESSION), updated(), created("R0"), words("R0", "G", "Hello."))
    desk.give(delta("R0", "G", 1_000), audio_done("R0", "G"), item_done("G"), done("R0"), DIES)
    assert replaced(desk) == ["item message said_1", CARRY]
    assert desk.give(start()) == ["mark e0.0", "media 1000", "mark e0.1"]


def test_it_dies_before_it_was_ready_and_the_call_opens_with_the_next() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    assert desk.give(start(), events.SessionCreated(SESSION), DIES) == ["update us"]
    assert desk.at(250).tick() == ["mark e0.0", "dial"]
    assert replaced(desk) == ["create ['instructions']"]


def test_a_slow_first_session_is_overtaken() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    assert desk.at(4_000).tick() == ["dial"]
    assert replaced(desk) == ["create ['instructions']"]
    desk.at(9_000)
    assert desk.call.ended is None


# ---- twice, and for ever ----


def test_it_dies_twice_and_the_third_is_told_everything_once() -> None:
    desk = answering(whole=False)
    desk.give(DIES)
    replaced(desk)
    desk.at(5_500).give(created("R2"), words("R2", "B", "in the evening"), delta("R2", "B", 500))
    first = len(desk.sent(events.CreateItem))
    assert desk.at(5_600).give(DIES) == []
    assert desk.at(6_100).tick() == ["dial"]
    out = [one for one in replaced(desk) if not one.startswith("append")]
    assert out == [*TOLD, "item message said_3", "item message said_4", CARRY, "create"]
    assert items(desk, first)[-1] == ("system", CARRY_ON)
    assert desk.call.counts["sessions_replaced"] == 2


def test_when_no_other_session_is_to_be_had_the_call_ends_in_time() -> None:
    desk = asked()
    desk.give(DIES)
    while desk.call.ended is None:
        desk.give(DialFailed("unreachable"))
        due = desk.call.deadline_us
        if due is not None:
            desk.at(max(due, desk.now_us) / MS).tick()
    assert desk.call.ended == "model_unavailable"
    assert desk.now_us == 3_980 * MS + OUTAGE_US
    assert [one.event for one in desk.reports][-1] == "model_closed"


def test_what_was_made_is_heard_to_its_end_even_when_nothing_follows() -> None:
    desk = asked()
    desk.give(created("R1"), delta("R1", "A", 6_000))
    desk.at(4_000).give(delta("R1", "A", 6_000), DIES)
    for second in range(4, 30):
        if desk.call.ended is None:
            desk.at(second * 1_000 + 500).tick()
            desk.give(DialFailed("unreachable"))
    assert desk.call.ended == "model_unavailable"
    assert 15_980 * MS < desk.now_us < 20_000 * MS


def test_a_lost_session_is_not_listened_to() -> None:
    desk = asked()
    desk.give(error("session_expired"))
    assert desk.sent(Dial)
    assert desk.give(created("R1"), delta("R1", "A", 500), speaks(), error("insufficient_quota")) == []
    assert desk.give(ModelClosed("expired", 1001)) == []
    assert desk.call.counts["said_by_a_lost_session"] == 4
    assert replaced(desk) == [*TOLD, CARRY, "create"]
    assert [one.details["failure"] for one in desk.reports if one.event == "session_lost"] == ["expired"]


def test_between_two_sessions_nothing_is_sent_to_anybody() -> None:
    desk = asked()
    desk.give(DIES)
    desk.outputs.clear()
    frames(desk, 4_000, 9_000)
    assert [one for one in desk.outputs if not isinstance(one, (Dial, events.AppendAudio))] == []
    assert desk.sent(events.AppendAudio) == []
    replaced(desk)
    assert sum(payload_bytes(one.audio) for one in desk.sent(events.AppendAudio)) == 5_000 * 8


# ---- the hour ----


def test_the_hour_is_over_in_a_pause_and_nobody_notices() -> None:
    desk = greeted()
    desk.at(3_300_000).tick()
    assert len(desk.sent(Dial)) == 1
    desk.outputs.clear()
    assert desk.give(SessionWaiting()) == ["adopt"]
    assert desk.outputs[-1] == Adopt()
    assert replies_to(desk) == ["item message said_1", CARRY]


def test_nobody_is_interrupted_for_it() -> None:
    desk = answering(whole=True)
    desk.give(SessionExpires(3))
    assert desk.at(6_500).tick()[-1] == "dial"
    assert desk.at(6_600).give(SessionWaiting()) == []
    assert desk.at(7_000).give(echo("e0.2"), echo("e0.3")) == ["adopt"]


def replies_to(desk: ScriptedCall) -> list[str]:
    desk.give(events.SessionCreated(SESSION))
    return [one for one in desk.give(updated()) if not one.startswith(("append", "update"))]


# ---- turns without words, turns of others ----


def test_without_transcription_the_caller_is_told_as_they_sounded() -> None:
    desk = greeted()
    desk.give(speaks(2_000))
    frames(desk, 2_000, 4_000)
    desk.give(events.SpeechStopped(4_000, "U"), committed("U"))
    desk.give(DIES)
    desk.outputs.clear()
    assert replaced(desk)[:4] == [*TOLD, CARRY, "create"]
    spoken: list[dict[str, Any]] = desk.sent(events.CreateItem)[1].item["content"]
    assert [part["type"] for part in spoken] == ["input_audio"]
    assert payload_bytes(spoken[0]["audio"]) == 2_000 * 8
    assert desk.sent(events.AppendAudio) == []


def test_words_come_too_late_for_the_session_they_belong_to_is_gone() -> None:
    desk = asked()
    desk.give(DIES, understood("U", "Never mind."))
    replaced(desk)
    assert ("user", "What is the time?") in items(desk)


def test_a_call_that_carries_on_another_one_greets_nobody() -> None:
    past = (PastTurn(4, "bot", "Hello."), PastTurn(5, "caller", "I lost you."), PastTurn(7, "bot", "I am"))
    settings = CallSettings(session=SessionSettings(), greeting="Hello.", resume=past)
    desk = ScriptedCall(settings, ready=False)
    assert desk.give(start(), events.SessionCreated(SESSION)) == ["update server"]
    out = desk.give(updated())
    assert out == ["item message said_4", "item message said_5", "item message said_7", CARRY, "create"]
    assert items(desk)[:3] == [("assistant", "Hello."), ("user", "I lost you."), ("assistant", "I am")]
    desk.give(created("R1"), words("R1", "A", "here."), delta("R1", "A", 500), audio_done("R1", "A"), item_done("A"))
    desk.at(700).give(echo("e0.0"), echo("e0.1"))
    (turn,) = desk.turns
    assert (turn.number, turn.text) == (8, "here.")


def test_a_response_that_was_cancelled_and_is_not_over_costs_its_session() -> None:
    desk = ScriptedCall()
    desk.give(speaks(), stops(), committed(), created("R1"))
    assert desk.at(8_000).tick()[-1] == "cancel R1"
    assert "dial" not in desk.at(9_499).tick()
    assert "dial" in desk.at(9_500).tick()
    assert desk.call.counts["sessions_given_up"] == desk.call.counts["sessions_lost"] == 1
