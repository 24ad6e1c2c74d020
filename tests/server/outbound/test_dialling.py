"""Calls that the bot makes, over real sockets: asked for, rung, picked up by whom, and what the record says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.server.directory.departure import Phase
from bot.server.http.app_keys import OUTGOING, TWILIO_REST
from bot.testing.dialling.dial import dial, new_call_sid, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import Behaviour
from bot.testing.twilio.mishaps import Mishap
from bot.twilio.rest import CallInfo
from tests.server.outbound.dialled_calls import (
    ANSWER,
    GREETING,
    HELLO,
    MESSAGE,
    MESSAGE_AUDIO,
    OURS,
    SCREEN_AUDIO,
    THEIRS,
    Caller,
    ended,
    outbound,
)
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, heard, until

PURPOSE = "Confirm the table for two at eight."


def said(*words: str) -> Behaviour:
    """What is written down of what the callee says."""
    return Behaviour(caller_words=words, transcription_after_ms=100)


async def test_a_person_is_rung_when_the_session_is_ready_and_hears_the_greeting_after_hello(tmp_path: Path) -> None:
    agent = Caller()
    async with outbound(tmp_path, agent, said("Hello?")) as out:
        call = await out.placed(purpose=PURPOSE)
        given = call.given
        assert (call.to, call.from_) == (THEIRS, OURS)
        assert given.one("MachineDetection") == "DetectMessageEnd"
        assert given.one("AsyncAmd") == "true"
        assert given["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
        await until(lambda: agent.asked)  # the greeting is made while it rings
        assert PURPOSE in agent.asked[0]
        assert "say who is calling and why" in agent.asked[0]
        for status in ("initiated", "ringing"):
            await out.progress(call, status)
        assert (await out.told(call.sid))[1]["status"] == "ringing"
        phone = out.phone(call)
        phone.say(HELLO, 200_000)
        picking = asyncio.create_task(out.pick_up(call, phone))
        await until(lambda: len(heard(phone)) >= len(GREETING))
        assert phone.received[0].at_us > 800_000  # not before the hello was over
        assert (await out.told(call.sid))[1]["answered_by"] == "human"
        phone.hang_up(0)
        await picking
        await ended(out.desk)
        record = await out.stored(call.sid)
        assert (record.direction, record.answered_by, record.reason) == ("outbound", "human", "caller_hung_up")
        assert record.called.endswith("42")
        assert THEIRS not in record.called
        assert len(agent.asked) == 1  # hello was answered by the greeting
        told = (await out.told(call.sid))[1]
        assert (told["status"], told["answered_by"], told["reason"]) == ("ended", "human", "caller_hung_up")


async def test_the_session_is_configured_before_twilio_is_asked_to_ring(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        ready: list[int] = []
        before = out.twilio.before

        async def look(operation: str) -> None:
            ready.append(out.desk.model.open_sessions)
            await before(operation)

        out.twilio.before = look  # type: ignore[method-assign]
        call = await out.placed()
        assert ready == [1]
        await out.progress(call, "no-answer")
        await ended(out.desk)


@pytest.mark.parametrize(
    ("status", "word"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed"), ("canceled", "failed")]
)
async def test_a_call_that_nobody_takes_is_recorded_as_what_became_of_it(
    tmp_path: Path, status: str, word: str
) -> None:
    async with outbound(tmp_path, BOT_DIAL_USD_PER_MINUTE="0.014") as out:
        call = await out.placed()
        await out.progress(call, "ringing")
        await out.progress(call, status)
        await out.progress(call, status)  # told twice
        await ended(out.desk)
        record = await out.stored(call.sid)
        assert (record.answered_by, record.reason, record.turns) == (word, "caller_hung_up", 0)
        assert record.line_nano_usd == 0
        assert out.twilio.asked == ["create_call"]  # it is over: nobody hangs up


async def test_a_voicemail_hears_the_message_after_its_end_and_nothing_before(tmp_path: Path) -> None:
    words = "Hi, you have reached Jane. Leave a message after the beep."
    agent = Caller()
    async with outbound(tmp_path, agent, said(words), BOT_DIAL_MESSAGE=MESSAGE) as out:
        call = await out.placed(purpose=PURPOSE)
        phone = out.phone(call)
        phone.say(HELLO * 3, 100_000)
        picking = asyncio.create_task(out.pick_up(call, phone))
        await until(lambda: out.desk.logged("answered"))
        assert heard(phone) == b""
        await out.verdict(call, "machine_end_beep")
        result = await picking
        assert result.ending == "hangup"
        assert heard(phone) == MESSAGE_AUDIO
        await ended(out.desk)
        record = await out.stored(call.sid)
        assert (record.answered_by, record.reason) == ("machine", "bot_hung_up")


async def test_without_a_message_a_voicemail_is_hung_up_on_in_silence(tmp_path: Path) -> None:
    async with outbound(tmp_path, None, said("Please leave a message.")) as out:
        call = await out.placed()
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        result = await out.pick_up(call, phone)
        assert (result.ending, heard(phone)) == ("hangup", b"")
        await ended(out.desk)
        assert (await out.stored(call.sid)).answered_by == "machine"


async def test_a_message_of_the_request_goes_before_the_setting(tmp_path: Path) -> None:
    async with outbound(tmp_path, None, said("Please leave a message."), BOT_DIAL_MESSAGE=MESSAGE) as out:
        call = await out.placed(message="")
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        await out.pick_up(call, phone)
        assert heard(phone) == b""
        await ended(out.desk)


async def test_a_fax_is_hung_up_on(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        call = await out.placed()
        phone = out.phone(call)
        picking = asyncio.create_task(out.pick_up(call, phone))
        await until(lambda: phone.opened_us is not None and out.desk.logged("session_ready"))
        await out.verdict(call, "fax")
        await out.verdict(call, "fax")
        result = await picking
        assert (result.ending, heard(phone)) == ("hangup", b"")
        await ended(out.desk)


async def test_a_screening_is_answered_once_and_the_callee_is_spoken_with(tmp_path: Path) -> None:
    agent = Caller()
    words = ("Please say your name and why you are calling.", "Hi, Jane here.")
    async with outbound(tmp_path, agent, said(*words), BOT_DIAL_NAME="Acme Dental") as out:
        call = await out.placed(purpose=PURPOSE)
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        picking = asyncio.create_task(out.pick_up(call, phone))
        await until(lambda: len(heard(phone)) >= len(SCREEN_AUDIO))
        assert heard(phone) == SCREEN_AUDIO
        assert any('"Acme Dental"' in asked and PURPOSE in asked for asked in agent.asked)
        await asyncio.sleep(1.2)  # the answer is heard to its end, and nothing follows
        assert heard(phone) == SCREEN_AUDIO
        phone.say(HELLO, 0)
        await until(lambda: len(heard(phone)) >= len(SCREEN_AUDIO + ANSWER))
        phone.hang_up(0)
        await picking
        await ended(out.desk)
        assert [one["by"] for one in out.desk.logged("answered")] == ["screening", "human"]
        assert (await out.stored(call.sid)).answered_by == "human"


async def test_costs_are_of_the_line_from_the_pick_up_at_the_price_of_calls_that_are_made(tmp_path: Path) -> None:
    prices = {"BOT_TWILIO_USD_PER_MINUTE": "0.0085", "BOT_DIAL_USD_PER_MINUTE": "0.014"}
    async with outbound(tmp_path, None, said("Hello?"), **prices) as out:
        call = await out.placed()
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        phone.hang_up(1_500_000)
        await out.pick_up(call, phone)
        await ended(out.desk)
        assert (await out.stored(call.sid)).line_nano_usd == 14_000_000


async def test_a_webhook_that_comes_before_the_answer_of_the_rest_api_begins_the_call(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        made: list[str] = []
        rest = out.desk.app[TWILIO_REST]
        create = rest.create_call

        async def slow(**given: Any) -> CallInfo:
            call = await create(**given)
            made.append(call.sid)
            await until(lambda: len(made) == 2)
            return call

        rest.create_call = slow  # type: ignore[method-assign]
        asking = asyncio.create_task(out.ask())
        await until(lambda: made)
        call = out.twilio.calls[made[0]]
        status, document = await out.post(call, "Url")
        assert (status, "<Stream" in document) == (200, True)
        made.append("go on")
        assert (await asking)[0] == 201
        assert len(out.desk.calls.directory) == 1
        await out.progress(call, "completed")
        await ended(out.desk)


async def test_a_call_that_ends_here_while_it_rings_is_called_off(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        call = await out.placed()
        out.desk.bridge(call.sid).shutdown("drained")
        await until(lambda: "update_call" in out.twilio.asked)
        assert call.status == "completed"
        assert (await out.stored(call.sid)).answered_by == "failed"


async def test_a_call_that_rings_when_the_server_goes_is_called_off_before_it_has_gone(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        call = await out.placed()
        await out.desk.calls.departure.close()
        await out.desk.app[OUTGOING].close()
        assert call.status == "completed"


async def test_a_call_that_rings_when_a_drain_begins_is_spoken_with(tmp_path: Path) -> None:
    async with outbound(tmp_path, None, said("Hello?")) as out:
        call = await out.placed()
        out.desk.calls.departure.phase = Phase.DRAINING
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        picking = asyncio.create_task(out.pick_up(call, phone))
        await until(lambda: len(heard(phone)) >= len(GREETING))
        phone.hang_up(0)
        await picking
        await ended(out.desk)


async def test_a_call_is_picked_up_in_another_instance_with_its_purpose_and_is_not_called_off_by_the_first(
    tmp_path: Path,
) -> None:
    agent = Caller()
    async with outbound(tmp_path) as first, outbound(tmp_path, agent, said("Hello?")) as second:
        call = await first.placed(purpose=PURPOSE)
        await first.stored(call.sid)
        second.twilio.calls[call.sid] = call
        phone = second.phone(call)
        phone.say(HELLO, 500_000)
        picking = asyncio.create_task(second.pick_up(call, phone))
        await until(lambda: len(heard(phone)) >= len(GREETING))
        assert PURPOSE in agent.asked[0]
        assert len(agent.asked) == 1
        call.status = "in-progress"
        first.desk.bridge(call.sid).shutdown("drained")
        await first.desk.quiet()
        await until(lambda: not first.desk.app[OUTGOING]._later)
        assert first.twilio.asked[-1] == "fetch_call"
        phone.hang_up(0)
        await picking
        await ended(second.desk, 2)
        record = await second.stored(call.sid)
        assert (record.answered_by, record.direction, record.leg) == ("human", "outbound", 1)


async def test_nothing_of_the_callee_is_in_the_log(tmp_path: Path) -> None:
    async with outbound(tmp_path, None, said("Hello?")) as out:
        call = await out.placed(purpose=PURPOSE)
        phone = out.phone(call)
        phone.hang_up(300_000)
        await out.pick_up(call, phone)
        await ended(out.desk)
        for entry in out.desk.logs:
            assert THEIRS.removeprefix("+") not in repr(entry), entry
            assert PURPOSE not in repr(entry)


async def test_a_model_that_is_down_rings_nobody(tmp_path: Path) -> None:
    async with outbound(tmp_path, OPENAI_REALTIME_URL="ws://127.0.0.1:9", BOT_RESPONSE_SECONDS="1") as out:
        status, told = await out.ask(key="k")
        assert (status, told["code"]) == (503, "model_unavailable")
        assert out.twilio.asked == []
        assert out.desk.calls.registry.counts().live == 0
        assert (await out.ask(key="k"))[1]["code"] == "model_unavailable"  # the key may be used again


async def test_what_twilio_refuses_is_said_and_may_be_asked_again(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        out.twilio.go_wrong("create_call", Mishap(status=400, code=21215))
        status, told = await out.ask(key="k")
        assert (status, told["code"], told["twilio_error"]) == (502, "twilio_refused", 21215)
        assert THEIRS not in told["error"]
        await out.desk.quiet()
        status, told = await out.ask(key="k")
        assert status == 201
        await out.progress(out.twilio.calls[told["id"]], "busy")
        await ended(out.desk)


async def test_where_twilio_does_not_answer_the_call_is_never_made_twice(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        out.twilio.go_wrong("create_call", Mishap(status=500))
        status, told = await out.ask(key="k")
        assert (status, told["code"]) == (504, "twilio_silent")
        status, told = await out.ask(key="k")
        assert (status, told["code"]) == (409, "doubtful")
        assert out.twilio.asked == ["create_call"]
        await out.desk.app[OUTGOING].close()  # nobody picks up


async def test_a_call_that_was_in_doubt_is_made_when_it_is_picked_up(tmp_path: Path) -> None:
    async with outbound(tmp_path, None, said("Hello?")) as out:
        out.twilio.go_wrong("create_call", Mishap(status=500))
        assert (await out.ask(key="k", purpose=PURPOSE))[0] == 504
        (dial_id,) = out.desk.app[OUTGOING]._pending
        call_sid = new_call_sid()
        url = f"{out.desk.settings.public_url}/voice/outgoing?dial={dial_id}"
        phone = SimulatedPhone(StreamIds(ACCOUNT, call_sid, new_stream_sid()))
        phone.hang_up(300_000)
        await dial(url, phone, auth_token=AUTH_TOKEN, via=out.desk.origin, from_number=OURS, to_number=THEIRS)
        await ended(out.desk)
        await until(lambda: not out.desk.app[OUTGOING]._later)
        assert await out.ask(key="k", purpose=PURPOSE) == (201, {"id": call_sid})
