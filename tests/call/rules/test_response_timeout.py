"""Sounds to the millisecond for a caller whose answer fails, does not come, or breaks off in the middle.

Whole calls in virtual time over a line without delay, so that what is sent is heard. The stream opens at 300 ms and the
caller's turn is over at 3,900 ms: they speak until 3,400, and 500 ms of silence end it.
"""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.realtime.session import END_CALL
from bot.testing.agent import AT_ONCE, Failure, Pacing, Reply, ScriptedAgent, Spoken, ToolCall, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall

MS = 1_000
FILLER, SORRY = pattern(1_000, "filler"), pattern(3_000, "sorry")
HELLO, ANSWER, OTHER = (
    Spoken(pattern(ms, name), name) for ms, name in ((1_000, "hello"), (2_000, "answer"), (2_000, "other"))
)
NAMES = {"filler": FILLER, "sorry": SORRY, **{one.transcript: one.audio for one in (HELLO, ANSWER, OTHER)}}
TURN_MS = 3_900
QUESTION = SpeechAt(3_000 * MS, 3_400 * MS)
GREETED = ("hello", 603)
"""300 ms after the response was asked for, which the stream's opening at 300 ms does not hold up."""


def b64(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


def chosen(**more: Any) -> CallSettings:
    more = {"greeting": "Hello.", "filler_audio": b64(FILLER), "apology_audio": b64(SORRY), **more}
    return CallSettings(**more)


def goes_wrong(kind: str, after_ms: int = 0, code: str | None = None, pause_ms: int = 0) -> Reply:
    failure = Failure(kind, after_ms, code, pause_ms)  # type: ignore[arg-type]
    return Reply((ANSWER,), failure=failure)


def a_call(
    *replies: Reply | Spoken,
    speech: tuple[SpeechAt, ...] = (QUESTION,),
    behaviour: Behaviour | None = None,
    until_ms: int = 40_000,
    **more: Any,
) -> VirtualCall:
    agent = ScriptedAgent(replies)
    models: list[SimulatedModel] = []

    def session(opens_us: int) -> SimulatedModel:
        """A session that replaces another, there after 150 ms."""
        models.append(
            SimulatedModel(
                agent,
                behaviour or Behaviour(),
                opens_us=opens_us + (150 * MS if models else 0),
                name=f"s{len(models)}_" if models else "",
                speech=tuple(one for one in speech if one.start_us > opens_us),
                check=check_client_event,
                keep_heard=False,
            )
        )
        return models[-1]

    phone = SimulatedPhone(frames=False)
    phone.hang_up(until_ms * MS)
    call = VirtualCall(Call(chosen(**more)), phone, session(0), redial=session)
    call.run()
    assert not phone.violations
    for model in models:
        assert not model.violations
        assert all(one.accepted for one in [*model.truncations, *model.deletions])
    return call


def heard(call: VirtualCall) -> list[tuple[str, int]]:
    """Sounds that were played, each with its first millisecond. A sound that goes on after a pause is told again."""
    told: list[tuple[str, int]] = []
    for span in call.phone.playout.spans(call.phone.ended_us or 0):
        at_us, rest = span.at_us, span.audio
        while rest:
            name, size = _begins(rest)
            if not told or told[-1][0] != name or span.audio is rest:
                told.append((name, at_us // MS))
            rest, at_us = rest[size:], at_us + size * 125
    return told


def _begins(audio: bytes) -> tuple[str, int]:
    """The name of the sound that `audio` begins with, and how many bytes of it are that."""
    for name, whole in NAMES.items():
        at = whole.find(audio[:8])
        if at >= 0:
            size = min(len(audio), len(whole) - at)
            while audio[:size] != whole[at : at + size]:
                size -= 8  # deltas are whole milliseconds
            return name, size
    raise AssertionError("a sound that nobody makes")


def reports(call: VirtualCall) -> list[str]:
    told = {
        "filler_played",
        "apology_played",
        "response_failed",
        "response_incomplete",
        "response_overdue",
        "interrupted",
    }
    return [report.event for _, report in call.reports if report.event in told]


NOTHING = Reply()
WRITTEN = Reply((Spoken(b"", "words that nobody says"),))
SLOW = Reply((ANSWER,), pacing=Pacing(first_audio_ms=2_300))
SLOWER = Reply((ANSWER,), pacing=Pacing(first_audio_ms=4_000))


@pytest.mark.parametrize(
    ("replies", "after", "told"),
    [
        pytest.param([ANSWER], [("answer", 4_200)], [], id="all is well"),
        pytest.param([goes_wrong("failed"), ANSWER], [("answer", 4_500)], ["response_failed"], id="failed"),
        pytest.param(
            [goes_wrong("failed", 700, "inference_rate_limit_exceeded"), OTHER],
            [("answer", 4_200), ("other", 4_900)],
            ["response_failed"],
            id="failed in the middle of it",
        ),
        pytest.param(
            [goes_wrong("failed"), goes_wrong("failed")],
            [("sorry", 4_500)],
            ["response_failed", "response_failed", "apology_played"],
            id="failed twice",
        ),
        pytest.param(
            [goes_wrong("incomplete", 700, "content_filter"), OTHER],
            [("answer", 4_200), ("other", 4_900)],
            ["response_incomplete"],
            id="filtered",
        ),
        pytest.param(
            [goes_wrong("incomplete", 700, "max_output_tokens"), OTHER],
            [("answer", 4_200)],
            ["response_incomplete"],
            id="too long",
        ),
        pytest.param([NOTHING, ANSWER], [("answer", 4_500)], ["response_failed"], id="completed, and no sound"),
        pytest.param([WRITTEN, ANSWER], [("answer", 4_500)], ["response_failed"], id="written, and not said"),
        pytest.param(
            [goes_wrong("incomplete"), ANSWER],
            [("answer", 4_500)],
            ["response_incomplete", "response_failed"],
            id="too long, and no sound",
        ),
        pytest.param(
            [NOTHING, goes_wrong("incomplete")],
            [("sorry", 4_500)],
            ["response_failed", "response_incomplete", "response_failed", "apology_played"],
            id="no sound, twice",
        ),
        pytest.param(
            [NOTHING, goes_wrong("failed")],
            [("sorry", 4_500)],
            ["response_failed", "response_failed", "apology_played"],
            id="no sound, then failed",
        ),
        pytest.param(
            [Reply(tool_calls=(ToolCall("look_up"),)), ANSWER], [("answer", 4_500)], [], id="a function, and no sound"
        ),
        pytest.param(
            [goes_wrong("silent"), ANSWER],
            [("filler", 5_900), ("answer", 7_353)],
            ["filler_played", "response_overdue"],
            id="never created: another session answers",
        ),
        pytest.param(
            [goes_wrong("silent"), goes_wrong("silent")],
            [("filler", 5_900), ("filler", 7_900), ("sorry", 10_053)],
            ["filler_played", "response_overdue", "filler_played", "response_overdue", "apology_played"],
            id="never created by two sessions",
        ),
        pytest.param(
            [goes_wrong("stalls"), ANSWER],
            [("filler", 5_900), ("filler", 9_900), ("answer", 10_900)],
            ["filler_played", "response_overdue", "filler_played"],
            id="created, and no sound: another session answers",
        ),
        pytest.param(
            [goes_wrong("stalls", 1_500), OTHER],
            [("answer", 4_200), ("filler", 7_700), ("filler", 10_525), ("other", 11_525)],
            ["filler_played", "response_overdue", "filler_played"],
            id="stalls in the middle of it: another session says the rest",
        ),
        pytest.param(
            [goes_wrong("pauses", 1_000, None, 3_000)],
            [("answer", 4_200), ("filler", 7_200), ("answer", 8_200)],
            ["filler_played"],
            id="pauses, and goes on behind the filler",
        ),
        pytest.param(
            [SLOW], [("filler", 5_900), ("answer", 6_900)], ["filler_played"], id="slow, and never cuts the filler"
        ),
        pytest.param([SLOWER], [("filler", 5_900), ("answer", 7_900)], ["filler_played"], id="slower than the filler"),
    ],
)
def test_what_is_heard_of_an_answer_and_when(
    replies: list[Reply | Spoken], after: list[tuple[str, int]], told: list[str]
) -> None:
    call = a_call(HELLO, *replies, until_ms=24_000)
    assert heard(call) == [("hello", 303), *after]
    assert reports(call) == told
    assert call.ended == (24_000 * MS, "caller_hung_up")


@pytest.mark.parametrize(
    ("replies", "created_after_ms", "after"),
    [
        pytest.param([HELLO], 3, [("hello", 303)], id="all is well"),
        pytest.param([goes_wrong("failed"), HELLO], 3, [("hello", 603)], id="failed"),
        pytest.param([NOTHING, HELLO], 3, [("hello", 603)], id="no sound"),
        pytest.param([NOTHING, NOTHING], 3, [("sorry", 603)], id="no sound, twice"),
        pytest.param([goes_wrong("silent"), HELLO], 3, [("filler", 2_300), ("hello", 3_456)], id="never created"),
        pytest.param([HELLO], 3_900, [("filler", 2_300), ("hello", 4_200)], id="a session that is late"),
    ],
)
def test_what_is_heard_of_the_greeting_and_when(
    replies: list[Reply | Spoken], created_after_ms: int, after: list[tuple[str, int]]
) -> None:
    call = a_call(*replies, behaviour=Behaviour(created_after_ms=created_after_ms), speech=(), until_ms=12_000)
    assert heard(call) == after


@pytest.mark.parametrize("kind", ["failed", "incomplete", "silent", "stalls"])
@pytest.mark.parametrize("barge_in", ["on", "after_greeting"])
def test_what_comes_after_a_greeting_that_was_not_to_be_had_is_an_answer_like_any_other(
    kind: str, barge_in: str
) -> None:
    """Two tries, and the caller is told; nothing of the next answer is held back, or said again, as a greeting would be."""
    broken = goes_wrong(kind)
    speech = (SpeechAt(26_000 * MS, 26_400 * MS), SpeechAt(27_600 * MS, 27_900 * MS))
    call = a_call(broken, broken, ANSWER, OTHER, barge_in=barge_in, speech=speech, until_ms=34_000)
    core = call.core
    assert heard(call)[-3:] == [("sorry", heard(call)[-3][1]), ("answer", 27_200), ("other", 28_700)]
    assert core.counts["greetings_held_back"] == 0  # type: ignore[attr-defined]
    assert core.counts["interruptions"] == 1  # type: ignore[attr-defined]
    assert not [line for line in call.log if "greeting_heard" in line.text]


def test_what_was_only_written_is_not_in_the_conversation_when_it_is_asked_for_again() -> None:
    call = a_call(HELLO, WRITTEN, ANSWER, until_ms=12_000)
    sent = [json.loads(line.text)["type"] for line in call.log if line.way == "bot>model" and "append" not in line.text]
    assert sent[-2:] == ["conversation.item.delete", "response.create"]
    turns = call.core.transcript.turns  # type: ignore[attr-defined]
    assert [(turn.who, turn.text, turn.unheard) for turn in turns[2:]] == [
        ("bot", "", "words that nobody says"),
        ("bot", "answer", ""),
    ]


def test_a_hang_up_without_a_word_is_one() -> None:
    call = a_call(HELLO, Reply(tool_calls=(ToolCall(END_CALL),)), until_ms=12_000)
    assert heard(call) == [("hello", 303)]
    assert call.ended == (4_200 * MS, "bot_hung_up")


def test_an_apology_is_an_end_of_the_wait_and_the_conversation_goes_on() -> None:
    failing = goes_wrong("failed")
    again = SpeechAt(9_000 * MS, 9_400 * MS)
    call = a_call(HELLO, failing, failing, ANSWER, speech=(QUESTION, again), until_ms=14_000)
    assert heard(call) == [("hello", 303), ("sorry", 4_500), ("answer", 10_200)]
    assert [turn.who for turn in call.core.transcript.turns] == ["bot", "caller", "caller", "bot"]  # type: ignore[attr-defined]


def test_three_turns_without_an_answer_end_the_call() -> None:
    turns = tuple(SpeechAt(ms * MS, (ms + 400) * MS) for ms in (3_000, 9_000, 15_000))
    call = a_call(HELLO, goes_wrong("failed"), speech=turns)
    assert heard(call) == [("hello", 303), ("sorry", 4_500), ("sorry", 10_500)]
    assert call.ended == (16_500 * MS, "model_unavailable")


def test_a_fatal_failure_ends_the_call_at_once() -> None:
    call = a_call(HELLO, goes_wrong("failed", 0, "insufficient_quota"))
    assert call.ended == (4_200 * MS, "model_unavailable")


def test_a_server_error_that_costs_nothing_is_no_failure() -> None:
    call = a_call(HELLO, goes_wrong("error", 700), until_ms=12_000)
    assert heard(call) == [("hello", 303), ("answer", 4_200)]


def test_who_speaks_during_a_filler_silences_it_and_is_answered_for_both_turns() -> None:
    """The one interruption is of the response being made: of an answer that was not there the caller cut nothing."""
    speech = (QUESTION, SpeechAt(6_400 * MS, 6_700 * MS))
    call = a_call(HELLO, SLOWER, OTHER, speech=speech, until_ms=12_000)
    assert heard(call) == [("hello", 303), ("filler", 5_900), ("other", 7_500)]
    assert [clear.at_us for clear in call.phone.clears] == [6_400 * MS]
    assert call.core.counts["interruptions"] == 1  # type: ignore[attr-defined]
    assert not [line for line in call.log if "item.truncate" in line.text]


def test_who_speaks_during_a_filler_with_nothing_being_made_interrupts_nobody() -> None:
    speech = (QUESTION, SpeechAt(6_400 * MS, 6_700 * MS))
    call = a_call(HELLO, goes_wrong("silent"), OTHER, speech=speech, until_ms=12_000)
    assert heard(call)[:3] == [("hello", 303), ("filler", 5_900), ("other", 7_500)]
    assert len(call.phone.clears) == 1
    assert call.core.counts["interruptions"] == 0  # type: ignore[attr-defined]
    assert "interrupted" not in reports(call)


@pytest.mark.parametrize("filler_s", [0, 0.5, 3])
def test_the_operator_says_how_long_a_silence_may_be(filler_s: float) -> None:
    call = a_call(HELLO, SLOWER, until_ms=12_000, filler_s=filler_s)
    expected = [("filler", round(TURN_MS + filler_s * 1000))] if filler_s else []
    assert heard(call) == [("hello", 303), *expected, ("answer", 7_900)]


PACES = {"at once": AT_ONCE, "usual": Pacing(), "hardly": Pacing(speed=1.2), "late": Pacing(first_audio_ms=2_600)}
WRONGS = st.tuples(
    st.sampled_from(sorted(PACES)),
    st.sampled_from(["", "failed", "stalls", "pauses", "silent", "error", "incomplete", "nothing"]),
    st.integers(0, 1_950),
    st.integers(100, 9_000),
)
"""Strategy of answers: pace, what goes wrong, after how many ms, and for how many more if it pauses."""


def made(pace: str, kind: str, after_ms: int, pause_ms: int) -> Reply:
    if kind == "nothing":
        return msgspec.structs.replace(NOTHING, pacing=PACES[pace])
    reply = goes_wrong(kind, after_ms, None, pause_ms) if kind else Reply((ANSWER,))
    return msgspec.structs.replace(reply, pacing=PACES[pace])


@settings(max_examples=30, deadline=None)
@given(st.lists(WRONGS, min_size=1, max_size=3))
def test_whatever_goes_wrong_a_caller_hears_something_within_two_seconds_of_their_turn(
    wrongs: list[tuple[str, str, int, int]],
) -> None:
    """And then again within six, until they have heard all of an answer, or the apology."""
    call = a_call(HELLO, *(made(*wrong) for wrong in wrongs), ANSWER, until_ms=40_000)
    assert call.ended == (40_000 * MS, "caller_hung_up")
    told = heard(call)
    assert TURN_MS < told[1][1] <= TURN_MS + 2_000
    assert {name for name, _ in told} & {"answer", "sorry"}
    ends = max(at_ms for name, at_ms in told if name in {"answer", "sorry"})
    spans = [(span.at_us / MS, span.at_us / MS + len(span.audio) / 8) for span in call.phone.playout.spans(40_000 * MS)]
    pauses = [later[0] - earlier[1] for earlier, later in pairwise(spans) if TURN_MS < later[0] <= ends]
    assert all(pause <= 6_000 for pause in pauses[1:]), pauses
