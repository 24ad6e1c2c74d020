"""The greeting: when the caller has heard it, and what it is asked for with."""

from __future__ import annotations

from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.greeting import Greeting, greeting_response
from bot.call.settings import CallSettings
from bot.call.transcript.transcript import Transcript
from tests.call.scripted_call import MS, audio, no_session


class Said:
    """A greeting R1 of a second, generated and sent at 0 ms."""

    def __init__(self) -> None:
        session, self.playout = no_session(), PlayoutQueue()
        self.responses = session.now.responses
        self.playout.stream_sid, self.playout.begun = "MZ1", True
        self.greeting = Greeting(CallSettings(greeting="Hello."), session, self.playout, Transcript())
        self.created("R1")
        self.say("R1", "A")

    def created(self, response: str) -> None:
        self.responses.created(response)
        self.greeting.response_created(response)

    def say(self, response: str, item: str) -> None:
        entry = self.playout.ledger.entry(item, 0, response)
        self.playout.delta(entry, audio(1_000), 0)
        self.playout.done(entry, 0)


def test_without_words_to_greet_with_it_is_over_at_once() -> None:
    assert Greeting(CallSettings(), no_session(), PlayoutQueue(), Transcript()).over(0)


def test_it_is_not_over_before_it_is_made() -> None:
    greeting = Greeting(CallSettings(greeting="Hello."), no_session(), PlayoutQueue(), Transcript())
    greeting.line_silent()
    assert not greeting.over(10_000 * MS)


def test_it_is_over_when_all_of_it_was_generated_and_heard() -> None:
    said = Said()
    assert not said.greeting.over(2_000 * MS)  # more may come
    said.responses.done("R1")
    assert not said.greeting.over(999 * MS)
    assert said.greeting.over(1_000 * MS)


def test_it_is_over_although_what_came_behind_it_still_plays() -> None:
    said = Said()
    said.responses.done("R1")
    said.created("R2")
    said.say("R2", "B")
    assert not said.greeting.over(999 * MS)
    assert said.greeting.over(1_001 * MS)


def test_silence_on_the_line_ends_it_once_it_was_generated() -> None:
    said = Said()
    said.greeting.line_silent()
    assert not said.greeting.over(500 * MS)
    said.responses.done("R1")
    said.greeting.line_silent()
    assert said.greeting.over(500 * MS)


def test_a_greeting_that_failed_is_the_next_response() -> None:
    said = Said()
    said.responses.done("R1")
    said.greeting.response_failed("R1")
    said.greeting.response_failed("another")
    said.greeting.line_silent()
    assert not said.greeting.over(1_000 * MS)
    said.created("R2")
    said.responses.done("R2")
    assert said.greeting.over(1_000 * MS)


def test_the_greetings_instructions_hold_the_sessions_and_the_words() -> None:
    both = greeting_response("Hello, this is Ann.", "Be kind.")["instructions"]
    assert both.startswith("Be kind.\n\n")
    assert both.endswith("\n\nHello, this is Ann.")
    assert greeting_response("Hello.", "")["instructions"].endswith("\n\nHello.")
