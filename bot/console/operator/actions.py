"""Acts of the operator's page on a live call, and the settings it shows."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import structlog
from aiohttp import web

from bot.call.handoff.transfer import MAX_SUMMARY
from bot.call.inputs import Hint, TransferWanted
from bot.config import effective
from bot.console.operator.past import as_json
from bot.console.operator.whose_call import the_live_call
from bot.doctor.readiness import judge
from bot.server.http.app_keys import CALLS, SETTINGS

LONGEST_HINT = 1_000
"""Letters of a hint: it stands in the conversation for the rest of the call, and is billed with each turn."""

_log = structlog.get_logger()


async def hang_up(request: web.Request) -> web.Response:
    """POST /console/api/live/SID/hang-up: the call ends now; Twilio says goodbye."""
    live = the_live_call(request)
    _log.info("operator_hung_up", call_sid=live.call_sid)
    live.bridge.shutdown("bot_hung_up")
    return as_json({})


async def hint(request: web.Request) -> web.Response:
    """POST /console/api/live/SID/hint, `{"text": ...}`: the model is told."""
    live = the_live_call(request)
    text = (await posted(request)).get("text")
    if not isinstance(text, str) or not text.strip():
        return as_json({"problem": "A hint has words."}, 400)
    if len(text) > LONGEST_HINT:
        return as_json({"problem": f"A hint has at most {LONGEST_HINT:,} letters."}, 400)
    _log.info("operator_hint", call_sid=live.call_sid, letters=len(text.strip()))
    live.bridge.from_operator(Hint(text.strip()))
    return as_json({})


async def transfer(request: web.Request) -> web.Response:
    """POST /console/api/live/SID/transfer, `{"destination": ..., "summary": ...}`: as if the model had asked for it."""
    live = the_live_call(request)
    given = await posted(request)
    destination, summary = given.get("destination"), given.get("summary", "")
    names = live.bridge.call.settings.destinations
    if not isinstance(destination, str) or destination not in names:
        there = f"they are: {', '.join(names)}" if names else "BOT_TRANSFER and BOT_TRANSFER_NUMBERS name none"
        return as_json({"problem": f"There is no such destination; {there}."}, 400)
    if not isinstance(summary, str) or len(summary) > MAX_SUMMARY:
        return as_json({"problem": f"What the person is told has at most {MAX_SUMMARY} letters."}, 400)
    _log.info("operator_transfer", call_sid=live.call_sid, destination=destination)
    live.bridge.from_operator(TransferWanted(destination, summary))
    return as_json({})


async def posted(request: web.Request) -> dict[str, Any]:
    """The JSON object that was posted; an empty one where it is none."""
    try:
        given = msgspec.json.decode(await request.read())
    except (msgspec.DecodeError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


async def settings(request: web.Request) -> web.Response:
    """GET /console/api/settings: as `bot check` shows them, secrets masked, and what it says of them."""
    chosen = request.app[SETTINGS]
    judged = await asyncio.to_thread(judge, chosen)
    shown = [{"name": one.name, "value": one.value, "source": one.source} for one in effective(chosen)]
    profiles = sorted({one.profile for one in request.app[CALLS].profiles})
    return as_json(
        {
            "profiles": profiles,
            "settings": shown,
            "problems": [*judged.problems, *judged.missing],
            "warnings": judged.warnings,
        }
    )
