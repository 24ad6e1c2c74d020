"""Keys of what the handlers find in the application."""

from __future__ import annotations

from aiohttp import web

from bot.config import Settings
from bot.observe.rate_limited_log import RateLimitedLog
from bot.server.bookkeeping.meter import Meter
from bot.server.directory.live_calls import LiveCalls
from bot.server.shared.socket_handover import SocketHandover
from bot.twilio.rest import TwilioRest
from bot.twilio.twiml import TwimlFiles


class Listener:
    """The listening port, once there is one, and the way to the other processes on it, if there are any."""

    site: web.BaseSite | None = None
    handover: SocketHandover | None = None

    async def leave(self) -> None:
        """Listen no more; what is open stays open."""
        if self.site is not None:
            await self.site.stop()
            self.site = None


SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
CALLS: web.AppKey[LiveCalls] = web.AppKey("calls", LiveCalls)
TWIML: web.AppKey[TwimlFiles] = web.AppKey("twiml", TwimlFiles)
TWILIO_REST: web.AppKey[TwilioRest] = web.AppKey("twilio_rest", TwilioRest)
LISTENER: web.AppKey[Listener] = web.AppKey("listener")
RATE_LIMITED_LOG: web.AppKey[RateLimitedLog] = web.AppKey("rate_limited_log", RateLimitedLog)
METER: web.AppKey[Meter] = web.AppKey("meter", Meter)
