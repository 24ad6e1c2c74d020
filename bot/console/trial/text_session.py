"""A Realtime session in writing: what is said to it is text, and so is what it answers (openai-realtime 2, 3.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from bot.realtime import events
from bot.realtime.connection import ConnectError, Endpoint, RealtimeConnection
from bot.realtime.errors import ends_the_call
from bot.realtime.failures import Failure, failure_of_close
from bot.realtime.items import function_call_output
from bot.realtime.usage import Reading, read_response

TEXT_DELTA = "response.output_text.delta"
_encode = msgspec.json.Encoder().encode


class Written(NamedTuple):
    """A piece of the answer."""

    text: str


class Called(NamedTuple):
    """The model calls a function; `arguments` is its JSON text."""

    call_id: str
    name: str
    arguments: str


class Answered(NamedTuple):
    """The response is over. `why` says what went wrong, "" when nothing did."""

    why: str
    usage: Reading


class Lost(NamedTuple):
    """The session is gone."""

    failure: Failure


Happened = Written | Called | Answered | Lost


class TextSession:
    """`tell` gets what happens, from when `open` has returned."""

    def __init__(self, endpoint: Endpoint, session: dict[str, Any], tell: Callable[[Happened], None]) -> None:
        self._connection = RealtimeConnection(endpoint, self._heard, self._lost)
        self._update = _encode(events.UpdateSession(session, event_id="trial"))
        self._tell = tell
        self._active = ""
        """The response that is being made."""
        self._configured: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, within_s: float) -> None:
        """Dial and configure it. Raises ConnectError."""
        try:
            async with asyncio.timeout(within_s):
                await self._connection.open(within_s)
                await self._configured
        except TimeoutError:
            await self._connection.close()
            raise ConnectError(Failure("timeout", 0, f"no session within {within_s:g} s")) from None
        except BaseException:
            await self._connection.close()
            raise

    async def close(self) -> None:
        await self._connection.close()

    def say(self, text: str) -> None:
        """Tell it what a caller says."""
        content = [{"type": "input_text", "text": text}]
        self._send(events.CreateItem({"type": "message", "role": "user", "content": content}))

    def give(self, call_id: str, output: str) -> None:
        """Tell it what a function has answered."""
        self._send(events.CreateItem(function_call_output(call_id, output)))

    def respond(self, response: dict[str, Any] | None = None) -> None:
        """Ask for an answer."""
        self._send(events.CreateResponse(response or {}))

    def call_off(self) -> bool:
        """Call off the response that is being made, if there is one: it ends soon, and says what it cost."""
        if self._active:
            self._send(events.CancelResponse(self._active))
        return bool(self._active)

    def _send(self, command: events.ClientEvent) -> None:
        self._connection.send(_encode(command))

    # ---- what it says ----

    def _heard(self, text: bytes) -> None:
        with suppress(events.BadEvent):
            event = events.parse(text)
            if isinstance(event, events.Unknown):
                if event.type == TEXT_DELTA:
                    self._written(text)
            elif not self._configured.done():
                self._opening(event)
            elif isinstance(event, events.OutputItemDone):
                self._called(event.item)
            elif isinstance(event, events.ResponseCreated):
                self._active = event.response.id
            elif isinstance(event, events.ResponseDone):
                self._active = ""
                self._tell(Answered(_why(event.response), read_response(event.response.usage)))
            elif isinstance(event, events.Error) and ends_the_call(event.error, ready=True):
                self._lost(_failure_of(event.error))

    def _opening(self, event: events.ServerEvent) -> None:
        if isinstance(event, events.SessionCreated):
            self._connection.send(self._update)
        elif isinstance(event, events.SessionUpdated):
            self._configured.set_result(None)
        elif isinstance(event, events.Error) and ends_the_call(event.error, ready=False):
            self._configured.set_exception(ConnectError(_failure_of(event.error)))

    def _written(self, text: bytes) -> None:
        with suppress(msgspec.MsgspecError):
            self._tell(Written(msgspec.json.decode(text, type=_TextDelta).delta))

    def _called(self, item: events.Item) -> None:
        if item.type == "function_call" and item.status == "completed" and item.call_id and item.name:
            self._tell(Called(item.call_id, item.name, item.arguments or "{}"))

    def _lost(self, failure: Failure) -> None:
        self._active = ""
        if not self._configured.done():
            self._configured.set_exception(ConnectError(failure))
        else:
            self._tell(Lost(failure))


class _TextDelta(msgspec.Struct):
    delta: str


def _why(response: events.Response) -> str:
    if response.status == "completed":
        return ""
    details = response.status_details or events.StatusDetails()
    code = (details.error and (details.error.code or details.error.message)) or details.reason or ""
    return f"{response.status}: {code}" if code else response.status


def _failure_of(problem: events.Problem) -> Failure:
    why = f"{problem.code or problem.type}: {problem.message}"
    known = failure_of_close(0, why)
    return known if known.kind != "closed" else Failure("refused", 0, why)
