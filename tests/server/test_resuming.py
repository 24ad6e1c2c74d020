"""A stream that broke: the call goes on, on another one, from where it was; and what follows when it can't."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, get_args
from unittest.mock import Mock

import aiohttp
import pytest

from bot.call.transcript.past_turns import CARRY_ON
from bot.server.bookkeeping.store_service import keeping
from bot.server.directory import call_endings
from bot.server.http.voice_webhooks.voice_next import what_follows
from bot.server.shared.call_registry import Known
from bot.server.shared.resumption import MAX_LEGS, Past
from bot.server.shared.store_lookup import Stored
from bot.store.results import StoredCall
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.dialling.dial import DialResult, new_call_sid, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from bot.testing.model import Behaviour
from bot.testing.model.server import Door
from tests.server.balancer import Balancer
from tests.server.bookkeeping.test_call_records import stored
from tests.server.calls.sessions.test_model_sessions import SORRY
from tests.server.http.operators.test_metrics_route import above_zero, found
from tests.server.simulated_server import (
    ACCOUNT,
    GREETING,
    QUICK,
    ServerUnderTest,
    a_phone,
    form,
    heard,
    standing,
    stream_of,
    until,
)
from tests.server.test_webhooks import verbs
from tests.waiting import GIVE_UP_S

AGAIN = Reply([Spoken(pattern(300, "again"), "As I was saying.")], pacing=QUICK)
PERSON = "+15555550123"


def on_another_stream(phone: SimulatedPhone) -> SimulatedPhone:
    """The phone of the same call on its next stream."""
    return SimulatedPhone(StreamIds(phone.ids.account_sid, phone.ids.call_sid, new_stream_sid()))


def told(desk: ServerUnderTest, session: int) -> list[tuple[str, str]]:
    """Role and text of the items that a session was told, or made."""
    conversation = desk.model.sessions[session].conversation
    return [(one.role, "".join(part.get("text", "") for part in one.content())) for one in conversation]


@asynccontextmanager
async def broken_call(
    desk: ServerUnderTest, *more: SimulatedPhone, phone: SimulatedPhone
) -> AsyncIterator[asyncio.Task[DialResult]]:
    """A call whose greeting was heard and whose line then broke; it is followed on the phones `more`."""
    async with Balancer([int(desk.origin.rpartition(":")[2])]) as line:
        calling = asyncio.create_task(
            ServerUnderTest.dial(ServerUnderTest(**{**vars(desk), "origin": line.origin}), phone, more_phones=more)
        )
        await until(lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
        await until(lambda: desk.bridge(phone.ids.call_sid).call.state.value == "listening")
        line.cut()
        yield calling
        result = await calling
        assert result.failure == ""


async def test_a_call_whose_line_broke_goes_on_without_a_greeting(tmp_path: Path) -> None:
    behaviours = iter([Behaviour(), Behaviour()])
    async with standing(
        GREETING, AGAIN, keep=keeping, BOT_RECORD_DIR=str(tmp_path), behaviour=lambda: next(behaviours)
    ) as desk:
        phone = a_phone()
        after = on_another_stream(phone)
        async with broken_call(desk, after, phone=phone) as calling:
            await until(lambda: len(heard(after)) >= 1600)
            call = desk.bridge(phone.ids.call_sid).call
            assert call.settings.elapsed_s > 0
            after.hang_up(0)
            result = await calling
        assert (result.ending, result.said, len(result.legs)) == ("caller_hung_up", [], 2)
        await desk.quiet()
        assert desk.reasons == ["line_lost", "caller_hung_up"]
        assert told(desk, 1)[:2] == [("assistant", "Hello."), ("system", CARRY_ON)]
        (resumed,) = desk.logged("call_resumed")
        assert (resumed["leg"], resumed["turns"]) == (1, 1)
        kept: StoredCall = await stored(desk, phone.ids.call_sid)
        assert (kept.summary.reason, kept.summary.leg) == ("caller_hung_up", 1)
        assert [turn.number for turn in kept.turns] == [1, 2]
        assert kept.turns[0].ended_us < kept.turns[1].began_us  # type: ignore[operator]
        assert [usage.usage.number for usage in kept.usages] == [1, 1_000_001]
        assert kept.summary.nano_usd == sum(one.usage.nano_usd for one in kept.usages)
        assert len({event.number for event in kept.events}) == len(kept.events)


@pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", ""])
async def test_a_caller_who_is_gone_is_not_carried_on(status: str) -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        desk.bridge(call_sid).shutdown("line_lost")
        document = (await desk.post("/voice/next", form(call_sid, status)))[1]
        assert verbs(document) == ["Say", "Hangup"]
        assert len(desk.calls.directory) == 0


Cut = Literal["1000", "1001", "1006", "stop"]


async def cut_off(desk: ServerUnderTest, how: Cut) -> str:
    """A call whose stream is over, though nobody has hung up: its SID."""
    async with desk.stream() as hand:
        await until(lambda: hand.bridge.call.started and hand.bridge.call.uplink.ready)
        if how == "stop":
            await hand.socket.send_str(hand.texts.stop())
        elif how == "1006":
            hand.socket._response.connection.transport.abort()  # type: ignore[union-attr]
        else:
            await hand.socket.close(code=int(how))
        await until(lambda: hand.bridge.call.ended)
        assert hand.bridge.call.ended == ("caller_hung_up" if how == "stop" else "line_lost")
        await desk.quiet()
    return hand.ids.call_sid


@pytest.mark.parametrize("how", get_args(Cut))
async def test_a_stream_that_was_closed_in_good_order_goes_on_while_the_caller_is_there(how: Cut) -> None:
    async with standing(GREETING) as desk:
        call_sid = await cut_off(desk, how)
        document = (await desk.post("/voice/next", form(call_sid, "in-progress")))[1]
        assert verbs(document)[0] == "Connect"
        assert desk.calls.registry.counts().live == 1
        socket = await desk.upgrade(stream_of(document).rpartition("/")[2])
        texts = TwilioTexts(StreamIds(ACCOUNT, call_sid, new_stream_sid()))
        for text in (CONNECTED, texts.start({}), texts.stop()):
            await socket.send_str(text)
        await desk.quiet()
        await socket.close()
        counted = above_zero(await found(desk), "call_seconds_count")
        first = {} if how == "stop" else {("call_seconds_count", "line_lost"): 1}
        assert counted == {**first, ("call_seconds_count", "caller_hung_up"): 1}  # not two hang-ups of one caller
        assert verbs((await desk.next(call_sid))[1]) == ["Hangup"]
        assert verbs((await desk.post("/voice/next", form(call_sid, "in-progress")))[1]) == ["Hangup"]
        assert len(desk.calls.directory) == 0


@pytest.mark.parametrize("how", get_args(Cut))
@pytest.mark.parametrize("status", ["completed", "canceled"])
async def test_where_twilio_says_that_the_call_is_over_it_is_over_here(how: Cut, status: str) -> None:
    async with standing(GREETING) as desk:
        call_sid = await cut_off(desk, how)
        assert (await desk.post("/voice/status", form(call_sid, status)))[0] == 204
        assert verbs((await desk.post("/voice/next", form(call_sid, "in-progress")))[1]) == ["Hangup"]
        assert (len(desk.calls.directory), len(desk.model.sessions), desk.calls.registry.counts().live) == (0, 1, 0)


async def test_a_call_that_is_over_at_twilio_s_does_not_wait_for_its_stream_to_close() -> None:
    async with standing(GREETING) as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.started)
        for status in ("in-progress", "ringing", "completed"):
            assert hand.bridge.call.ended is None
            await desk.post("/voice/status", form(hand.ids.call_sid, status))
        assert hand.bridge.call.ended == "caller_hung_up"
        await desk.quiet()
        assert (await desk.post("/voice/status", form(new_call_sid(), "completed")))[0] == 204  # nobody's


async def test_a_call_that_breaks_again_and_again_is_given_up() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        seen = []
        for _ in range(MAX_LEGS + 2):
            live = desk.calls.directory.find(call_sid)
            if live is None:
                break
            live.bridge.shutdown("line_lost")
            seen.append(verbs((await desk.post("/voice/next", form(call_sid, "in-progress")))[1])[0])
        assert seen == ["Connect", "Say"]  # the second stream had not lasted
        assert [entry["why"] for entry in desk.logged("call_not_resumed")] == ["too_often"]


async def test_a_request_that_is_repeated_gives_the_same_session_another_token() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        desk.bridge(call_sid).shutdown("line_lost")
        documents = [(await desk.post("/voice/next", form(call_sid, "in-progress")))[1] for _ in range(3)]
        assert [verbs(one)[0] for one in documents] == ["Connect"] * 3
        tokens = [stream_of(one).rpartition("/")[2] for one in documents]
        assert [await desk.refused(token) for token in tokens[:2]] == [403, 403]
        async with await desk.upgrade(tokens[2]) as stream:
            await stream.close()
        await desk.quiet()
        assert len(desk.calls.directory) == 0
        assert desk.reasons == ["line_lost", "line_lost"]


async def test_a_call_that_nobody_knows_gets_the_apology() -> None:
    async with standing() as desk:
        document = (await desk.post("/voice/next", form(new_call_sid(), "in-progress")))[1]
        assert verbs(document) == ["Say", "Hangup"]
        assert SORRY in document


async def failing(desk: ServerUnderTest, **knobs: Any) -> DialResult:
    """A call whose model is lost for good."""
    phone = a_phone()
    calling = asyncio.create_task(desk.dial(phone, **knobs))
    await until(lambda: phone.received)
    desk.bridge(phone.ids.call_sid).shutdown("internal_error")
    return await calling


@pytest.mark.parametrize(
    ("person", "said", "reason"),
    [
        ("answers", [], "transferred"),
        ("is_busy", [SORRY], "internal_error"),
        ("does_not_answer", [SORRY], "internal_error"),
    ],
)
async def test_a_call_that_fails_is_put_through_to_the_person_chosen(
    tmp_path: Path, person: Any, said: list[str], reason: str
) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path), BOT_FALLBACK=PERSON) as desk:
        result = await failing(desk, person=person)
        assert result.dialled == [PERSON]
        assert result.said == ["One moment, please. I am connecting you to a colleague.", *said]
        assert 'callerId="+15555550101"' in result.documents[1]
        call = await stored(desk, re.findall("CA[0-9a-f]{32}", str(desk.logged("call_started")))[0])
        assert call.summary.reason == reason
        assert call.events[-1].name == "dialled"


@pytest.mark.parametrize(
    "number",
    ["anonymous", "+266696687", "+17378742833", "+1266696687", "+12562533", "sip:x@example.com", "client:bob", ""],
)
async def test_a_caller_without_a_number_is_shown_as_the_number_they_called(number: str) -> None:
    async with standing(BOT_FALLBACK=PERSON) as desk:
        result = await failing(desk, from_number=number)
        assert 'callerId="+15555550100"' in result.documents[1]
        assert result.dialled == [PERSON]


@pytest.mark.parametrize(("seconds", "said"), [(7, ["Thank you for your message. Goodbye."]), (0, [])])
async def test_a_call_that_fails_may_leave_a_message(tmp_path: Path, seconds: int, said: list[str]) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path), BOT_FALLBACK="voicemail") as desk:
        result = await failing(desk, message_s=seconds)
        assert (result.ending, result.recorded) == ("hangup", int(seconds > 0))
        assert result.said[1:] == said
        left = desk.logged("message_left")
        assert [entry["seconds"] for entry in left] == [seconds] * bool(seconds)
        if left:
            call = await stored(desk, left[0]["call_sid"])
            assert call.events[-1].name == "message_left"
            assert call.events[-1].details["recording_sid"] == left[0]["recording_sid"] != ""


async def test_what_is_told_twice_of_a_call_that_is_over_is_one_event(tmp_path: Path) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        call_sid = new_call_sid()
        for sid, seconds in (("RE1", 7), ("RE1", 7), ("RE2", 3)):
            fields = [("RecordingSid", sid), ("RecordingUrl", ""), ("RecordingDuration", str(seconds))]
            assert (await desk.post("/voice/recorded", [*form(call_sid, "in-progress"), *fields]))[0] == 200
        told = [one.details["recording_sid"] for one in (await stored(desk, call_sid)).events]
        assert sorted(told) == ["RE1", "RE2"]


@pytest.mark.parametrize("path", ["/voice/recorded", "/voice/dialled"])
async def test_only_twilio_may_say_what_became_of_a_call(path: str) -> None:
    async with standing() as desk:
        fields = [*form(new_call_sid(), "in-progress"), ("RecordingUrl", "https://evil.example.com")]
        assert (await desk.post(path, fields, token=None))[0] == 403
        assert (await desk.post(path, [("CallSid", "CA1")]))[0] == 400
        assert desk.logged("message_left") == []


# ---- what follows a stream that only Twilio knows to be over ----


async def test_a_broken_stream_is_asked_about_and_a_hang_up_is_not() -> None:
    """A drain waits for that."""
    async with standing() as desk:
        async with desk.stream():
            pass
        await desk.quiet()
        assert desk.calls.registry.counts(5).unasked == 0
        async with desk.stream() as hand:
            hand.bridge.phone_closed(1006)
        await desk.quiet()
        assert desk.reasons == ["caller_hung_up", "line_lost"]
        assert desk.calls.registry.counts(5).unasked == 1
        await desk.next(hand.ids.call_sid)
        assert desk.calls.registry.counts(5).unasked == 0


async def test_a_stream_that_still_seems_to_be_there_is_over_when_twilio_asks_what_follows() -> None:
    """There is one live call under its SID at any time, and it is the one that goes on."""
    async with standing(GREETING, AGAIN, BOT_GREETING="Hello.") as desk:
        call_sid = new_call_sid()
        async with desk.stream(call_sid) as first:
            await until(lambda: first.bridge.call.state.value == "listening")
            status, document = await desk.post("/voice/next", form(call_sid, "in-progress"))
            assert (status, verbs(document)) == (200, ["Connect", "Say", "Hangup"])
            assert "/voice/next?leg=1#rc=5" in document
            assert first.bridge.call.ended == "line_lost"
            live = desk.calls.directory.find(call_sid)
            assert live is not None
            assert (live.past.leg, live.bridge is first.bridge, desk.calls.registry.counts().live) == (1, False, 1)
            second = await desk.upgrade(stream_of(document).rpartition("/")[2])
            await until(lambda: live.bridge.attached)
            # The same question, played again: the second stream is not touched.
            again = await desk.post("/voice/next", form(call_sid, "in-progress"))
            assert (again[0], verbs(again[1])) == (200, ["Hangup"])
            assert desk.calls.directory.find(call_sid) is live
            assert live.bridge.call.ended is None
            await second.close()
        await desk.quiet()
        assert desk.reasons == ["line_lost", "line_lost"]
        assert desk.calls.registry.counts().live == 0


@pytest.mark.parametrize(("leg", "follows"), [(0, "stale"), (1, "go_on")])
async def test_a_question_about_an_earlier_stream_leaves_the_one_of_another_process_alone(
    leg: int, follows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the second stream, as the registry and the store say. Of that it may be over before we know."""
    call_sid = new_call_sid()

    async def find(_sid: str) -> Stored:
        return Stored("", Past(time.time(), leg=1))

    async with standing() as desk:
        monkeypatch.setattr(call_endings, "SETTLE_S", 0.01)
        monkeypatch.setattr(desk.calls, "store_lookup", Mock(find=find, shared=False))
        monkeypatch.setattr(desk.calls.registry, "known", lambda _sid: Known(claimed=True))
        assert await what_follows(desk.calls, call_sid, there=True, held=0, leg=leg) == follows
        monkeypatch.undo()
        assert len(desk.calls.directory) == (follows == "go_on")
        if follows == "go_on":
            desk.bridge(call_sid).shutdown("caller_hung_up")


@pytest.mark.parametrize(("chosen", "verb"), [("apology", "Say"), ("voicemail", "Record"), (PERSON, "Dial")])
async def test_what_the_operator_chose_follows_a_model_that_refused_before_the_stream_came(
    chosen: str, verb: str
) -> None:
    async with standing(door=Door(http_status=401), BOT_FALLBACK=chosen) as desk:
        phone = a_phone()
        call_sid = phone.ids.call_sid
        token = await desk.token(call_sid)
        await desk.quiet()
        socket = await desk.upgrade(token)
        await socket.send_str(CONNECTED)
        assert (await asyncio.wait_for(socket.receive(), GIVE_UP_S)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1000
        await socket.close()
        status, document = await desk.post("/voice/next", form(call_sid, "in-progress"))
        assert status == 200
        assert verb in verbs(document)


async def test_a_token_that_was_used_is_refused_also_when_its_call_has_failed_since() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        socket = await desk.upgrade(token)
        await until(lambda: desk.bridge(call_sid).attached)
        desk.bridge(call_sid).shutdown("internal_error")
        await desk.quiet()
        await socket.close()
        assert await desk.refused(token) == 403


async def test_a_webhook_played_again_to_a_server_that_was_started_anew_dials_nothing(tmp_path: Path) -> None:
    env = {"BOT_RECORD_DIR": str(tmp_path)}
    async with standing(keep=keeping, **env) as desk:
        phone = a_phone()
        await desk.dial_until(phone, lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
        await desk.quiet()
        before = await stored(desk, phone.ids.call_sid)
    async with standing(keep=keeping, **env) as desk:
        status, document = await desk.voice(phone.ids.call_sid)
        assert (status, verbs(document)) == (200, ["Hangup"])
        status, document = await desk.post("/voice/next", form(phone.ids.call_sid, "in-progress"))
        assert (status, verbs(document)) == (200, ["Hangup"])
        assert (len(desk.calls.directory), desk.calls.registry.counts().live, desk.model.sessions) == (0, 0, [])
        await desk.works()
        assert await stored(desk, phone.ids.call_sid) == before


async def test_a_webhook_of_another_instance_s_call_played_again_is_answered_at_once_and_let_go_of(
    tmp_path: Path,
) -> None:
    """Its dial and its answer do not wait for the store, which is asked beside."""
    env = {"BOT_RECORD_DIR": str(tmp_path)}
    async with standing(keep=keeping, **env) as here:
        async with standing(keep=keeping, **env) as there:
            phone = a_phone()
            await there.dial_until(phone, lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
            await there.quiet()
            before = await stored(there, phone.ids.call_sid)
        token = await here.token(phone.ids.call_sid)
        await until(lambda: len(here.calls.directory) == 0)
        assert await here.refused(token) == 403
        assert (await here.voice(phone.ids.call_sid))[1].count("<Hangup") == 1
        assert (here.calls.registry.counts().live, len(here.logged("webhook_refused"))) == (0, 1)
        await here.works()
        after = await stored(here, phone.ids.call_sid)
        assert (after.turns, after.events) == (before.turns, before.events)
        told = ("started_at", "ended_at", "reason", "owner", "seconds")  # the session that was let go of has its cost
        assert [getattr(after.summary, one) for one in told] == [getattr(before.summary, one) for one in told]


async def test_a_new_call_is_dialled_and_answered_while_the_store_has_yet_to_say_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, told = asyncio.Event(), asyncio.Event()

    async def ended(_: str) -> None:
        asked.set()
        await told.wait()

    async with standing() as desk:
        monkeypatch.setattr(desk.calls.needless_sessions, "store_lookup", Mock(ended=ended, shared=False))
        call_sid = new_call_sid()
        await desk.token(call_sid)
        await until(lambda: desk.model.sessions)
        await asked.wait()
        assert not told.is_set()
        told.set()
        await desk.next(call_sid)
