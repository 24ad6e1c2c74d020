"""Webhooks that were not delivered, and results that were not had: what waits, what was given up, and once more."""

from __future__ import annotations

import structlog
from aiohttp import web

from bot.console.operator.actions import posted
from bot.console.operator.past import as_json, asked

MOST = 500
"""Entries of a page, the oldest first."""
_log = structlog.get_logger()


async def undelivered(request: web.Request) -> web.Response:
    """GET /console/api/webhooks: entries that wait or were given up."""
    found = await asked(request, lambda store: store.outbox("failed", "waiting"))
    entries = [
        {
            "sid": one.call_sid,
            "at": one.at.timestamp(),
            "kind": one.kind,
            "state": one.state,
            "attempts": one.attempts,
            "why": one.why,
        }
        for one in found[:MOST]
    ]
    return as_json({"entries": entries, "failed": sum(one.state == "failed" for one in found), "all": len(found)})


async def send_again(request: web.Request) -> web.Response:
    """POST /console/api/webhooks/again, `{"sid": ...}`: what was given up is due anew, of one call or of all."""
    sid = (await posted(request)).get("sid")
    if sid is not None and not isinstance(sid, str):
        return as_json({"problem": "A call is named by its SID."}, 400)
    number = await asked(request, lambda store: store.send_again(sid or None))
    _log.info("operator_sent_again", entries=number, call_sid=sid or None)
    return as_json({"entries": number})
