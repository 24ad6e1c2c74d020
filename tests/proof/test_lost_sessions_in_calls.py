"""A session that dies is replaced: whole calls, with what the caller hears at what millisecond."""

from __future__ import annotations

import random

import pytest

from bot.call.transcript.past_turns import CARRY_ON
from bot.recording.replay import replay
from tests.proof.lost_sessions_in_calls import MS, OPENS_MS, RECORDED, Outcome, Plan, any_plan, run, talk

GREETING = (423, 3_140)
"""The greeting is cut short by the caller, who asks something at 3 s."""


def heard(outcome: Outcome) -> list[tuple[int, int]]:
    return [(round(begins), round(ends)) for begins, ends in outcome.heard()]


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013, 1015])
def test_every_close_that_may_pass_is_replaced(code: int) -> None:
    outcome = run(Plan(deaths=(2_000,), code=code))
    assert outcome.faults == []
    assert len(outcome.models) == 2


@pytest.mark.parametrize(
    ("death_ms", "said", "hears"),
    [
        # the greeting is whole by then and plays on, then all is as if nothing had been
        (2_000, ["assistant", "system"], [GREETING, (4_880, 7_880), (13_880, 16_880)]),
        # while the caller speaks: the next session hears them to their end and answers
        (3_500, ["assistant", "system"], [GREETING, (4_880, 7_880), (13_880, 16_880)]),
        # while they wait for the answer: the next session is asked for it, a third of a second later
        (4_600, ["assistant", "user", "system"], [GREETING, (5_193, 8_193), (13_880, 16_880)]),
        # in the middle of the answer: what was made is heard, and what follows comes without a gap
        (5_500, ["assistant", "user", "assistant", "system"], [GREETING, (4_880, 9_980), (13_880, 16_880)]),
        # made to its end
        (6_400, ["assistant", "user", "assistant", "system"], [GREETING, (4_880, 7_880), (13_880, 16_880)]),
    ],
)
def test_what_the_caller_hears(death_ms: int, said: list[str], hears: list[tuple[int, int]]) -> None:
    outcome = run(Plan(deaths=(death_ms,)))
    assert outcome.faults == []
    told = [entry for entry in outcome.models[1].conversation if entry.id.startswith(("said_", "heard_", "carry_on"))]
    assert [entry.role for entry in told] == said
    assert [entry.body["content"][0]["text"] for entry in told if entry.role == "system"] == [CARRY_ON]
    assert heard(outcome) == hears


def test_a_second_without_a_session_and_callers_hear_that_somebody_is_there() -> None:
    outcome = run(Plan(deaths=(4_600,), refused=3, filler=True))
    assert outcome.faults == []
    (lost,) = outcome.reported("session_lost")
    (filler,) = outcome.reported("filler_played")
    assert 900 < filler - lost <= 1_000  # they had waited for 60 ms already
    assert outcome.reported("session_replaced") == [lost + 3_500 + OPENS_MS + 63]


def test_he_hears_nothing_of_a_change_that_is_quick() -> None:
    outcome = run(Plan(deaths=(2_000, 8_500, 14_500), filler=True))
    assert outcome.faults == []
    assert outcome.reported("filler_played") == []
    assert len(outcome.models) == 4


def test_when_no_session_is_to_be_had_the_caller_hears_fillers_and_the_call_ends_in_time() -> None:
    outcome = run(Plan(speech=((3_000, 1_000),), deaths=(4_600,), refused=99, filler=True, hang_up_ms=40_000))
    (lost,) = outcome.reported("session_lost")
    assert outcome.call.ended is not None
    ended_us, reason = outcome.call.ended
    assert reason == "model_unavailable"
    assert 10_000 <= ended_us / MS - lost <= 12_000
    assert 900 < outcome.reported("filler_played")[0] - lost <= 1_000
    assert len(outcome.reported("filler_played")) >= 2


def test_without_transcription_the_next_session_hears_the_turns_themselves() -> None:
    outcome = run(Plan(deaths=(8_000,), transcribes=False))
    assert outcome.faults == []
    told = [entry for entry in outcome.models[1].conversation if entry.id.startswith("said_")]
    assert [entry.body["content"][0]["type"] for entry in told] == ["output_text", "input_audio", "output_text"]
    assert 1_000 <= told[1].audio_ms <= 1_900


def test_every_frame_of_the_caller_is_heard_by_one_session_or_the_next() -> None:
    outcome = run(Plan(speech=((3_000, 6_000),), deaths=(5_000,), refused=2, hang_up_ms=20_000))
    assert outcome.faults == []
    assert outcome.models[1].heard.count(b"\x10\x90" * 80) >= 298


@pytest.mark.parametrize("seed", range(8))
def test_as_the_dice_fall(seed: int) -> None:
    _falls(seed)


@pytest.mark.slow
def test_as_the_dice_fall_a_thousand_times() -> None:
    for seed in range(8, 1_008):
        _falls(seed)


def _falls(seed: int) -> None:
    outcome = run(any_plan(random.Random(seed)))
    assert outcome.faults == []
    assert replay(outcome.fixture).difference == ""


# ---- the hour ----


def test_after_an_hour_nobody_notices() -> None:
    _unnoticed(talk(1.05, every_ms=9_000, answer_ms=6_000, check=None), 1)


@pytest.mark.slow
@pytest.mark.parametrize(("every_ms", "answer_ms"), [(9_000, 6_000), (12_000, 9_400), (30_000, 3_000)])
def test_in_two_hours_no_sentence_is_interrupted(every_ms: int, answer_ms: int) -> None:
    _unnoticed(talk(2, every_ms=every_ms, answer_ms=answer_ms), 2)


def _unnoticed(outcome: Outcome, changes: int) -> None:
    assert outcome.faults == []
    assert outcome.reported("session_lost") == []
    changed = outcome.reported("session_replaced")
    assert len(changed) == changes
    assert [at for at in changed for begins, ends in outcome.heard() if begins < at < ends] == []
    answers = {audio for response in outcome.models[0].responses for audio in [response.outputs[0].entry.audio]}
    assert len(answers) == len(outcome.models[0].responses)
    assert outcome.phone.clears == []


def test_the_recorded_call_is_the_one_in_the_fixtures() -> None:
    outcome = run(RECORDED)
    assert outcome.faults == []
    assert replay(outcome.fixture).difference == ""
    assert {line.socket for line in outcome.call.log} == {0, 1}
