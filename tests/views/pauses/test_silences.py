"""Why it was silent: a table of what was heard and what was waited for, and the recorded calls."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bot.recording.fixture import read_fixture
from bot.views.call_page import page_of
from bot.views.pauses.silences import silences
from bot.views.played import Piece
from bot.views.timeline import timeline
from bot.views.timeline_in_terminal import show
from bot.views.timeline_parts import Frame, Timeline, Turn, Wait

FIXTURES = Path(__file__).parents[2] / "fixtures"
S = 1_000_000

BOT = Turn("bot", "item_1", 0, 2 * S)
CALLER = Turn("caller", "item_2", 5 * S, 7 * S)
LATER = Turn("bot", "item_3", 10 * S, 12 * S)
VAD = Turn("caller", "item_2", 5 * S, 7 * S, quiet_us=6 * S + S // 2)


def told(*turns: Turn, waits: tuple[Wait, ...] = (), until_s: int = 12, **more: object) -> Timeline:
    ended = "caller_hung_up"
    return Timeline("", "", "CA1", until_s * S, ended, truncated=False, turns=list(turns), waits=list(waits), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(told(BOT, until_s=3), [], id="a second is no pause"),
        pytest.param(told(BOT, CALLER, until_s=7), ["silent for 3.0 s: waiting for the caller"], id="the caller thinks"),
        pytest.param(
            told(CALLER, LATER, waits=(Wait(7 * S, 10 * S, "model"),))
            , ["silent for 5.0 s: waiting for the caller", "silent for 3.0 s: waiting for the model"],
            id="the model thinks",
        ),
        pytest.param(
            told(BOT, CALLER, LATER, waits=(Wait(7 * S, 10 * S, "model"), Wait(8 * S, 9 * S + S // 2, "tool", "look_up"))),
            [
                "silent for 3.0 s: waiting for the caller",
                "silent for 3.0 s: 1.0 s waiting for the model, then 1.5 s waiting for a tool (look_up), then 0.5 s waiting for the model",
            ],
            id="the model asks for a tool and then thinks on",
        ),
        pytest.param(
            told(BOT, VAD, LATER, waits=(Wait(7 * S, 10 * S, "model"),)),
            [
                "silent for 3.0 s: waiting for the caller",
                "silent for 3.5 s: 0.5 s waiting for the caller (the end of their turn), then 3.0 s waiting for the model",
            ],
            id="the caller's turn ends a while after their words",
        ),
        pytest.param(
            told(BOT, CALLER, LATER, waits=(Wait(2 * S, None, "line", "the stream was not there"), Wait(4 * S, 5 * S, "line", "the stream was not there"), Wait(7 * S, 10 * S, "model"))),
            ["silent for 3.0 s: the line (the stream was not there)", "silent for 3.0 s: waiting for the model"],
            id="a stream that ended is away until the next one is there",
        ),
        pytest.param(
            told(BOT, CALLER, LATER, waits=(Wait(7 * S, 9 * S, "tool", "a"), Wait(8 * S, 10 * S, "tool", "b"))),
            ["silent for 3.0 s: waiting for the caller", "silent for 3.0 s: 2.0 s waiting for a tool (a), then 1.0 s waiting for a tool (b)"],
            id="two tools at once",
        ),
        pytest.param(
            told(BOT, until_s=8, frames=[Frame(0, bytes(8 * 3000)), Frame(6 * S, bytes(8 * 2000))]),
            ["silent for 6.0 s: 1.0 s waiting for the caller, then 3.0 s the line (no audio came from the phone), then 2.0 s waiting for the caller"],
            id="the phone sends nothing",
        ),
        pytest.param(
            told(BOT, until_s=8, waits=(Wait(2 * S, 8 * S, "model"),), frames=[Frame(0, bytes(8 * 3000)), Frame(6 * S, bytes(8 * 2000))]),
            ["silent for 6.0 s: waiting for the model"],
            id="a mute phone while the model thinks",
        ),
        pytest.param(
            told(Turn("bot", "i", 0, 9 * S), until_s=9, pieces=[Piece("i", 0, 0, bytes(8 * 1000)), Piece("i", 4 * S, 4 * S, bytes(8 * 5000))], waits=(Wait(0, 4 * S, "model"),)),
            ["silent for 3.0 s: waiting for the model"],
            id="a turn of the bot that stalled, by its audio",
        ),
        pytest.param(told(BOT, Turn("caller", "i", 1 * S, 9 * S), until_s=10), [], id="one talks over the other"),
        pytest.param(told(until_s=4), ["silent for 4.0 s: waiting for the caller"], id="nobody says anything"),
        pytest.param(told(until_s=0), [], id="no call at all"),
    ],
)  # fmt: skip
def test_each_pause_has_its_cause(call: Timeline, words: list[str]) -> None:
    assert [one.words for one in silences(call)] == words


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("generation-stalled", ["model", "caller"]),
        ("a-tool-while-the-caller-speaks", ["caller", "tool", "caller"]),
        ("idle", ["caller", "caller", "caller"]),
        ("answered-at-the-second-try", ["caller", "model", "model", "caller"]),
        ("session-replaced-twice", ["model"]),
        ("digits-sent", ["caller", "caller"]),
    ],
)
def test_recorded_calls_tell_what_was_waited_for(name: str, causes: list[str]) -> None:
    call = timeline(read_fixture(FIXTURES / f"{name}.call.jsonl.gz"))
    found = silences(call)
    assert [one.cause for one in found] == causes
    for one in found:
        assert one.parts[0].from_us == one.from_us
        assert one.parts[-1].until_us == one.until_us
        assert all(a.until_us == b.from_us for a, b in zip(one.parts, one.parts[1:], strict=False))


def test_both_the_terminal_and_the_page_say_so() -> None:
    call = timeline(read_fixture(FIXTURES / "generation-stalled.call.jsonl.gz"))
    sentence = "silent for 1.6 s: waiting for the model"
    assert sentence in page_of(call)
    printed = io.StringIO()
    show(call, printed)
    assert sentence in printed.getvalue()
