"""The model sends a text message in a whole call, over sockets, and can reach nobody but by the lists."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.testing.agent import Pacing, Reply, Spoken, ToolCall, Turn, pattern
from bot.testing.model import Behaviour
from tests.server.outbound.dialled_calls import GREETING, HELLO, OURS, THEIRS, ended, outbound
from tests.server.simulated_server import a_phone, until

QUICK = Pacing(speed=0, first_audio_ms=10)
CALLER = "+15555550101"
"""The number that the simulated phone calls from."""


class Texter:
    """A model that has been talked into anything: it texts, again and again, whomever it is told to."""

    def __init__(self, *arguments: dict[str, Any]) -> None:
        self.outputs: list[str] = []
        self._arguments = list(arguments)

    def reply(self, turn: Turn) -> Reply:
        self.outputs += turn.tool_outputs
        if turn.greeting or "Begin the call now" in turn.instructions:
            return Reply([Spoken(GREETING, "Hello.")], pacing=QUICK)
        if self._arguments:
            return Reply(tool_calls=(ToolCall("send_sms", json.dumps(self._arguments.pop(0))),), pacing=QUICK)
        return Reply([Spoken(pattern(300, "done"), "Done.")], pacing=QUICK)


async def in_a_call(tmp_path: Path, agent: Texter, wanted: int, **env: str) -> list[dict[str, str]]:
    """The messages that are sent in a call that comes in, whose caller says something once."""
    async with outbound(tmp_path, agent, Behaviour(caller_words=("Text me.",)), BOT_SMS_FROM=OURS, **env) as out:
        phone = a_phone()
        phone.say(HELLO, 2_500_000)
        calling = asyncio.create_task(out.desk.dial(phone))
        await until(lambda: len(agent.outputs) >= wanted)
        phone.hang_up(0)
        await calling
        return out.twilio.messages


@pytest.mark.parametrize("allow", ["caller, +1555555", "+1555555"])
async def test_the_caller_is_texted_once_however_often_the_model_tries(tmp_path: Path, allow: str) -> None:
    to = {} if "caller" in allow else {"to": CALLER}
    agent = Texter({"text": "Table at 8.", **to}, {"text": "Table at 8!", **to}, {"text": "And again.", **to})
    sent = await in_a_call(tmp_path, agent, 3, BOT_SMS_ALLOW=allow)
    assert [(one["To"], one["Body"]) for one in sent] == [(CALLER, "Table at 8.")]
    assert len(agent.outputs) == 3


async def test_a_model_that_is_talked_into_it_texts_nobody_outside_the_lists(tmp_path: Path) -> None:
    tries = ("+19005551234", "112", "+14155550142", "+442079460123")
    agent = Texter(*({"text": "Win!", "to": to} for to in tries))
    sent = await in_a_call(tmp_path, agent, len(tries), BOT_SMS_ALLOW="caller, +49")
    assert sent == []
    assert all("error" in output or "once" in output for output in agent.outputs)


async def test_whom_the_bot_has_called_is_texted_as_whom_it_talks_with(tmp_path: Path) -> None:
    agent = Texter({"text": "Table at 8."})
    words = Behaviour(caller_words=("Hello?", "Text me."), transcription_after_ms=100)
    async with outbound(tmp_path, agent, words, BOT_SMS_FROM=OURS) as out:
        call = await out.placed()
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        phone.say(HELLO, 4_500_000)
        picking = asyncio.create_task(out.pick_up(call, phone))
        await until(lambda: agent.outputs)
        phone.hang_up(0)
        await picking
        await ended(out.desk)
        assert [(one["From"], one["To"], one["Body"]) for one in out.twilio.messages] == [(OURS, THEIRS, "Table at 8.")]


async def test_without_a_sender_the_model_has_no_such_tool(tmp_path: Path) -> None:
    agent = Texter({"text": "Table at 8."})
    async with outbound(tmp_path, agent, Behaviour(caller_words=("Text me.",))) as out:
        phone = a_phone()
        phone.say(HELLO, 2_500_000)
        calling = asyncio.create_task(out.desk.dial(phone))
        await until(lambda: agent.outputs)
        phone.hang_up(0)
        await calling
        assert out.twilio.messages == []
