"""Listening in to a live call: a socket that brings mu-law of both sides, as the caller speaks and hears.

Nothing is done for it while nobody listens. The caller is heard from when they may be recorded; while they key in
digits for a tool alone, both the keys and their audio are silent here too.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from aiohttp import WSMsgType, web

from bot.call.outputs import Output
from bot.console.operator.whose_call import the_live_call
from bot.server.calls.bridge import Bridge
from bot.twilio import stream
from bot.twilio.playout import Playout

CALLER, BOT = b"\x00", b"\x01"
"""First byte of each message: whose audio the rest is."""
PLAY_S = 0.02
"""Seconds between two looks at what has been played."""
MOST_WAITING_BYTES = 64_000
"""Bytes that may wait for a browser; of more, audio is dropped."""
MOST_LISTENERS = 8
"""Sockets on one call."""

_log = structlog.get_logger()


class Ear:
    """One who listens in. What the bot sent before is not known here: its next words are heard."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._playout = Playout()
        self._caller: list[bytes] = []
        self._waiting_bytes = 0

    def frame(self, frame: stream.Media) -> None:
        """A frame of the caller."""
        if self._bridge.call.announced and self._waiting_bytes < MOST_WAITING_BYTES:
            audio = base64.b64decode(frame.media.payload)
            self._waiting_bytes += len(audio)
            self._caller.append(audio)

    def output(self, output: Output, now_us: int) -> None:
        """Audio for the caller, which is heard when it has been played."""
        if isinstance(output, stream.PlayMedia):
            self._playout.media(base64.b64decode(output.media.payload), now_us)
        elif isinstance(output, stream.Clear):
            self._playout.clear(now_us)

    def heard(self) -> list[bytes]:
        """Messages that are due."""
        caller = b"".join(self._caller)
        self._caller.clear()
        self._waiting_bytes = 0
        bot = b"".join(span.audio for span in self._playout.take(round(self._bridge.age_s * 1e6)))
        return [side + audio for side, audio in ((CALLER, caller), (BOT, bot)) if audio]


async def listen(request: web.Request) -> web.StreamResponse:
    """GET /console/live/SID/listen: both sides, for as long as the socket is open and the call goes on."""
    live = the_live_call(request)
    bridge = live.bridge
    if len(bridge.on_frame) >= MOST_LISTENERS:
        raise web.HTTPConflict(text="too many listen in to this call\n")
    socket = web.WebSocketResponse(max_msg_size=1024, heartbeat=20.0, compress=False)
    await socket.prepare(request)
    began_s = asyncio.get_running_loop().time()
    _log.info("operator_listens", call_sid=live.call_sid)
    async with listening(bridge) as ear:
        playing = asyncio.create_task(_play(bridge, ear, socket), name="listen in")
        leaving = asyncio.create_task(_left(socket), name="listen in")
        try:
            await asyncio.wait([playing, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (playing, leaving):
                task.cancel()
            await asyncio.gather(playing, leaving, return_exceptions=True)
            seconds = round(asyncio.get_running_loop().time() - began_s, 1)
            _log.info("operator_listened", call_sid=live.call_sid, seconds=seconds)
    await socket.close()
    return socket


@asynccontextmanager
async def listening(bridge: Bridge) -> AsyncIterator[Ear]:
    """An ear on the call for as long as the context lasts."""
    ear = Ear(bridge)
    bridge.on_frame.append(ear.frame)
    bridge.on_output.append(ear.output)
    try:
        yield ear
    finally:
        bridge.on_frame.remove(ear.frame)
        bridge.on_output.remove(ear.output)


async def _play(bridge: Bridge, ear: Ear, socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while bridge.call.ended is None:
            for message in ear.heard():
                await socket.send_bytes(message)
            await asyncio.sleep(PLAY_S)


async def _left(socket: web.WebSocketResponse) -> None:
    """Return once the browser has gone."""
    async for message in socket:
        if message.type is WSMsgType.CLOSE:
            return
