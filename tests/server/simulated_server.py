"""The real server between a simulated Realtime server and simulated phones, all over loopback sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from structlog.testing import LogCapture

from bot.config import Settings, load_settings
from bot.realtime.session import Dialect
from bot.recording.files.recorder import Recorder
from bot.server.bookkeeping.store_service import StoreService
from bot.server.calls.bridge import Bridge
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app import running
from bot.server.http.app_keys import CALLS, Mount
from bot.testing.agent import Agent, Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.dialling.dial import DialResult, dial, new_call_sid, new_stream_sid
from bot.testing.dialling.signed_webhook import Caller, parse_document, signature
from bot.testing.dialling.stream_socket import Signing, stream_signature
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import Door, SimulatedRealtimeServer
from bot.testing.virtual.client_event_schema import check_client_event
from tests.waiting import GIVE_UP_S

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
API_KEY = "sk-proj-desk0123456789abcdef"
ACCOUNT = "AC" + "5" * 32
PUBLIC_URL = "https://bot.example.com"
QUICK = Pacing(speed=0, first_audio_ms=10)
GREETING = Reply([Spoken(pattern(200, "greeting"), "Hello.")], pacing=QUICK)
CODING = {"Content-Type": "application/x-www-form-urlencoded"}


async def until(holds: Callable[[], Any], *, within_s: float = GIVE_UP_S, or_fail: bool = True) -> None:
    """Wait until `holds`, looking again soon at first and then once a frame: each look is work that calls wait for."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    give_up_s = began_s + within_s
    while not holds():
        if loop.time() > give_up_s:
            assert not or_fail, f"did not come about within {within_s} s"
            return
        await asyncio.sleep(min(max(loop.time() - began_s, 0.003), 0.02))


class Stopwatch:
    """Seconds in which this process ran or had nothing to do. What it waited for a processor is not its own.

    Bounds in seconds are promises of the bot's; on a machine that has more to run than processors they'd say nothing.
    """

    def __init__(self) -> None:
        self._began_s = self._now_s()

    @property
    def seconds(self) -> float:
        return self._now_s() - self._began_s

    def _now_s(self) -> float:
        try:
            waited_ns = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
        except OSError:  # only Linux tells
            waited_ns = 0
        return time.monotonic() - waited_ns / 1e9


@dataclass
class Reach:
    """Twilio's way to a running server, whatever processes it has; `origin` is where it listens."""

    settings: Settings
    origin: str
    model: SimulatedRealtimeServer
    http: aiohttp.ClientSession

    # ---- webhooks by hand ----

    async def post(
        self,
        path: str,
        form: Sequence[tuple[str, str]] | bytes = (),
        *,
        token: str | None = AUTH_TOKEN,
        public_url: str = "",
        signed_path: str = "",
    ) -> tuple[int, str]:
        """Status and body of a webhook, signed over `public_url` + `signed_path` (the true one and `path`)."""
        url = (public_url or self.settings.public_url) + (signed_path or path)
        fields = [] if isinstance(form, bytes) else list(form)
        headers = {} if token is None else {"X-Twilio-Signature": signature(token, url, fields)}
        if isinstance(form, bytes):
            asking = self.http.post(self.origin + path, data=form, headers={**headers, **CODING})
        else:
            asking = self.http.post(self.origin + path, data=fields, headers=headers)
        async with asking as answer:
            return answer.status, await answer.text()

    async def voice(self, call_sid: str, **knobs: Any) -> tuple[int, str]:
        return await self.post("/voice", form(call_sid), **knobs)

    async def next(self, call_sid: str) -> tuple[int, str]:
        return await self.post("/voice/next", form(call_sid, "completed"))

    async def token(self, call_sid: str) -> str:
        """The stream token of a call that is answered."""
        status, text = await self.voice(call_sid)
        assert status == 200, text
        return stream_of(text).rpartition("/")[2]

    # ---- streams by hand ----

    async def upgrade(
        self, token: str, *, signing: Signing = "plain", signed: bool = True, under: str = ""
    ) -> aiohttp.ClientWebSocketResponse:
        """The stream's socket of `token`, asked for below the path `under`. Raises WSServerHandshakeError."""
        url = f"{self.settings.public_url.replace('http', 'ws', 1)}/media/{token}"
        headers = {"X-Twilio-Signature": stream_signature(AUTH_TOKEN, url, signing)} if signed else {}
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        return await self.http.ws_connect(f"{self.origin}{under}/media/{token}", headers=headers, timeout=timeout)

    async def refused(self, token: str, **knobs: Any) -> int:
        """The status with which the upgrade is refused."""
        try:
            socket = await self.upgrade(token, **knobs)
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        await socket.close()
        raise AssertionError("the stream was let in")

    # ---- whole calls ----

    async def dial(self, phone: SimulatedPhone, *, limit_s: float = GIVE_UP_S, **knobs: Any) -> DialResult:
        """A whole call by a simulated phone that is never given cause for complaint."""
        url = f"{self.settings.public_url}/voice"
        result = await dial(url, phone, auth_token=AUTH_TOKEN, via=self.origin, limit_s=limit_s, **knobs)
        assert result.violations == []
        return result

    async def dial_until(self, phone: SimulatedPhone, enough: Callable[[], Any], **knobs: Any) -> DialResult:
        """A whole call whose caller hangs up as soon as it is `enough`, or when somebody else has ended it."""
        calling = asyncio.create_task(self.dial(phone, **knobs))
        try:
            await until(lambda: enough() or calling.done())
            phone.hang_up(0)
            return await calling
        finally:
            calling.cancel()

    async def ready(self) -> tuple[int, str]:
        """Status and text of /readyz."""
        async with self.http.get(self.origin + "/readyz") as answer:
            return answer.status, await answer.text()


@dataclass
class ServerUnderTest(Reach):
    """A server in this process. `logs` are its structlog events."""

    app: web.Application
    logs: list[Any]
    kept: StoreService | None = None

    # ---- looking ----

    @property
    def calls(self) -> LiveCalls:
        return self.app[CALLS]

    def bridge(self, call_sid: str) -> Bridge:
        live = self.calls.directory.find(call_sid)
        assert live is not None
        return live.bridge

    def logged(self, event: str) -> list[Any]:
        return [entry for entry in self.logs if entry["event"] == event]

    @property
    def reasons(self) -> list[str]:
        """Reasons for the ends of the calls, in order."""
        return [entry["reason"] for entry in self.logged("call_ended")]

    async def quiet(self, within_s: float = GIVE_UP_S) -> None:
        """Wait until no call and no session but idle ones is left."""
        pool = self.calls.starter.pool
        await until(lambda: not len(self.calls.directory) and self.model.open_sessions <= len(pool), within_s=within_s)

    # ---- calls ----

    @contextlib.asynccontextmanager
    async def stream(self, call_sid: str = "", *, started: bool = True) -> AsyncIterator[HandStream]:
        """A stream whose every message is written by the test."""
        ids = StreamIds(ACCOUNT, call_sid or new_call_sid(), new_stream_sid())
        socket = await self.upgrade(await self.token(ids.call_sid))
        hand = HandStream(self, socket, ids)
        try:
            if started:
                await socket.send_str(CONNECTED)
                await socket.send_str(hand.texts.start({}))
            yield hand
        finally:
            with contextlib.suppress(aiohttp.ClientConnectionResetError):
                await socket.send_str(hand.texts.stop())
            await socket.close()

    async def works(self) -> None:
        """One more call: the greeting is heard to its last byte and the caller hangs up."""
        await self.quiet()
        before = len(self.reasons)
        phone = a_phone()
        result = await self.dial_until(phone, lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
        assert heard(phone) == GREETING.items[0].audio
        assert (result.ending, result.failure) == ("caller_hung_up", "")
        await self.quiet()
        assert self.reasons[before:] == ["caller_hung_up"]


@dataclass
class HandStream:
    """An open stream written by hand."""

    desk: ServerUnderTest
    socket: aiohttp.ClientWebSocketResponse
    ids: StreamIds

    def __post_init__(self) -> None:
        self.texts = TwilioTexts(self.ids)
        self.bridge = self.desk.bridge(self.ids.call_sid)

    def frame(self, index: int, audio: bytes = b"\xff" * 160) -> str:
        return self.texts.media(base64.b64encode(audio).decode(), index * 20)

    async def counted(self, kind: str) -> None:
        """Wait until the call has counted one more `kind` than none."""
        await until(lambda: self.bridge.call.counts[kind])

    async def closed(self, within_s: float = GIVE_UP_S) -> int:
        """Read to the end of the stream: the close code the bot gave, 1006 for none."""
        async with asyncio.timeout(within_s):
            async for _ in self.socket:
                pass
        return self.socket.close_code or 1006


def a_phone(**knobs: Any) -> SimulatedPhone:
    """A phone of its own call; its caller says nothing unless told to."""
    return SimulatedPhone(StreamIds(ACCOUNT, new_call_sid(), new_stream_sid()), **knobs)


def an_asking_phone(**knobs: Any) -> SimulatedPhone:
    """A phone whose caller says a word as soon as the stream is open: the model may hang up after that."""
    phone = a_phone(**knobs)
    phone.say(pattern(300, "a word"), 100_000)
    return phone


def heard(phone: SimulatedPhone) -> bytes:
    """All the bot's audio that came to `phone`."""
    return b"".join(one.audio for one in phone.received)


def said(phone: SimulatedPhone) -> bytes:
    """All the caller's audio that `phone` sent."""
    return b"".join(frame.audio for frame in phone.sent_frames)


def form(call_sid: str, status: str = "ringing", account: str = ACCOUNT) -> list[tuple[str, str]]:
    return Caller(AUTH_TOKEN, account, call_sid).form(status)


def stream_of(document: str) -> str:
    """The stream's URL in the TwiML."""
    found = parse_document(document).find("Connect/Stream")
    assert found is not None, document
    return found.get("url", "")


def environment(url: str, **more: str) -> dict[str, str]:
    """The settings of a desk: quick turns, and nothing that costs time."""
    return {
        "OPENAI_API_KEY": API_KEY,
        "OPENAI_REALTIME_URL": url,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "PUBLIC_URL": PUBLIC_URL,
        "HOST": "127.0.0.1",
        "BOT_VAD_SILENCE_MS": "100",
        "BOT_FILLER_SECONDS": "60",  # what is heard is what was said, however slow this machine is
        "BOT_MAX_LAG_MS": "0",  # the phones and the model are in this process too, and other tests on this machine
        **more,
    }


def captured() -> list[Any]:
    """The log entries of this test so far and to come; they are shared by its desks."""
    captures = (one for one in structlog.get_config()["processors"] if isinstance(one, LogCapture))
    return next((capture.entries for capture in captures), [])


@contextlib.asynccontextmanager
async def standing(
    *replies: Reply,
    behaviour: Behaviour | Callable[[], Behaviour] | None = None,
    door: Door | None = None,
    model_url: str = "",
    checked: bool = True,
    pardoned: str = "never",
    keep: Callable[[Settings], contextlib.AbstractAsyncContextManager[StoreService | None]] | None = None,
    dialect: Dialect = "openai",
    mounts: Sequence[Mount] = (),
    agent: Agent | None = None,
    **env: str,
) -> AsyncIterator[ServerUnderTest]:
    """A desk. Ends with every call over, every session closed, and no complaint of the simulated model.

    `behaviour` may be a function, asked for each session anew. `checked`: every message to the model is held against
    the openai package's types, unless `dialect` has its own; `pardoned`: complaints that begin so are none; the server behaves as that says. `model_url`: dial that instead of the simulated server. `keep`: the call store's way in. `agent` speaks in place of `replies`, for all sessions.
    """

    def session(name: str) -> SimulatedModel:
        chosen = behaviour() if callable(behaviour) else behaviour
        check = check_client_event if checked and dialect != "xai" else None
        number = next(numbers)
        named = f"s{number}_" if number else ""
        speaker = agent or ScriptedAgent(replies or [GREETING])
        return SimulatedModel(speaker, chosen, model=name, check=check, dialect=dialect, name=named)

    numbers = itertools.count()

    async with contextlib.AsyncExitStack() as stack:
        model = await stack.enter_async_context(SimulatedRealtimeServer(session, door=door, dialect=dialect))
        settings = load_settings(environment(model_url or model.url, BOT_DIALECT=dialect, **env)).model_copy(
            update={"port": 0}
        )
        kept = await stack.enter_async_context(keep(settings)) if keep is not None else None
        app, port = await stack.enter_async_context(running(settings, keeping=kept, mounts=mounts))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        desk = ServerUnderTest(settings, f"http://127.0.0.1:{port}", model, http, app, captured(), kept)
        yield desk
        await desk.quiet()
        complaints = [complaint for one in model.sessions for complaint in one.violations]
        complaints = [one for one in complaints if not one.startswith(pardoned)]
        assert complaints == [], complaints
        assert desk.logged("internal_error") == []


def all_written() -> None:
    """Every call that is over is on the disk: the writer keeps order, so what is closed now is written last."""
    last = Recorder([])
    last.close()
    assert last.wait(10)
