"""Fillers in the ledger: cleared like all audio, unknown to the model and to the transcript."""

from __future__ import annotations

from typing import Any

import pytest

from bot.call.inputs import ModelClosed, PhoneFull, PhoneRoom
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.filler import REPEAT_US, Filler
from bot.call.rule import NEVER_US
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.call.step import Step
from bot.realtime.events import SessionCreated
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SESSION,
    ScriptedCall,
    added,
    audio,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    function,
    item_done,
    speaks,
    start,
    stops,
    updated,
)

FILLED = CallSettings(filler_audio=audio(800), apology_audio=audio(1_600), response_s=8)


class Bench:
    """A filler by itself, with a line that is begun."""

    def __init__(self, settings: CallSettings = FILLED) -> None:
        self.step, self.playout = Step(), PlayoutQueue()
        self.playout.begun = True
        self.filler = Filler(settings, self.step, self.playout)

    def at(self, ms: float, *, waits: bool) -> float | None:
        """Tell the filler whether the caller waits at `ms`. Gives when the next one is due, in ms."""
        self.step.begin(round(ms * MS))
        self.filler.due()
        self.filler.wait(waits=waits)
        return None if self.filler.due_us == NEVER_US else self.filler.due_us / MS

    @property
    def played(self) -> int:
        return self.step.counts["filler_played"]


def waiting(**more: Any) -> ScriptedCall:
    """A caller's turn was over at 0, and no answer has come."""
    desk = ScriptedCall(changed(FILLED, **more))
    desk.give(speaks(), stops(), committed())
    assert desk.call.state is State.THINKING
    return desk


def phone(desk: ScriptedCall) -> list[str]:
    """Messages that a tick brings the phone."""
    return [one for one in desk.tick() if not one.startswith("append")]


def test_a_wait_is_two_seconds_and_then_six_from_the_end_of_each_filler() -> None:
    bench = Bench()
    assert bench.at(0, waits=False) is None
    assert bench.at(100, waits=True) == 2_100
    assert bench.at(2_099, waits=True) == 2_100
    assert bench.at(2_100, waits=True) == 2_900 + REPEAT_US / MS
    assert bench.played == 1
    assert bench.at(8_900, waits=True) == 9_700 + REPEAT_US / MS
    assert bench.at(9_000, waits=False) is None
    assert bench.at(9_100, waits=True) == 11_700, "a new wait, from the end of what plays"


def test_who_expects_something_sooner_has_it_sooner_in_that_wait_alone() -> None:
    bench = Bench()
    bench.step.begin(0)
    bench.filler.expect(1_000 * MS, gap_us=1_000 * MS)
    bench.filler.expect(5_000 * MS, gap_us=5_000 * MS)
    bench.filler.wait(waits=True)
    assert bench.filler.due_us == 1_000 * MS
    assert bench.at(500, waits=False) is None
    assert bench.at(600, waits=True) == 2_600


@pytest.mark.parametrize(
    ("at_ms", "by_ms", "due_ms"),
    [
        pytest.param(500, 1_500, 1_500, id="before the first filler"),
        pytest.param(1_500, 2_500, 2_000, id="when the first filler is due sooner"),
        pytest.param(2_000, 3_000, 3_800, id="as the filler begins, hence so long after its end"),
        pytest.param(2_700, 3_700, 3_800, id="just before the filler ends"),
        pytest.param(2_800, 3_800, 3_800, id="as it ends"),
        pytest.param(3_000, 4_000, 4_000, id="after it"),
        pytest.param(8_000, 9_000, 8_800, id="when the next one is due sooner"),
    ],
)
def test_a_new_reason_to_wait_counts_from_itself_whatever_was_played_before(
    at_ms: float, by_ms: float, due_ms: float
) -> None:
    bench = Bench()
    for ms in (0, 2_000):
        if ms <= at_ms:
            bench.at(ms, waits=True)
    bench.at(at_ms, waits=True)
    bench.filler.expect(round(by_ms * MS), gap_us=1_000 * MS)
    assert bench.at(at_ms, waits=True) == due_ms
    played = bench.played
    assert bench.at(due_ms - 1, waits=True) == due_ms
    assert bench.at(due_ms, waits=True) == due_ms + 800 + REPEAT_US / MS, "and then as usual"
    assert bench.played == played + 1


def test_a_second_reason_does_not_put_off_what_the_first_promised() -> None:
    bench = Bench()
    for ms in (0, 2_000, 3_000):
        bench.at(ms, waits=True)
    for at_ms in (3_000, 3_600):
        bench.step.begin(at_ms * MS)
        bench.filler.expect((at_ms + 1_000) * MS, gap_us=1_000 * MS)
    assert bench.at(3_600, waits=True) == 4_000


@pytest.mark.parametrize("none", [{"filler_s": 0}, {"filler_audio": ""}])
def test_without_a_time_or_a_recording_there_is_silence(none: dict[str, Any]) -> None:
    bench = Bench(changed(FILLED, **none))
    assert bench.at(0, waits=True) is None
    assert bench.at(60_000, waits=True) is None
    assert not bench.played


def test_a_caller_who_waits_hears_it_and_the_answer_behind_it() -> None:
    desk = waiting()
    assert phone(desk.at(1_999)) == []
    assert phone(desk.at(2_000)) == ["mark e0.0", "media 800", "mark e0.1"]
    assert desk.call.state is State.THINKING
    assert desk.at(2_100).give(created("R1"), added("R1", "A"), delta("R1", "A", 500)) == [
        "mark e0.2", "media 500", "mark e0.3",
    ]  # fmt: skip
    assert desk.call.state is State.SPEAKING
    desk.at(2_300).give(audio_done("R1", "A"), item_done("A"), done("R1"))
    desk.at(3_000).give(echo("e0.2"))
    desk.at(3_300).give(echo("e0.3"))
    assert desk.call.state is State.LISTENING
    (turn,) = [turn for turn in desk.turns if turn.who == "bot"]
    assert turn.item_id == "A"
    assert (turn.began_us, turn.ended_us) == pytest.approx((2_800 * MS, 3_300 * MS), abs=2 * MS)


def test_one_that_is_cut_is_cleared_and_nothing_is_told_of_it() -> None:
    desk = waiting()
    desk.at(2_000).tick()
    assert desk.at(2_400).give(speaks()) == ["clear"]
    assert desk.call.state is State.HEARING
    assert desk.call.counts["interruptions"] == 0
    desk.at(2_900).give(stops(), committed())
    assert phone(desk.at(4_899)) == []
    assert phone(desk.at(4_900)) == ["mark e1.0", "media 800", "mark e1.1"]
    assert [turn.who for turn in desk.call.transcript.turns] == ["caller"]


def test_an_answer_behind_one_that_is_cut_was_not_heard() -> None:
    desk = waiting()
    desk.at(2_000).tick()
    desk.at(2_100).reply("R1", A=500)
    assert desk.at(2_400).give(speaks()) == ["clear", "delete A"]
    assert desk.call.counts["interruptions"] == 1


def test_what_was_heard_before_one_is_truncated_where_it_stopped() -> None:
    desk = waiting()
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 500))
    assert phone(desk.at(2_500)) == ["mark e0.2", "media 800", "mark e0.3"]
    desk.give(delta("R1", "A", 400))
    assert desk.at(3_400).give(speaks()) == ["clear", "truncate A at 600"]


def test_it_is_heard_before_there_is_a_session_and_the_call_is_still_opening() -> None:
    desk = ScriptedCall(changed(FILLED, greeting="Hello."), ready=False)
    desk.give(start())
    assert desk.at(1_999).tick() == []
    assert desk.at(2_000).tick() == ["mark e0.0", "media 800", "mark e0.1"]
    assert desk.call.state is State.OPENING
    desk.at(2_100).give(SessionCreated(SESSION), updated(), created("R1"))
    assert desk.give(delta("R1", "A", 300))[:2] == ["mark e0.2", "media 300"]


def test_what_is_said_behind_one_before_the_session_is_ready_is_heard_and_the_call_begins_with_it() -> None:
    """A session that speaks before it has said that it is ready: odd, and no defect of ours."""
    desk = ScriptedCall(changed(FILLED), ready=False)
    desk.give(start(), SessionCreated(SESSION))
    assert desk.at(2_000).tick() == ["mark e0.0", "media 800", "mark e0.1"]
    assert desk.at(2_100).give(created("R1"), delta("R1", "A", 3_000)) == ["mark e0.2", "media 3000", "mark e0.3"]
    assert desk.call.state is State.OPENING
    desk.at(2_200).give(updated())
    assert desk.call.state is State.SPEAKING


def test_one_that_a_full_line_holds_back_before_the_session_is_ready_goes_out_once_there_is_room() -> None:
    desk = ScriptedCall(changed(FILLED, filler_audio=audio(20_000)), ready=False)
    desk.give(start())
    desk.at(2_000).tick()
    assert desk.call.wants_room
    desk.give(PhoneRoom())
    assert len(desk.heard_by_phone()) == 20_000 * 8
    assert desk.call.state is State.OPENING


def test_a_caller_who_speaks_before_the_session_is_ready_is_talked_over_by_none() -> None:
    desk = ScriptedCall(changed(FILLED, greeting="Hello."), ready=False)
    desk.give(start(), SessionCreated(SESSION), speaks())
    assert desk.at(2_500).tick() == []
    desk.at(2_700).give(stops())
    assert desk.call.state is State.OPENING
    assert desk.at(3_000).give(updated())[-1].startswith("create")


def test_a_caller_who_is_to_speak_first_waits_for_nothing() -> None:
    desk = ScriptedCall(FILLED)
    for ms in range(0, 20_000, 500):
        assert phone(desk.at(ms)) == []


def test_nobody_talks_into_a_caller_who_speaks() -> None:
    desk = waiting()
    desk.at(1_000).give(speaks())
    assert phone(desk.at(30_000)) == []


def test_a_line_that_takes_nothing_gets_no_filler() -> None:
    desk = waiting()
    desk.give(created("R1"), delta("R1", "A", 500), PhoneFull(), delta("R1", "A", 500))
    assert phone(desk.at(20_000)) == []
    assert desk.give(PhoneRoom())[-1].startswith("mark")
    assert phone(desk.at(22_499)) == []
    assert phone(desk.at(22_500))[1] == "media 800"


def test_a_goodbye_that_does_not_come_is_waited_for_with_one() -> None:
    desk = waiting()
    desk.give(created("R1"), function("R1", "end_call"))
    assert desk.call.state is State.CLOSING
    assert phone(desk.at(2_000))[1] == "media 800"


def test_a_response_that_is_given_up_is_told_what_was_heard_and_asked_for_again() -> None:
    desk = waiting()
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 500), added("R1", "B"))
    desk.at(2_500).tick()
    assert phone(desk.at(8_499)) == []
    assert phone(desk.at(8_500)) == ["truncate A at 500", "cancel R1"]
    assert desk.at(8_600).give(delta("R1", "A", 400)) == [], "it comes too late"
    assert desk.give(done("R1", "cancelled")) == ["delete B", "create"]


def test_one_that_will_not_be_over_takes_its_session_with_it() -> None:
    desk = waiting()
    desk.give(created("R1"))
    desk.at(2_000).tick()
    assert phone(desk.at(8_000)) == ["cancel R1"]
    desk.at(9_499).tick()
    assert desk.call.counts["sessions_lost"] == 0
    desk.at(9_500).tick()
    assert desk.call.counts["sessions_lost"] == 1


def test_a_session_that_is_lost_right_after_one_is_noticed_like_any_other() -> None:
    desk = waiting()
    assert phone(desk.at(2_000))[1] == "media 800"
    desk.at(2_800).give(echo("e0.0"), echo("e0.1"))
    assert desk.at(2_900).give(ModelClosed("closed", 1006)) == ["dial"]
    assert phone(desk.at(3_899)) == ["mark e0.2"]  # on the empty buffer, for the round trip
    assert phone(desk.at(3_900))[1] == "media 800"
    assert phone(desk.at(10_699)) == []
    assert phone(desk.at(10_700))[1] == "media 800"


def test_a_filler_and_a_recorded_greeting_are_two_things() -> None:
    desk = ScriptedCall(
        changed(FILLED, greeting="Hi.", greeting_audio=audio(1_000), barge_in="after_greeting"), ready=False
    )
    desk.give(start())
    assert phone(desk.at(3_000))[1] == "media 800"
    desk.at(3_100).give(SessionCreated(SESSION), updated())
    assert desk.at(3_300).give(speaks()) == ["clear"]
    assert desk.sent(stream.Clear)
