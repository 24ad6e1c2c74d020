"""The rig itself: its frames, stamps and figures are right, and a short run of it gives sane ones."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from tests.benchmarks.__main__ import main
from tests.benchmarks.frames import FrameReader, accept_key, client_frame, server_frame
from tests.benchmarks.machine import describe
from tests.benchmarks.measures.reaction import delays_us
from tests.benchmarks.model_session import ModelCounts, ModelSession
from tests.benchmarks.phone_call import PhoneCall, PhoneCounts
from tests.benchmarks.plot import draw
from tests.benchmarks.report import Table, write
from tests.benchmarks.rig import Rig
from tests.benchmarks.rig_processes import Process
from tests.benchmarks.stamps import CHARS, NOBODY, filler, now_ns, read_stamp, stamp
from tests.benchmarks.summaries import Spread, summary
from tests.benchmarks.turn_taking import TurnTaking


def parsed_by_websockets(data: bytes, *, mask: bool) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    steps = Frame.parse(reader.read_exact, mask=mask)
    with pytest.raises(StopIteration) as done:
        next(steps)
    frame = done.value.value
    assert isinstance(frame, Frame)
    return frame


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("mask", [True, False])
def test_a_frame_is_what_websockets_reads(size: int, mask: bool) -> None:
    payload = bytes(at % 256 for at in range(size))
    frame = parsed_by_websockets((client_frame if mask else server_frame)(payload), mask=mask)
    assert (frame.opcode, bytes(frame.data), frame.fin) == (Opcode.TEXT, payload, True)


@given(st.lists(st.binary(max_size=300), max_size=8), st.booleans(), st.lists(st.integers(1, 400), max_size=20))
def test_frames_are_read_however_the_bytes_arrive(payloads: list[bytes], mask: bool, cuts: list[int]) -> None:
    stream = b"".join(Frame(Opcode.TEXT, payload).serialize(mask=mask) for payload in payloads)
    reader, frames = FrameReader(), []
    for size in cuts:
        frames += reader.feed(stream[:size])
        stream = stream[size:]
    frames += reader.feed(stream)
    assert frames == [(Opcode.TEXT, payload) for payload in payloads]


def test_the_accept_key_is_the_one_of_rfc_6455() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@given(st.integers(0, 2**56 - 1), st.integers(0, NOBODY - 1))
def test_a_stamp_comes_back(ns: int, call: int) -> None:
    made = stamp(ns, call)
    assert len(made) == CHARS
    assert read_stamp(b'"' + made + filler(160), 1) == (ns, call)


def test_filled_in_silence_is_nobodys_stamp() -> None:
    assert read_stamp(b"/" * 216, 0)[1] == NOBODY


def test_a_stamped_payload_is_a_frame_of_twenty_milliseconds() -> None:
    from bot.audio.payload import payload_bytes

    assert payload_bytes((stamp(now_ns(), 7) + filler(160)).decode()) == 160


def test_percentiles_are_by_nearest_rank() -> None:
    found = summary(list(range(1000, 0, -1)))
    assert (found.count, found.p50, found.p99, found.p999, found.worst) == (1000, 500, 990, 999, 1000)


def test_a_spread_is_a_standard_deviation() -> None:
    spread = Spread()
    for value in (2, 4, 4, 4, 5, 5, 7, 9):
        spread.add(value)
    assert spread.deviation == pytest.approx(2)


def test_a_clear_belongs_to_the_last_word_before_it() -> None:
    said = [(1, 1_000), (2, 2_000), (1, 50_000)]
    assert delays_us(said, [(1, 4_000), (1, 51_000)]) == [3, 1]
    assert delays_us(said, [(1, 52_000), (2, 2_500)]) == [2, 0.5]
    assert delays_us(said, [(3, 9_000), (1, 500)]) == []


def test_a_missed_bound_says_so() -> None:
    table = Table("x", "X", ["a"], [[1.0]])
    table.bound("speed", 3.0, 2.5)
    table.bound("speed", 2.5, 2.5)
    assert [line.split(":")[0] for line in table.bounds] == ["missed", "holds"]


class Told:
    """A session in virtual time: what was said in it, and when, and when the audio of each response began."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.said: list[tuple[float, str]] = []
        self.begun_s: list[float] = []
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._turns = TurnTaking(self, seed=1)

    def run(self, until_s: float) -> None:
        self.respond()
        while self._due and self._due[0][0] <= until_s:
            self.now_s, _, step = heapq.heappop(self._due)
            step()

    def emit(self, kind: str, **_: object) -> None:
        self.said.append((self.now_s, kind))

    def respond(self) -> None:
        self.emit("response.created")
        self._turns.talk()

    def answer(self) -> None:
        self.respond()

    def begin_audio(self) -> None:
        self.begun_s.append(self.now_s)

    def delta(self) -> None:
        self.emit("delta")

    def respond_done(self, words: str) -> None:
        self.emit("response.done", words=words)

    def place(self) -> dict[str, object]:
        return {}

    def later(self, wait_s: float, step: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now_s + wait_s, next(self._order), step))

    def at(self, kind: str) -> list[float]:
        return [at_s for at_s, said in self.said if said == kind]


def test_in_turn_taking_the_bot_speaks_a_third_of_the_time() -> None:
    session = Told()
    session.run(1_000)
    first, last = session.begun_s[1], session.begun_s[-1]  # the first greets
    spoken_s = 0.2 * len([at_s for at_s in session.at("delta") if first <= at_s < last])
    assert spoken_s / (last - first) == pytest.approx(1 / 3, abs=0.01)
    one, another = session.at("delta")[10:12]
    assert another - one == pytest.approx(0.2 / 5)


def test_in_turn_taking_callers_speak_once_the_bot_has_been_heard() -> None:
    session = Told()
    session.run(100)
    deltas, turns = session.at("delta"), [*session.begun_s, 2**31]
    for number, starts_s in enumerate(session.at("input_audio_buffer.speech_started")):
        of_turn = [at_s for at_s in deltas if turns[number] <= at_s < turns[number + 1]]
        assert turns[number] + 0.2 * len(of_turn) < starts_s < turns[number + 1]
    assert len(session.at("response.done")) >= 4


def test_a_tool_is_called_in_a_response_of_its_own_and_its_output_asks_for_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As openai-realtime 3.3 has it."""
    said: list[tuple[str, dict[str, Any]]] = []
    counts = ModelCounts()
    session = ModelSession.__new__(ModelSession)
    session.number, session.tool_s = 3, 0.8
    session._turns, session._counts = 7, counts
    monkeypatch.setattr(session, "emit", lambda kind, **fields: said.append((kind, fields)))
    session.answer()
    kinds = [kind for kind, _ in said]
    assert kinds == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    told = dict(said)
    (call,) = told["response.done"]["response"]["output"]
    assert call == told["response.output_item.done"]["item"]
    assert (call["arguments"], counts.called) == ('{"seconds": 0.8}', 1)
    assert {fields["response_id"] for _, fields in said if "response_id" in fields} == {"resp_3_8"}


def test_words_that_a_relay_passes_on_are_no_audio() -> None:
    counts = PhoneCounts()
    call = PhoneCall.__new__(PhoneCall)
    call._number, call._counts = 1, counts
    call._text(b'{"type":"response.output_audio_transcript.delta","delta":" word"}')
    call._text(b'{"type":"input_audio_buffer.speech_started","audio_start_ms":1}')
    assert (counts.received, [number for number, _ in counts.clears]) == (0, [1])


def test_the_rig_loses_nothing_through_the_relay_and_sees_its_cost(tmp_path: Path) -> None:
    said: list[str] = []
    with Rig(tmp_path, said.append, quick=True) as rig, rig.subject("relay") as relay:
        rig.open(relay, 2)
        observed = rig.observe(relay, 0.5)
        assert str(rig.loss()) == "nothing"
        rig.close()
    assert 1 < observed.cost_us < 5_000
    assert 40 <= observed.up.count <= 70
    assert 0 < observed.up.p50 <= observed.up.p99
    assert observed.down.count >= 2


def test_the_picture_has_a_panel_for_each_measure_it_knows(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    columns = ["subject", "us per frame", "times relay"]
    table = Table("cost", "CPU", columns, [["relay", 15.0, 1.0], ["heardline", 30.0, 2.0]])
    assert draw(tmp_path, [Table("storm", "no panel", ["a"], [[1]])]) == []
    (path,) = draw(tmp_path, [table])
    assert path.read_bytes().startswith(b"\x89PNG")


WORKER = """
import sys, time
while time.process_time() < 0.1: pass
print("worked", flush=True)
sys.stdin.read()
"""
PARENT = f"""
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", {WORKER!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
worker.stdout.readline()
for _ in sys.stdin: print("{{}}", flush=True)
worker.communicate()
"""


def test_the_cost_of_workers_counts_too(tmp_path: Path) -> None:
    with Process(["-c", PARENT], name="parent", log=tmp_path / "log") as parent:
        assert parent.ask("reply once the worker has worked") == {}
        assert parent.cpu_ns() > 110_000_000
        assert parent.rss_bytes() > 2 * 5_000_000


def test_results_say_on_what_they_were_measured(tmp_path: Path) -> None:
    markdown, data = write(tmp_path, describe(), [Table("x", "X", ["a", "b"], [["y", 1.0]], ["holds: z"])])
    text = markdown.read_text(encoding="utf-8")
    assert all(word in text for word in ("cpu:", "cores:", "date:", "uvloop:", "## X", "| y | 1.00 |", "- holds: z"))
    assert json.loads(data.read_text(encoding="utf-8"))["tables"][0]["rows"] == [["y", 1.0]]


@pytest.mark.slow
def test_the_command_measures_the_cost_and_writes_it_down(tmp_path: Path) -> None:
    assert main(["record", "storm", "--quick", "--out", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    names = [table["name"] for table in written["tables"]]
    assert names == ["record", "storm"]
    assert all(float(row[1]) > 0 for table in written["tables"] for row in table["rows"])
    assert "us per frame" in (tmp_path / "results.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_subject_carries_two_calls(tmp_path: Path) -> None:
    from tests.benchmarks.measures.cost import compare
    from tests.benchmarks.rig import KINDS

    table = Table("cost", "cost", [])
    with Rig(tmp_path, lambda _: None) as rig:
        for kind in KINDS:
            with rig.subject(kind) as subject:
                assert compare(rig, [subject], table, calls=2, rounds=1, window_s=2) == [1]
        assert rig.faults == []
    assert len(table.rows) == len(KINDS)
