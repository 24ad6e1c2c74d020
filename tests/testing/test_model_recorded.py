"""The simulated server beside recordings of real ones: asked the same, it says the same, in the same shape."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, ToolCall, pattern
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from tests.recordings import Json, Recording, each_recording, recording

APPEND_US = 100_000
"""The recorded clients append so much audio at a time."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
PACING = Pacing(first_audio_ms=100, call_gap_ms=100, speed=8.0)
ANYHOW = frozenset({"ping", "rate_limits.updated"})
"""Events whose time depends on nothing that is asked."""
FREE = frozenset(
    [
        "event_id",
        "id",
        "item_id",
        "response_id",
        "previous_item_id",
        "call_id",
        "conversation_id",
        "expires_at",
        "instructions",
        "delta",
        "obfuscation",
        "rid",
        "ts",
        "timestamp",
        "latency",
        "start_time",
        "audio_duration_ms",
        "audio_start_ms",
        "audio_end_ms",
        "limit",
        "remaining",
        "reset_seconds",
        "usage",
        "message",
    ]
)
"""Keys whose values are the server's own; of the rest the value is compared, and of all the type."""


# ---- what the simulated server is told of the recording --------------------------------------------------------------


def reply(done: Json) -> Reply:
    """The reply that a recorded response was."""
    items, calls = [], []
    for item in done["response"]["output"]:
        if item["type"] == "function_call":
            calls.append(ToolCall(item["name"], item["arguments"], item["call_id"]))
        else:
            (content,) = item["content"]
            items.append(Spoken(pattern(1_000), content.get("transcript") or content.get("text")))
    return Reply(items, calls, PACING)


def words(one: Recording) -> list[str | None]:
    """Transcripts of the caller's turns; None for one that was not understood."""
    said: dict[str, str | None] = {event["item_id"]: None for event in one.of("input_audio_buffer.committed")}
    said |= {event["item_id"]: event["transcript"] for event in one.of(f"{TRANSCRIPTION}.completed")}
    return list(said.values())


def in_time(one: Recording) -> bool:
    """True when a transcript came as the caller spoke."""
    kinds = [event["type"] for event in one.received]
    ends = "input_audio_buffer.speech_stopped"
    return f"{TRANSCRIPTION}.delta" in kinds and kinds.index(f"{TRANSCRIPTION}.delta") < kinds.index(ends)


def simulated(one: Recording) -> SimulatedModel:
    codes = {event["error"]["code"] for event in one.of(f"{TRANSCRIPTION}.failed")}
    behaviour = Behaviour(
        caller_words=words(one),
        transcription_from_ms=1_200 if in_time(one) else None,
        transcription_after_ms=700,
        transcription_usage="duration",
        deployments=() if "DeploymentNotFound" in codes else None,
    )
    agent = ScriptedAgent([reply(done) for done in one.of("response.done")] or [Spoken(b"")])
    return SimulatedModel(agent, behaviour, model=one.model, speech=(), dialect=one.dialect)


def asked_the_same(one: Recording) -> list[Json]:
    """Messages of the simulated server to the recorded client, who waits for what the recorded one had heard."""
    model, said, now_us = simulated(one), [], 0
    heard: Counter[str] = Counter()

    def run(until_us: int) -> None:
        nonlocal now_us
        while (next_us := model.next_us()) is not None and next_us <= until_us:
            now_us = max(now_us, next_us)
            said.extend(map(json.loads, model.due(now_us)))
        now_us = max(now_us, until_us)

    def wait(kind: str) -> None:
        while sum(event["type"] == kind for event in said) < heard[kind]:
            assert now_us < 120_000_000, f"{kind} number {heard[kind]} does not come"
            run(now_us + 10_000)

    last = ""
    for message in one.messages:
        if message.sent:
            if message.kind != "input_audio_buffer.append":
                wait(last)
            run(now_us + (APPEND_US if message.kind == "input_audio_buffer.append" else 0))
            model.receive(json.dumps(message.data), now_us)
        elif message.kind not in ANYHOW:
            last = message.kind
            heard[last] += 1
            if last == "input_audio_buffer.speech_started":
                model.say(SpeechAt(now_us + 1_000, now_us + 2_500_000))
                run(now_us + 1_000)
    wait(last)
    run(now_us + 5_000_000)
    assert (model.errors, model.violations) == ([], [])
    return said


# ---- how the two are compared ----------------------------------------------------------------------------------------


def is_delta(event: Json) -> bool:
    return event["type"].endswith("delta") and "function_call" not in event["type"]


def in_order(events: list[Json]) -> list[Json]:
    """Events with one place and no other: no pings, no deltas but a function's, of which many count as one."""
    kept = [
        event
        for event in events
        if event["type"] not in ANYHOW and not is_delta(event) and not event["type"].startswith(TRANSCRIPTION)
    ]
    return [next(same) for _, same in groupby(kept, key=lambda event: (event["type"], event.get("item_id", id(event))))]


def transcripts(events: list[Json]) -> list[list[str]]:
    """Kinds of events about the words of each of the caller's items, repetitions left out."""
    told: dict[str, list[str]] = {}
    for event in events:
        if event["type"].startswith(TRANSCRIPTION):
            told.setdefault(event["item_id"], []).append(event["type"] + event.get("status", ""))
    return [list(dict.fromkeys(kinds)) for kinds in told.values()]


def shape(value: Any, key: str = "") -> Any:
    """The fields of a value and their types, and what stands in them where that is no matter of the server's."""
    if isinstance(value, dict):
        inside = "usage" if key == "usage" else ""
        return {name: shape(one, inside or name) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one, key) for one in value]
    return type(value).__name__ if key in FREE else value


def shapes(events: list[Json]) -> set[str]:
    return {json.dumps(shape(event), sort_keys=True) for event in events}


@each_recording
def test_asked_the_same_it_says_the_same_in_the_same_order(path: Path) -> None:
    one = recording(path)
    said = asked_the_same(one)
    expected, told = in_order(one.received), in_order(said)
    assert [event["type"] for event in told] == [event["type"] for event in expected]
    assert transcripts(said) == transcripts(one.received)


@each_recording
def test_each_event_has_the_fields_the_types_and_the_defaults_of_the_real_one(path: Path) -> None:
    one = recording(path)
    said = asked_the_same(one)
    for told, expected in zip(in_order(said), in_order(one.received), strict=True):
        assert shape(told) == shape(expected), told["type"]


@each_recording
def test_deltas_pings_and_transcripts_have_the_fields_of_the_real_ones(path: Path) -> None:
    one = recording(path)
    said = asked_the_same(one)
    for kind in {event["type"] for event in one.received if event not in in_order(one.received)}:
        expected = [event for event in one.received if event["type"] == kind]
        told = [event for event in said if event["type"] == kind]
        if kind == f"{TRANSCRIPTION}.updated" or (kind == f"{TRANSCRIPTION}.completed" and one.dialect == "xai"):
            expected, told = ([{**event, "transcript": ""} for event in some] for some in (expected, told))
        assert shapes(told) == shapes(expected)


@each_recording
def test_nothing_is_said_that_the_real_one_never_says(path: Path) -> None:
    one = recording(path)
    kinds = {event["type"] for event in asked_the_same(one)} - {event["type"] for event in one.received}
    assert kinds <= (ANYHOW if one.dialect == "openai" else set())


def early(events: list[Json]) -> list[bool]:
    """True for each of the caller's items, in order, some of whose words were told before it was added."""
    named: list[str] = []
    told: list[bool] = []
    for event in events:
        if event["type"].startswith(TRANSCRIPTION):
            named.append(event["item_id"])
        elif event["type"] == "conversation.item.added" and event["item"].get("role") == "user":
            told.append(event["item"]["id"] in named)
    return told


@each_recording
def test_words_come_before_the_item_where_they_came_so(path: Path) -> None:
    one = recording(path)
    assert early(asked_the_same(one)) == early(one.received)
