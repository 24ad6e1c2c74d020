"""Webhooks about a call that the bot makes: it is picked up (POST /voice/outgoing), and by whom (/voice/answered)."""

from __future__ import annotations

from typing import get_args

import structlog
from aiohttp import web

from bot.call.inputs import AnswerVerdict, Verdict
from bot.server.http.app_keys import CALLS, LISTENER, OUTGOING, SETTINGS
from bot.server.http.webhook import Form, call_is_over, connect_stream, refused, signed_form
from bot.server.shared.outcomes import RESUMABLE
from bot.server.shared.resumption import Parties
from bot.store.rows import CRASHED

UNANSWERED = {"no-answer": "no_answer", "canceled": "failed", "busy": "busy", "failed": "failed"}
"""CallStatus of a call that nobody took, and the word that the record has for it."""
_VERDICTS: dict[str, Verdict] = {one: one for one in get_args(Verdict)}

_log = structlog.get_logger()


async def picked_up(request: web.Request) -> web.Response:
    """POST /voice/outgoing: somebody or something has answered. The session is there: its stream is opened."""
    call_sid, form = await signed_form(request)
    calls = request.app[CALLS]
    account = request.app[SETTINGS].twilio_account_sid
    if account and form.get("AccountSid") != account:
        refused(request, "account", call_sid=call_sid, why="the call belongs to another account")
        raise web.HTTPForbidden(text="the call belongs to another account\n")
    live = calls.directory.find(call_sid) or request.app[OUTGOING].picked_up(_dial(request), call_sid)
    if live is None:
        if await _handed_over(request, call_sid):
            return web.Response()  # goes nowhere: the connection is another process's now
        if not await _go_on(request, call_sid, form):
            return call_is_over(request, call_sid)
    elif live.bridge.call.ended is not None:
        return call_is_over(request, call_sid)
    elif live.bridge.attached:
        refused(request, "being_answered", call_sid=call_sid, why="the stream of this call is open already")
        raise web.HTTPConflict(text="the call is being answered already\n")
    return connect_stream(request, call_sid)


async def answered(request: web.Request) -> web.Response:
    """POST /voice/answered: Twilio's verdict, to the process that has the call. Twilio may tell it twice, or late."""
    call_sid, form = await signed_form(request)
    live = request.app[CALLS].directory.find(call_sid)
    by = form.get("AnsweredBy", "")
    if live is None:
        if await _handed_over(request, call_sid):
            return web.Response()
    elif by in _VERDICTS:
        live.bridge.verdict(AnswerVerdict(_VERDICTS[by]))
    else:
        _log.warning("answer_verdict_unknown", call_sid=call_sid)
    return web.Response(status=204)


def unanswered(request: web.Request, call_sid: str, status: str) -> None:
    """Note of a call that the bot made, as Twilio says that it is over, that nobody took it."""
    if not _dial(request):
        return
    calls = request.app[CALLS]
    word = UNANSWERED.get(status, "")
    live = calls.directory.find(call_sid)
    if live is not None:
        live.unanswered = word
    if word and calls.store_lookup is not None:
        calls.store_lookup.unanswered(call_sid, word)


def _dial(request: web.Request) -> str:
    """Our own name for the call, in the URL that we gave Twilio and that is signed with the rest."""
    return request.query.get("dial", "")


async def _handed_over(request: web.Request, call_sid: str) -> bool:
    """Give the request to the process of this instance that has the call, or is about to."""
    handover, registry = request.app[LISTENER].handover, request.app[CALLS].registry
    owner = registry.owner(call_sid) or registry.owner(_dial(request))
    return handover is not None and await handover.give(request, owner, await request.read())


async def _go_on(request: web.Request, call_sid: str, form: Form) -> bool:
    """The process that placed the call is gone while it rang: begin it here, as the store knows it."""
    calls = request.app[CALLS]
    known = calls.registry.known(call_sid)
    if known.claimed or known.outcome not in RESUMABLE | {None} or calls.store_lookup is None or calls.departure.ending:
        return False
    stored = await calls.store_lookup.find(call_sid)
    if stored is None or not stored.past.outgoing or stored.past.hopeless:
        return False
    if stored.reason not in RESUMABLE | {"", CRASHED}:
        return False
    past = stored.past._replace(parties=Parties(form.get("From", ""), form.get("To", "")))
    live = calls.starter.resume(call_sid, past)
    _log.info("call_resumed", call_sid=call_sid, leg=live.past.leg, turns=0)
    return True
