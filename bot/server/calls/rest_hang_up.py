"""The bot's hang-up by Twilio's REST API: the call ends at once, and no stream of it was cut by us (31921).

Where that fails, or takes long, the stream is closed as ever, and Twilio asks what follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog

from bot.config import Settings
from bot.config.values.reachable import is_example
from bot.config.values.value_checks import is_loopback
from bot.twilio.rest import RestError, TwilioRest

HANG_UP_S = 2.0
"""Seconds for which the caller hears nothing more and is not hung up on yet, at most."""

HangUp = Callable[[str], Awaitable[None]]
"""Ends the call of this SID, if it can. Never fails."""

_log = structlog.get_logger()


def rest_hang_up(settings: Settings, rest: TwilioRest) -> HangUp | None:
    """The way to hang up; None where the account's API knows nothing of our calls: those of simulated phones."""
    host = urlsplit(settings.public_url).hostname or ""
    simulated = not host or is_loopback(host) or is_example(settings.public_url)
    if simulated and "TWILIO_API_URL" not in settings.origins:
        return None

    async def hang_up(call_sid: str) -> None:
        try:
            async with asyncio.timeout(HANG_UP_S):
                await rest.hang_up(call_sid)
        except (RestError, TimeoutError) as error:
            why = str(error) or f"Twilio did not answer within {HANG_UP_S:g} s"
            _log.warning("hang_up_by_rest_failed", call_sid=call_sid, why=why)

    return hang_up
