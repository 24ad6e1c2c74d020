"""Remote tools: the server lists those of every server that a session names, once each (openai-realtime 3.3)."""

from __future__ import annotations

from bot.testing.model.protocol.default_conversation import Entry
from bot.testing.model.state.simulated_state import MS, SessionState


def list_tools(state: SessionState) -> None:
    """Begin to list what the session names and has not listed yet."""
    for tool in state.session["tools"]:
        label = tool.get("server_label")
        if tool["type"] == "mcp" and label not in state.listed and state.wire.says("mcp_list_tools.in_progress"):
            state.listed.add(label)
            _begin(state, label)


def _begin(state: SessionState, label: str) -> None:
    entry = Entry(state.new_id("item"), "mcp_list_tools", body={"server_label": label, "tools": []})
    before = state.conversation.add(entry)
    state.emit("conversation.item.added", previous_item_id=before, item=entry.shown(state.wire))
    state.emit("mcp_list_tools.in_progress", item_id=entry.id)
    due_us = state.agenda.now_us + state.behaviour.mcp_list_ms * MS
    state.agenda.at(due_us, lambda _us: _end(state, entry, label))


def _end(state: SessionState, entry: Entry, label: str) -> None:
    tools = state.behaviour.mcp_tools.get(label)
    if tools is not None:
        entry.body = {"server_label": label, "tools": list(tools)}
    state.emit(f"mcp_list_tools.{'failed' if tools is None else 'completed'}", item_id=entry.id)
    entry.done = True
    before = state.conversation.before(entry.id)
    state.emit("conversation.item.done", previous_item_id=before, item=entry.shown(state.wire))
