"""The media WebSocket: who is let in, and what becomes of what comes over it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from bot.realtime.connection import RealtimeConnection
from bot.server.calls.phone_side import phone_socket
from bot.server.directory import stream_tokens
from bot.server.http import media_stream
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.signed_webhook import signature
from bot.testing.dialling.stream_socket import Signing
from bot.testing.model import Behaviour
from bot.twilio.token import LIFETIME_S, NONCE_BYTES, seal, stream_keys
from tests.realtime.raw_model import RawModel
from tests.server.simulated_server import AUTH_TOKEN, GREETING, PUBLIC_URL, HandStream, a_phone, heard, standing, until
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops

KEY = stream_keys([AUTH_TOKEN])[0]


# ---- the door ----


@pytest.mark.parametrize("signing", ["plain", "trailing_slash", "port_443"])
async def test_each_form_twilio_signs_a_stream_in_is_taken(signing: Signing) -> None:
    async with standing() as desk:
        phone = a_phone()
        result = await desk.dial_until(phone, lambda: heard(phone), signing=signing)
        assert (result.ending, result.failure) == ("caller_hung_up", "")
        assert heard(phone)


@pytest.mark.parametrize("signing", ["wrong_token", "https_scheme"])
async def test_a_stream_that_twilio_did_not_sign_is_refused_and_the_call_told(signing: Signing) -> None:
    async with standing() as desk:
        result = await desk.dial(a_phone(), signing=signing)
        assert result.legs[0].status == 403
        assert result.said == ["Sorry, we could not connect your call. Please try again in a few minutes. Goodbye."]
        (refusal,) = desk.logged("stream_refused")
        assert refusal["why"] == "wrong or missing signature"
        desk.bridge(result.legs[0].phone.ids.call_sid).shutdown("line_lost")
        await desk.works()


async def test_a_wrong_signature_spends_no_token() -> None:
    async with standing() as desk:
        token = await desk.token(new_call_sid())
        assert await desk.refused(token, signing="wrong_token") == 403
        assert await desk.refused(token, signed=False) == 403
        socket = await desk.upgrade(token)
        await socket.close()


async def test_a_token_works_once() -> None:
    async with standing() as desk:
        token = await desk.token(new_call_sid())
        socket = await desk.upgrade(token)
        assert await desk.refused(token) == 403
        await socket.close()
        await desk.quiet()
        assert await desk.refused(token) == 403
        assert len(desk.model.sessions) <= 1
        await desk.works()


async def test_a_token_is_void_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        late, in_time = await desk.token(call_sid), await desk.token(new_call_sid())
        now = time.time()
        monkeypatch.setattr(stream_tokens.time, "time", lambda: now + LIFETIME_S - 2)
        socket = await desk.upgrade(in_time)
        await socket.close()
        monkeypatch.setattr(stream_tokens.time, "time", lambda: now + LIFETIME_S)
        assert await desk.refused(late) == 403
        assert "expired" in desk.logged("stream_refused")[0]["why"]
        desk.bridge(call_sid).shutdown("line_lost")


async def test_a_token_that_is_not_ours_opens_nothing() -> None:
    async with standing() as desk:
        now, nonce = int(time.time()), bytes(NONCE_BYTES)
        forged = seal(new_call_sid(), now, nonce, stream_keys(["another token"])[0])
        for token in (forged, "x", "A" * 600, forged[:-1]):
            assert await desk.refused(token) == 403
        assert (len(desk.calls.directory), desk.model.sessions) == (0, [])


async def test_a_stream_that_lands_on_another_process_dials_afresh() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        token = seal(call_sid, int(time.time()), b"n" * NONCE_BYTES, KEY)
        socket = await desk.upgrade(token)
        await until(lambda: desk.model.open_sessions == 1)
        assert await desk.refused(token) == 403
        await socket.close()
        await desk.quiet()
        assert len(desk.model.sessions) == 1


async def test_a_call_has_one_stream() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        async with desk.stream(call_sid) as hand:
            await until(lambda: hand.bridge.call.started and desk.model.sessions)
            second = seal(call_sid, int(time.time()), b"2" * NONCE_BYTES, KEY)
            assert await desk.refused(second) == 403
            assert hand.bridge.call.ended is None
        await desk.quiet()
        assert len(desk.model.sessions) == 1


@pytest.mark.parametrize("how", ["plain", "old version"])
async def test_a_request_that_is_no_upgrade_is_told_so_and_spends_no_token(how: str) -> None:
    async with standing() as desk:
        token = await desk.token(new_call_sid())
        headers = {"X-Twilio-Signature": signed(token)}
        if how == "old version":
            headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "7"}
        async with desk.http.get(f"{desk.origin}/media/{token}", headers=headers) as answer:
            assert answer.status == (426 if how == "plain" else 400)
        async with desk.http.get(f"{desk.origin}/media/{token}") as answer:
            assert answer.status == 403
        socket = await desk.upgrade(token)
        await socket.close()


async def test_a_stream_that_comes_while_its_failed_call_is_being_closed_is_closed_too() -> None:
    """Twilio asks what follows then, and not after a refusal."""
    async with RawModel("ignores the close") as raw, standing(model_url=raw.url) as desk:
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        await raw.asked.wait()
        desk.bridge(call_sid).shutdown("internal_error")
        assert desk.calls.directory.find(call_sid) is not None
        for _ in range(2):
            socket = await desk.upgrade(token)
            assert (await asyncio.wait_for(socket.receive(), GIVE_UP_S)).type is aiohttp.WSMsgType.CLOSE
            await socket.close()
        assert (await desk.voice(call_sid))[1].count("<Hangup/>") == 1
        await desk.quiet()


def signed(token: str) -> str:
    return signature(AUTH_TOKEN, f"{PUBLIC_URL.replace('https', 'wss')}/media/{token}")


# ---- nonsense that a call survives ----

NONSENSE: list[tuple[str, str, str]] = [
    ("no JSON", "{", "refused_not_json"),
    ("empty", "", "refused_not_json"),
    ("deep", '{"event":"stop","streamSid":"{sid}","x":' + "[" * 30_000, "refused_not_json"),
    ("an unknown event", '{"event":"hello","streamSid":"MZ1"}', "refused_unknown_event"),
    ("no event", "{}", "refused_unknown_event"),
    ("a list", "[1]", "refused_bad_shape"),
    ("a media without a payload", '{"event":"media","streamSid":"{sid}","media":{}}', "refused_bad_shape"),
    (
        "a payload that is no base64",
        '{"event":"media","streamSid":"{sid}","media":{"payload":"@@@@","timestamp":"0"}}',
        "refused_bad_base64",
    ),
    (
        "a payload that would end the JSON",
        '{"event":"media","streamSid":"{sid}","media":{"payload":"AA\\"}","timestamp":"0"}}',
        "refused_bad_base64",
    ),
    (
        "a negative time",
        '{"event":"media","streamSid":"{sid}","media":{"payload":"","timestamp":"-1"}}',
        "refused_bad_shape",
    ),
    (
        "an empty frame",
        '{"event":"media","streamSid":"MZ9","media":{"payload":"","timestamp":"0"}}',
        "refused_bad_shape",
    ),
    (
        "a foreign stream",
        '{"event":"media","streamSid":"MZ9","media":{"payload":"/w==","timestamp":"0"}}',
        "foreign_stream",
    ),
    ("a foreign stop", '{"event":"stop","streamSid":"MZ9"}', "foreign_stream"),
    ("a foreign mark", '{"event":"mark","streamSid":"MZ9","mark":{"name":"e0.0"}}', "foreign_stream"),
]


@pytest.mark.parametrize(("what", "text", "counted"), NONSENSE, ids=[kind[0] for kind in NONSENSE])
async def test_nonsense_is_counted_and_the_call_goes_on(what: str, text: str, counted: str) -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await hand.socket.send_str(text.replace("{sid}", hand.ids.stream_sid))
            await hand.counted(counted)
            await goes_on(hand)
        await desk.quiet()
        assert desk.logged("call_ended")[0]["counts"][counted] == 1
        await desk.works()


async def test_a_binary_frame_is_counted() -> None:
    async with standing() as desk, desk.stream() as hand:
        await hand.socket.send_bytes(b"\x00" * 160)
        await hand.counted("refused_binary")
        await goes_on(hand)


async def test_a_second_start_is_counted() -> None:
    async with standing() as desk, desk.stream() as hand:
        await hand.socket.send_str(hand.texts.start({}))
        await hand.counted("duplicate_start")
        await goes_on(hand)


async def test_what_comes_before_start_is_counted() -> None:
    async with standing() as desk, desk.stream(started=False) as hand:
        for text in (hand.frame(0), hand.texts.mark("e0.0"), hand.texts.dtmf("1"), hand.texts.stop()):
            await hand.socket.send_str(text)
        await until(lambda: hand.bridge.call.counts["before_start"] == 4)
        await hand.socket.send_str(hand.texts.start({}))
        await goes_on(hand)


async def goes_on(hand: HandStream) -> None:
    """Assert that the caller's audio still reaches the model, and that the bot is heard."""
    desk = hand.desk
    await until(lambda: desk.model.sessions and hand.bridge.call.uplink.ready)
    before = len(desk.model.sessions[-1].heard)
    await hand.socket.send_str(hand.frame(1, b"\x12" * 160))
    await until(lambda: b"\x12" * 160 in desk.model.sessions[-1].heard[before:])
    async with asyncio.timeout(GIVE_UP_S):
        message: Any = {}
        while message.get("event") != "media":
            message = json.loads(await hand.socket.receive_str())


# ---- what ends a call ----


async def test_a_message_over_64_kib_closes_the_stream() -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.started)
            await hand.socket.send_str(hand.frame(0, b"\x00" * 50_000))
            assert await hand.closed() == 1009
        await desk.quiet()
        assert desk.reasons == ["line_lost"]
        assert [entry["code"] for entry in desk.logged("stream_lost")] == [1009]
        await desk.works()


@pytest.mark.parametrize("sends", ["nothing", "connected only", "frames only", "pings"])
async def test_a_socket_that_sends_no_start_is_closed(sends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert media_stream.START_S == 5.0
    monkeypatch.setattr(media_stream, "START_S", 0.2)
    async with standing() as desk:
        async with desk.stream(started=False) as hand:
            if sends == "connected only":
                await hand.socket.send_str('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            elif sends == "frames only":
                await hand.socket.send_str(hand.frame(0))
            elif sends == "pings":
                await hand.socket.ping()
            assert await hand.closed() == 1000
        await desk.quiet()
        assert desk.reasons == ["line_lost"]
        assert len(desk.logged("no_start")) == 1
        await desk.works()


async def test_a_stream_of_another_call_or_account_or_format_is_not_answered() -> None:
    async with standing() as desk:
        for part, value in (
            ("callSid", new_call_sid()),
            ("accountSid", "AC" + "6" * 32),
            ("mediaFormat", {"encoding": "audio/x-alaw", "sampleRate": 8000, "channels": 1}),
            ("mediaFormat", {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}),
        ):
            async with desk.stream(started=False) as hand:
                start = json.loads(hand.texts.start({}))
                start["start"][part] = value
                await hand.socket.send_str(json.dumps(start))
                async with asyncio.timeout(GIVE_UP_S):
                    assert (await hand.socket.receive()).type is aiohttp.WSMsgType.CLOSE
            await desk.quiet()
        assert set(desk.reasons) == {"refused"}
        assert len(desk.logged("stream_refused")) == 4
        await desk.works()


async def test_a_stop_ends_the_call_and_what_follows_it_is_nothing() -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.uplink.ready)
            await hand.socket.send_str(hand.frame(0))
            await hand.socket.send_str(hand.texts.stop())
            await hand.socket.send_str(hand.frame(1, b"\x34" * 160))
            await hand.socket.send_str("{")
            await hand.socket.send_str(hand.texts.stop())
            assert await hand.closed() == 1000
        await desk.quiet()
        assert desk.reasons == ["caller_hung_up"]
        assert b"\x34" not in desk.model.sessions[0].heard
        assert b"\xff" * 160 in desk.model.sessions[0].heard
        assert "refused_not_json" not in desk.logged("call_ended")[0]["counts"]
        await desk.works()


@pytest.mark.parametrize("how", ["reset", "end of file", "protocol error"])
async def test_a_broken_line_is_lost(how: str) -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.started)
            assert hand.socket._response.connection is not None
            transport = hand.socket._response.connection.transport
            assert transport is not None
            if how == "reset":
                transport.abort()
            elif how == "end of file":
                transport.write_eof()
            else:
                transport.write(b"\xff\xff\xff\xff\xff\xff")
            await desk.quiet()
        assert desk.reasons == ["line_lost"]
        await desk.works()


async def test_a_text_that_is_no_utf8_is_counted_and_the_call_goes_on() -> None:
    async with standing() as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.started)
        assert hand.socket._response.connection is not None
        hand.socket._response.connection.transport.write(b"\x81\x82\0\0\0\0\xff\xfe")
        await hand.counted("refused_not_json")
        await goes_on(hand)


async def test_two_calls_at_a_time_do_not_meet() -> None:
    async with standing() as desk, desk.stream() as one, desk.stream() as other:
        await one.socket.send_str("{")
        await one.counted("refused_not_json")
        await one.socket.send_str(one.texts.stop())
        await one.closed()
        await until(lambda: desk.calls.directory.find(one.ids.call_sid) is None)
        await goes_on(other)
        assert other.bridge.call.counts["refused_not_json"] == 0


# ---- the line itself ----


async def test_media_waits_while_the_phone_s_line_is_full_and_comes_whole_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_socket, "FULL_BYTES", 0)
    async with standing() as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: desk.calls.directory.find(phone.ids.call_sid))
        call = desk.bridge(phone.ids.call_sid).call
        await until(lambda: call.playout.waiting)
        assert (call.counts["phone_full"], heard(phone)) == (1, b"")
        monkeypatch.undo()
        await until(lambda: len(heard(phone)) == len(GREETING.items[0].audio))
        phone.hang_up(0)
        assert (await calling).ending == "caller_hung_up"
        assert heard(phone) == GREETING.items[0].audio
        assert not call.wants_room


async def test_what_comes_while_nobody_listens_is_no_fault_of_the_protocol() -> None:
    head = (
        "GET /media/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    line = phone_socket.PhoneSocket(head.encode())
    for text in (b"short", b"of medium length " * 20):
        line.data_received(Frame(Opcode.TEXT, text).serialize(mask=True))
    assert line._protocol.state is State.OPEN


async def test_no_message_waits_for_another_to_share_its_packet() -> None:
    async with standing() as desk, desk.stream() as hand:
        model = hand.bridge.model.connection
        await until(lambda: hand.bridge.call.uplink.ready)
        for side in (hand.bridge.streams.current, model):
            transport: Any = getattr(side, "_transport", None)
            line = transport.get_extra_info("socket")
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_was_kept_for_a_session_goes_to_it_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    send_all = RealtimeConnection.send_all

    def counting(connection: RealtimeConnection, texts: Sequence[bytes]) -> None:
        written.append(len(texts))
        send_all(connection, texts)

    monkeypatch.setattr(RealtimeConnection, "send_all", counting)
    async with standing(behaviour=Behaviour(updated_after_ms=300)) as desk, desk.stream() as hand:
        for index in range(10):
            await hand.socket.send_str(hand.frame(index))
        await until(lambda: hand.bridge.call.uplink.ready)
        assert hand.bridge.call.uplink.backlog_bytes >= 10 * 160
        assert max(written) > 10
