"""Waits of a stored call, by its turns and events: less exact than a fixture, and there for every call."""

from __future__ import annotations

from bot.store.results import StoredCall
from bot.store.rows import EventKept
from bot.views.timeline_parts import Turn, Wait

_STREAM = "the stream was not there"
_AWAY = frozenset({"stream_lost", "digits_sent"})
_BACK = frozenset({"begun", "stream_back"})
_TOOL_OVER = frozenset({"tool_done", "tool_timeout", "tool_called_off"})
_MODEL_ASKED = frozenset({"begun", "tool_done", "tool_timeout", "idle_prompt", "transfer_refused"})
"""Events after which the next words are the bot's."""


def waits_of(call: StoredCall, turns: list[Turn]) -> list[Wait]:
    """Waits of a call whose `turns` are in spoken order. After a caller's words the bot's are waited for."""
    events = sorted(call.events, key=lambda event: (event.us, event.number))
    asked = [event.us for event in events if event.name in _MODEL_ASKED]
    asked += [turn.until_us or turn.from_us for turn in turns if turn.who == "caller"]
    return [*_line(events), *_tools(events), *(_model(us, turns) for us in asked)]


def _line(events: list[EventKept]) -> list[Wait]:
    found = [Wait(0, None, "line", _STREAM)] if any(event.name == "begun" for event in events) else []
    for event in events:
        last = found[-1] if found else None
        if event.name in _AWAY and (last is None or last.until_us is not None):
            found.append(Wait(event.us, None, "line", _STREAM))
        elif event.name in _BACK and last is not None and last.until_us is None:
            last.until_us = event.us
    return found


def _tools(events: list[EventKept]) -> list[Wait]:
    """From each call of a tool to the next end of one by that name."""
    found: list[Wait] = []
    for event in events:
        name = str(event.details.get("tool", ""))
        if event.name == "tool_called":
            found.append(Wait(event.us, None, "tool", name))
        elif event.name in _TOOL_OVER:
            running = next((one for one in found if one.until_us is None and one.what == name), None)
            if running is not None:
                running.until_us = event.us
    return found


def _model(since_us: int, turns: list[Turn]) -> Wait:
    """Until the next words of either side; when none follow, nobody knows if any were to come."""
    return Wait(since_us, next((turn.from_us for turn in turns if turn.from_us > since_us), since_us), "model")
