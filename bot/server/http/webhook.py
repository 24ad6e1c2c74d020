"""Webhooks in general: the form that Twilio signed comes in, TwiML goes out (twilio-voice 1)."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from aiohttp import web

from bot.config import Settings
from bot.server.bookkeeping.metric_list import WebhookRefusal
from bot.server.http.app_keys import CALLS, METER, RATE_LIMITED_LOG, SETTINGS, of_call, set_of_call
from bot.server.http.refusals import shown
from bot.twilio.signature import absolute, stream_url, webhook_ok
from bot.twilio.twiml import twiml_files

CALL_SID = re.compile("CA[0-9a-fA-F]{32}")
PROFILE = "profile"
"""The parameter of a webhook's URL that names the profile of its call."""
PATHS = frozenset(
    {
        *("/voice", "/voice/next", "/voice/status", "/voice/dialled", "/voice/recorded"),
        *("/voice/whisper/{call_sid}", "/voice/whisper/{call_sid}/key", "/voice/briefing/{call_sid}"),
        *(f"/voice/briefing/{{call_sid}}/{more}" for more in ("next", "status", "machine")),
        *("/voice/outgoing", "/voice/answered"),
    }
)
"""The webhooks as they are routed when no prefix of PUBLIC_URL stands before them."""
MAX_FIELDS = 500
"""Fields of a form; Twilio sends some thirty. To sort what it takes to judge 64 KiB of tiny ones would hold every call
up."""
BODY_S = 5.0
"""Seconds after which a form that has not come whole is waited for no longer."""
CONNECTION_OVERRIDES = "#rc=5&rp=ct,rt,5xx&ct=3000&rt=15000&tt=15000"
"""Twilio's orders for the time in which we start again (twilio-voice 1.4): try up to five times more, within 15 s."""
NO_SIGNATURE = "it has no X-Twilio-Signature: somebody other than Twilio asks, or a proxy takes the header away"

_log = structlog.get_logger()
Form = dict[str, str]


async def signed_form(request: web.Request) -> tuple[str, Form]:
    """Call SID and form of a request that Twilio signed. 403 comes before any look at what the form says."""
    settings = request.app[SETTINGS]
    signature = request.headers.get("X-Twilio-Signature", "")
    fields = _fields(request, await _body(request)) if signature else []  # an unsigned form is not even waited for
    if not signature or not webhook_ok(settings.auth_tokens, _requested_url(request), fields, signature):
        kind, mend = ("wrong", _wrong_signature(request)) if signature else ("missing", NO_SIGNATURE)
        refused_stranger(request, "signature", kind, why="wrong or missing signature", mend=mend)
        raise web.HTTPForbidden(text="the request is not signed by Twilio\n")
    form = dict(fields)
    call_sid = form.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        refused(request, "form", why="the form has no valid CallSid")
        raise web.HTTPBadRequest(text="the form has no valid CallSid\n")
    set_of_call(request, _settings_of(request, call_sid, form))
    return call_sid, form


def _settings_of(request: web.Request, call_sid: str, form: Form) -> Settings:
    """The settings of the call: its own while it lives; then by the profile in the URL we gave Twilio, or its number.

    The query is signed with the rest, so a webhook in Twilio's console may name a profile too.
    """
    calls = request.app[CALLS]
    live = calls.directory.find(call_sid)
    if live is not None:
        return live.settings
    named = request.query.get(PROFILE)
    settings = None if named is None else calls.profiles.named(named)
    return settings or calls.profiles.of_number(form.get("To", ""))


def _fields(request: web.Request, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form in their order. More than any form of Twilio's has is 413, as is a form too long."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        refused_stranger(request, "too_long", why=f"the form has more than {MAX_FIELDS} fields")
        raise web.HTTPRequestEntityTooLarge(MAX_FIELDS, text="the form has too many fields\n") from None


async def _body(request: web.Request) -> bytes:
    """Body of at most 64 KiB, or 413; within a few seconds, or 408; whole and readable, or 400."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        refused_stranger(request, "too_long", why="the form is larger than 64 KiB")
        raise
    except TimeoutError:
        why = f"the form had not come whole after {BODY_S:g} s"
        refused_stranger(request, "late", why=why, mend="look at the proxy")
        raise web.HTTPRequestTimeout(text="the form did not come in time\n") from None
    except (web.RequestPayloadError, ConnectionError):
        refused_stranger(request, "form", why="the form did not come whole")
        request.content.feed_eof()  # or aiohttp reads on for a while, fails at the same place and it counts twice
        raise web.HTTPBadRequest(text="the form did not come whole\n") from None


def _requested_url(request: web.Request) -> str:
    """The URL Twilio asked for. PUBLIC_URL's prefix is in it once, whether or not a proxy took it off the path."""
    public_url = request.app[SETTINGS].public_url
    if _route(request) not in PATHS:
        public_url = public_url.removesuffix(urlsplit(public_url).path)
    return absolute(public_url, request.raw_path)


def _wrong_signature(request: web.Request) -> str:
    """The likely mend of a request whose signature does not fit."""
    public_url, kind = request.app[SETTINGS].public_url, request.content_type
    why = f"its signature is wrong: TWILIO_AUTH_TOKEN is not the account's, or Twilio was not given {public_url}"
    asked, known = request.headers.get("Host", "").partition(":")[0], urlsplit(public_url).hostname
    if asked != known:
        why += f"; it was asked as {shown(asked)}"
    if kind != "application/x-www-form-urlencoded":
        why += f"; its body is {shown(kind)}, where Twilio sends a form"
    return why


def refused(request: web.Request, kind: WebhookRefusal, **fields: str) -> None:
    """Count and tell a refusal of what Twilio asked."""
    request.app[METER].webhook_refused(kind)
    _log.warning("webhook_refused", path=request.path, **fields)


def refused_stranger(request: web.Request, kind: WebhookRefusal, detail: str = "", **fields: Any) -> None:
    """The same of what anybody may have sent: told now and then, of each kind, `detail` and webhook.

    The webhook is told as it is routed: what a stranger writes in place of a SID would be a kind of its own each time.
    """
    request.app[METER].webhook_refused(kind)
    path = _route(request)
    request.app[RATE_LIMITED_LOG].warn("webhook_refused", kind, detail, path, path=path, **fields)


def _route(request: web.Request) -> str:
    """The path of the request as it is routed, with names in place of what varies."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def small_number(request: web.Request, name: str) -> int:
    """A small number in the query, which is signed with the rest of the URL."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0


# ---- answers ----


def twiml(request: web.Request, document: str, **values: str) -> web.Response:
    """One of the operator's TwiML documents, filled in."""
    settings = of_call(request)
    text = twiml_files(settings.twiml_dir, settings.language).render(document, **values)
    return web.Response(text=text, content_type="text/xml")


def connect_stream(request: web.Request, call_sid: str, action_url: str = "") -> web.Response:
    """TwiML that opens a stream for a call that waits for one. `action_url`: where it leads then, if not as ever."""
    calls, public_url = request.app[CALLS], request.app[SETTINGS].public_url
    live = calls.directory.find(call_sid)
    if live is not None:
        set_of_call(request, live.settings)
    url = stream_url(public_url, calls.tokens.issue(call_sid))
    action_url = action_url or next_url(request, 0 if live is None else live.past.leg)
    return twiml(request, "answer", stream_url=url, action_url=action_url)


def play_digits(request: web.Request, call_sid: str, leg: int) -> web.Response:
    """TwiML that plays what the call has left its stream `leg` for, and opens the next one.

    Whoever gets that stream and does not know the call is told by the token that it has a past.
    """
    calls, public_url = request.app[CALLS], request.app[SETTINGS].public_url
    url = stream_url(public_url, calls.tokens.issue(call_sid, leg + 1))
    digits = calls.registry.digits.find(call_sid)
    return twiml(request, "send_digits", digits=digits, stream_url=url, action_url=next_url(request, leg))


def call_is_over(request: web.Request, call_sid: str) -> web.Response:
    """TwiML for a webhook that was played again, or is very late."""
    refused(request, "is_over", call_sid=call_sid, why="the call is over")
    return twiml(request, "goodbye")


def callback_url(request: web.Request, path: str) -> str:
    """Absolute URL of a webhook of ours about the same call, with what Twilio shall do if it fails."""
    if any(request.app[CALLS].profiles):
        path += f"{'&' if '?' in path else '?'}{urlencode({PROFILE: of_call(request).profile})}"
    return absolute(request.app[SETTINGS].public_url, path) + CONNECTION_OVERRIDES


def next_url(request: web.Request, leg: int, held: int = 0) -> str:
    """URL at which Twilio asks what follows stream `leg` of the call, the first being 0, redirected `held` times."""
    query = urlencode({name: number for name, number in (("leg", leg), ("held", held)) if number})
    return callback_url(request, f"/voice/next?{query}" if query else "/voice/next")
