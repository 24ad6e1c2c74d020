"""The page's side of a trial: what it begins with, and a socket that lives as long as the trial does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Literal

import msgspec
import structlog
from aiohttp import WSMsgType, web

from bot.config import Settings
from bot.config.profiles.placeholders import filled, unfilled
from bot.console.operator.past import as_json
from bot.console.trial.trial import Trial
from bot.realtime.connection import Endpoint
from bot.realtime.session import END_CALL_TOOL, FunctionTool
from bot.server.http.app_keys import CALLS
from bot.server.setup.call_prices import call_money
from bot.server.setup.call_settings import session_settings
from bot.tools.toolbox import Toolbox

MOST_TRIALS = 4
"""Trials that a process has at a time."""
LONGEST_S = 900.0
MOST_INSTRUCTIONS = 50_000
"""Letters of the instructions, or of what a function answers."""
MOST_WORDS = 4_000
"""Letters that a caller says at a time."""
MOST_BYTES = 6 * MOST_INSTRUCTIONS + 4_096
"""Bytes of a message: a letter may be written as six."""

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger()


class Wish(msgspec.Struct, frozen=True):
    """A message of the page: begin with `text` as the instructions; the caller says it; the function answers it."""

    do: Literal["begin", "say", "give"]
    text: str
    profile: str = ""
    call_id: str = msgspec.field(default="", name="callId")


_wish = msgspec.json.Decoder(Wish)


class Trials:
    """The trials of this process that go on."""

    def __init__(self) -> None:
        self._open: set[web.WebSocketResponse] = set()

    @property
    def full(self) -> bool:
        return len(self._open) >= MOST_TRIALS

    def enter(self, socket: web.WebSocketResponse) -> None:
        self._open.add(socket)

    def leave(self, socket: web.WebSocketResponse) -> None:
        self._open.discard(socket)

    async def close(self, _: web.Application) -> None:
        """The server stops."""
        await asyncio.gather(*(socket.close(code=1001) for socket in list(self._open)))


TRIALS: web.AppKey[Trials] = web.AppKey("trials", Trials)


# ---- what there is to try ----


async def instructions(request: web.Request) -> web.Response:
    """GET /console/api/instructions: those of calls, or of the profile named by `profile`, and what goes with them."""
    settings, toolbox = _of(request, request.query.get("profile", ""))
    if settings is None or toolbox is None:
        raise web.HTTPNotFound(text="there is no such profile\n")
    runs = {one.name for one in toolbox.functions()}
    return as_json(
        {
            "instructions": settings.instructions,
            "profile": settings.profile,
            "profiles": sorted({one.profile for one in request.app[CALLS].profiles}),
            "model": settings.openai_realtime_model,
            "greets": bool(settings.greeting),
            "functions": [{"name": one.name, "runs": one.name in runs} for one in _functions(settings, toolbox)],
            "remote": [server.name for server in settings.mcp],
            "problem": _why_none(settings),
        }
    )


def _of(request: web.Request, profile: str) -> tuple[Settings | None, Toolbox | None]:
    """Settings and tools of a profile; without a name those of a call to a number that no profile has."""
    calls = request.app[CALLS]
    settings = calls.profiles.named(profile) if profile else calls.profiles.default
    return settings, None if settings is None else calls.starter.toolboxes.of(settings)


def _functions(settings: Settings, toolbox: Toolbox) -> list[FunctionTool]:
    """The functions that calls have, but for the one that calls off a tool: none runs here."""
    return [END_CALL_TOOL, *session_settings(settings).tools, *toolbox.functions()]


def _why_none(settings: Settings) -> str:
    if settings.dialect == "xai":
        return "Nobody here knows if xAI's sessions write; BOT_DIALECT is xai."
    if not settings.openai_api_key.get_secret_value():
        return "OPENAI_API_KEY is not set: there is no model to ask."
    return ""


# ---- a trial ----


async def trial(request: web.Request) -> web.StreamResponse:
    """GET /console/trial: a trial, for as long as the socket is open."""
    trials = request.app[TRIALS]
    if trials.full:
        raise web.HTTPConflict(text="as many instructions as may be are being tried at present\n")
    socket = web.WebSocketResponse(max_msg_size=MOST_BYTES, heartbeat=20.0, compress=False)
    trials.enter(socket)
    try:
        await socket.prepare(request)
        await _Attempt(request, socket).run()
    finally:
        trials.leave(socket)
        await socket.close()
    return socket


class _Attempt:
    """One page and its trial."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self._socket = socket
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._trial: Trial | None = None

    async def run(self) -> None:
        tasks = [asyncio.create_task(job, name="trial") for job in (self._listen(), self._write())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                await self._send({"type": "over", "why": f"A trial lasts {LONGEST_S / 60:g} minutes at most."})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._trial is not None:
                await self._trial.close()
                usd = self._trial.nano_usd / 1e9
                _log.info("operator_trial_over", answers=self._trial.answers, usd=usd)
        for task in done:
            task.result()  # a fault of ours is one of the request

    async def _listen(self) -> None:
        async for message in self._socket:
            try:
                wish = _wish.decode(message.data) if message.type is WSMsgType.TEXT else None
            except (msgspec.MsgspecError, RecursionError):
                wish = None
            if wish is None or (wish.do == "say" and not wish.text.strip()):
                self._problem("That was no message of this page's.")
            elif len(wish.text) > (most := MOST_WORDS if wish.do == "say" else MOST_INSTRUCTIONS):
                self._problem(f"That is longer than {most:,} letters.")
            else:
                await self._do(wish)

    async def _do(self, wish: Wish) -> None:
        if wish.do == "begin":
            if self._trial is None:
                await self._begin(wish)
        elif self._trial is None:
            self._problem("The trial has not begun.")
        elif wish.do == "say":
            self._say(self._trial, wish.text.strip())
        else:
            self._trial.give(wish.call_id, wish.text)

    def _say(self, trial: Trial, words: str) -> None:
        if trial.answering:
            self._problem("The bot answers: wait until it has.")
        else:
            trial.say(words)

    async def _begin(self, wish: Wish) -> None:
        settings, toolbox = _of(self._request, wish.profile)
        if settings is None or toolbox is None:
            self._out.put_nowait({"type": "over", "why": "There is no such profile."})
            return
        if problem := _why_none(settings):
            self._out.put_nowait({"type": "over", "why": problem})
            return
        key = settings.openai_api_key.get_secret_value()
        endpoint = Endpoint(settings.openai_realtime_url, settings.openai_realtime_model, key, dialect=settings.dialect)
        spent = self._request.app[CALLS].spent_today
        self._trial = Trial(endpoint, call_money(settings), spent, self._out.put_nowait)
        _log.info("operator_trial", letters=len(wish.text), profile=wish.profile)
        text = filled(wish.text, {}) if settings.lookup_url else wish.text
        chosen = msgspec.structs.replace(session_settings(settings), instructions=text)
        await self._trial.begin(chosen, _functions(settings, toolbox), unfilled(settings).greeting)

    # ---- to the page ----

    def _problem(self, why: str) -> None:
        answering = self._trial is not None and self._trial.answering
        self._out.put_nowait({"type": "problem", "why": why, "answering": answering})

    async def _write(self) -> None:
        """Bring the page what there is; return once that was the last."""
        while True:
            what = await self._out.get()
            await self._send(what)
            if what["type"] == "over":
                return

    async def _send(self, what: dict[str, Any]) -> None:
        with suppress(ConnectionError):
            await self._socket.send_str(_encode(what).decode())
