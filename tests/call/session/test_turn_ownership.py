"""Ownership of the caller's turns, whatever becomes of the updates that set it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.session.turn_ownership import TurnOwnership, first_update
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.session import SessionSettings, session_object, turns_update
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    audio_done,
    committed,
    created,
    delta,
    done,
    error,
    frame,
    speaks,
    start,
    stops,
    updated,
)

GREETED = CallSettings(greeting="Hello.")


@pytest.mark.parametrize(("barge_in", "owns"), [("on", True), ("after_greeting", False), ("off", False)])
def test_the_server_owns_the_turns_where_every_interruption_is_welcome(barge_in: str, owns: bool) -> None:
    chosen = CallSettings(barge_in=barge_in)
    turns = TurnOwnership(chosen)
    assert first_update(chosen).session == session_object(chosen.session, server_owns_turns=owns)
    assert turns.server_owns is turns.server_acts is turns.server_may_answer is owns


@pytest.mark.parametrize("chosen", [CallSettings(), CallSettings(barge_in="off"), GREETED])
def test_a_call_tells_its_session_what_a_waiting_one_was_told(chosen: CallSettings) -> None:
    desk = ScriptedCall(chosen, ready=False)
    desk.give(start(), events.SessionCreated(), events.ConversationCreated())
    assert desk.sent(events.UpdateSession) == [first_update(chosen)]


def test_an_update_counts_once_it_is_confirmed_and_in_order() -> None:
    turns = TurnOwnership(CallSettings())
    asked = turns.update("session_2", server_owns=False)
    assert asked == events.UpdateSession(
        turns_update(CallSettings().session.turn_detection, server_owns_turns=False), "session_2"
    )
    turns.update("session_3", server_owns=True)
    assert (turns.server_owns, turns.server_acts, turns.server_may_answer) == (True, False, True)
    turns.confirmed()
    assert (turns.server_owns, turns.server_acts, turns.server_may_answer) == (False, False, True)
    turns.confirmed()
    assert (turns.server_owns, turns.server_acts, turns.server_may_answer) == (True, True, True)
    turns.confirmed()
    assert turns.server_acts


def test_a_refused_update_leaves_the_owner_as_it_was() -> None:
    turns = TurnOwnership(CallSettings())
    turns.update("session_2", server_owns=False)
    for other in (None, "create_1", "session_1"):
        turns.refused(other)
    assert not turns.server_acts
    turns.refused("session_2")
    assert turns.server_acts


@given(st.booleans(), st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6))
def test_once_every_update_is_answered_the_last_one_taken_says_whose_the_turns_are(
    first: bool, answers: list[tuple[bool, bool]]
) -> None:
    """(whom it makes the owner, whether the server takes it); all are on their way at once, and answered in order."""
    turns = TurnOwnership(CallSettings(barge_in="on" if first else "off"))
    for number, (owner, _) in enumerate(answers):
        turns.update(f"session_{number}", server_owns=owner)
    assert not (answers and turns.server_acts)
    for number, (_, taken) in enumerate(answers):
        if taken:
            turns.confirmed()
        else:
            turns.refused(f"session_{number}")
    owner = ([first] + [owner for owner, taken in answers if taken])[-1]
    assert turns.server_owns is turns.server_acts is turns.server_may_answer is owner


# ---- in a call with a greeting: session_2 gives the turns to the server, once a moment of it has been heard ----


def greet(desk: ScriptedCall) -> None:
    desk.give(created("R1"), delta("R1", "A", 2_000), audio_done("R1", "A"), done("R1"))


def greeted() -> ScriptedCall:
    """A moment of the greeting has been heard, at 1 s."""
    desk = ScriptedCall(GREETED)
    greet(desk)
    assert desk.at(1_000).tick()[-1] == "update server"
    assert [one.event_id for one in desk.sent(events.UpdateSession)] == ["session_1", "session_2"]
    return desk


def test_from_then_on_the_server_cancels_and_answers() -> None:
    desk = greeted()
    desk.give(updated())
    assert desk.at(1_400).give(speaks(), stops(), committed()) == ["clear", "truncate A at 1400"]


def test_when_the_turns_are_not_taken_we_cancel_and_answer_for_the_rest_of_the_call() -> None:
    desk = greeted()
    assert desk.give(error("invalid_value", "session_2")) == []
    assert desk.at(1_400).give(speaks(), stops(), committed()) == ["clear", "truncate A at 1400", "create"]
    desk.at(2_000).give(created("R2"), delta("R2", "B", 1_000))
    assert desk.at(2_300).give(speaks()) == ["clear", "truncate B at 300", "cancel R2"]
    assert desk.give(stops(), committed(), done("R2", "cancelled")) == ["create"]


def test_while_the_update_is_on_its_way_we_answer() -> None:
    desk = greeted()
    assert desk.at(1_400).give(speaks(), stops(), committed()) == ["clear", "truncate A at 1400", "create"]


XAI = SessionSettings(dialect="xai", model="grok-voice-latest", voice="eve")


CREATED = (events.SessionCreated(SESSION), events.ConversationCreated())


@pytest.mark.parametrize("first_words", [CREATED, CREATED[::-1], CREATED[:1], CREATED[1:]])
@pytest.mark.parametrize("chosen", [XAI, SessionSettings()])
def test_a_session_is_told_what_to_be_at_its_first_word_and_once(
    chosen: SessionSettings, first_words: tuple[events.ServerEvent, ...]
) -> None:
    desk = ScriptedCall(CallSettings(session=chosen), ready=False)
    assert desk.give(*first_words) == ["update server"]
    (asked,) = desk.sent(events.UpdateSession)
    assert asked.session == session_object(chosen, server_owns_turns=True)


def test_xai_owns_the_turns_from_the_first_word_since_it_can_not_leave_them() -> None:
    desk = ScriptedCall(CallSettings(greeting="Hello.", session=XAI), ready=False)
    desk.give(start(), *(frame(at) for at in range(0, 2_000, 20)), events.ConversationCreated(), updated())
    assert len(desk.sent(events.UpdateSession)) == 1
    assert desk.sent(events.AppendAudio)
    greet(desk)
    assert desk.at(1_000).give(committed()) == []


def test_where_it_says_nothing_of_formats_xai_does_what_it_was_asked_for() -> None:
    silent = events.SessionUpdated(events.Session())
    for asked, told in (("audio/pcmu", []), ("audio/pcm", ["transcode audio/pcm audio/pcm"])):
        desk = ScriptedCall(CallSettings(session=msgspec.structs.replace(XAI, audio=asked)), ready=False)
        desk.give(events.ConversationCreated())
        assert desk.give(silent) == told
    assert desk.call.ended is None
