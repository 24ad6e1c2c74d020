"""Digits sent over real sockets: the stream is closed and opened again, and the same session and record go on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.audio import mulaw
from bot.recording.fixture import read_fixture
from bot.server.bookkeeping.store_service import keeping
from bot.server.shared.resumption import DIGITS_IN_DOUBT
from bot.testing import assert_replays
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.dialling import dial as dialling
from bot.testing.dialling.dial import DialResult, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from tests.proof.recorded_sound import tracks
from tests.server.bookkeeping.test_call_records import stored
from tests.server.instance import Instance, serving
from tests.server.simulated_server import QUICK, ServerUnderTest, a_phone, form, heard, standing, until
from tests.server.test_recording import watched
from tests.server.test_resuming import on_another_stream, told
from tests.server.test_webhooks import verbs
from tests.waiting import GIVE_UP_S

MOMENT = Spoken(pattern(400, "moment"), "One moment.")
SEND = Reply([MOMENT], [ToolCall("send_digits", '{"digits": "1w2#"}')], pacing=QUICK)
AFTER = Reply([Spoken(pattern(300, "after"), "Now I am listening.")], pacing=QUICK)
ENV = {"BOT_SEND_DIGITS": "on", "BOT_GREETING": "off"}


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "SECOND_S", 0.1)


def asking() -> SimulatedPhone:
    """A phone whose caller says something at once."""
    phone = a_phone()
    phone.say(pattern(400, "caller"), 100_000)
    return phone


async def sent_and_talked(desk: ServerUnderTest) -> tuple[DialResult, SimulatedPhone, SimulatedPhone]:
    """A call that sends digits, is spoken to on its next stream, answers and is hung up on."""
    phone = asking()
    after = on_another_stream(phone)
    calling = asyncio.create_task(desk.dial(phone, more_phones=[after]))
    await until(lambda: after.opened_us is not None)
    after.say(pattern(400, "menu"), 0)
    await until(lambda: len(heard(after)) >= len(AFTER.items[0].audio) and after.playout.next_us is None)
    after.hang_up(0)
    return await calling, phone, after


async def test_the_session_and_the_record_go_on_and_nothing_plays_twice(tmp_path: Path) -> None:
    async with standing(
        SEND, AFTER, keep=keeping, BOT_RECORD="fixture,audio", BOT_RECORD_DIR=str(tmp_path), **ENV
    ) as desk:
        recorders = watched(desk)
        result, phone, after = await sent_and_talked(desk)
        await desk.quiet()
        assert result.call is not None
        assert (result.call.ears.of_kind("keys"), result.ending, result.failure) == (["12#"], "caller_hung_up", "")
        assert result.violations == []
        assert len(desk.model.sessions) == 1
        assert desk.reasons == ["caller_hung_up"]
        assert (heard(phone), heard(after)) == (MOMENT.audio, AFTER.items[0].audio)
        kept = await stored(desk, phone.ids.call_sid)
        assert (kept.summary.reason, kept.summary.leg) == ("caller_hung_up", 0)
        assert [turn.who for turn in kept.turns] == ["caller", "bot", "caller", "bot"]
        assert len(desk.logged("recording_started")) == 1
        assert "1w2#" not in json.dumps(desk.logs, default=str)
        assert await asyncio.to_thread(recorders[0].wait, 5)
    files = dict(recorders[0].made())
    assert_replays(files["fixture"])
    fixture = read_fixture(files["fixture"])
    starts = [line.socket for line in fixture.lines if line.way == "phone>bot" and b'"start"' in bytes(line.message)]
    assert starts == [0, 1]
    assert {line.socket for line in fixture.lines if line.way == "bot>phone"} == {0, 1}
    assert {line.socket for line in fixture.lines if line.way == "bot>model"} == {0}
    assert b"1w2#" not in files["fixture"].read_bytes()
    left, right = tracks(files["recording"])
    said = [left.find(mulaw.decode(pattern(400, name))[640:960]) for name in ("caller", "menu")]
    spoken = [right.find(mulaw.decode(one.audio)[640:960]) for one in (MOMENT, AFTER.items[0])]
    order = [said[0], spoken[0], said[1], spoken[1]]
    assert -1 not in order
    assert order == sorted(order)


async def test_a_caller_who_hangs_up_meanwhile_is_gone() -> None:
    async with standing(SEND, AFTER, **ENV) as desk:
        phone = asking()
        calling = asyncio.create_task(desk.dial(phone))  # there is no other stream: the call is over with this one
        await until(lambda: desk.logged("digits_sent"))
        assert (await desk.post("/voice/status", form(phone.ids.call_sid, "completed")))[0] == 204
        await calling
        await desk.quiet()
        assert desk.reasons == ["caller_hung_up"]


async def test_twilio_that_asks_what_follows_a_call_whose_caller_has_gone_hears_that_it_is_over() -> None:
    async with standing(SEND, AFTER, **ENV) as desk:
        phone = asking()
        calling = asyncio.create_task(desk.dial(phone, more_phones=()))
        await until(lambda: desk.logged("digits_sent"))
        status, document = await desk.post("/voice/next", form(phone.ids.call_sid, "completed"))
        assert (status, "Play" in verbs(document)) == (200, False)
        await calling
        await desk.quiet()
        assert desk.reasons == ["caller_hung_up"]


async def test_the_webhook_may_be_asked_again_and_only_the_newest_stream_is_let_in() -> None:
    async with standing(SEND, AFTER, **ENV) as desk:
        phone = asking()
        calling = asyncio.create_task(desk.dial(phone, more_phones=()))
        await until(lambda: desk.logged("digits_sent"))
        await calling
        call_sid = phone.ids.call_sid
        documents = [(await desk.post("/voice/next", form(call_sid, "in-progress")))[1] for _ in range(2)]
        assert [verbs(one) for one in documents] == [["Play", "Connect", "Say", "Hangup"]] * 2
        tokens = [one.partition("/media/")[2].partition('"')[0] for one in documents]
        assert await desk.refused(tokens[0]) == 403
        socket = await desk.upgrade(tokens[1])
        assert await desk.refused(tokens[1]) == 403
        await socket.close()
        await desk.quiet()


@pytest.mark.parametrize("asked_at", ["the owner", "another process"])
@pytest.mark.parametrize("stream_at", ["the owner", "another process"])
async def test_whichever_process_is_asked_and_gets_the_stream_the_call_goes_on_where_it_is(
    tmp_path: Path, asked_at: str, stream_at: str
) -> None:
    async with serving(tmp_path, SEND, AFTER, **ENV) as instance:
        phone = asking()
        calling = asyncio.create_task(instance.dial(phone, more_phones=()))
        await until(lambda: instance.logged("digits_sent"))
        await calling
        call_sid = phone.ids.call_sid
        owner = instance.owner(call_sid)
        (other,) = instance.workers - {owner}
        process = {"the owner": owner, "another process": other}
        with instance.only(process[asked_at]):
            document = (await instance.post("/voice/next", form(call_sid, "in-progress")))[1]
        token = document.partition("/media/")[2].partition('"')[0]
        await _goes_on(instance, phone, token, process[stream_at])
        assert len(instance.model.sessions) == 1


@pytest.mark.parametrize("gets", ["the question", "the stream"])
async def test_another_instance_carries_the_call_on_and_does_not_say_that_the_keys_were_pressed(
    tmp_path: Path, gets: str
) -> None:
    store = {"keep": keeping, "BOT_RECORD_DIR": str(tmp_path), **ENV}
    async with standing(SEND, AFTER, **store) as here, standing(AFTER, **store) as there:
        phone = asking()
        calling = asyncio.create_task(here.dial(phone, more_phones=()))
        await until(lambda: here.logged("digits_sent"))
        await calling
        call_sid = phone.ids.call_sid
        assert here.kept is not None
        await here.kept.write_behind.flush(GIVE_UP_S)
        asked = there if gets == "the question" else here
        document = (await asked.post("/voice/next", form(call_sid, "in-progress")))[1]
        assert ("Play" in verbs(document)) == (gets == "the stream")
        socket = await there.upgrade(document.partition("/media/")[2].partition('"')[0])
        texts = TwilioTexts(StreamIds(phone.ids.account_sid, call_sid, new_stream_sid()))
        for text in (CONNECTED, texts.start({})):
            await socket.send_str(text)
        await until(lambda: there.model.sessions and ("system", DIGITS_IN_DOUBT) in told(there, 0))
        await socket.send_str(texts.stop())
        here.bridge(call_sid).shutdown("line_lost")
        await here.quiet()
        await socket.close()


async def _goes_on(instance: Instance, phone: SimulatedPhone, token: str, process: int) -> None:
    """The next stream comes to `process`, and the caller hangs up on it."""
    texts = TwilioTexts(StreamIds(phone.ids.account_sid, phone.ids.call_sid, new_stream_sid()))
    with instance.only(process):
        connecting = asyncio.create_task(instance.upgrade(token))
        await asyncio.wait([connecting], timeout=0.5)
    socket: Any = await connecting
    for text in (CONNECTED, texts.start({})):
        await socket.send_str(text)
    await until(lambda: instance.logged("stream_back"))
    await socket.send_str(texts.stop())
    await until(lambda: instance.reasons == ["caller_hung_up"])
    await socket.close()
