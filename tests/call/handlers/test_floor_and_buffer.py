"""Has the bot the floor, and may something still be heard: two questions, answered apart."""

from __future__ import annotations

import pytest

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.scheduler import VirtualCall
from tests.call.scripted_call import (
    MS,
    ScriptedCall,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    item_done,
    speaks,
    stops,
)

ROUND_TRIP_MS = 60


def stalled(stall_ms: int, *, barge_in: str = "on", echoes: str = "faithful") -> tuple[SimulatedPhone, SimulatedModel]:
    """The line to the phone stalls at 4.7 s, before the answer is sent; the caller speaks 800 ms after it moves again."""
    speaks_us = (4_700 + stall_ms + 800) * MS
    settings = CallSettings(greeting="Hello.", barge_in=barge_in, filler_s=0)  # type: ignore[arg-type]
    spoken = (Spoken(pattern(3_000, word), word) for word in ("Hello.", "a long answer", "another"))
    agent = ScriptedAgent([Reply((one,), pacing=Pacing(speed=10)) for one in spoken])
    speech = (SpeechAt(4_000 * MS, 4_300 * MS), SpeechAt(speaks_us, speaks_us + 500 * MS))
    model, phone = SimulatedModel(agent, Behaviour(), speech=speech), SimulatedPhone(frames=False, echoes=echoes)  # type: ignore[arg-type]
    phone.hang_up(25_000 * MS)
    line = Line(20 * MS, stalls=[(4_700 * MS, stall_ms * MS)])
    VirtualCall(Call(settings), phone, model, out_line=line, in_line=Line(20 * MS), settings=settings).run(26_000 * MS)
    return phone, model


@pytest.mark.parametrize("stall_ms", [1_000, 4_000, 5_500, 7_000, 12_000])
def test_what_a_line_plays_after_a_stall_is_cut_and_told(stall_ms: int) -> None:
    phone, model = stalled(stall_ms)
    (clear,) = phone.clears
    heard_ms = sum(phone.heard_when_cleared(0)) / 8 - 3_000
    (told,) = model.truncations
    assert told.accepted
    assert abs(told.audio_end_ms - heard_ms) <= 1
    assert 700 < heard_ms < 900
    assert clear.at_us == (4_700 + stall_ms + 820) * MS


@pytest.mark.parametrize("stall_ms", [5_500, 12_000])
def test_a_caller_who_may_not_interrupt_is_let_in_once_the_floor_is_theirs_and_cuts_nothing(stall_ms: int) -> None:
    phone, model = stalled(stall_ms, barge_in="off")
    assert phone.clears == []
    assert model.truncations == []


def test_where_no_mark_ever_comes_speech_after_the_floor_is_no_interruption() -> None:
    """The question comes within the two seconds for which the greeting counts; the next word, long after."""
    phone, model = stalled(5_500, echoes="never")
    assert [clear.at_us for clear in phone.clears] == [4_020 * MS]
    assert model.truncations == []


@pytest.mark.parametrize("barge_in", ["on", "off", "after_greeting"])
@pytest.mark.parametrize("late_ms", [-100, 0, 100, 400, 1_500])
def test_an_answer_made_as_slowly_as_it_plays_ends_with_its_mark(late_ms: int, barge_in: str) -> None:
    """100 ms every 100 ms, and the end of audio `late_ms` after the last was played: the next word interrupts nothing."""
    desk = ScriptedCall(CallSettings(barge_in=barge_in)).at(1_000)  # type: ignore[arg-type]
    desk.give(speaks(), stops(), committed(), created("R1"), added("R1", "A"))
    over_ms = 3_300 + late_ms
    due = [(2_000.0 + number * 100, "delta") for number in range(13)] + [(float(over_ms), "done")]
    played_ms = 2_000.0
    while due:
        at_ms, what = min(due)
        due.remove((at_ms, what))
        desk.at(at_ms)
        if what == "delta":
            out = desk.give(delta("R1", "A", 100))
            played_ms = max(played_ms, at_ms) + 100
        elif what == "done":
            out = desk.give(audio_done("R1", "A"), item_done("A"), done("R1"))
        else:
            out = desk.give(echo(what))
        marks = [one.split()[1] for one in out if one.startswith("mark")]
        due += [(max(played_ms, at_ms) + ROUND_TRIP_MS, name) for name in marks if played_ms <= 3_300]
        if desk.call.state is State.LISTENING:
            break
    assert desk.now_us <= (max(3_300, over_ms) + ROUND_TRIP_MS) * MS
    assert desk.call.playout.ledger.unconfirmed_ends == 0
    assert desk.at(desk.now_us / MS + 500).give(speaks()) == []
    assert desk.call.counts["interruptions"] == desk.call.counts["interruptions_refused"] == 0
    assert desk.call.state is State.HEARING
