from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bot.recording.fixture import Fixture, read_fixture
from bot.recording.wording import visible
from bot.views import timeline_in_terminal
from bot.views.played import Played
from bot.views.timeline import timeline
from bot.views.timeline_parts import BargeIn, Latency, Timeline
from tests.recording import records_sample as sample

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Fixture:
    return read_fixture(sample.record(tmp_path_factory.mktemp("timeline") / "a.call.jsonl", sample.conversation()))


@pytest.fixture(scope="module")
def told(recorded: Fixture) -> Timeline:
    return timeline(recorded)


def test_turns_say_who_spoke_when_and_what_was_heard(told: Timeline) -> None:
    greeting, answer, goodbye = told.turns
    assert (greeting.who, greeting.from_us, greeting.until_us) == ("bot", 900_000, 2_100_000)
    assert (greeting.received_ms, greeting.heard_ms, greeting.unheard_ms) == (3000, 1200, 1800)
    assert (greeting.cut_us, greeting.truncated_ms, greeting.deleted) == (2_100_000, 1200, False)
    assert greeting.text + " " + greeting.unheard_text == "Hello and welcome to line 00 of the example."
    assert greeting.text.startswith("Hello and")
    assert (answer.who, answer.from_us, answer.until_us, answer.text) == (
        "caller",
        2_100_000,
        2_700_000,
        "My number is 000 0000.",
    )
    assert (goodbye.who, goodbye.from_us, goodbye.until_us, goodbye.text) == ("bot", 3_100_000, 3_600_000, "Goodbye.")
    assert (goodbye.unheard_ms, goodbye.cut_us) == (0, None)


def test_interruptions_and_latencies_are_measured(told: Timeline) -> None:
    assert told.barge_ins == [BargeIn(2_100_000, 2_100_000, "item_1", 1200.0, 1800.0)]
    assert told.latencies == [
        Latency("first_audio", 900_000, 299_900),
        Latency("silence", 2_100_000, 0),
        Latency("answer", 3_100_000, 400_000),
    ]


def test_an_operator_s_voice_is_a_turn_that_nobody_measures_and_its_end_no_interruption() -> None:
    told = timeline(read_fixture(FIXTURES / "taken-over-and-handed-back.call.jsonl.gz"))
    (spoke,) = [turn for turn in told.turns if turn.item_id == "operator_1"]
    assert (spoke.text, spoke.from_us, spoke.until_us) == ("(an operator speaks)", 7_060_000, 11_000_000)
    assert [(one.at_us, one.item_id) for one in told.barge_ins] == [(7_000_000, "item_0003")]
    assert [one.at_us for one in told.latencies if one.kind == "answer"] == [5_400_000]
    assert not [one for one in told.events if "operator audio" in one.text]
    assert [turn.item_id for turn in told.turns if turn.by_operator] == ["operator_1"]
    assert [one.text.split(":")[0] for one in told.events if one.kind == "operator"] == ["taken over", "handed back"]


def test_marks_know_when_they_were_due_and_when_they_came_back(told: Timeline) -> None:
    assert [(mark.name, mark.due_us, mark.echoed_us) for mark in told.marks] == [
        ("e1.1", 1_900_000, 1_900_000),
        ("e1.2", 2_100_000, 2_150_000),
        ("e1.3", 3_600_000, 3_650_000),
    ]


def test_the_end_is_the_call_s_own_reason_or_what_the_messages_show(recorded: Fixture, told: Timeline) -> None:
    assert told.ended == "caller_hung_up"
    by_messages = Fixture("a", recorded.header, tuple(line for line in recorded.lines if line.way != "told"))
    assert timeline(by_messages).ended == "the phone side ended the stream"
    crashed = Fixture("a", recorded.header, recorded.lines[:20], truncated=True)
    assert timeline(crashed).ended == "the recording stops before the call does"
    assert timeline(Fixture("a", recorded.header, ())).duration_us == 0


def test_every_message_of_weight_is_an_event_in_order(told: Timeline) -> None:
    kinds = [(event.side, event.kind) for event in told.events if not event.minor]
    assert kinds == [
        ("model", "session"), ("phone", "stream"), ("call", "report"), ("bot", "says"), ("call", "note"),
        ("caller", "speech"), ("bot", "cut"), ("bot", "told"), ("caller", "says"), ("model", "told"),
        ("caller", "speech"), ("caller", "key"), ("bot", "says"), ("model", "error"), ("phone", "stream"), ("call", "note"),
    ]  # fmt: skip
    assert [event.us for event in told.events] == sorted(event.us for event in told.events)


def test_the_caller_s_audio_is_placed_by_the_stream_s_timestamps(tmp_path: Path) -> None:
    inputs = [(600_000, "phone>bot", sample.start())]
    arrivals = [(0, 30), (20, 25), (40, 90), (500, 505)]  # (timestamp, arrival) in ms: jitter, a burst, a gap
    inputs += [
        (600_000 + at * 1000, "phone>bot", sample.media(stamp, b"\x00" * 160))
        for stamp, at in sorted(arrivals, key=lambda a: a[1])
    ]
    frames = timeline(read_fixture(sample.record(tmp_path / "a.call.jsonl", inputs))).frames
    assert sorted(frame.at_us for frame in frames) == [605_000, 625_000, 645_000, 1_105_000]


def test_audio_belongs_to_the_item_it_came_for_even_in_parts_and_after_dropped_deltas() -> None:
    played = Played()
    long, short = sample.b64(bytes(range(240))), sample.b64(b"\x01" * 80)
    played.from_model("item_1", short)
    played.from_model("item_2", long)
    parts = [long[:160], long[160:]]
    assert [played.media(0, part).item_id for part in parts] == ["item_2", "item_2"]
    assert played.media(0, short).item_id == ""  # dropped before, so this is none of the model's
    assert (played.heard("item_2"), played.received) == (240, {"item_1": 80, "item_2": 240})


@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 4000), st.booleans()), max_size=20))
def test_heard_never_exceeds_sent_nor_the_time_that_passed(steps: list[tuple[int, int, bool]]) -> None:
    played, now, sent = Played(), 0, 0
    for wait, size, clear in steps:
        now += wait
        if clear:
            played.clear(now)
        else:
            played.from_model("item", sample.b64(b"\x01" * size))
            played.media(now, sample.b64(b"\x01" * size))
            sent += size
    played.clear(now)
    assert played.heard("item") <= min(sent, now // 125)
    spans = [(piece.start_us, piece.heard_until_us) for piece in played.pieces]
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


HOSTILE = "\x1b[31m[bold red]boo[/] \u202eevil\u202c \x07\n\u2028<b>"


def printed(told: Timeline, *, terminal_width: int | None = None, minor: bool = False) -> str:
    file = io.StringIO()
    if terminal_width is None:
        timeline_in_terminal.show(told, file, minor=minor)
    else:
        console = Console(file=file, force_terminal=True, width=terminal_width, color_system="standard")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timeline_in_terminal, "Console", lambda **_: console)
            timeline_in_terminal.show(told, minor=minor)
    return file.getvalue()


def test_a_pipe_gets_plain_lines_with_times_sides_and_figures(told: Timeline) -> None:
    text = printed(told)
    lines = text.splitlines()
    assert "\x1b" not in text
    assert "    2.100  bot     cut       clear sent: item_1 cut after 1200 ms, 1800 ms unheard" in lines
    assert "    2.800  caller  key       presses 0" in lines
    assert "caller silent to first audio: 400 ms" in lines
    assert lines[-1] == "interrupted once, 1800 ms sent and never heard"
    assert not any("e1.1" in line for line in lines)
    assert "e1.2 comes back +50 ms after it was due" in printed(told, minor=True)


@pytest.mark.parametrize("width", [None, 60, 200])
def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path, width: int | None) -> None:
    path = sample.record(tmp_path / "a.call.jsonl", sample.conversation(HOSTILE, item=HOSTILE))
    text = printed(timeline(read_fixture(path)), terminal_width=width)
    unfolded = "".join(text.split())
    assert "\\x1b[00m[boldred]boo[/]\\u202eevil\\u202c\\x07\\n\\u2028<b>" in unfolded.replace("\x1b[0m", "").replace(
        "\x1b[1m", ""
    )
    assert not any(bad in text for bad in ("\x1b[31m[", "\u202e", "\x07", "\u2028"))


@given(st.text())
def test_visible_text_holds_nothing_that_acts(text: str) -> None:
    shown = visible(text)
    assert (
        shown.isprintable()
        or set(filter(lambda c: not c.isprintable(), shown)) <= set("\u200c\u200d\u00a0 ")
        or shown == ""
    )
    assert len(shown.splitlines()) <= 1


def test_letters_joiners_and_emoji_stay() -> None:
    text = "Grüße, 你好, क\u200dष, नमस्ते 👩\u200d🚀"
    assert visible(text) == text
