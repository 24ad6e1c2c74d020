"""Calls of remote tools: the server makes them within its responses, or asks for approval first (openai-realtime 3.3).

Each is kept as a function call that is answered without us. What the server does not do by itself is ours: the
response behind it (openai-realtime W10), by way of bot.call.tool_calls.function_calls, the only one who asks for
such; and the answer to each request for approval, by the rules of its server.
"""

from __future__ import annotations

from dataclasses import InitVar
from typing import Literal

import msgspec

from bot.call.conversation.floor import Floor
from bot.call.machines import Move
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings, ToolRules
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import INTERRUPTED, MAX_ARGUMENTS, MAX_NAME, TOO_LATE, FunctionCalls
from bot.realtime.events import Item, Response
from bot.realtime.remote_server import RemoteServer

MAX_OUTPUT = 16_000
"""Letters of a result that are kept for another session."""
MOST_RUNNING, MOST_ASKED = 64, 8
"""Calls that run, and requests that wait for a key, at a time: a model has no use for more."""
TOO_MANY = "Too many tools wait for the caller's approval, so nothing was done. Ask for one after the other."
UNKNOWN = RemoteServer("", "")
"""The rules for a server that is not in the file: the model's side calls none, or should not."""
UNKNOWN_SERVER = "No tools of this server may be used, so nothing was done."
ENDING = "The call is about to end, so nothing was done."
CUT = "The caller spoke before it was over: it may or may not have been done."
UNFINISHED = "It is not known what came of this: it may or may not have been done. Tell the caller so."


@part
class McpCalls:
    """Told of each item that stands for a remote call or a request for approval."""

    settings: InitVar[CallSettings]
    _step: Step
    _session: CurrentSession
    _floor: Floor
    _functions: FunctionCalls

    def __post_init__(self, settings: CallSettings) -> None:
        self._servers = {server.label: server for server in settings.session.servers}

    # ---- the server calls ----

    def begun(self, item: Item, response_id: str = "") -> None:
        """The server calls a tool: in this response, or in none as far as is known."""
        call = self._functions.calls.get(item.id)
        if call is None:
            if len(self._session.now.remote_calls) < MOST_RUNNING:
                self._begin(item, response_id)
        elif not call.response_id:
            call.response_id = response_id

    def _begin(self, item: Item, response_id: str) -> FunctionCall:
        call = self._call(item, "remote", response_id)
        self._functions.calls.drop_approved(item.approval_request_id or "", call.name)
        self._functions.calls.add(call)
        session = self._session.now
        session.responses.answered(call.response_id)
        if call.call_id not in session.remote_calls:
            session.remote_calls.append(call.call_id)
        self._functions.begun(call)
        self._step.report("tool_called", tool=call.name, server=item.server_label)
        return call

    def done(self, item: Item, response_id: str = "") -> None:
        """An item is done: the server has called a tool, or asks if it may."""
        if item.type == "mcp_approval_request" and self._functions.calls.get(item.id) is None:
            self._asked(item, response_id or self._session.now.responses.active or "")
        elif item.type == "mcp_call":
            call = self._functions.calls.get(item.id) or self._begin(item, response_id)
            call.arguments = (item.arguments or call.arguments)[:MAX_ARGUMENTS]
            self._over(call, item)

    def _over(self, call: FunctionCall, item: Item) -> None:
        came = item.output is not None or item.error is not None
        ok = item.output is not None and item.error is None
        if came and call.open:
            self._step.report("tool_done", tool=call.name, ok=ok)
        if came:
            self._functions.came(call, _result(item))
        elif item.status == "incomplete" and call.open:
            self._functions.answer(call.call_id, CUT, respond=False)

    def response_done(self, response: Response) -> None:
        """A response is over, and so are its calls: of those that are not, nothing more is known."""
        cut = response.status == "cancelled"
        for call in self._functions.calls.open:
            if call.kind == "remote" and call.response_id == response.id:
                self._functions.answer(call.call_id, CUT if cut else UNFINISHED, respond=not cut)

    # ---- the server asks ----

    def _asked(self, item: Item, response_id: str) -> None:
        """Answer by rule, now or when the caller has pressed a key: a call that was interrupted is not approved."""
        call = self._call(item, "approval", response_id)
        self._functions.calls.add(call)
        responses, server = self._session.now.responses, self._server(item)
        responses.answered(call.response_id)
        if responses.suppressed(call.response_id):
            self._functions.answer(call.call_id, INTERRUPTED, respond=False)
        elif server is None:
            self._functions.answer(call.call_id, UNKNOWN_SERVER)
        elif self._floor.ending:
            self._functions.answer(call.call_id, ENDING, respond=False)
        elif server.approval_of(call.name) != "key":
            self._functions.start(call)
        elif sum(one.kind == "approval" for one in self._functions.calls.open) > MOST_ASKED:
            self._functions.answer(call.call_id, TOO_MANY)
        else:
            self._functions.on_approval(call)

    def _server(self, item: Item) -> RemoteServer | None:
        """The server of a tool that may be used."""
        server = self._servers.get(item.server_label or "")
        return server if server is not None and (not server.tools or item.name in server.tools) else None

    def _call(self, item: Item, kind: Literal["approval", "remote"], response_id: str) -> FunctionCall:
        name, arguments = (item.name or "")[:MAX_NAME], (item.arguments or "{}")[:MAX_ARGUMENTS]
        server = self._servers.get(item.server_label or "", UNKNOWN)
        rules = ToolRules(name, timeout_s=server.timeout_s, meanwhile=server.meanwhile)
        call = FunctionCall(item.id, name, arguments, response_id, self._floor.let_in, rules)
        call.kind = kind
        if kind == "remote":
            call.move(Move.STARTED)
            call.due_us, call.too_late = self._step.now_us + round(server.timeout_s * 1_000_000), TOO_LATE
        return call


def _result(item: Item) -> str:
    """The result as another session is told of it."""
    if item.error is None:
        return (item.output or "")[:MAX_OUTPUT]
    return msgspec.json.encode({"error": item.error}).decode()[:MAX_OUTPUT]
