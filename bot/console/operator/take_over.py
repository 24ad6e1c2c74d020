"""Taking a live call over: a socket that brings the operator's voice to the caller, and the caller's to the operator.

The call decides from when until when (bot.call.handoff.operator_on_line); here are the socket and its audio. One
whose socket closes has left, and the bot has the call again. What may not be heard by one who listens in is silent here
too.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from aiohttp import WSMsgType, web

from bot.audio.payload import BYTES_PER_MS
from bot.call.facts import Fact
from bot.call.inputs import HandBack, OperatorAudio, TakeOver
from bot.call.machines import OperatorStage
from bot.call.outputs import Report
from bot.console.operator.listen_in import CALLER, PLAY_S, listening
from bot.console.operator.whose_call import the_live_call
from bot.server.calls.bridge import Bridge

MOST_BYTES = 200 * BYTES_PER_MS
"""Mu-law in one message: of more the rest would be dropped (bot.call.handoff.operator_on_line)."""
LONGEST_NAME = 40
NAMELESS = "somebody"
STAGES = {"take_over_waits": "waiting", "taken_over": "speaking"}
OVER = frozenset({"handed_back", "take_over_called_off", "take_over_refused"})
HEARS_BOTH = frozenset({OperatorStage.WAITING})

_log = structlog.get_logger()


async def take_over(request: web.Request) -> web.StreamResponse:
    """GET /console/live/SID/take-over?by=NAME: the call is theirs for as long as the socket is open.

    Binary messages are mu-law, as of one who listens in; text is JSON: `{"state": ...}` to the page, `{"handBack":
    true}` from it.
    """
    live = the_live_call(request)
    bridge, by = live.bridge, _name(request.query.get("by", ""))
    if bridge.call.operator[0] is not OperatorStage.AWAY:
        raise web.HTTPConflict(text="somebody else has taken this call over\n")
    socket = web.WebSocketResponse(max_msg_size=8 * 1024, heartbeat=5.0, compress=False)
    await socket.prepare(request)
    began_s = asyncio.get_running_loop().time()
    _log.info("operator_takes_over", call_sid=live.call_sid, by=by)
    why = await _Operator(bridge, socket, by).run()
    seconds = round(asyncio.get_running_loop().time() - began_s, 1)
    _log.info("operator_took_over", call_sid=live.call_sid, by=by, seconds=seconds, why=why)
    return socket


def _name(given: str) -> str:
    """A name as the log may have it: on one line, and short."""
    return " ".join("".join(letter for letter in given if letter.isprintable()).split())[:LONGEST_NAME] or NAMELESS


class _Operator:
    """One socket and the call that it has, or waits for."""

    def __init__(self, bridge: Bridge, socket: web.WebSocketResponse, by: str) -> None:
        self._bridge = bridge
        self._socket = socket
        self._by = by
        self._has = False
        """True from when the call was asked for until it is the bot's again: what comes after is nobody's."""
        self._why = "refused"
        self._news: list[dict[str, Any]] = []

    async def run(self) -> str:
        """Have the call until it is handed back, the page is gone, or the call is over. Gives which."""
        bridge = self._bridge
        bridge.on_told.append(self._told)
        try:
            self._ask()
            jobs = [asyncio.create_task(job, name="take over") for job in (self._play(), self._listen())]
            try:
                await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if self._has:
                    bridge.from_operator(HandBack("left"))
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
        finally:
            bridge.on_told.remove(self._told)
        with suppress(ConnectionError):
            await self._tell()
        await self._socket.close()
        return self._why

    def _ask(self) -> None:
        """Two pages may have asked at once: the call is one's alone."""
        if self._bridge.call.operator[0] is OperatorStage.AWAY:
            self._has = True
            self._bridge.from_operator(TakeOver(self._by))
        else:
            self._over("taken_over_already")

    def _told(self, what: Fact | Report, _: int) -> None:
        if not isinstance(what, Report) or not self._has:
            return
        if what.event in STAGES:
            self._news.append({"state": STAGES[what.event]})
        elif what.event in OVER:
            self._over(str(what.details.get("why", "")))

    def _over(self, why: str) -> None:
        self._has, self._why = False, why
        self._news.append({"state": "over", "why": why})

    # ---- to the page ----

    async def _play(self) -> None:
        with suppress(ConnectionError):
            async with listening(self._bridge) as ear:
                while self._has:
                    await self._tell()
                    both = self._bridge.call.operator[0] in HEARS_BOTH
                    for message in ear.heard():
                        if both or message[:1] == CALLER:  # nobody wants to hear themselves
                            await self._socket.send_bytes(message)
                    await asyncio.sleep(PLAY_S)

    async def _tell(self) -> None:
        while self._news:
            await self._socket.send_json(self._news.pop(0))

    # ---- from the page ----

    async def _listen(self) -> None:
        """Return once the browser has gone."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY and 0 < len(message.data) <= MOST_BYTES:
                if self._has:
                    self._bridge.from_operator(OperatorAudio(base64.b64encode(message.data).decode()))
            elif message.type is WSMsgType.TEXT and self._has and _hands_back(message.data):
                self._bridge.from_operator(HandBack("asked"))


def _hands_back(text: str) -> bool:
    try:
        command = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(command, dict) and command.get("handBack") is True
