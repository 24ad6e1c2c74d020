"""Indices that a server tells oddly: neither what is heard, nor what is cut, nor a word of the transcript depends on them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.realtime import events
from tests.call.scripted_call import ScriptedCall, audio, created, done, item_done, speaks

SAID = ["Hello, ", "this is ", "the workshop. ", "We open ", "at nine."]
ABSENT = "not there"
ODD = [7, -1, 1.5, "0", "one", None, [], {}, True, 10**30, ABSENT]
EVENTS = ["audio.delta", "audio.done", "audio_transcript.delta", "audio_transcript.done"]


def told(desk: ScriptedCall, kind: str, index: Any, item: str = "A", **more: Any) -> list[str]:
    at = {"content_index": index, "output_index": index}
    wire = {"type": f"response.output_{kind}", "response_id": "R1", "item_id": item, **more}
    wire |= {name: value for name, value in at.items() if value != ABSENT}
    event = events.parse(json.dumps(wire))
    assert not isinstance(event, events.Unknown)
    return desk.give(event)


def answered(odd: dict[str, list[Any]]) -> ScriptedCall:
    """An answer of five seconds; each kind of event tells its indices as `odd` says, in turn."""
    desk = ScriptedCall().at(1_000)

    def tell(kind: str, **more: Any) -> None:
        indices = odd.get(kind, [0])
        told(desk, kind, indices[counts[kind] % len(indices)], **more)
        counts[kind] += 1

    counts = dict.fromkeys(EVENTS, 0)
    desk.give(created("R1"))
    for words in SAID:
        tell("audio_transcript.delta", delta=words)
        tell("audio.delta", delta=audio(1_000))
    tell("audio.done")
    tell("audio_transcript.done", transcript="".join(SAID))
    desk.give(item_done("A"), done("R1"))
    return desk


def outcome(desk: ScriptedCall, cut_ms: int) -> tuple[list[str], list[tuple[str | None, str, bool]]]:
    out = desk.at(1_000 + cut_ms).give(speaks())
    return out, [(turn.text, turn.unheard, turn.cut) for turn in desk.call.transcript.turns if turn.who == "bot"]


PATTERNS = [[one] for one in ODD] + [[0, one] for one in ODD] + [[one, 0, 0] for one in ODD] + [[0, 0, 3, 0, 9]]


@pytest.mark.parametrize("cut_ms", [300, 2_500, 4_900])
@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_an_index_out_of_turn_changes_nothing(kind: str, pattern: list[Any], cut_ms: int) -> None:
    out, said = outcome(answered({kind: pattern}), cut_ms)
    usual_out, usual = outcome(answered({}), cut_ms)
    assert said == usual
    first = pattern[0] if kind == "audio.delta" and type(pattern[0]) in {int, float} else 0
    named = int(first) if 0 < first < 255 else 0
    assert out == [one.replace("truncate A at", f"truncate A/{named} at") if named else one for one in usual_out]


@pytest.mark.parametrize("cut_ms", [300, 1_500, 2_500, 3_500])
def test_two_contents_that_follow_one_another_stay_two(cut_ms: int) -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"))
    for content, words in enumerate(["One two three. ", "Four five six."]):
        told(desk, "audio_transcript.delta", content, delta=words)
        told(desk, "audio.delta", content, delta=audio(2_000))
        told(desk, "audio.done", content)
        told(desk, "audio_transcript.done", content, transcript=words)
    desk.give(item_done("A"), done("R1"))
    out, ((text, unheard, cut),) = outcome(desk, cut_ms)
    assert text is not None
    assert cut
    if cut_ms < 2_000:
        assert out[1:] == [f"truncate A at {cut_ms}", "truncate A/1 at 0"]
        assert unheard.endswith("Four five six.")
        assert "Four" not in text
    else:
        assert out[1:] == [f"truncate A/1 at {cut_ms - 2_000}"]
        assert text.startswith("One two three.")
