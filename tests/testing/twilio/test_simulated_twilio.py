"""The account as the manual shows it, and what it leaves behind."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from bot.testing.twilio.calls.network import OwnNumber
from bot.testing.twilio.calls.person import Person, Speaks
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from tests.testing.twilio.small_bot import CALLER, HUMAN, SmallBot, on_the_phone

MANUAL = (Path(__file__).parents[3] / "bot" / "docs" / "testing.md").read_text(encoding="utf-8")
(EXAMPLE,) = (text for text in re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL) if "SimulatedTwilio" in text)


async def test_the_example_of_the_manual_runs() -> None:
    transfer = f"<Response><Say>One moment.</Say><Dial><Number url='/whisper'>{HUMAN}</Number></Dial></Response>"
    bot = SmallBot(
        voice=transfer,
        whisper="<Response><Gather action='/key' numDigits='1'><Say>Press one.</Say></Gather><Hangup/></Response>",
        key="<Response/>",
    )
    async with on_the_phone(bot):
        names: dict[str, Any] = {}
        exec(EXAMPLE.replace("http://127.0.0.1:8080", bot.origin), names)
        lines = await names["a_call"]()
    heard = [line.rpartition("ms  ")[2] for line in lines]
    assert heard == [
        f"{CALLER}: say: One moment.",
        f"{CALLER}: ringing",
        f"{HUMAN}: say: Press one.",
        f"{CALLER}: voice: I can help.",
    ]


async def test_a_fault_of_the_simulator_s_own_is_not_kept_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("this is a fault")

    monkeypatch.setattr("bot.testing.twilio.calls.acting.speak", broken)
    with pytest.raises(BaseExceptionGroup, match="the simulated Twilio failed"):
        async with on_the_phone(SmallBot(voice='<Response><Pause length="9"/></Response>')) as (twilio, _):
            await twilio.call_in(CALLER, person=Person(does=(Speaks(text="Hi"),))).until_over()


async def test_leaving_ends_every_call_and_task() -> None:
    before = asyncio.all_tasks()
    async with on_the_phone(SmallBot(voice='<Response><Say loop="0">On and on.</Say></Response>')) as (twilio, _):
        call = twilio.call_in(CALLER)
        while not call.said:
            await call.ears.bell.wait()
    left = {task for task in asyncio.all_tasks() - before if "RequestHandler.start" not in repr(task)}
    assert left == set()


async def test_two_accounts_at_a_time_know_nothing_of_each_other() -> None:
    async with SimulatedTwilio() as one, SimulatedTwilio() as other:
        one.call_in(CALLER)
        assert (len(one.calls), len(other.calls)) == (1, 0)


async def test_a_bot_that_is_not_there_is_an_alert() -> None:
    numbers = {"+15555550100": OwnNumber("http://127.0.0.1:1/voice")}
    async with SimulatedTwilio(numbers=numbers) as twilio:
        call = twilio.call_in(CALLER)
        await call.until_over()
        assert ([alert.code for alert in twilio.alerts], call.ending) == ([11205], "failed")


async def test_calls_made_by_hand_are_noted_and_ring_nobody() -> None:
    async with on_the_phone(SmallBot(), by_hand=True, people={HUMAN: Person(0.0)}) as (twilio, rest):
        made = await rest.create_call(to=HUMAN, from_="+15555550100", url="https://bot.example.com/out?a=b")
        await rest.update_call(made.sid, url="https://bot.example.com/other")
        await rest.hang_up(made.sid)
        call = twilio.calls[made.sid]
        assert (call.given.one("Url"), call.status, call.answered_us) == (
            "https://bot.example.com/out?a=b",
            "completed",
            None,
        )
        assert [one.one("Url") or one.one("Status") for one in call.updates] == [
            "https://bot.example.com/other",
            "completed",
        ]
        assert twilio.webhooks == []
