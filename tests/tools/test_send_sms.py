"""The tool that sends text messages, against the simulated account over sockets: whom it reaches, and whom never."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from bot.testing.twilio.mishaps import Mishap
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from bot.tools.contract import ToolContext, ToolError
from bot.tools.send_sms import DOUBTFUL, NOT_ALLOWED, REASONS, REFUSED, WITHHELD, SendSms
from bot.twilio.rest import TwilioRest

OURS, CALLER, FRIEND = "+12025550100", "+12025550142", "+493012345678"
IN_CALL = ToolContext(call_sid="CA" + "1" * 32, caller=CALLER)


class Desk:
    def __init__(self, twilio: SimulatedTwilio, rest: TwilioRest) -> None:
        self.twilio, self.rest = twilio, rest

    def tool(self, *allow: str, max_chars: int = 160) -> SendSms:
        return SendSms(self.rest, OURS, allow or ("caller",), max_chars)

    async def send(self, tool: SendSms, context: ToolContext = IN_CALL, **arguments: Any) -> str:
        return (await tool.run("send_sms", json.dumps(arguments), context)).output

    @property
    def sent(self) -> list[tuple[str, str, str]]:
        return [(one["From"], one["To"], one["Body"]) for one in self.twilio.messages]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with SimulatedTwilio(numbers=[OURS]) as twilio:
        rest = TwilioRest(twilio.account_sid, twilio.auth_token, base_url=twilio.url, waits_s=(0.01,))
        yield Desk(twilio, rest)
        await rest.close()


async def test_the_caller_gets_the_words_from_our_sender_and_the_log_has_no_number(desk: Desk) -> None:
    with structlog.testing.capture_logs() as logs:
        assert await desk.send(desk.tool(), text=" Your table: 8 pm. ") == '{"sent": true}'
    assert desk.sent == [(OURS, CALLER, "Your table: 8 pm.")]
    assert [one["event"] for one in logs] == ["sms_sent"]
    assert CALLER.removeprefix("+") not in repr(logs)
    assert "table" not in repr(logs)


def test_where_only_the_caller_may_be_reached_the_model_has_no_number_to_give(desk: Desk) -> None:
    (spec,) = desk.tool().specs()
    assert spec.function.parameters["properties"].keys() == {"text"}
    (spec,) = desk.tool("caller", "+49").specs()
    assert spec.function.parameters["required"] == ["text"]
    (spec,) = desk.tool("+49").specs()
    assert spec.function.parameters["required"] == ["text", "to"]


def test_it_is_used_once_a_call_and_finished_when_the_caller_hangs_up(desk: Desk) -> None:
    (spec,) = desk.tool().specs()
    assert (spec.rules.once, spec.rules.duplicates, spec.rules.at_hang_up) == (True, "refuse_name", "finish")


async def test_a_listed_number_is_reached(desk: Desk) -> None:
    await desk.send(desk.tool("+49"), text="Hello.", to=FRIEND)
    await desk.send(desk.tool("caller", FRIEND), text="Hello.", to=FRIEND)
    await desk.send(desk.tool("caller", "+49"), text="Hello.", to=CALLER)
    assert [to for _, to, _ in desk.sent] == [FRIEND, FRIEND, CALLER]


INJECTED = [
    "+19005551234",
    "+33899123456",
    "+491805123456",
    "+49112",
    "112",
    "911",
    "24273",
    "+881612345678",
    "+14155550142",
    OURS,
    f"{FRIEND},+14155550142",
    f"{FRIEND}\n+14155550142",
    f" {FRIEND}",
    "whatsapp:+493012345678",
    "MG" + "0" * 32,
    "+4930123456789012345",
    "",
    "caller",
    "*",
    "+",
]


@pytest.mark.parametrize("to", INJECTED)
async def test_no_number_outside_the_lists_or_of_a_refused_kind_is_ever_reached(desk: Desk, to: str) -> None:
    tool = desk.tool("+49", "+33", "+1900", "+88", "+1202")
    with pytest.raises(ToolError) as caught:
        await desk.send(tool, text="Win a prize!", to=to)
    assert str(caught.value) == NOT_ALLOWED
    assert desk.twilio.messages == []
    if to not in {"", "caller"}:
        with pytest.raises(ToolError):
            await desk.send(desk.tool("caller"), text="Win a prize!", to=to)
    assert desk.twilio.messages == []


@pytest.mark.parametrize("caller", ["+19005551234", "+49112", "anonymous", "+266696687", "sip:a@b.example", OURS])
async def test_a_caller_whose_number_is_none_or_dear_gets_no_message(desk: Desk, caller: str) -> None:
    with pytest.raises(ToolError):
        await desk.send(desk.tool(), ToolContext(caller=caller), text="Hello.")
    assert desk.twilio.messages == []


async def test_a_caller_without_a_number_is_told_so(desk: Desk) -> None:
    with pytest.raises(ToolError, match=WITHHELD):
        await desk.send(desk.tool(), ToolContext(), text="Hello.")


@pytest.mark.parametrize(
    "arguments",
    ["", "{}", "[]", "nonsense", '{"text": 1}', '{"text": "a", "From": "+14155550142"}', '{"text": "", "to": ""}',
     '{"text": " \\u0007 "}', '{"text": "\\ud800"}', json.dumps({"text": "x" * 161})],
)  # fmt: skip
async def test_arguments_that_are_none_send_nothing(desk: Desk, arguments: str) -> None:
    with pytest.raises(ToolError) as caught:
        await desk.tool().run("send_sms", arguments, IN_CALL)
    assert (caught.value.ran, desk.twilio.messages) == (False, [])


async def test_the_longest_text_is_sent_whole(desk: Desk) -> None:
    await desk.send(desk.tool(), text="x" * 160)
    assert desk.sent[0][2] == "x" * 160


@pytest.mark.parametrize(("code", "sentence"), [*REASONS.items(), (30_007, REFUSED)])
async def test_what_twilio_refuses_is_a_sentence_that_the_model_can_act_on(
    desk: Desk, code: int, sentence: str
) -> None:
    desk.twilio.go_wrong("create_message", Mishap(status=400, code=code))
    with pytest.raises(ToolError) as caught:
        await desk.send(desk.tool(), text="Hello.")
    assert str(caught.value) == sentence


async def test_where_twilio_does_not_answer_nothing_is_sent_twice(desk: Desk) -> None:
    desk.twilio.go_wrong("create_message", Mishap(status=503))
    with pytest.raises(ToolError) as caught:
        await desk.send(desk.tool(), text="Hello.")
    assert (str(caught.value), desk.twilio.asked) == (DOUBTFUL, ["create_message"])
