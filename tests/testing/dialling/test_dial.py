from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from bot.testing.dialling.dial import DialResult, dial, new_call_sid, new_stream_sid
from bot.testing.dialling.signed_webhook import DialFailed, check_answer, parse_document, signed_url
from bot.testing.dialling.stream_socket import StreamFailed, requested_url, stream_signature
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from tests.waiting import GIVE_UP_S

TOKEN = "12345"
HANG_UP = "<Response><Hangup/></Response>"


class Bot:
    """A small bot on aiohttp that keeps all it was asked. `talk` handles an open stream after its start."""

    def __init__(self, talk: Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]] | None = None) -> None:
        self.talk = talk
        self.answer = '<Response><Connect action="/next"><Stream url="{ws}/media/T"/></Connect></Response>'
        self.next = HANG_UP
        self.content_type = "text/xml"
        self.status = 200
        self.upgrade_status = 101
        self.forms: list[tuple[str, dict[str, str], str]] = []
        self.headers: list[tuple[str, str]] = []
        self.got: list[dict[str, Any]] = []
        self.close: tuple[int | None, bool] = (None, False)
        self.over = asyncio.Event()
        self.origin = ""

    async def voice(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append((request.path, form, request.headers["X-Twilio-Signature"]))
        document = self.answer if request.path == "/voice" else self.next
        text = document.replace("{ws}", self.origin.replace("http", "ws"))
        return web.Response(text=text, content_type=self.content_type, status=self.status)

    async def media(self, request: web.Request) -> web.StreamResponse:
        self.headers = [(key.lower(), value) for key, value in request.headers.items()]
        if self.upgrade_status != 101:
            return web.Response(status=self.upgrade_status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        stopped = False
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            self.got.append(message.json())
            stopped = stopped or self.got[-1]["event"] == "stop"
            if self.got[-1]["event"] == "start" and self.talk:
                await self.talk(socket, self.got[-1])
        self.close = (socket.close_code, stopped)
        self.over.set()
        return socket


@contextlib.asynccontextmanager
async def serving(bot: Bot) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/voice", bot.voice)
    app.router.add_post("/next", bot.voice)
    app.router.add_get("/media/T", bot.media)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        bot.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield bot.origin
    finally:
        await runner.cleanup()


async def _call(bot: Bot, phone: SimulatedPhone, **knobs: Any) -> DialResult:
    """Dials, and fails if any task but this one is left afterwards."""
    async with serving(bot) as origin:
        before = asyncio.all_tasks()
        result = await dial(knobs.pop("url", f"{origin}/voice"), phone, auth_token=TOKEN, **knobs)
        if bot.got:
            await asyncio.wait_for(bot.over.wait(), GIVE_UP_S)
        left = asyncio.all_tasks() - before
        assert [task for task in left if "RequestHandler.start" not in repr(task)] == []  # those are the server's
    return result


def _sign(text: str) -> str:
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _media(audio: bytes) -> dict[str, Any]:
    return {"event": "media", "media": {"payload": base64.b64encode(audio).decode()}}


async def _greet(socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
    sid = start["streamSid"]
    await socket.send_json(_media(b"a" * 800) | {"streamSid": sid})
    await socket.send_json({"event": "mark", "streamSid": sid, "mark": {"name": "m"}})


async def _greet_and_close(socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
    await _greet(socket, start)
    await socket.close(code=1000)


async def test_a_call_that_the_caller_ends() -> None:
    bot = Bot(_greet)
    ids = StreamIds(call_sid=new_call_sid(), stream_sid=new_stream_sid())
    phone = SimulatedPhone(ids)
    phone.say(bytes(range(100, 200)) * 8, 0)
    phone.hang_up(400_000)
    result = await _call(bot, phone)
    events = [message["event"] for message in bot.got]
    assert events[:2] == ["connected", "start"]
    assert events[-1] == "stop"
    assert {"mark", "media"} < set(events)
    heard = b"".join(base64.b64decode(m["media"]["payload"]) for m in bot.got if m["event"] == "media")
    assert heard == b"".join(frame.audio for frame in phone.sent_frames)
    assert bot.close == (1000, True)
    assert (result.ending, result.hung_up_by, result.close_code) == ("caller_hung_up", "phone", 1000)
    assert len(result.documents) == 2
    assert [(path, form["CallStatus"]) for path, form, _ in bot.forms] == [
        ("/voice", "ringing"),
        ("/next", "completed"),
    ]
    assert phone.playout.heard_total_bytes(10**9) == 800
    assert result.violations == []
    assert result.answered_us is not None
    assert result.opened_us is not None
    assert result.first_audio_us is not None
    assert 0 < result.answered_us <= result.opened_us <= result.first_audio_us


async def test_the_webhook_and_the_upgrade_are_signed_as_twilio_signs_them() -> None:
    bot = Bot(_greet_and_close)
    await _call(bot, SimulatedPhone())
    for path, form, signature in bot.forms:
        assert signature == _sign(bot.origin + path + "".join(key + form[key] for key in sorted(form)))
    assert bot.forms[0][1]["FromCity"] == ""
    headers = dict(bot.headers)
    assert headers.pop("x-twilio-signature") == _sign(bot.origin.replace("http", "ws") + "/media/T")
    headers.pop("sec-websocket-key")
    assert headers == {
        "host": bot.origin.removeprefix("http://"),
        "user-agent": "Twilio.TmeWs/1.0",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "accept-encoding": "gzip",
    }


async def test_a_call_that_the_bot_ends() -> None:
    bot = Bot(_greet_and_close)
    bot.next = "<Response><Say>Sorry &amp; goodbye.</Say><Hangup/></Response>"
    result = await _call(bot, phone := SimulatedPhone())
    assert (result.ending, result.hung_up_by, result.close_code) == ("hangup", "bot", 1000)
    assert result.said == ["Sorry & goodbye."]
    assert bot.forms[1][1]["CallStatus"] == "in-progress"
    assert "stop" not in [message["event"] for message in bot.got]
    assert phone.playout.heard_total_bytes(10**9) < 800  # the rest was still in the buffer


async def test_a_pause_lasts_as_long_as_it_says() -> None:
    bot = Bot(_greet_and_close)
    bot.answer = f'<Response><Pause length="1"/>{bot.answer.removeprefix("<Response>")}'
    result = await _call(bot, SimulatedPhone())
    assert result.answered_us is not None
    assert result.opened_us is not None
    assert result.opened_us - result.answered_us >= 1_000_000


async def test_an_abrupt_hang_up_breaks_the_connection() -> None:
    bot = Bot()
    phone = SimulatedPhone()
    phone.hang_up(50_000, abrupt=True)
    result = await _call(bot, phone)
    assert bot.close == (1006, False)
    assert (result.hung_up_by, result.close_code) == ("phone", 1006)


async def test_the_phone_hangs_up_at_the_limit() -> None:
    result = await _call(Bot(), SimulatedPhone(frames=False), limit_s=0.1)
    assert result.ending == "caller_hung_up"


async def test_a_refused_upgrade_falls_through_to_the_next_verb() -> None:
    bot = Bot()
    bot.upgrade_status = 403
    bot.answer = bot.answer.replace("</Connect>", "</Connect><Say>Sorry.</Say>")
    result = await _call(bot, SimulatedPhone())
    assert result.legs[0].failure == "31920 HTTP status 403 instead of 101"
    assert result.legs[0].status == 403
    assert (result.said, result.ending, len(result.documents)) == (["Sorry."], "end_of_document", 1)


async def test_a_second_connect_takes_the_second_phone_and_a_third_ends_the_call() -> None:
    bot = Bot(_greet_and_close)
    bot.next = bot.answer
    phones = [SimulatedPhone(StreamIds(stream_sid=new_stream_sid()), frames=False) for _ in range(2)]
    result = await _call(bot, phones[0], more_phones=phones[1:])
    assert [leg.phone for leg in result.legs] == phones
    assert [leg.close_code for leg in result.legs] == [1000, 1000]
    assert (result.ending, result.failure) == ("failed", "one more <Connect> than there are phones")


async def test_parameters_reach_start_and_the_query_is_dropped() -> None:
    bot = Bot(_greet_and_close)
    bot.answer = (
        '<Response><Connect><Stream url="{ws}/media/T?token=x#f"><Parameter name="a" value="1"/></Stream></Connect>'
        "<Dial><Number>+15555550102</Number></Dial></Response>"
    )
    result = await _call(bot, SimulatedPhone())
    assert bot.got[1]["start"]["customParameters"] == {"a": "1"}
    assert dict(bot.headers)["x-twilio-signature"] == _sign(bot.origin.replace("http", "ws") + "/media/T")
    assert (result.ending, result.dialled) == ("end_of_document", ["+15555550102"])


async def test_a_bot_behind_a_public_host_is_reached_via_its_own_origin() -> None:
    bot = Bot(_greet_and_close)
    bot.answer = bot.answer.replace("{ws}", "wss://bot.example.com")
    async with serving(bot) as origin:
        result = await dial(
            "https://bot.example.com/voice", SimulatedPhone(), auth_token=TOKEN, via=origin, signing="port_443"
        )
    assert result.failure == ""
    headers = dict(bot.headers)
    assert headers["host"] == "bot.example.com"
    assert headers["x-twilio-signature"] == _sign("wss://bot.example.com:443/media/T")


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"status": 403}, "11200"),
        ({"content_type": "text/plain"}, "12300"),
        ({"answer": "<Response>"}, "12100"),
        ({"answer": "<Answer/>"}, "12102"),
        ({"answer": ""}, "11770"),
        ({"answer": "<Response><Connect/></Response>"}, "12200"),
        ({"answer": "<Response><Redirect>/voice</Redirect></Response>"}, "11215"),
    ],
)
async def test_what_twilio_would_not_take_is_named(change: dict[str, Any], failure: str) -> None:
    bot = Bot()
    for name, value in change.items():
        setattr(bot, name, value)
    result = await _call(bot, SimulatedPhone())
    assert (result.ending, result.failure[:5], result.legs) == ("failed", failure, [])
    assert result.status == (403 if "status" in change else 200 if failure in ("12300", "11770") else 0)


async def test_nobody_there_is_a_failure_and_no_exception() -> None:
    result = await dial("http://127.0.0.1:1/voice", SimulatedPhone(), auth_token=TOKEN, limit_s=1)
    assert result.failure.startswith("11205")


async def test_cancelling_a_call_leaves_nothing_behind() -> None:
    bot = Bot()
    async with serving(bot) as origin:
        task = asyncio.create_task(dial(f"{origin}/voice", phone := SimulatedPhone(), auth_token=TOKEN))
        async with asyncio.timeout(GIVE_UP_S):
            while not phone.sent_frames:  # noqa: ASYNC110  a frame is seen only by looking
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(bot.over.wait(), GIVE_UP_S)


async def test_binary_and_garbage_from_the_bot_are_violations() -> None:
    async def misbehave(socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
        await socket.send_bytes(b"\x00")
        await socket.send_str(json.dumps({"event": "clear", "streamSid": start["streamSid"], "x": 1}))
        await socket.close()

    result = await _call(Bot(misbehave), SimulatedPhone())
    assert [violation[:5] for violation in result.violations] == ["31950", "31951"]


@pytest.mark.parametrize(
    ("signing", "signed", "known"),
    [
        ("plain", "wss://bot.example.com/media", "/wAl+WqMkvPvBcVutOs5CBheh4o="),
        ("trailing_slash", "wss://bot.example.com/media/", "f0GK/9EAuNavCJjNxnbDtImedyg="),
        ("port_443", "wss://bot.example.com:443/media", "1N/8qt47sGq1vyoTnooVz+S5NiU="),
        ("https_scheme", "https://bot.example.com/media", "RmpTaLog4wmoRz2O4SGhZbwdgmY="),
    ],
)
def test_the_ways_to_sign_an_upgrade(signing: Any, signed: str, known: str) -> None:
    assert stream_signature(TOKEN, "wss://bot.example.com/media", signing) == _sign(signed) == known


def test_an_upgrade_may_be_signed_with_another_s_token() -> None:
    signature = stream_signature(TOKEN, "wss://bot.example.com/media", "wrong_token")
    assert len(signature) == 28
    assert signature not in {
        _sign(f"{scheme}://bot.example.com{port}/media{end}")
        for scheme in ("wss", "https")
        for port in ("", ":443")
        for end in ("", "/")
    }


def test_only_wss_is_dialled_but_on_loopback() -> None:
    assert requested_url("wss://h/p?q=1") == "wss://h/p"
    assert requested_url("ws://127.0.0.1:5/p") == "ws://127.0.0.1:5/p"
    with pytest.raises(StreamFailed, match="31922"):
        requested_url("ws://bot.example.com/p")


def test_urls_are_signed_without_user_fragment_and_https_port() -> None:
    assert signed_url("https://u:p@h.example:8443/voice?a=%20#rc=2") == "https://h.example/voice?a=%20"
    assert signed_url("http://u:p@h.example:8080/voice") == "http://h.example:8080/voice"


def test_a_document_over_64_kb_is_refused() -> None:
    with pytest.raises(DialFailed, match="11750"):
        check_answer(200, "text/xml", bytes(65_537))
    assert parse_document(HANG_UP)[0].tag == "Hangup"
