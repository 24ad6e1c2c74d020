"""The way from the browser phone straight to the model: when it is offered, and to whom it leads.

The page's policy names the model's host as the only other one, and only where the way is offered.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from bot.config import Settings
from bot.config.values.value_checks import is_loopback
from bot.console.access import POLICY
from bot.models import OFFLINE_AGENT
from bot.server.http.app_keys import CALLS
from bot.server.http.operators.admin import from_this_machine

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")
"""Hosts that can stand in a policy: an address of IPv6 can't."""


class DirectWay(NamedTuple):
    """`problem` says why there is none, "" where there is. `to`: whom one talks to, `origin`: the host asked."""

    problem: str = ""
    to: str = ""
    origin: str = ""

    @property
    def policy(self) -> str:
        """The page's Content-Security-Policy."""
        return POLICY.replace("connect-src 'self'", f"connect-src 'self' {self.origin}") if self.origin else POLICY


def direct_way(request: web.Request) -> DirectWay:
    """The way for the browser that asks."""
    settings = request.app[CALLS].profiles.default
    address = urlsplit(settings.openai_realtime_url)
    here = is_loopback(address.hostname or "")
    problem = why_none(settings) or _why_not_there(settings, here=here, asked_here=from_this_machine(request))
    if problem:
        return DirectWay(problem)
    return DirectWay("", _whom(settings, here=here), f"{address.scheme}://{address.netloc}")


def why_none(settings: Settings) -> str:
    """The reason for which no client secret can be had."""
    if settings.dialect == "xai":
        return "Client secrets are OpenAI's and Azure's; BOT_DIALECT is xai."
    if not settings.openai_api_key.get_secret_value():
        return "OPENAI_API_KEY is not set: there is nothing to make a client secret of."
    return ""


def _why_not_there(settings: Settings, *, here: bool, asked_here: bool) -> str:
    """The reason for which this page would not get there with one."""
    if settings.dialect == "azure":
        return "Nobody here knows if Azure takes a client secret on a WebSocket; BOT_DIALECT is azure."
    if here and not asked_here:
        return "OPENAI_REALTIME_URL is on the bot's own machine, and this browser is not."
    if not _HOST.fullmatch(urlsplit(settings.openai_realtime_url).netloc):
        return "The host of OPENAI_REALTIME_URL can't stand in a page's policy: use its name."
    return ""


def _whom(settings: Settings, *, here: bool) -> str:
    host = urlsplit(settings.openai_realtime_url).netloc
    if settings.openai_realtime_model == OFFLINE_AGENT:
        return "the offline agent on this machine, a script with no model behind it"
    if here:
        return f"a stand-in for the model on this machine ({host})"
    return f"{settings.openai_realtime_model} at {host}"
