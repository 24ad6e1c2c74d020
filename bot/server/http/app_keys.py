"""Keys of what the handlers find in the application."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from bot.config import Settings
from bot.observe.rate_limited_log import RateLimitedLog
from bot.server.bookkeeping.meter import Meter
from bot.server.directory.live_calls import LiveCalls
from bot.server.outbound.placing import OutgoingCalls
from bot.server.setup.port_end import close_ports
from bot.server.shared.socket_handover import SocketHandover
from bot.twilio.rest import TwilioRest


class Listener:
    """The listening port, once there is one, and the way to the other processes on it, if there are any."""

    site: web.BaseSite | None = None
    handover: SocketHandover | None = None

    async def leave(self) -> None:
        """Listen no more; what is open stays open."""
        if self.site is not None:
            await close_ports([self.site])
            self.site = None


Mount = Callable[[web.Application, str], list[web.RouteDef]]
"""Adds further routes, of a floor above the server, to an application: gives them, each under the prefix."""

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
"""The settings of the server; `of_call` are those of the call that a request is about."""
CALLS: web.AppKey[LiveCalls] = web.AppKey("calls", LiveCalls)
OUTGOING: web.AppKey[OutgoingCalls] = web.AppKey("outgoing", OutgoingCalls)
TWILIO_REST: web.AppKey[TwilioRest] = web.AppKey("twilio_rest", TwilioRest)
LISTENER: web.AppKey[Listener] = web.AppKey("listener")
RATE_LIMITED_LOG: web.AppKey[RateLimitedLog] = web.AppKey("rate_limited_log", RateLimitedLog)
METER: web.AppKey[Meter] = web.AppKey("meter", Meter)
_OF_CALL = web.RequestKey("settings of the call", Settings)


def of_call(request: web.Request) -> Settings:
    """The settings of the call that this request is about; the server's where that is not known."""
    return request.get(_OF_CALL) or request.app[SETTINGS]


def set_of_call(request: web.Request, settings: Settings) -> None:
    request[_OF_CALL] = settings
