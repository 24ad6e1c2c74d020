"""POST /client-secret: an ephemeral key with which a browser talks to the model directly (openai-realtime 1.1, W9).

The secret brings this bot's session with it, in PCM, so that an operator hears what the telephone line itself costs.
The real key stays here. What a browser spends with a secret is on the account's bill and in no figure of ours.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from bot.after_call.text_model import NotAnswered, TextModel, ask
from bot.call.prompts.greeting import greeting_response
from bot.config import Settings
from bot.config.profiles.placeholders import unfilled
from bot.console.direct.direct_way import why_none
from bot.console.operator.past import as_json
from bot.realtime.connection import Endpoint
from bot.realtime.session import SessionSettings, session_object
from bot.server.http.app_keys import CALLS
from bot.server.setup.call_settings import session_settings

LASTS_S = 120
"""Seconds within which the browser must open its session; the session itself goes on."""
ANSWER_S = 10.0

_log = structlog.get_logger()


async def client_secret(request: web.Request) -> web.Response:
    """The secret's `value`, its expiry, the address that takes it, how to begin; or a sentence, in `problem`."""
    settings = unfilled(request.app[CALLS].profiles.default)
    problem = why_none(settings)
    if not problem and request.app[CALLS].spent_today.used_up:
        problem = "The money for today is spent (BOT_MAX_DAILY_USD)."
    if problem:
        return as_json({"problem": problem}, 409)
    try:
        told = await ask(_address(settings), request_body(settings), ANSWER_S)
    except NotAnswered as error:
        _log.warning("client_secret_failed", why=str(error))
        return as_json({"problem": f"The model's server gave no client secret: {error}."}, 502)
    value, expires_at = told.get("value"), told.get("expires_at")
    if not isinstance(value, str) or not isinstance(expires_at, int):
        _log.warning("client_secret_failed", why="the answer is no client secret")
        return as_json({"problem": "The model's server answered with something that is no client secret."}, 502)
    _log.info("client_secret_made", lasts_s=LASTS_S)
    endpoint = Endpoint(settings.openai_realtime_url, settings.openai_realtime_model, "")
    return as_json({"value": value, "expires_at": expires_at, "url": endpoint.uri, **_how_to_begin(settings)})


def _how_to_begin(settings: Settings) -> dict[str, Any]:
    """What a call's core knows besides: the greeting to ask for, the silence that ends a turn, the longest call."""
    greeting = settings.greeting
    detection = session_settings(settings).turn_detection
    return {
        "greeting": greeting_response(greeting, settings.instructions) if greeting else None,
        "silenceMs": detection.silence_duration_ms if detection.type == "server_vad" else 0,
        "mostS": settings.max_call_s,
    }


def _address(settings: Settings) -> TextModel:
    """The route beside the Realtime one, and the header that lets this server in."""
    realtime = urlsplit(settings.openai_realtime_url)
    scheme = "https" if realtime.scheme == "wss" else "http"
    url = realtime._replace(scheme=scheme, path=f"{realtime.path.rstrip('/')}/client_secrets", query="").geturl()
    key = settings.openai_api_key.get_secret_value()
    return TextModel(url, Endpoint("", "", key, dialect=settings.dialect).credentials)


def request_body(settings: Settings) -> dict[str, Any]:
    """The bot's session as a browser has it: PCM both ways, turns by the server, no tools, which only run here."""
    chosen: SessionSettings = msgspec.structs.replace(session_settings(settings), audio="audio/pcm")
    session = session_object(chosen, server_owns_turns=True)
    session.pop("tool_choice", None)
    return {
        "expires_after": {"anchor": "created_at", "seconds": LASTS_S},
        "session": {**session, "tools": [], "model": settings.openai_realtime_model},
    }
