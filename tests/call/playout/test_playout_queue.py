"""Audio on its way to the caller."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.playout.playout_queue import HELD_BYTES, PlayoutQueue
from bot.call.rule import NEVER_US
from bot.twilio.stream import Clear, Outbound, PlayMedia
from tests.call.scripted_call import MS, audio, in_words


def open_line() -> PlayoutQueue:
    playout = PlayoutQueue()
    playout.stream_sid, playout.begun = "MZ1", True
    return playout


def played(messages: Sequence[Outbound]) -> bytes:
    return b"".join(base64.b64decode(one.media.payload) for one in messages if isinstance(one, PlayMedia))


def test_a_delta_goes_out_as_it_came() -> None:
    playout = open_line()
    payload = base64.b64encode(bytes(range(250))).decode()
    out = playout.delta(playout.ledger.entry("A", 0, "R1"), payload, 0)
    assert [one.media.payload for one in out if isinstance(one, PlayMedia)] == [payload]


def test_an_item_has_a_mark_before_it_and_one_at_its_end() -> None:
    playout = open_line()
    first, second = (playout.ledger.entry(item, 0, "R1") for item in "AB")
    assert in_words(playout.delta(first, audio(100), 0)) == ["mark e0.0", "media 100"]
    assert in_words(playout.done(first, 0)) == ["mark e0.1"]
    assert in_words(playout.done(first, 0)) == []
    assert in_words(playout.delta(second, audio(100), 0)) == ["mark e0.2", "media 100"]


def test_behind_a_prebuffer_a_stretch_begins_with_30_ms_and_a_mark() -> None:
    """How late it begins this time is seen that much sooner. Nothing else about it differs."""
    playout = open_line()
    first = playout.ledger.entry("A", 0, "R1")
    assert in_words(playout.delta(first, audio(400, 1), 0)) == ["mark e0.0", "media 400", "mark e0.1"]
    assert in_words(playout.delta(first, audio(400, 1), 0)) == ["media 400", "mark e0.2"]
    for name, at_ms in (("e0.0", 80), ("e0.1", 400 + 80 + 200), ("e0.2", 800 + 80 + 200)):
        assert playout.ledger.echo(name, at_ms * MS)
    second = playout.ledger.entry("B", 0, "R2")
    out = playout.delta(second, audio(200, 2), 2_000 * MS)
    assert in_words(out) == ["mark e0.3", "media 30", "mark e0.4", "media 170", "mark e0.5"]
    assert played(out) == b"\x02" * 1_600
    assert (second.received, second.sent, playout.waiting) == (1_600, 1_600, False)
    assert in_words(playout.delta(second, audio(200, 3), 2_100 * MS)) == ["media 200", "mark e0.6"]


def test_before_the_call_has_begun_audio_is_held_and_then_goes_out_from_its_first_byte() -> None:
    playout = PlayoutQueue()
    entry = playout.ledger.entry("A", 0, "R1")
    assert playout.delta(entry, audio(100, 1), 0) == []
    assert playout.delta(entry, audio(100, 2), 0) == []
    assert playout.done(entry, 0) == []
    assert playout.waiting
    assert playout.has_floor(0)
    assert (entry.received, entry.sent) == (1_600, 0)
    playout.stream_sid, playout.begun = "MZ1", True
    out = playout.flush(50 * MS)
    assert in_words(out) == ["mark e0.0", "media 100", "media 100", "mark e0.1"]
    assert played(out) == b"\x01" * 800 + b"\x02" * 800
    assert not playout.waiting


def test_a_full_transport_is_handed_nothing_until_it_has_room() -> None:
    playout = open_line()
    entry = playout.ledger.entry("A", 0, "R1")
    playout.full = True
    assert playout.delta(entry, audio(100), 0) == []
    assert playout.done(entry, 0) == []
    playout.full = False
    assert in_words(playout.flush(0)) == ["mark e0.0", "media 100", "mark e0.1"]


def test_one_step_hands_over_no_more_once_it_has_filled_the_transport() -> None:
    playout = open_line()
    entry = playout.ledger.entry("A", 0, "R1")
    playout.new_step()
    out = playout.delta(entry, audio(15_000), 0)
    assert in_words(out) == ["mark e0.0", "media 6000", "mark e0.1", "media 6000", "mark e0.2"]
    assert playout.full
    assert playout.waiting
    playout.new_step()
    playout.full = False
    assert in_words(playout.flush(0)) == ["media 3000", "mark e0.3"]


@pytest.mark.parametrize("n_bytes", [48_000, 48_001, 95_999, 96_000, 100_001])
def test_a_long_delta_is_split_at_48000_bytes_and_stays_one_entry(n_bytes: int) -> None:
    playout = PlayoutQueue()
    whole = bytes(number % 251 for number in range(n_bytes))
    entry = playout.ledger.entry("A", 0, "R1")
    playout.delta(entry, base64.b64encode(whole).decode(), 0)
    playout.stream_sid, playout.begun = "MZ1", True
    out = []
    while playout.waiting:
        playout.new_step()
        playout.full = False
        out += playout.flush(0)
    sizes = [len(base64.b64decode(one.media.payload)) for one in out if isinstance(one, PlayMedia)]
    assert sizes == [48_000] * (n_bytes // 48_000) + ([n_bytes % 48_000] if n_bytes % 48_000 else [])
    assert played(out) == whole
    assert entry.sent == entry.received == n_bytes


def test_ten_minutes_are_held_and_what_comes_above_is_dropped_and_counted() -> None:
    playout = PlayoutQueue()
    entry = playout.ledger.entry("A", 0, "R1")
    minute = audio(60_000)
    for _ in range(10):
        playout.delta(entry, minute, 0)
    assert (entry.received, playout.dropped_bytes) == (HELD_BYTES, 0)
    playout.delta(entry, audio(1), 0)
    assert (entry.received, playout.dropped_bytes) == (HELD_BYTES, 8)


def test_a_cut_empties_the_queue_and_clears_what_is_out() -> None:
    playout = open_line()
    entry = playout.ledger.entry("A", 0, "R1")
    playout.delta(entry, audio(1_000), 0)
    playout.full = True
    playout.delta(entry, audio(1_000), 0)
    clear, entries = playout.cut(400 * MS)
    assert clear == [Clear("MZ1")]
    assert [(one.heard, one.sent, one.received) for one in entries] == [(3_200, 8_000, 16_000)]
    assert not playout.waiting
    playout.full = False
    assert playout.flush(400 * MS) == []
    assert not playout.has_floor(400 * MS)


def test_nothing_out_is_nothing_to_clear() -> None:
    playout = open_line()
    assert playout.cut(0) == ([], [])
    held = PlayoutQueue()
    held.delta(held.ledger.entry("A", 0, "R1"), audio(100), 0)
    assert held.cut(0)[0] == []


def test_while_the_transport_is_stuck_speaking_is_not_over_and_can_be_cleared() -> None:
    """The ledger's clock has run out, but what waits here proves that the transport still holds what came before."""
    playout = open_line()
    entry = playout.ledger.entry("A", 0, "R1")
    playout.delta(entry, audio(1_000), 0)
    assert min(playout.due_us(0)) == 3_000 * MS
    playout.full = True
    playout.delta(entry, audio(1_000), 0)
    assert playout.due_us(0) == (NEVER_US, NEVER_US)
    assert playout.has_floor(10_000 * MS)
    assert playout.cut(10_000 * MS)[0] == [Clear("MZ1")]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.binary(max_size=400), st.booleans()), max_size=20))
def test_every_byte_of_the_model_goes_out_once_and_in_order(deltas: list[tuple[str, bytes, bool]]) -> None:
    """However often the transport fills and drains in between."""
    playout = open_line()
    out: list[Outbound] = []
    for item, delta, full in deltas:
        playout.full = full
        entry = playout.ledger.entry(item, 0, "R1")
        out += playout.delta(entry, base64.b64encode(delta).decode(), 0)
    playout.full = False
    out += playout.flush(0)
    assert played(out) == b"".join(delta for _, delta, _ in deltas)
