"""The script of the offline agent: what is said and called in answer to what."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from bot.call.transcript.keys_pressed import pressed
from bot.offline.mind.agent_script import GOODBYE, GREETING, I_AM_HERE, MENU, NO_WORDS, STOPPED, WHO, Script
from bot.offline.mind.thoughts import Heard, Thought

SATURDAY = dt.date(2026, 11, 28)
END = {"type": "function", "name": "end_call", "description": "End the call."}
TRANSFER = {
    "type": "function",
    "name": "transfer",
    "description": "Put the caller through to a person.",
    "parameters": {
        "type": "object",
        "properties": {"destination": {"type": "string", "enum": ["sales", "front_desk"]}},
        "required": ["destination"],
    },
}
BOOK = {
    "type": "function",
    "name": "book_table",
    "description": "Book a table.",
    "parameters": {
        "type": "object",
        "properties": {
            "party_size": {"type": "integer"},
            "date": {"type": "string", "format": "date"},
            "time": {"type": "string"},
            "name": {"type": "string"},
            "wishes": {"type": "string"},
        },
        "required": ["party_size", "date", "time", "name"],
    },
}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ALL = (WEATHER, TRANSFER, BOOK, END)


def script() -> Script:
    return Script(lambda: SATURDAY)


def said(words: str, *, at: Script | None = None, **more: Any) -> Thought:
    return (at or script()).answer(Heard(words, level_db=-20.0, functions=ALL, **more))


def called(thought: Thought) -> tuple[str, Any]:
    assert thought.call is not None
    return thought.call.name, json.loads(thought.call.arguments)


def test_the_greeting_says_what_it_is() -> None:
    assert script().answer(Heard(first=True)).sentences == GREETING
    assert "no model" in WHO


def test_the_operators_greeting_stands_behind_what_it_is() -> None:
    assert script().answer(Heard(first=True, exactly="Welcome to Luigi's.")).sentences == (
        WHO,
        "Welcome to Luigi's.",
        MENU,
    )


def test_words_that_fit_nothing_are_said_back() -> None:
    assert said("It was the best of times").sentences == ("I heard: It was the best of times.",)
    assert said("It was the best of times,").sentences == ("I heard: It was the best of times.",)
    assert said("Was it the best?").sentences == ("I heard: Was it the best?",)
    assert said("Are you there?").sentences == ("I heard: Are you there?",)


def test_sound_without_words_is_asked_for_again_and_no_sound_at_all_is_no_reproach() -> None:
    assert said("").sentences == (NO_WORDS,)
    assert script().answer(Heard()).sentences == (I_AM_HERE,)


@pytest.mark.parametrize("name", ["end_call", "hang_up", "hangUp", "terminate-session"])
def test_a_goodbye_is_said_and_the_sessions_own_function_ends_the_call(name: str) -> None:
    thought = script().answer(Heard("Thank you, goodbye.", functions=(WEATHER, {"type": "function", "name": name})))
    assert thought.sentences == (GOODBYE,)
    assert called(thought) == (name, {})


def test_a_goodbye_where_no_function_ends_calls_is_a_goodbye() -> None:
    thought = script().answer(Heard("bye", functions=(WEATHER, BOOK)))
    assert (thought.sentences, thought.call) == ((GOODBYE,), None)


@pytest.mark.parametrize(
    ("words", "destination"),
    [
        ("Transfer me to the front desk", "front_desk"),
        ("I want an operator", "sales"),
        ("put me through to sales", "sales"),
    ],
)
def test_a_transfer_goes_where_it_was_said_or_to_the_first(words: str, destination: str) -> None:
    assert called(said(words)) == ("transfer", {"destination": destination})


def test_without_a_function_for_it_nobody_is_put_through_and_nothing_booked() -> None:
    for words in ("transfer me", "book a table for two on monday at seven"):
        thought = script().answer(Heard(words, functions=(WEATHER, END)))
        assert thought.call is None
        assert "No function" in thought.sentences[-1]


def test_a_table_is_asked_for_until_all_is_known_and_then_booked_by_the_operators_function() -> None:
    talk = script()
    assert said("I would like to book a table", at=talk).sentences == ("For how many people?",)
    assert said("Four, please", at=talk).sentences == ("For which day?",)
    assert said("hm what", at=talk).sentences == ("For which day?",)
    assert said("Tomorrow", at=talk).sentences == ("At what time?",)
    thought = said("Half, no, seven thirty", at=talk)
    assert called(thought) == (
        "book_table",
        {"party_size": 4, "date": "2026-11-29", "time": "19:30", "name": "unknown"},
    )
    assert thought.sentences == ("One moment, I book a table for 4 people, tomorrow, at 7:30 p.m.",)
    assert said("four", at=talk).sentences == ("I heard: four.",), "the booking is over"


@pytest.mark.parametrize(
    ("words", "people", "date", "time"),
    [
        ("Book a table for four on Friday at 7 p.m.", 4, "2026-12-04", "19:00"),
        ("I'd like to reserve a table for two people tonight at eight thirty", 2, "2026-11-28", "20:30"),
        ("a reservation on saturday at 12:15 for thirty three guests", 33, "2026-12-05", "12:15"),
        ("reserve for one person tomorrow at 9 am", 1, "2026-11-29", "09:00"),
        ("book a table at seven for five on monday", 5, "2026-11-30", "19:00"),
        ("a reservation for six of us, today at noon", 6, "2026-11-28", "12:00"),
        ("book a table for four, sunday, nineteen thirty", 4, "2026-11-29", "19:30"),
    ],
)
def test_all_of_a_booking_in_one_sentence(words: str, people: int, date: str, time: str) -> None:
    arguments = called(said(words))[1]
    assert (arguments["party_size"], arguments["date"], arguments["time"]) == (people, date, time)


def test_a_booking_can_be_dropped() -> None:
    talk = script()
    said("book a table", at=talk)
    assert said("never mind", at=talk).sentences == ("I drop the booking.",)
    said("book a table", at=talk)
    assert called(said("goodbye", at=talk)) == ("end_call", {})


def test_a_function_is_called_that_the_caller_names_with_what_they_say_of_it() -> None:
    assert called(said("what is the weather in new york")) == ("get_weather", {"city": "new york"})


def test_a_function_that_has_to_be_called_is_called() -> None:
    assert called(said("Berlin", must_call="get_weather")) == ("get_weather", {"city": "berlin"})
    assert called(said("Berlin", must_call="gone")) == ("gone", {})


def test_the_result_of_a_function_is_told() -> None:
    thought = script().answer(Heard(outputs=('{"temperature_c": 21, "rain": false, "raw": {"x": 1}}', "done")))
    assert thought.sentences == ("The function answers: temperature c: 21, rain: no.", "The function answers: done.")


def test_a_long_result_is_told_in_part() -> None:
    (sentence,) = script().answer(Heard(outputs=("x" * 10_000,))).sentences
    assert len(sentence) < 200


def test_a_line_test_tells_the_level_the_delay_and_plays_the_sound() -> None:
    thought = script().answer(Heard("Can you hear me?", level_db=-27.4, understood_ms=180))
    assert "minus 27 decibels, which is good" in thought.sentences[1]
    assert "180 milliseconds" in thought.sentences[2]
    assert thought.echo


@pytest.mark.parametrize(("level_db", "judged"), [(-3.0, "too loud"), (-40.0, "quiet"), (-60.0, "hardly")])
def test_a_level_that_is_no_good_is_called_so(level_db: float, judged: str) -> None:
    assert judged in script().answer(Heard("line test", level_db=level_db)).sentences[1]


def test_a_line_test_in_writing_has_no_sound() -> None:
    assert not script().answer(Heard("line test")).echo


def test_counting_goes_to_thirty_or_where_it_was_asked_to_and_never_for_ever() -> None:
    assert said("Count to thirty").sentences[-1] == "Twenty six, twenty seven, twenty eight, twenty nine, thirty."
    assert said("please count").sentences[-1].endswith("thirty.")
    assert said("count to 12").sentences == (
        "I count to twelve: speak, and I stop.",
        "One, two, three, four, five.",
        "Six, seven, eight, nine, ten.",
        "Eleven, twelve.",
    )
    assert said("count to 1000000").sentences[-1].endswith("100.")


@pytest.mark.parametrize(
    "words", ["Tell me something long, please.", "Tell me something wrong, please.", "something long"]
)
def test_what_the_demos_caller_asks_for_is_long_whatever_was_made_out(words: str) -> None:
    assert said(words).sentences == said("count to 30").sentences


def test_numbers_are_read_back() -> None:
    assert said("Two nine three four oh").sentences == ("The numbers I heard are: two, nine, three, four, zero.",)
    assert said("Thirty three, 4, 192").sentences == ("The numbers I heard are: thirty three, four, one, nine, two.",)
    assert said("go forward ten meters").sentences[0].startswith("I heard")


@pytest.mark.parametrize("told", [pressed("12#"), "The caller has pressed the keys 12#.", "DTMF: 12#"])
def test_pressed_keys_are_read_back(told: str) -> None:
    assert said(told).sentences == ("You pressed: one, two, pound.",)
    assert script().answer(Heard(notes=(told,))).sentences == ("You pressed: one, two, pound.",)


def test_a_caller_who_speaks_of_pressing_has_pressed_nothing() -> None:
    assert said("I pressed a button").sentences == ("I heard: I pressed a button.",)


def test_who_interrupts_is_told_that_it_worked() -> None:
    assert said("Stop, stop. That is enough.", interrupted=True).sentences == (STOPPED,)
    assert said("count to five", interrupted=True).sentences[:2] == (STOPPED, "I count to five: speak, and I stop.")


def test_what_the_operators_side_asks_for_is_done() -> None:
    bye = script().answer(Heard(notes=("The call has to end now. ... say goodbye. Ask nothing.",)))
    assert bye.sentences[-1] == GOODBYE
    there = script().answer(Heard(notes=("... ask whether he or she is still there.",)))
    assert there.sentences == ("Are you still there?",)


def test_a_note_does_not_stand_before_what_the_caller_says() -> None:
    assert said("go on", notes=("Say goodbye soon.",)).sentences == ("I heard: go on.",)
