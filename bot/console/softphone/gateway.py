"""Twilio's part between a browser and this server: webhook, TwiML and stream, all signed, over loopback.

What the page shows is therefore what a telephone would get. The browser sends its microphone as binary messages of
mu-law and commands as JSON; it gets what is played as binary messages, and news as JSON. Only who may open the
operator's pages gets here.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import WSMsgType, web

from bot.config import Settings
from bot.config.values.caller_lists import e164
from bot.console.live.live_feed import FEED, LiveFeed
from bot.console.softphone.browser_phone import BrowserPhone
from bot.console.softphone.live_microphone import PROFILES, LineProfile, LiveMicrophone
from bot.console.softphone.told_to_browser import told
from bot.server.http.app_keys import SETTINGS
from bot.testing.dialling.dial import DialResult, dial, new_call_sid, new_stream_sid
from bot.testing.handset.twilio_texts import StreamIds

CALLER = "client:browser-phone"
"""From of its calls, spelt as Twilio spells a softphone."""
LONGEST_S = 3600.0
PLAY_S = 0.02
"""Seconds between two looks at what has been played."""
MOST_WAITING_BYTES = 64_000
"""Bytes of audio that may wait for a browser: more is dropped, a browser that stands still shall not fill memory."""
KEYS = frozenset("0123456789*#")
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger()


async def call(request: web.Request) -> web.WebSocketResponse:
    """GET /softphone/call: a call, for as long as the socket is open. `line` names a profile, `to` a dialled number."""
    socket = web.WebSocketResponse(max_msg_size=8 * 1024, heartbeat=20.0, compress=False)
    await socket.prepare(request)
    line = PROFILES.get(request.query.get("line", ""), PROFILES["clean"])
    gateway = _Gateway(request.app[SETTINGS], request.app[FEED], socket, line)
    await gateway.run(_own_origin(request), e164(request.query.get("to", "")))
    return socket


def _own_origin(request: web.Request) -> str:
    """Origin at which this server listens, as this very request has found it."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if not isinstance(name, tuple):
        return urlsplit(request.app[SETTINGS].public_url)._replace(path="", query="").geturl()
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"


class _Gateway:
    """One browser and its call."""

    def __init__(self, settings: Settings, feed: LiveFeed, socket: web.WebSocketResponse, line: LineProfile) -> None:
        self._settings = settings
        self._feed = feed
        self._socket = socket
        self._line = line
        self._call_sid = new_call_sid()
        self._account_sid = settings.twilio_account_sid or f"AC{secrets.token_hex(16)}"
        self._phone = self._new_phone()
        self._out: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._waiting_bytes = 0

    async def run(self, origin: str, to: str) -> None:
        jobs = (self._listen(), self._play(), self._write())
        tasks = [asyncio.create_task(job, name="browser phone") for job in jobs]
        result = DialResult()
        telling = asyncio.create_task(self._tell(), name="browser phone")
        try:
            self._send({"type": "ringing", "callSid": self._call_sid})
            tasks.append(dialling := asyncio.create_task(self._dial(origin, to, result), name="browser phone"))
            await asyncio.wait([dialling, tasks[0]], return_when=asyncio.FIRST_COMPLETED)
            if result.call is not None:
                result.call.hang_up("party")  # the browser has gone, or nothing is left to hang up
                await dialling
            self._finish(result)
            await self._written()
        finally:
            for task in (*tasks, telling):
                task.cancel()
            await asyncio.gather(*tasks, telling, return_exceptions=True)
            await self._socket.close()

    def _new_phone(self) -> BrowserPhone:
        ids = StreamIds(self._account_sid, self._call_sid, new_stream_sid())
        return BrowserPhone(ids, LiveMicrophone(self._line, random.Random()), self._cleared)  # noqa: S311  a line's whims

    def _streams(self) -> Iterator[BrowserPhone]:
        """The phone of each further stream of the call, on the same browser."""
        while True:
            self._phone = self._new_phone()
            yield self._phone

    async def _dial(self, origin: str, to: str, result: DialResult) -> None:
        settings = self._settings
        await dial(
            f"{settings.public_url}/voice",
            self._phone,
            auth_token=settings.auth_tokens[0],
            from_number=CALLER,
            to_number=to or "+15555550100",
            more_phones=self._streams(),
            via=origin,
            limit_s=LONGEST_S,
            message_s=0,
            result=result,
        )

    def _finish(self, result: DialResult) -> None:
        said = result.said[-1] if result.said else ""
        self._send({"type": "over", "ending": result.ending, "failure": result.failure, "said": said})
        _log.info("browser_phone_call", call_sid=self._call_sid, ending=result.ending)

    # ---- to the browser ----

    def _send(self, what: dict[str, Any]) -> None:
        self._out.put_nowait(_encode(what).decode())

    def _cleared(self) -> None:
        """Nothing is to be heard of audio that the browser still holds, or that waits for it."""
        kept = []
        while not self._out.empty():
            one = self._out.get_nowait()
            self._out.task_done()
            if isinstance(one, str):
                kept.append(one)
        self._waiting_bytes = 0
        for one in kept:
            self._out.put_nowait(one)
        self._send({"type": "clear"})

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while True:
            audio = self._phone.played()
            if audio and self._waiting_bytes < MOST_WAITING_BYTES:
                self._waiting_bytes += len(audio)
                self._out.put_nowait(audio)
            next_s = max(next_s + PLAY_S, loop.time())
            await asyncio.sleep(next_s - loop.time())

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                one = await self._out.get()
                if isinstance(one, bytes):
                    self._waiting_bytes = max(0, self._waiting_bytes - len(one))
                    await self._socket.send_bytes(one)
                else:
                    await self._socket.send_str(one)
                self._out.task_done()

    async def _written(self) -> None:
        """Wait a moment for what is to be told at last."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._out.join()

    async def _tell(self) -> None:
        """News of the call, as far as it is in this process."""
        with self._feed.listening(self._call_sid) as listener:
            async for news in listener.batches():
                for what in filter(None, map(told, news)):
                    self._send(what)

    # ---- from the browser ----

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                self._phone.live_microphone.hear(message.data)
            elif message.type is WSMsgType.TEXT and self._told(message.data):
                return

    def _told(self, text: str) -> bool:
        """A command of the page. True if it hangs up."""
        try:
            command = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return False
        if not isinstance(command, dict):
            return False
        key = command.get("key")
        if isinstance(key, str) and key in KEYS and self._phone.opened_us is not None:
            self._phone.press(key, self._phone.now_us)
        return command.get("hangUp") is True
