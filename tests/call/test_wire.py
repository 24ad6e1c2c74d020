"""Recorded messages of real servers, played to a call; and again with each field that it does not need made strange."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.payload import payload_bytes
from bot.call.call import Call
from bot.call.facts import UsageFact
from bot.call.inputs import Refused, Tick
from bot.call.outputs import Output, Report
from bot.call.settings import CallSettings, Money
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import SessionSettings
from bot.realtime.usage import PerMinute, PerToken
from bot.twilio import stream
from tests.call.scripted_call import start
from tests.recorded_wire import HAND_MADE, Conversation, Wire, conversations

STEP_US = 20_000
AFTER_US = 3_000_000
"""Time for which the call goes on when all has been said."""
ALL = conversations()
NAMED = {one.name: one for one in ALL}

NEEDED: dict[str, tuple[str, ...]] = {
    "session.updated": tuple(f"session.audio.{way}put.format.{what}" for way in ("in", "out") for what in ("type", "rate")),
    "input_audio_buffer.speech_started": ("audio_start_ms", "item_id"),
    "input_audio_buffer.speech_stopped": ("audio_end_ms", "item_id"),
    "input_audio_buffer.committed": ("item_id",),
    "conversation.item.done": ("item.id",),
    "conversation.item.input_audio_transcription.updated": ("item_id", "transcript"),
    "conversation.item.input_audio_transcription.delta": ("item_id", "delta"),
    "conversation.item.input_audio_transcription.completed": ("item_id", "transcript", "status"),
    "conversation.item.input_audio_transcription.failed": ("item_id", "error.code"),
    "response.created": ("response.id",),
    "response.done": ("response.id", "response.status"),
    "response.output_item.added": ("response_id", "item.id", "item.type"),
    "response.output_item.done": ("response_id", *(f"item.{what}" for what in ("id", "type", "status", "name", "call_id"))),
    "response.output_audio.delta": ("response_id", "item_id", "content_index", "delta"),
    "response.output_audio.done": ("item_id", "content_index"),
    "response.output_audio_transcript.delta": ("response_id", "item_id", "content_index", "delta"),
    "response.output_audio_transcript.done": ("response_id", "item_id", "content_index", "transcript"),
    "error": ("error.code", "error.type", "error.event_id"),
}  # fmt: skip
"""All that a call needs of what a server says, besides `type`; of other types nothing. Usage moves nothing but money."""

GONE = object()
STRANGE: tuple[Any, ...] = (
    GONE, None, "strange", "x" * 5_000, 7, -1, 10**30, 1.5, 1e300, True, False, [], [None, {"a": 1}], {}, {"a": "b"}, {"id": 5},
)  # fmt: skip


class Outcome(NamedTuple):
    """Result of a conversation: what went out but for figures in log lines, the words, the call's state; no money."""

    out: list[Output]
    words: list[tuple[str, str | None, bool]]
    told: list[tuple[str, str]]
    state: State
    ended: str | None
    counts: dict[str, int]


def a_call(conversation: Conversation) -> Call:
    session = SessionSettings(dialect=conversation.dialect, audio="audio/pcm", transcription_model="gpt-transcribe")
    return Call(CallSettings(session=session, money=Money(PerToken(audio_out=1), PerMinute(60_000))))


def played(conversation: Conversation, at: int = -1, instead: events.ServerEvent | None = None) -> Outcome:
    """The conversation as a call takes it, 20 ms a message, with the event `instead` of the one `at` that place."""
    call = a_call(conversation)
    out: list[Output] = call.receive(start(), 0)
    for number, event in enumerate(parsed(conversation.name)):
        now_us = (number + 1) * STEP_US
        _pass(call, out, now_us)
        out += call.receive(instead if number == at and instead is not None else event, now_us)
    _pass(call, out, now_us + AFTER_US)
    words = [(turn.who, turn.text, turn.cut) for turn in call.transcript.turns]
    reports = [(one.event, one.level) for one in out if type(one) is Report]
    kept = [one for one in out if type(one) not in {Report, UsageFact}]
    counts = {name: number for name, number in call.counts.items() if name != "usage_faults"}
    return Outcome(kept, words, [one for one in reports if one[0] != "usage_unclear"], call.state, call.ended, counts)


def _pass(call: Call, out: list[Output], until_us: int) -> None:
    """Time passes."""
    while call.deadline_us is not None and call.deadline_us <= until_us:
        out += call.receive(Tick(), call.deadline_us)


@cache
def parsed(name: str) -> tuple[events.ServerEvent, ...]:
    return tuple(events.parse(json.dumps(wire)) for wire in NAMED[name].received)


@cache
def undisturbed(name: str) -> Outcome:
    return played(NAMED[name])


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every field, and every field in a field, as far as objects go."""
    for name, inner in value.items():
        yield f"{path}{name}"
        if isinstance(inner, dict):
            yield from paths(inner, f"{path}{name}.")


def strange_paths(wire: Wire) -> list[str]:
    """The fields that may be anything: none that is needed, and none in which one is."""
    needed = ("type", *NEEDED.get(wire["type"], ()))
    return [path for path in paths(wire) if not any(f"{one}.".startswith(f"{path}.") for one in needed)]


def with_strange(wire: Wire, path: str, value: Any) -> Wire:
    """`wire` with another value at `path`, if it still has one."""
    changed = deepcopy(wire)
    *above, last = path.split(".")
    place = changed
    for name in above:
        place = place.get(name)
        if not isinstance(place, dict):
            return changed
    if value is GONE:
        place.pop(last, None)
    else:
        place[last] = value
    return changed


def first_of_each_shape() -> dict[str, list[int]]:
    """Places of the events whose shape was not there before, by conversation; each dialect for itself."""
    seen: set[Any] = set()
    found: dict[str, list[int]] = {one.name: [] for one in ALL}
    for conversation in ALL:
        for at, wire in enumerate(conversation.received):
            fields = frozenset((path, type(_at(wire, path))) for path in paths(wire))
            shape = conversation.dialect, wire["type"], fields
            if shape not in seen:
                seen.add(shape)
                found[conversation.name].append(at)
    return {name: places for name, places in found.items() if places}


def _at(wire: Wire, path: str) -> Any:
    place: Any = wire
    for name in path.split("."):
        place = place[name]
    return place


SHAPES = first_of_each_shape()


# ---- as it was -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conversation", ALL, ids=[one.name for one in ALL])
def test_everything_a_real_server_said_is_read_as_what_it_is(conversation: Conversation) -> None:
    for wire, event in zip(conversation.received, parsed(conversation.name), strict=True):
        told = event.type if isinstance(event, events.Unknown) else type(event).__struct_config__.tag
        assert told == wire["type"]
        assert not (wire["type"] in NEEDED and isinstance(event, events.Unknown))


@pytest.mark.parametrize("conversation", ALL, ids=[one.name for one in ALL])
def test_a_real_conversation_leaves_the_call_where_it_should(conversation: Conversation) -> None:
    outcome = undisturbed(conversation.name)
    assert not [name for name in outcome.counts if name.startswith("refused_")]
    sound = [one["delta"] for one in conversation.received if one["type"] == "response.output_audio.delta"]
    heard = [one.media.payload for one in outcome.out if type(one) is stream.PlayMedia]
    if sound:  # a text is no answer to a call, which asks again, and this server says nothing to that
        assert outcome.ended is None
        assert outcome.state in {State.SPEAKING, State.LISTENING, State.THINKING}
    if not any(type(one) is stream.Clear for one in outcome.out):
        assert sum(map(payload_bytes, heard)) == sum(map(payload_bytes, sound))
    assert heard or not sound


def test_a_caller_on_xai_hears_an_answer_whose_status_details_are_a_text() -> None:
    outcome = undisturbed("by hand, as xAI")
    assert [one for one in outcome.out if type(one) is stream.PlayMedia]


# ---- with a surprise -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
def test_a_field_that_nobody_needs_may_be_anything(name: str) -> None:
    """An event that is read alike is taken alike; one that is read otherwise is played, once."""
    conversation, known = NAMED[name], set()
    for at in SHAPES[name]:
        wire, usual = conversation.received[at], repr(parsed(name)[at])
        for path in strange_paths(wire):
            for value in STRANGE[:4] if "usage." in path else STRANGE:  # what usage may hold has tests of its own
                event = events.parse(json.dumps(with_strange(wire, path, value)))
                read = repr(event)
                if read != usual and (at, read) not in known:
                    known.add((at, read))
                    assert played(conversation, at, event) == undisturbed(name), (wire["type"], path, value)


@settings(deadline=None)
@given(st.data())
def test_several_fields_may_be_strange_at_once(data: st.DataObject) -> None:
    conversation = data.draw(st.sampled_from(ALL))
    at = data.draw(st.integers(0, len(conversation.received) - 1))
    wire = conversation.received[at]
    surprises = st.tuples(st.sampled_from(strange_paths(wire)), st.sampled_from(STRANGE))
    for path, value in data.draw(st.lists(surprises, min_size=2, max_size=5)):
        wire = with_strange(wire, path, value)
    assert played(conversation, at, events.parse(json.dumps(wire))) == undisturbed(conversation.name)


def made(kind: str) -> Conversation:
    """The first conversation made by hand that has an event of this kind."""
    return next(one for one in HAND_MADE if any(wire["type"] == kind for wire in one.received))


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, needed in NEEDED.items() for path in needed])
def test_what_is_said_to_be_needed_is_read(kind: str, path: str) -> None:
    wires = [wire for wire in made(kind).received if wire["type"] == kind]
    assert any(_read(wire) != _read(with_strange(wire, path, value)) for wire in wires for value in STRANGE)


def _read(wire: Wire) -> str:
    try:
        return repr(events.parse(json.dumps(wire)))
    except events.BadEvent as bad:
        return bad.kind


TOLD_TWICE = (
    *(
        "conversation.item.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_audio.done",
    ),
    *("response.output_audio_transcript.delta", "response.output_audio_transcript.done"),
)
"""Events whose loss alone is made up for by another."""


@pytest.mark.parametrize("kind", [kind for kind in NEEDED if kind not in TOLD_TWICE])
def test_an_event_that_is_lost_is_noticed_by_the_comparison(kind: str) -> None:
    """Or the tests above would find that anything may be anything."""
    conversation = made(kind)
    at = max(at for at, wire in enumerate(conversation.received) if wire["type"] == kind)
    assert played(conversation, at, events.Unknown("lost")) != undisturbed(conversation.name)


NOT_TOLD = [
    (kind, path)
    for kind, needed in NEEDED.items()
    for path in needed
    if path.rpartition(".")[2] in {"content_index", "audio_start_ms", "audio_end_ms", "rate", "event_id"}
    or (path == "item_id" and kind.startswith("input_audio_buffer"))
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path"), NOT_TOLD)
@pytest.mark.parametrize(
    "value", [GONE, None, "x", [], {}, True], ids=lambda value: "gone" if value is GONE else repr(value)
)
def test_what_the_call_needs_less_than_the_event_does_not_cost_it_the_event(kind: str, path: str, value: Any) -> None:
    wires = [wire for wire in NAMED["by hand, as OpenAI"].received if wire["type"] == kind]
    assert wires
    for wire in wires:
        usual, event = (events.parse(json.dumps(one)) for one in (wire, with_strange(wire, path, value)))
        assert type(event) is type(usual)


def test_a_caller_whose_speech_came_without_an_offset_interrupts_the_bot() -> None:
    conversation = NAMED["by hand, as OpenAI"]
    call, out = a_call(conversation), []
    until = next(at for at, one in enumerate(conversation.received) if one["type"] == "response.output_audio.done")
    for number, event in enumerate((start(), *parsed(conversation.name)[:until])):
        call.receive(event, number * STEP_US)
    for text in ('{"type":"input_audio_buffer.speech_started"}', '{"type":"input_audio_buffer.speech_stopped"}'):
        out += call.receive(events.parse(text), 1_000_000)
    assert [one for one in out if type(one) is stream.Clear]


# ---- refused ---------------------------------------------------------------------------------------------------------

REFUSED = [
    ('{"type":"response.created","response":{"id":null}}', "response.created: response.id is null that cannot be used"),
    ('{"type":"response.created"}', "response.created: response is not there"),
    ('{"type":"response.done","response":"R"}', "response.done: response is a text, not an object"),
    ('{"type":"response.output_audio.delta","response_id":"R","item_id":"A","delta":"*"}', "delta is no base64"),
    ('{"type":"response.output_audio.delta","response_id":"R","item_id":"A"}', "delta is not there"),
    ("nonsense", "it is no JSON"),
    ("[1]", "it has no type"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "about"), REFUSED)
def test_an_event_that_is_refused_is_told_of_once_with_its_type_and_field(text: str, about: str) -> None:
    call, out = a_call(ALL[0]), []
    for us in range(3):
        with pytest.raises(events.BadEvent) as bad:
            events.parse(text)
        out += call.receive(Refused("model>bot", bad.value.kind, bad.value.about), us)
    (report,) = [one for one in out if type(one) is Report]
    assert (report.event, report.level) == ("message_refused", "warning")
    assert about in report.details["about"]
    assert call.counts[f"refused_{bad.value.kind}"] == 3


def test_of_many_kinds_of_refusals_not_all_are_told() -> None:
    call = a_call(ALL[0])
    out = [one for number in range(100) for one in call.receive(Refused("model>bot", "bad_shape", str(number)), number)]
    assert len(out) == 32
    assert call.counts["refused_bad_shape"] == 100
