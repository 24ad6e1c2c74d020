"""Calls that are over, from the store: a list to search, one call's page, its files, and a day in figures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from bot.server.http.app_keys import CALLS, METER, SETTINGS
from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.results import CallSummary, StoredCall
from bot.views.call_page import policy_of
from bot.views.queries.call_query import BadQuestion, Question, filters_of
from bot.views.stored.stored_audio import audible
from bot.views.stored.stored_page import stored_page

ANSWER_S = 10.0
"""Seconds that the store may take for a page."""
PAGE = 50
MOST = 200
FLAGGED = "flagged"
"""Folder of the recording directory in which calls lie that somebody flagged."""
MOST_OF_A_DAY = 20_000
"""Calls of a day that are counted; there are no more on one instance."""

T = TypeVar("T")


def as_json(what: Any, status: int = 200) -> web.Response:
    """`what` as JSON."""
    return web.Response(body=msgspec.json.encode(what), status=status, content_type="application/json")


async def asked(request: web.Request, question: Callable[[CallStore], Awaitable[T]]) -> T:
    """The store's answer; 503 with a sentence where there is none."""
    store = request.app[METER].write_behind
    if store is None:
        raise web.HTTPServiceUnavailable(text="this server keeps no calls\n")
    try:
        return await store.ask(question, ANSWER_S)
    except StoreAway as away:
        raise web.HTTPServiceUnavailable(text=f"the call store does not answer: {away}\n") from None


async def past_calls(request: web.Request) -> web.Response:
    """GET /console/api/calls: a page of calls, the newest first, by the questions of `bot calls` and by words said."""
    query = {name: value.strip() for name, value in request.query.items() if value.strip()}
    limit = query.get("limit", "")
    question = Question(
        day=query.get("day"),
        since=query.get("since"),
        until=query.get("until"),
        number=query.get("number"),
        reason=query.get("reason"),
        min_usd=query.get("min_usd"),
        profile=query.get("profile"),
        limit=min(int(limit), MOST) if limit.isascii() and limit.isdecimal() and len(limit) < 5 else PAGE,
    )
    try:
        filters = filters_of(question, request.app[CALLS].admission.hash_number)
    except BadQuestion as bad:
        return as_json({"problem": str(bad).replace("--", "")}, 400)
    filters = msgspec.structs.replace(filters, words=query.get("words"), before=query.get("before"))
    one_more = msgspec.structs.replace(filters, limit=filters.limit + 1)
    found = await asked(request, lambda store: store.calls(one_more))
    return as_json({"calls": [_summary(call) for call in found[: filters.limit]], "more": len(found) > filters.limit})


def _summary(call: CallSummary) -> dict[str, Any]:
    return {
        "sid": call.sid,
        "startedAt": call.started_at.timestamp(),
        "seconds": round(call.seconds, 1),
        "from": call.caller or "withheld",
        "to": call.called,
        "reason": call.reason or "live",
        "profile": call.profile,
        "outgoing": call.outbound,
        "answeredBy": call.answered_by,
        "turns": call.turns,
        "interruptions": call.interruptions,
        "usd": call.nano_usd / 1e9,
        "answerMs": call.waits.get("byte_heard_p50"),
    }


async def call_page(request: web.Request) -> web.Response:
    """GET /console/calls/SID/: the page of `bot calls SID --html`, made now."""
    call = await the_call(request)
    page = await asyncio.to_thread(_page, call)
    policy = f"{policy_of(page)}; frame-ancestors 'none'"
    return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})


def _page(call: StoredCall) -> str:
    heard = audible(call)
    beside = (heard.recording or Path("call.wav")).with_name("call.html")
    return stored_page(call, heard, beside)


async def call_file(request: web.Request) -> web.StreamResponse:
    """GET /console/calls/SID/NAME: a file that the call left, if it is on this machine."""
    name = request.match_info["name"]
    call = await the_call(request)
    path = next((Path(file.path) for file in call.files if Path(file.path).name == name), None)
    if path is None or not await asyncio.to_thread(path.is_file):
        raise web.HTTPNotFound(text="this machine has no such file of the call\n")
    headers = {} if name.endswith(".wav") else {"Content-Disposition": f'attachment; filename="{_plain(name)}"'}
    return web.FileResponse(path, headers=headers)


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "-_."))


async def call_facts(request: web.Request) -> web.Response:
    """GET /console/api/calls/SID: what there is beside the page: files on this machine, and webhooks not delivered."""
    call = await the_call(request)
    files = await asyncio.to_thread(_files, call)
    outbox = [{"kind": one.kind, "state": one.state, "why": one.why, "attempts": one.attempts} for one in call.outbox]
    result = None if call.result is None else {"summary": call.result.summary, "disposition": call.result.disposition}
    return as_json({**_summary(call.summary), "files": files, "webhooks": outbox, "result": result})


def _files(call: StoredCall) -> list[dict[str, Any]]:
    paths = [(file.kind, Path(file.path)) for file in call.files]
    return [
        {"name": path.name, "kind": kind, "here": path.is_file(), "flagged": path.parent.name == FLAGGED}
        for kind, path in paths
    ]


async def the_call(request: web.Request) -> StoredCall:
    """The call that is asked about; 404 when there is none."""
    sid = request.match_info["sid"]
    call = await asked(request, lambda store: store.call(sid)) if len(sid) == 34 else None
    if call is None:
        raise web.HTTPNotFound(text="no call on record has this SID\n")
    return call


async def day(request: web.Request) -> web.Response:
    """GET /console/api/day: calls, ends, waits and money of a day, `today` unless `day` says another."""
    try:
        filters = filters_of(Question(day=request.query.get("day") or "today", limit=MOST_OF_A_DAY), lambda _: "")
    except BadQuestion as bad:
        return as_json({"problem": str(bad).replace("--", "")}, 400)
    found = await asked(request, lambda store: store.calls(filters))
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    return as_json(
        {
            "calls": len(found),
            "live": sum(call.ended_at is None for call in found),
            "seconds": round(sum(call.seconds for call in found)),
            "reasons": dict(Counter(call.reason or "live" for call in found).most_common()),
            "interruptions": sum(call.interruptions for call in found),
            "answerMs": _spread([call.waits["byte_heard_p50"] for call in found if "byte_heard_p50" in call.waits]),
            "greetingMs": _spread([call.waits["greeting_heard"] for call in found if "greeting_heard" in call.waits]),
            "usd": sum(call.nano_usd for call in found) / 1e9,
            "spentTodayUsd": calls.spent_today.nano_usd / 1e9,
            "dailyCapUsd": float(settings.max_daily_usd or 0),
            "callCapUsd": float(settings.max_call_usd or 0),
            "places": settings.max_calls,
            "hours": _by_hour(found),
        }
    )


def _spread(values: list[float]) -> dict[str, float] | None:
    """Median and 95th percentile, over calls."""
    if not values:
        return None
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else values * 99
    return {"p50": round(cuts[49]), "p95": round(cuts[94])}


def _by_hour(found: list[CallSummary]) -> list[int]:
    hours = Counter(call.started_at.astimezone().hour for call in found)
    return [hours[hour] for hour in range(24)]
