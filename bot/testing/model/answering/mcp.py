"""Remote tools: the server lists those of every server that a session names, and calls them by itself.

Each list is an item, once a session; a call is one too, within a response (openai-realtime 3.3). Where the session has
it so, the client is asked for approval first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bot.testing.agent import McpCall, McpListing, Pending
from bot.testing.model.protocol.default_conversation import Entry
from bot.testing.model.protocol.refusal import Refused
from bot.testing.model.state.simulated_state import MS, SessionState

Json = dict[str, Any]
LOOK_MS = 10


def list_tools(state: SessionState) -> None:
    """Begin to list what the session names and has not listed yet."""
    for tool in state.session["tools"]:
        label = tool.get("server_label")
        if tool["type"] == "mcp" and label not in state.listed and state.wire.says("mcp_list_tools.in_progress"):
            state.listed.add(label)
            _begin(state, tool)


def _begin(state: SessionState, server: Json) -> None:
    body = {"server_label": server["server_label"], "tools": []}
    entry = Entry(state.new_id("item"), "mcp_list_tools", body=body)
    before = state.conversation.add(entry)
    state.emit("conversation.item.added", previous_item_id=before, item=entry.shown(state.wire))
    state.emit("mcp_list_tools.in_progress", item_id=entry.id)
    remote, label = state.behaviour.remote, server["server_label"]
    listing = McpListing(state.behaviour.mcp_tools.get(label)) if remote is None else remote.tools(server)
    due_us = state.agenda.now_us + state.behaviour.mcp_list_ms * MS
    state.agenda.follow(_listed(state, entry, listing), due_us)


def _listed(state: SessionState, entry: Entry, listing: Pending[McpListing]) -> Iterator[int]:
    while (made := listing.poll()) is None:
        yield state.agenda.now_us + LOOK_MS * MS
    if made.tools is not None:
        entry.body = {**entry.body, "tools": list(made.tools)}
    state.emit(f"mcp_list_tools.{'failed' if made.tools is None else 'completed'}", item_id=entry.id)
    _done(state, entry)


def _done(state: SessionState, entry: Entry) -> None:
    entry.done = True
    before = state.conversation.before(entry.id)
    state.emit("conversation.item.done", previous_item_id=before, item=entry.shown(state.wire))


def server_of(state: SessionState, call: McpCall) -> Json:
    """The server of a call, as the session names it."""
    named = (tool for tool in state.session["tools"] if tool.get("server_label") == call.server_label)
    return next(named, {"type": "mcp", "server_label": call.server_label, "require_approval": "never"})


def called(state: SessionState, call: McpCall) -> Pending[McpCall]:
    """What a call comes to: as it was scripted, or as a real server answers it."""
    remote = state.behaviour.remote
    return call if remote is None else remote.call(server_of(state, call), call)


def asks(state: SessionState, call: McpCall, request_id: str) -> bool:
    """True if the client has to approve this call (openai-realtime 2.5): it is kept by the id of the request."""
    wanted = server_of(state, call).get("require_approval", "always")
    if call.approval_request_id:
        return False
    unasked = (
        wanted == "never" if isinstance(wanted, str) else call.name in wanted.get("never", {}).get("tool_names", ())
    )
    if not unasked:
        state.approvals[request_id] = msgspec.structs.replace(call, approval_request_id=request_id)
    return not unasked


def answered(state: SessionState, item: Json) -> McpCall | None:
    """A request for approval is answered: the call, where it is approved. Raises Refused for one that nobody made."""
    call = state.approvals.pop(item.get("approval_request_id", ""), None)
    if call is None:
        message = f"Approval request '{item.get('approval_request_id')}' not found in conversation."
        raise Refused("invalid_value", message, "item.approval_request_id")
    return call if item.get("approve") is True else None


def approved(state: SessionState, call: McpCall) -> None:
    """The call is made now, or by the next response, as the behaviour has it: which is not known of the real one."""
    if state.behaviour.mcp_calls_when_approved:
        state.agenda.follow(_called_now(state, call), state.agenda.now_us)
    else:
        state.approved.append(call)


def _called_now(state: SessionState, call: McpCall) -> Iterator[int]:
    body = {"server_label": call.server_label, "name": call.name, "arguments": call.arguments}
    entry = Entry(state.new_id("item"), "mcp_call", body={**body, "approval_request_id": call.approval_request_id})
    before = state.conversation.add(entry)
    state.emit("conversation.item.added", previous_item_id=before, item=entry.shown(state.wire))
    place = {"item_id": entry.id, "output_index": 0}
    state.emit("response.mcp_call.in_progress", **place)
    making = called(state, call)
    yield state.agenda.now_us + LOOK_MS * MS
    while (made := making.poll()) is None:
        yield state.agenda.now_us + LOOK_MS * MS
    entry.body |= {"output": made.output} if made.error is None else {"error": made.error}
    state.emit(f"response.mcp_call.{'completed' if made.error is None else 'failed'}", **place)
    _done(state, entry)
