"""Routes of the operator's pages, mounted into the server's application."""

from __future__ import annotations

import asyncio
import importlib
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from aiohttp import web

from bot.console.access import guarded
from bot.console.direct.client_secret import client_secret
from bot.console.direct.direct_way import direct_way
from bot.console.live import live_stream
from bot.console.live.live_feed import FEED
from bot.console.operator import actions, flagging, listen_in, past, run_tools, take_over, undelivered
from bot.console.operator.past import as_json
from bot.console.operator.whose_call import where_the_call_is
from bot.console.sign_in import sign_in, sign_out
from bot.console.trial import trial_route
from bot.server.http.operators.admin import token_of

_SIGN_OUT = b'<form method="post" action="console/sign-out"><button class="plain">Sign out</button></form>'
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Kinds of files in `pages/` that are served."""


def console(app: web.Application, prefix: str) -> list[web.RouteDef]:
    """A Mount: what the operator's pages answer to."""
    if FEED not in app:
        live_stream.tell_pages(app)
        app[trial_route.TRIALS] = trial_route.Trials()
        app.on_shutdown.append(app[trial_route.TRIALS].close)
    return [
        web.get(f"{prefix}/softphone", guarded(softphone)),
        web.get(f"{prefix}/softphone/call", guarded(softphone_call)),
        web.get(f"{prefix}/softphone/direct", guarded(softphone_direct)),
        web.post(f"{prefix}/client-secret", guarded(client_secret)),
        web.get(f"{prefix}/console", guarded(console_page)),
        web.get(f"{prefix}/console/live", guarded(live_stream.live)),
        web.post(f"{prefix}/console/api/live/{{sid}}/hang-up", guarded(where_the_call_is(actions.hang_up))),
        web.post(f"{prefix}/console/api/live/{{sid}}/hint", guarded(where_the_call_is(actions.hint))),
        web.post(f"{prefix}/console/api/live/{{sid}}/transfer", guarded(where_the_call_is(actions.transfer))),
        web.get(f"{prefix}/console/live/{{sid}}/listen", guarded(where_the_call_is(listen_in.listen))),
        web.get(f"{prefix}/console/live/{{sid}}/take-over", guarded(where_the_call_is(take_over.take_over))),
        web.get(f"{prefix}/console/api/calls", guarded(past.past_calls)),
        web.get(f"{prefix}/console/api/calls/{{sid}}", guarded(past.call_facts)),
        web.post(f"{prefix}/console/api/calls/{{sid}}/flag", guarded(flagging.flag)),
        web.get(f"{prefix}/console/calls/{{sid}}/", guarded(past.call_page)),
        web.get(f"{prefix}/console/calls/{{sid}}/{{name}}", guarded(past.call_file)),
        web.get(f"{prefix}/console/api/day", guarded(past.day)),
        web.get(f"{prefix}/console/api/settings", guarded(actions.settings)),
        web.get(f"{prefix}/console/api/tools", guarded(run_tools.tools)),
        web.post(f"{prefix}/console/api/tools/{{name}}", guarded(run_tools.run_tool)),
        web.get(f"{prefix}/console/api/instructions", guarded(trial_route.instructions)),
        web.get(f"{prefix}/console/trial", guarded(trial_route.trial)),
        web.get(f"{prefix}/console/api/webhooks", guarded(undelivered.undelivered)),
        web.post(f"{prefix}/console/api/webhooks/again", guarded(undelivered.send_again)),
        web.post(f"{prefix}/console/sign-in", sign_in),
        web.post(f"{prefix}/console/sign-out", guarded(sign_out)),
        web.get(f"{prefix}/console/files/{{name}}", guarded(page_file)),
    ]


async def console_page(request: web.Request) -> web.Response:
    """The operator's page; without ADMIN_TOKEN nobody has signed in, and the button to sign out would do nothing."""
    answer = page("console.html")
    if not token_of(request):
        answer.body = _pages()["console.html"].replace(_SIGN_OUT, b"")
    return answer


async def softphone(request: web.Request) -> web.Response:
    """The browser phone: the one page that may ask another host, the model's, and only where that can be."""
    answer = page("softphone.html")
    answer.headers["Content-Security-Policy"] = direct_way(request).policy
    return answer


async def softphone_direct(request: web.Request) -> web.Response:
    """GET /softphone/direct: to whom the direct way leads, or why there is none."""
    way = direct_way(request)
    return as_json({"problem": way.problem, "to": way.to})


async def softphone_call(request: web.Request) -> web.StreamResponse:
    """A call of the browser phone. Its half of Twilio is loaded now, and holds up no other."""
    await asyncio.to_thread(importlib.import_module, "bot.console.softphone.gateway")
    from bot.console.softphone import gateway  # noqa: PLC0415  loaded just now

    return await gateway.call(request)


async def page_file(request: web.Request) -> web.Response:
    """One of the files of the pages: their styles and scripts."""
    return page(request.match_info["name"])


def page(name: str) -> web.Response:
    """A file of `pages/` by its name; 404 for any other."""
    body = _pages().get(name)
    if body is None:
        raise web.HTTPNotFound(text="there is no such file\n")
    return web.Response(body=body, content_type=TYPES[PurePosixPath(name).suffix], charset="utf-8")


@cache
def _pages() -> dict[str, bytes]:
    """All of `pages/`, read once: the disk is not on the way of a page, nor of the calls beside it."""
    found = files("bot.console").joinpath("pages").iterdir()
    return {file.name: file.read_bytes() for file in found if PurePosixPath(file.name).suffix in TYPES}
