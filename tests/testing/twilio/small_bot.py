"""A small bot that serves documents and keeps what it was asked, for calls of the simulated Twilio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web
from twilio.request_validator import RequestValidator

from bot.testing.twilio.calls.network import OwnNumber
from bot.testing.twilio.calls.simulated_call import SimulatedCall
from bot.testing.twilio.simulated_twilio import AUTH_TOKEN, SimulatedTwilio
from bot.twilio.rest import TwilioRest
from tests.waiting import GIVE_UP_S

OURS, CALLER, HUMAN, OTHER = "+15555550100", "+15555550101", "+15555550102", "+15555550103"
HANG_UP = "<Response><Hangup/></Response>"


class SmallBot:
    """Documents by path; a path without one gets an empty answer, as a callback does."""

    def __init__(self, **documents: str) -> None:
        self.documents = {f"/{name}": text for name, text in documents.items()}
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.unsigned: list[str] = []
        self.events: list[str] = []
        self.talk: Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]] | None = None
        self.origin = ""

    def asked(self, path: str) -> list[dict[str, str]]:
        return [form for at, form in self.forms if at == path]

    async def webhook(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        signed = RequestValidator(AUTH_TOKEN).validate(
            str(request.url), form, request.headers.get("X-Twilio-Signature", "")
        )
        if not signed:
            self.unsigned.append(request.path)
        self.forms.append((request.path, form))
        document = self.documents.get(request.path)
        if document is None:
            return web.Response(status=204)
        text = document.replace("{http}", self.origin).replace("{ws}", self.origin.replace("http", "ws"))
        return web.Response(text=text, content_type="text/xml")

    async def media(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                event = message.json()
                if event["event"] != "media":
                    self.events.append(event["event"] + event.get("dtmf", {}).get("digit", ""))
                if event["event"] == "start" and self.talk is not None:
                    await self.talk(socket, event)
        self.events.append("closed")
        return socket


@contextlib.asynccontextmanager
async def on_the_phone(bot: SmallBot, **knobs: Any) -> AsyncIterator[tuple[SimulatedTwilio, TwilioRest]]:
    """The bot, an account whose first number it answers, and a client of that account."""
    app = web.Application()
    app.router.add_get("/media", bot.media)
    app.router.add_post("/{path:.*}", bot.webhook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bot.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    numbers = {OURS: OwnNumber(f"{bot.origin}/voice", f"{bot.origin}/status")}
    try:
        async with asyncio.timeout(GIVE_UP_S), SimulatedTwilio(numbers=numbers, **knobs) as twilio:
            rest = TwilioRest(twilio.account_sid, twilio.auth_token, base_url=twilio.url, timeout_s=GIVE_UP_S)
            try:
                yield twilio, rest
            finally:
                await rest.close()
    finally:
        await runner.cleanup()
    assert bot.unsigned == []


async def until(call: SimulatedCall, holds: Callable[[], Any]) -> None:
    """Wait until `holds`; it is looked at whenever something changes for the party of `call`."""
    while not holds():
        await call.ears.bell.wait(0.05)


def heard(call: SimulatedCall) -> list[str]:
    return [str(one) for one in call.ears.heard]
