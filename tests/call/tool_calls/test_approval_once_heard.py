"""A key approves a tool once the caller has heard what they are asked, and not before: the ledger says what they heard."""

from __future__ import annotations

import pytest

from bot.call.inputs import ModelClosed, SessionWaiting
from bot.call.outputs import RunTool
from bot.call.settings import CallSettings, ToolRules
from bot.call.tool_calls.approval import HEARD_MS
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    function,
    pressed,
    speaks,
    stops,
    updated,
)

SETTINGS = CallSettings(tools=(ToolRules("pay", approval="key"),))
ASKED_MS = 1_000
"""Milliseconds of the call at which the question begins to play, on a line whose marks take no time."""


def held() -> ScriptedCall:
    """The model has called the tool, and been told to ask for a key."""
    desk = ScriptedCall(SETTINGS)
    desk.give(speaks(), stops(), committed("U1"), created("R1"), function("R1", "pay"), done("R1"))
    assert desk.sent(events.CreateItem)[-1].item["id"] == "approval_1"
    return desk


def asked(ms: int) -> ScriptedCall:
    """The question, of this length, begins to play."""
    desk = held()
    desk.at(ASKED_MS).give(created("R2"), delta("R2", "A2", ms), done("R2"))
    return desk


def at(desk: ScriptedCall, heard_ms: int) -> ScriptedCall:
    """So much of it was heard, as the phone's marks say."""
    desk.at(ASKED_MS + heard_ms)
    return desk


def echoes(desk: ScriptedCall) -> None:
    """All marks come back."""
    desk.give(*[echo(one.mark.name) for one in desk.outputs if isinstance(one, stream.SetMark)])


def approved(desk: ScriptedCall, key: str = "1") -> bool:
    before = len(desk.sent(RunTool))
    desk.give(pressed(key))
    return len(desk.sent(RunTool)) > before


@pytest.mark.parametrize(
    ("question_ms", "heard_ms", "counts"),
    [
        (4_000, 0, False),
        (4_000, HEARD_MS, False),
        (4_000, 1_990, False),
        (4_000, 2_000, True),
        (1_600, 990, False),
        (1_600, HEARD_MS, True),
        (600, 590, False),
        (600, 600, True),
    ],
)
def test_a_key_counts_once_half_of_the_question_was_heard(question_ms: int, heard_ms: int, *, counts: bool) -> None:
    assert approved(at(asked(question_ms), heard_ms)) is counts


def test_a_key_that_comes_while_the_question_is_being_made_is_told_to_the_model_and_approves_nothing() -> None:
    desk = held()
    desk.at(ASKED_MS).give(created("R2"))
    assert desk.at(ASKED_MS + 500).give(pressed("1")) == ["cancel R2"]
    desk.give(done("R2", "cancelled"))
    assert desk.at(4_000).tick()[-2:] == ["item message keys_1", "create"]
    assert not desk.sent(RunTool)


def test_a_question_that_stands_still_on_the_line_is_not_answered_by_a_key() -> None:
    """No mark of it has come back for long: by the ledger, playing stands before its first word."""
    desk = ScriptedCall(SETTINGS)
    desk.give(created("R0"), delta("R0", "A0", 200), done("R0"), echo("e0.0"))
    for ms in range(200, 900, 50):  # its marks come back as it is heard, then those on the empty buffer at once
        desk.at(ms).tick()
        echoes(desk)
    desk.give(speaks(), stops(), committed("U1"), created("R1"), function("R1", "pay"), done("R1"))
    desk.at(ASKED_MS).give(created("R2"), *[delta("R2", "A2", 200)] * 10, done("R2"))
    assert not approved(at(desk, 1_900))


def test_the_question_that_follows_a_key_that_came_too_soon_is_answered_by_the_next_one() -> None:
    desk = at(asked(4_000), 300)
    assert not approved(desk)
    desk.at(4_000).tick()
    desk.at(5_000).give(created("R3"), delta("R3", "A3", 3_000), done("R3"))
    assert not approved(desk.at(5_100), "9")
    desk.at(8_000).tick()
    desk.at(9_000).give(created("R4"), delta("R4", "A4", 3_000), done("R4"))
    assert approved(desk.at(11_000))


def test_a_caller_who_talks_over_the_question_has_not_been_asked_until_it_comes_again() -> None:
    desk = at(asked(4_000), 400)
    desk.give(speaks())
    assert not approved(desk.at(6_000))


def test_a_caller_who_talks_over_its_last_words_has_been_asked() -> None:
    desk = at(asked(4_000), 3_000)
    desk.give(speaks(), stops(), committed("U2"), events.CallerTranscript("U2", "Yes."))
    assert approved(desk.at(6_000))


def test_a_question_whose_sound_stops_after_its_first_word_is_not_answered_by_a_key() -> None:
    desk = held()
    desk.at(ASKED_MS).give(created("R2"), delta("R2", "A2", 200))
    assert not approved(at(desk, 600))


def test_nor_is_one_of_which_only_the_words_ahead_of_it_came() -> None:
    desk = held()
    desk.at(ASKED_MS).give(created("R2"), delta("R2", "A1", 400), audio_done("R2", "A1"))
    assert not approved(at(desk, 700))


def test_nor_is_one_that_was_cut_short_when_little_had_come_of_it() -> None:
    desk = held()
    desk.at(ASKED_MS).give(created("R2"), delta("R2", "A2", 400))
    at(desk, 400).give(speaks(), stops(), committed("U2"), done("R2", "cancelled"))
    assert not approved(desk.at(3_000))


def test_an_answer_without_a_sound_asks_nothing() -> None:
    desk = held()
    desk.at(ASKED_MS).give(created("R2"), done("R2"))
    assert not approved(desk.at(6_000))


def test_what_was_heard_of_the_question_is_known_though_its_session_is_lost() -> None:
    desk = at(asked(3_000), 2_900)
    assert "dial" in desk.give(ModelClosed("closed", 1006))
    desk.at(5_000).give(SessionWaiting())
    desk.give(events.SessionCreated(SESSION), updated())
    assert desk.sent(events.CreateItem)[-1].item["id"] == "approval_2"
    assert approved(desk.at(5_500))


def test_a_second_tool_is_not_approved_by_the_key_for_the_first() -> None:
    desk = ScriptedCall(CallSettings(tools=(ToolRules("pay", approval="key"), ToolRules("book", approval="key"))))
    desk.give(speaks(), stops(), committed("U1"), created("R1"), function("R1", "pay"), done("R1"))
    desk.at(ASKED_MS).give(created("R2"), delta("R2", "A2", 1_000), function("R2", "book", "call_2"), done("R2"))
    desk.at(2_500)
    echoes(desk)
    assert approved(desk)
    assert not approved(desk), "of the second nothing was said yet"
    assert [one.name for one in desk.sent(RunTool)] == ["pay"]
