"""A step looks at no more than can follow from it: it leaves the call as a step that looks at everything would."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.call.call import Call, Input
from bot.call.inputs import DailySpend, PhoneFull, Refused, SessionAlive, Tick
from bot.call.outputs import FACTS, Output, Report
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    added,
    audio,
    audio_done,
    created,
    delta,
    done,
    echo,
    error,
    frame,
    function,
    item_done,
    speaks,
    start,
    stops,
    updated,
    words,
)
from tests.call.test_hostile import from_model, from_phone, from_shell
from tests.call.test_hostile import settings as any_settings


class Everything(Step):
    """A step after which everything is looked at, even where there is said to be less to follow."""

    follows = property(lambda _: "anything", lambda *_: None)  # type: ignore[assignment]


class LongWay(Call):
    """A call that takes every step in full."""

    def __init__(self, settings: CallSettings) -> None:
        super().__init__(settings)
        self._step.__class__ = Everything


inputs = st.lists(
    st.tuples(
        st.integers(0, 400_000),
        st.one_of(
            from_model,
            from_phone,
            from_shell,
            st.builds(delta, st.just("R1"), st.just("A"), st.sampled_from([20, 400])),
            st.builds(words, st.just("R1"), st.just("A"), st.sampled_from(["one", " two"])),
            st.builds(created, st.just("R1")),
            st.builds(echo, st.builds("e{}.{}".format, st.integers(0, 1), st.integers(0, 12))),
        ),
    ),
    max_size=60,
)


def told(call: Call, said: list[tuple[int, Input]]) -> list[tuple[int, Any]]:
    """Everything that came out, and when; a Tick at each deadline, as the shell does it."""
    now_us, out = 0, []

    def give(one: Input) -> None:
        out.extend((now_us, in_short(output)) for output in call.receive(one, now_us))

    for one in (start(call_sid=call.settings.call_sid or "CA1"), events.SessionCreated(SESSION), updated()):
        give(one)
    for wait_us, one in said:
        until_us = now_us + wait_us
        for _ in range(50):
            due_us = call.deadline_us
            if due_us is None or due_us > until_us:
                break
            now_us = max(now_us, due_us)
            give(Tick())
        now_us = until_us
        give(one)
    return out


def in_short(output: Output) -> Any:
    return msgspec.to_builtins(output) if not isinstance(output, (Report, *FACTS)) else type(output).__name__


@given(any_settings, inputs)
@hypothesis_settings(max_examples=150, deadline=None)
def test_whatever_comes_both_ways_lead_to_the_same(chosen: CallSettings, said: list[tuple[int, Input]]) -> None:
    assert told(Call(chosen), said) == told(LongWay(chosen), said)


def answered() -> ScriptedCall:
    """A call that greets nobody; the bot says the first of its words."""
    desk = ScriptedCall()
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 200))
    return desk


def in_full(desk: ScriptedCall, monkeypatch: pytest.MonkeyPatch, one: Input) -> bool:
    """True when a step with `one` looks at all that could follow from it."""
    looked: list[bool] = []
    monkeypatch.setattr(desk.call._after, "settle", lambda: looked.append(True))
    desk.raw(one)
    return bool(looked)


@pytest.mark.parametrize(
    "one",
    [
        words("R1", "A", "one"),
        events.TranscriptDone("R1", "A", "one"),
        item_done("A"),
        added("R1", "B"),
        events.ItemAdded(),
        events.ItemDeleted(),
        events.ItemTruncated(),
        events.CallerTranscriptGrows("U", "wor"),
        events.RateLimits(),
        events.Unknown("response.content_part.added"),
        delta("R1", "A", 200),
        echo("e0.1"),
        SessionAlive(),
        Refused("phone>bot", "not_json"),
        Tick(),
    ],
)
def test_what_only_tells_moves_nothing(one: Input, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_full(answered().at(100), monkeypatch, one)


@pytest.mark.parametrize(
    "one",
    [
        speaks(),
        stops(),
        created("R2"),
        audio_done("R1", "A"),
        done("R1"),
        function("R1", "other"),
        error("server_error"),
        updated(),
        DailySpend(1),
        PhoneFull(),
    ],
)
def test_what_can_move_the_call_is_a_whole_step(one: Input, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_full(answered().at(100), monkeypatch, one)


def test_words_that_come_when_something_is_due_are_a_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = answered().at(2_199)  # the floor is given up two seconds after the end of what plays
    desk.give(frame(0))
    assert not in_full(desk, monkeypatch, words("R1", "A", "one"))
    assert in_full(desk.at(2_200), monkeypatch, words("R1", "A", "two"))


def test_a_tick_at_which_a_rule_is_due_is_a_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = ScriptedCall(CallSettings(max_call_s=1))
    assert not in_full(desk.at(50), monkeypatch, Tick()), "a mark on the empty buffer was due"
    assert in_full(desk.at(800), monkeypatch, Tick()), "the model is to wrap up"


def test_words_of_a_greeting_that_has_yet_to_be_heard_are_a_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = ScriptedCall(CallSettings(greeting="Hello."))
    desk.give(created("R1"), delta("R1", "A", 2_000))
    assert in_full(desk.at(100), monkeypatch, words("R1", "A", "one"))


def test_an_answer_as_slow_as_it_plays_and_without_words_is_waited_for_while_it_is_heard() -> None:
    desk = ScriptedCall(CallSettings(response_s=3))
    desk.give(created("R1"), added("R1", "A"))
    for at_ms in range(0, 10_000, 20):
        desk.at(at_ms).give(frame(at_ms))
        if at_ms % 200 == 0:
            desk.give(delta("R1", "A", 200))
        if desk.call.deadline_us is not None and desk.call.deadline_us <= desk.now_us:
            desk.tick()
    assert not [one for one in desk.outputs if isinstance(one, events.CancelResponse)]


def test_a_filler_that_no_echo_confirms_before_the_session_is_ready_ends_the_floor_once() -> None:
    desk = ScriptedCall(CallSettings(filler_audio=audio(500), filler_s=2, response_s=0), ready=False)
    desk.give(start())
    ticks = 0
    while desk.call.deadline_us is not None and desk.call.deadline_us < 9_000_000 and ticks < 40:
        desk.at(desk.call.deadline_us / 1_000).tick()
        ticks += 1
    assert desk.call.counts["filler_played"] == 2
    assert desk.call.playout.ledger.unconfirmed_ends == 1
    assert ticks < 40


def test_a_phone_that_sends_no_mark_back_is_asked_no_more_and_nothing_is_due_for_it() -> None:
    desk = ScriptedCall(CallSettings(max_call_s=0))
    desk.give(frame(0))
    ticks = 0
    while desk.call.deadline_us is not None and desk.call.deadline_us < 600_000 and ticks < 40:
        desk.at(desk.call.deadline_us / 1_000).tick()
        ticks += 1
    assert len(desk.sent(stream.SetMark)) == 6
    assert ticks < 20
