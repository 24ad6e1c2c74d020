"""Why it was silent in a call of which only turns and events are left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.store.results import CallSummary, StoredCall
from bot.store.rows import EventKept
from bot.views.pauses.silences import silences
from bot.views.pauses.stored_waits import waits_of
from bot.views.timeline_parts import Timeline, Turn
from tests.views.stored import calls_sample as sample
from tests.views.stored.conftest import filled, record_dir
from tests.views.stored.test_stored_page import written

S = 1_000_000

__all__ = ["filled", "record_dir"]


def found(*events: tuple[float, str, dict[str, Any]], turns: list[Turn], until_s: int = 20) -> list[str]:
    kept = [
        EventKept("CA1", number, round(at_s * S), name, "info", details)
        for number, (at_s, name, details) in enumerate(events)
    ]
    call = StoredCall(summary=_summary(), turns=[], usages=[], events=kept, files=[])
    told = Timeline("", "", "CA1", until_s * S, "", truncated=False, turns=turns, waits=waits_of(call, turns))
    return [one.words.partition(": ")[2] for one in silences(told)]


def _summary() -> CallSummary:
    nothing: dict[str, Any] = dict.fromkeys(CallSummary.__struct_fields__, 0)
    words = ("sid", "reason", "caller", "called", "caller_hash", "owner", "model", "settings_digest", "profile")
    at = datetime(2026, 1, 20, tzinfo=UTC)
    times = {"started_at": at, "ended_at": at, "purged_at": None}
    return CallSummary(**{**nothing, **dict.fromkeys(words, ""), **times, "waits": {}, "tokens": {}})


def test_a_tool_between_the_caller_s_words_and_the_answer() -> None:
    turns = [Turn("bot", "a", 1 * S, 4 * S), Turn("caller", "b", 6 * S, 8 * S), Turn("bot", "c", 13 * S, 20 * S)]
    assert found(
        (0.5, "begun", {}), (8.5, "tool_called", {"tool": "look_up"}), (11.5, "tool_done", {"tool": "look_up", "ok": True}), turns=turns
    ) == [
        "waiting for the caller",
        "0.5 s waiting for the model, then 3.0 s waiting for a tool (look_up), then 1.5 s waiting for the model",
    ]  # fmt: skip


def test_a_question_if_the_caller_is_there() -> None:
    turns = [Turn("bot", "a", 0, 4 * S), Turn("bot", "b", 10 * S, 20 * S)]
    assert found((9, "idle_prompt", {}), turns=turns) == [
        "5.0 s waiting for the caller, then 1.0 s waiting for the model"
    ]


def test_a_stream_that_was_lost_and_came_back() -> None:
    turns = [Turn("bot", "a", 1 * S, 4 * S), Turn("bot", "b", 10 * S, 20 * S)]
    assert found((0.5, "begun", {}), (5, "stream_lost", {}), (9, "begun", {}), turns=turns) == [
        "1.0 s waiting for the caller, then 4.0 s the line (the stream was not there), then 1.0 s waiting for the model"
    ]


@pytest.mark.usefixtures("filled")
def test_the_page_of_a_stored_call_says_so() -> None:
    sentence = "silent for 86.0 s: waiting for the caller"
    text, page = written(sample.LATE)
    assert [pause["words"] for pause in page.data["silences"]][-1] == sentence
    assert sentence in text
