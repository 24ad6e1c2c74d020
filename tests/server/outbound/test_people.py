"""Calls that the bot makes to people and machines of the simulated Twilio, which rings, judges and follows TwiML itself.

Seconds are real ones here. Each row: who answers, what is written down of what they say, and what becomes of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.testing.model import Behaviour
from bot.testing.twilio.calls.person import (
    HangsUp,
    Person,
    Speaks,
    answers,
    call_screening,
    declines,
    does_not_answer,
    fax,
    is_busy,
    voicemail,
)
from bot.testing.twilio.mishaps import Mishap
from tests.server.outbound.dialled_calls import (
    ANSWER,
    GREETING,
    MESSAGE,
    MESSAGE_AUDIO,
    SCREEN_AUDIO,
    THEIRS,
    Outbound,
    ended,
    outbound,
)
from tests.server.simulated_server import heard

GREETS = "You have reached the voicemail of nobody. Please leave a message after the tone."
ASKS = "If you record your name and reason for calling, I'll see if this person is available."

ROWS: dict[str, tuple[Person, tuple[str, ...], dict[str, str], bytes, str, str]] = {
    "a person": (
        answers(HangsUp(in_s=4.5), after_s=0.3), ("Hello?",), {}, GREETING, "human", "caller_hung_up",
    ),
    "a voicemail, with a message for it": (
        voicemail(GREETS, greeting_s=3.0, after_s=0.3), (GREETS,), {"BOT_DIAL_MESSAGE": MESSAGE}, MESSAGE_AUDIO,
        "machine", "bot_hung_up",
    ),
    "a voicemail without a beep": (
        voicemail(GREETS, greeting_s=3.0, beeps=False, after_s=0.3), (GREETS,), {"BOT_DIAL_MESSAGE": MESSAGE},
        MESSAGE_AUDIO, "machine", "bot_hung_up",
    ),
    "a voicemail of which no word is known": (
        voicemail(GREETS, greeting_s=3.0, after_s=0.3), (), {"BOT_DIAL_MESSAGE": MESSAGE}, MESSAGE_AUDIO, "machine",
        "bot_hung_up",
    ),
    "a voicemail without detection, by its words and its beep": (
        voicemail(GREETS, greeting_s=3.0, after_s=0.3), (GREETS,),
        {"BOT_DIAL_MESSAGE": MESSAGE, "BOT_DIAL_DETECTION": "off"}, MESSAGE_AUDIO, "machine", "bot_hung_up",
    ),
    "a voicemail, and no message": (
        voicemail(GREETS, greeting_s=3.0, after_s=0.3), (GREETS,), {}, b"", "machine", "bot_hung_up",
    ),
    "a screening, and then the callee": (
        call_screening(ASKS, Speaks(in_s=1.5, text="Hi, Jane here.", seconds=0.6), HangsUp(in_s=4.0), asks_s=2.0, after_s=0.3),
        (ASKS, "Thank you.", "Hi, Jane here."), {}, SCREEN_AUDIO + ANSWER, "human", "caller_hung_up",
    ),
    "a screening, and nobody": (
        call_screening(ASKS, HangsUp(in_s=2.0), asks_s=2.0, after_s=0.3), (ASKS, "Thank you."), {}, SCREEN_AUDIO,
        "screening", "caller_hung_up",
    ),
    "a fax": (fax(0.3), (), {"BOT_DIAL_MESSAGE": MESSAGE}, b"", "machine", "bot_hung_up"),
    "a line that is busy": (is_busy(0.3), (), {}, b"", "busy", "caller_hung_up"),
    "somebody who declines": (declines(0.3), (), {}, b"", "busy", "caller_hung_up"),
    "nobody": (does_not_answer(), (), {"BOT_DIAL_RING_SECONDS": "5"}, b"", "no_answer", "caller_hung_up"),
    "a line out of order": (Person(0.3, "failed"), (), {}, b"", "failed", "caller_hung_up"),
}  # fmt: skip


def said(*words: str) -> Behaviour:
    return Behaviour(caller_words=words, transcription_after_ms=200)


def all_heard(out: Outbound) -> bytes:
    """Every byte of the bot's that whoever answered was sent."""
    return b"".join(heard(leg.phone) for call in out.twilio.calls.values() for leg in call.legs)


@pytest.mark.parametrize("name", ROWS)
async def test_who_answers_hears_what_is_for_them_and_is_recorded_as_what_they_are(tmp_path: Path, name: str) -> None:
    person, words, env, expected, by, reason = ROWS[name]
    async with outbound(tmp_path, None, said(*words), people={THEIRS: person}, **env) as out:
        status, told = await out.ask(purpose="Confirm the table.")
        assert status == 201
        await ended(out.desk)
        await out.desk.quiet()
        assert all_heard(out) == expected
        record = await out.stored(told["id"])
        assert (record.direction, record.answered_by, record.reason) == ("outbound", by, reason)
        assert out.twilio.alerts == []


async def test_a_call_whose_answer_was_lost_rings_once_and_is_spoken_with(tmp_path: Path) -> None:
    person = answers(HangsUp(in_s=4.5), after_s=0.3)
    async with outbound(tmp_path, None, said("Hello?"), people={THEIRS: person}) as out:
        out.twilio.go_wrong("create_call", Mishap(carried_out=True))
        status, told = await out.ask(key="k")
        assert (status, told["code"]) == (504, "twilio_silent")
        await ended(out.desk)
        assert all_heard(out) == GREETING
        (call,) = out.twilio.calls.values()
        assert await out.ask(key="k") == (201, {"id": call.sid})
        assert len(out.twilio.calls) == 1


async def test_nothing_is_said_over_a_voicemail_that_twilio_takes_for_a_person(tmp_path: Path) -> None:
    person = voicemail(GREETS, greeting_s=3.0, after_s=0.3)
    mistaken = Person(0.3, does=person.does, is_a="machine", verdict="human", verdict_after_s=3.4)
    async with outbound(tmp_path, None, said(GREETS), people={THEIRS: mistaken}, BOT_DIAL_MESSAGE=MESSAGE) as out:
        assert (await out.ask())[0] == 201
        await ended(out.desk)
        assert all_heard(out) == MESSAGE_AUDIO


def test_every_outcome_of_the_record_has_its_row() -> None:
    found: set[Any] = {row[4] for row in ROWS.values()}
    assert found == {"human", "machine", "screening", "no_answer", "busy", "failed"}  # `uncertain`: test_who_answered
