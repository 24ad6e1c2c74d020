"""A caller who is put through: what Twilio is told at each webhook, whatever the person and the caller do."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from aiohttp import ClientWebSocketResponse

from bot.call.handoff.transfer import BAD, TRANSFER_CALL
from bot.server.bookkeeping.store_service import keeping, prepare
from bot.server.directory.departure import Phase
from bot.server.directory.transfer_desk import TOO_OFTEN
from bot.server.http.put_through import verdict
from bot.server.shared.transfers import MOST
from bot.testing.agent import Reply, ToolCall
from bot.testing.dialling.dial import new_call_sid, new_stream_sid
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from tests.postgres import Server
from tests.server.bookkeeping.test_call_records import stored
from tests.server.http.put_through.calls_put_through import (
    BACK,
    CALLED,
    CALLER,
    LIST,
    SALES,
    SUMMARY,
    Twilio,
    desk_with_sales,
    known,
    transferring,
)
from tests.server.simulated_server import (
    ACCOUNT,
    PUBLIC_URL,
    QUICK,
    ServerUnderTest,
    an_asking_phone,
    form,
    heard,
    standing,
    stream_of,
    until,
)
from tests.server.test_webhooks import verbs
from tests.store.conftest import new_database


def dialled_in(document: str) -> tuple[str, str, str, str]:
    """Number, number shown, whisper and action of a document that rings somebody."""
    dial = ET.fromstring(document).find("Dial")
    assert dial is not None, document
    noun = dial[0]
    assert dial.get("answerOnBridge") == "true"
    return noun.text or "", dial.get("callerId", ""), noun.get("url", ""), dial.get("action", "")


def told_to_session(desk: ServerUnderTest, number: int) -> list[str]:
    """Texts of the system items that a session was given."""
    conversation = desk.model.sessions[number].conversation
    return ["".join(part.get("text", "") for part in one.content()) for one in conversation if one.role == "system"]


def told_outputs(desk: ServerUnderTest, number: int) -> list[str]:
    """Results of the function calls that a session made."""
    given = [one.body for one in desk.model.sessions[number].conversation if one.type == "function_call_output"]
    return [json.loads(one["output"])["result"] for one in given]


async def closed(socket: ClientWebSocketResponse) -> None:
    """Read to the end of the stream."""
    async for _ in socket:
        pass


async def test_the_person_is_rung_with_the_callers_number_and_told_of_the_call() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        assert desk.reasons == ["transferred"]
        twilio = Twilio(desk, call_sid)
        number, shown, whisper, action = dialled_in(await twilio.next())
        assert (number, shown) == (SALES, CALLER)
        assert whisper.startswith(f"{PUBLIC_URL}/voice/whisper/{call_sid}?leg=0#")
        assert action.startswith(f"{PUBLIC_URL}/voice/dialled?leg=0#")
        words = await twilio.whisper()
        assert verbs(words) == ["Gather", "Gather", "Hangup"]
        assert SUMMARY in "".join(ET.fromstring(words).itertext())
        assert known(desk, call_sid).taken_s is None
        assert verbs(await twilio.key()) == []
        assert known(desk, call_sid).taken_s is not None


async def test_connected_is_who_pressed_the_key_and_was_bridged(tmp_path: Path) -> None:
    async with desk_with_sales(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        await twilio.next()
        await twilio.whisper()
        await twilio.key()
        document = await twilio.dialled("completed", bridged=True, there=False, seconds=70)
        assert verbs(document) == ["Hangup"]
        assert verbs(await twilio.dialled("completed", bridged=True, there=False, seconds=70)) == ["Hangup"]
        assert [one["result"] for one in desk.logged("call_transferred")] == ["connected"]
        kept = await stored(desk, call_sid)
        assert kept.summary.reason == "transferred"
        (event,) = [one.details for one in kept.events if one.name == "dialled"]
        assert event == {"leg": 0, "destination": "sales", "result": "connected", "status": "completed", "seconds": 70}
        assert desk.calls.registry.known(call_sid).outcome == "transferred"
        assert verbs((await desk.voice(call_sid))[1]) == ["Hangup"], "its webhook again takes nobody anywhere"


@pytest.mark.parametrize(
    ("steps", "status", "bridged", "result"),
    [
        ([], "busy", None, "busy"),
        ([], "no-answer", None, "no_answer"),
        ([], "canceled", None, "no_answer"),
        (["whisper"], "completed", False, "not_taken"),  # a voicemail, or somebody who hangs up
        (["whisper", "9"], "completed", False, "not_taken"),  # declined
        (["whisper", "1"], "completed", False, "not_taken"),  # hung up before the two were joined
        (["whisper"], "completed", True, "not_taken"),
        (["whisper", "1"], "completed", True, "cut_off"),  # hung up at once
    ],
)
async def test_every_other_end_brings_the_caller_back_and_the_model_knows_why(
    steps: list[str], status: str, bridged: bool | None, result: str
) -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        await twilio.next()
        for step in steps:
            await (twilio.whisper() if step == "whisper" else twilio.key(step))
        assert verbs(await twilio.dialled(status, bridged=bridged))[0] == "Connect"
        await until(lambda: len(desk.model.sessions) == 2 and told_to_session(desk, 1))
        assert told_to_session(desk, 1) == [verdict.told(known(desk, call_sid), result)]
        assert [one["result"] for one in desk.logged("transfer_failed")] == [result]
        assert verbs(await twilio.dialled(status, bridged=bridged))[0] == "Connect", "asked again, it waits still"
        assert len(desk.calls.directory) == 1
        assert len(desk.logged("transfer_failed")) == 1
        await twilio.gone()


async def test_a_failed_ring_is_tried_once_more_with_our_own_number() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        await twilio.next()
        number, shown, _, _ = dialled_in(await twilio.dialled("failed"))
        assert (number, shown) == (SALES, CALLED)
        assert verbs(await twilio.dialled("failed"))[0] == "Connect"
        assert known(desk, call_sid).result == "failed"
        await twilio.gone()


@pytest.mark.parametrize("steps", [[], ["whisper"], ["whisper", "1"]])
async def test_a_caller_who_hangs_up_meanwhile_is_gone(steps: list[str]) -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        await twilio.next()
        for step in steps:
            await (twilio.whisper() if step == "whisper" else twilio.key(step))
        assert verbs(await twilio.dialled("canceled", there=False)) == ["Hangup"]
        assert known(desk, call_sid).result == "caller_gone"
        assert desk.calls.registry.known(call_sid).outcome == "caller_hung_up"
        assert len(desk.calls.directory) == 0
        assert verbs(await twilio.whisper()) == ["Hangup"], "nobody waits for whoever picks up late"
        assert verbs(await twilio.key()) == ["Hangup"]


@pytest.mark.parametrize(("key", "result"), [(False, "caller_gone"), (True, "connected")])
async def test_the_status_callback_ends_it_and_what_comes_after_may_say_that_they_talked(
    key: bool, result: str
) -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        await twilio.next()
        await twilio.whisper()
        if key:
            await twilio.key()
        await twilio.gone()
        assert known(desk, call_sid).result == "caller_gone"
        assert verbs(await twilio.dialled("completed", bridged=key, there=False)) == ["Hangup"]
        assert known(desk, call_sid).result == result


async def test_a_caller_who_hangs_up_before_anybody_is_rung_is_gone() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        assert verbs(await Twilio(desk, call_sid).next(there=False)) == ["Hangup"]
        assert desk.calls.registry.known(call_sid).outcome == "caller_hung_up"


async def test_the_person_is_rung_however_often_twilio_asks_and_by_whichever_webhook_of_this_call() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        assert await twilio.next() == await twilio.next()
        await twilio.dialled("busy")
        assert verbs(await twilio.next())[0] == "Connect", "the caller is back, and waits for their stream"
        assert len(desk.calls.directory) == 1
        await twilio.gone()


async def test_a_conversation_that_is_over_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "AT_ONCE_S", 0.0)
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        for ask in (twilio.next, twilio.whisper, twilio.key):
            await ask()
        assert verbs(await twilio.dialled("completed", bridged=True)) == ["Hangup"]
        assert known(desk, call_sid).result == "connected"


async def test_nobody_else_is_rung_whatever_a_webhook_says() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        fields = [*form(call_sid, "in-progress"), ("destination", "+1900"), ("number", "+1900"), ("Digits", "1")]
        status, document = await desk.post("/voice/next?destination=%2B1900&number=%2B1900", fields)
        assert status == 200
        assert dialled_in(document)[0] == SALES
        for path in (f"/voice/whisper/{call_sid}?leg=1", f"/voice/whisper/{new_call_sid()}?leg=0"):
            assert verbs((await desk.post(path, form(new_call_sid(), "in-progress")))[1]) == ["Hangup"]
        assert (await desk.post("/voice/whisper/nonsense?leg=0", form(new_call_sid(), "in-progress")))[0] == 404
        assert (await desk.post(f"/voice/whisper/{call_sid}/key?leg=0", form(new_call_sid()), token="x"))[0] == 403
        assert known(desk, call_sid).taken_s is None
        assert verbs(await Twilio(desk, new_call_sid()).dialled("busy")) == ["Hangup"]
        await twilio.gone()


async def test_a_destination_that_the_model_made_up_is_rung_by_nobody() -> None:
    invented = Reply((), [ToolCall(TRANSFER_CALL, '{"destination": "+15555550199", "summary": ""}')], pacing=QUICK)
    async with standing(invented, BACK, **LIST) as desk:
        phone = an_asking_phone()
        result = await desk.dial_until(phone, lambda: len(heard(phone)) >= len(BACK.items[0].audio))
        assert result.dialled == []
        assert desk.calls.registry.transfers.find(phone.ids.call_sid) is None
        assert told_outputs(desk, 0) == [BAD.format(names="sales")]


async def test_a_caller_who_is_back_may_be_transferred_again_but_not_for_ever() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        for leg in range(MOST):
            twilio = Twilio(desk, call_sid, leg)
            assert dialled_in(await twilio.next(leg=leg))[0] == SALES
            ids = StreamIds(ACCOUNT, call_sid, new_stream_sid())
            token = stream_of(await twilio.dialled("busy")).rpartition("/")[2]
            call = desk.bridge(call_sid).call
            assert call.settings.told == verdict.told(known(desk, call_sid), "busy")
            assert [turn.who for turn in call.settings.resume] == ["caller"]
            async with await desk.upgrade(token) as socket:
                await socket.send_str(CONNECTED)
                await socket.send_str(TwilioTexts(ids).start({}))
                if leg == MOST - 1:  # the model asks once more, and learns that this is enough
                    await until(lambda: TOO_OFTEN in told_outputs(desk, MOST))
                    await socket.send_str(TwilioTexts(ids).stop())
                await closed(socket)
            await desk.quiet()
        assert desk.reasons == ["transferred"] * MOST + ["caller_hung_up"]
        assert known(desk, call_sid).number == MOST


# ---- other processes ----


async def test_every_webhook_may_come_to_another_process() -> None:
    async with desk_with_sales() as here, transferring(here) as call_sid:
        shared = here.calls.registry
        async with desk_with_sales() as there:
            there.calls.transfers.table = shared.transfers  # as where both have one registry's file
            for _ in range(2):
                await Twilio(here, call_sid).next()
                assert verbs(await Twilio(there, call_sid).whisper())[0] == "Gather"
            assert verbs(await Twilio(there, call_sid).key()) == []
            assert known(here, call_sid).taken_s is not None
            assert verbs(await Twilio(here, call_sid).dialled("completed", bridged=True, there=False)) == ["Hangup"]
            assert known(here, call_sid).result == "connected"
            assert there.logged("transfer_taken")


async def test_a_server_that_was_started_anew_knows_who_is_rung_and_carries_the_call_on(tmp_path: Path) -> None:
    store = {"BOT_RECORD_DIR": str(tmp_path)}
    async with desk_with_sales(keep=keeping, **store) as desk, transferring(desk) as call_sid:
        await Twilio(desk, call_sid).next()
    async with desk_with_sales(keep=keeping, **store) as anew:
        twilio = Twilio(anew, call_sid)
        assert dialled_in(await twilio.next())[0] == SALES
        assert SUMMARY in "".join(ET.fromstring(await twilio.whisper()).itertext())
        assert verbs(await twilio.dialled("completed", bridged=False))[0] == "Connect"
        await until(lambda: anew.model.sessions and told_to_session(anew, 0))
        assert told_to_session(anew, 0) == [verdict.told(known(anew, call_sid), "not_taken")]
        await twilio.gone()


async def test_the_key_that_an_earlier_server_stored_connects(tmp_path: Path) -> None:
    store = {"BOT_RECORD_DIR": str(tmp_path)}
    async with desk_with_sales(keep=keeping, **store) as desk, transferring(desk) as call_sid:
        for ask in (Twilio(desk, call_sid).next, Twilio(desk, call_sid).whisper, Twilio(desk, call_sid).key):
            await ask()
    async with desk_with_sales(keep=keeping, **store) as anew:
        assert verbs(await Twilio(anew, call_sid).dialled("completed", bridged=True, there=False)) == ["Hangup"]
        assert (await stored(anew, call_sid)).summary.reason == "transferred"


async def test_two_instances_know_of_the_same_transfer(postgres: Server) -> None:
    url = postgres.url(await new_database(postgres))
    store = {"DATABASE_URL": url, "BOT_PII_KEY": "ab" * 32}
    async with desk_with_sales(keep=keeping, **store) as here, desk_with_sales(keep=keeping, **store) as there:
        await prepare(here.settings)
        async with transferring(here) as call_sid:
            assert dialled_in(await Twilio(there, call_sid).next())[0] == SALES
            assert SUMMARY in "".join(ET.fromstring(await Twilio(there, call_sid).whisper()).itertext())
            assert verbs(await Twilio(there, call_sid).key()) == []
            document = await Twilio(here, call_sid).dialled("completed", bridged=True, there=False)
            assert verbs(document) == ["Hangup"]
            assert [one["result"] for one in here.logged("call_transferred")] == ["connected"]


async def test_a_process_that_leaves_sends_the_caller_who_is_back_to_one_that_stays() -> None:
    async with desk_with_sales() as desk, transferring(desk) as call_sid:
        twilio = Twilio(desk, call_sid)
        await twilio.next()
        desk.calls.departure.phase = Phase.LEAVING
        document = await twilio.dialled("busy")
        assert verbs(document) == ["Pause", "Redirect"]
        again = ET.fromstring(document).findtext("Redirect") or ""
        assert again.startswith(f"{PUBLIC_URL}/voice/dialled?leg=0&held=1#")
        desk.calls.departure.phase = Phase.SERVING  # it is another's answer from here on
        status, text = await desk.post("/voice/dialled?leg=0&held=1", form(call_sid, "in-progress"))
        assert (status, verbs(text)[0]) == (200, "Connect")
        assert known(desk, call_sid).result == "busy"
        await twilio.gone()
