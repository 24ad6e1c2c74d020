"""What the operator's page does to a live call, and the settings it shows."""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from aiohttp import web

from bot.call.inputs import Hint
from bot.config import effective
from bot.console.operator.past import as_json
from bot.doctor.readiness import judge
from bot.server.calls.live_call import LiveCall
from bot.server.http.app_keys import CALLS, SETTINGS

LONGEST_HINT = 1_000
"""Letters of a hint: it stands in the conversation for the rest of the call, and is billed with each turn."""

_log = structlog.get_logger()


async def hang_up(request: web.Request) -> web.Response:
    """POST /console/api/live/SID/hang-up: the call ends now; Twilio says goodbye."""
    live = _live(request)
    _log.info("operator_hung_up", call_sid=live.call_sid)
    live.bridge.shutdown("bot_hung_up")
    return as_json({})


async def hint(request: web.Request) -> web.Response:
    """POST /console/api/live/SID/hint, `{"text": ...}`: the model is told."""
    live = _live(request)
    try:
        given = msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        given = None
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str) or not text.strip():
        return as_json({"problem": "A hint has words."}, 400)
    if len(text) > LONGEST_HINT:
        return as_json({"problem": f"A hint has at most {LONGEST_HINT:,} letters."}, 400)
    _log.info("operator_hint", call_sid=live.call_sid, letters=len(text.strip()))
    live.bridge.hint(Hint(text.strip()))
    return as_json({})


def _live(request: web.Request) -> LiveCall:
    live = request.app[CALLS].directory.find(request.match_info["sid"])
    if live is None or live.bridge.call.ended is not None:
        raise web.HTTPNotFound(text="no live call of this process has this SID\n")
    return live


async def settings(request: web.Request) -> web.Response:
    """GET /console/api/settings: as `bot check` shows them, secrets masked, and what it says of them."""
    chosen = request.app[SETTINGS]
    judged = await asyncio.to_thread(judge, chosen)
    shown = [{"name": one.name, "value": one.value, "source": one.source} for one in effective(chosen)]
    return as_json({"settings": shown, "problems": [*judged.problems, *judged.missing], "warnings": judged.warnings})
