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
    speaking = PlayoutQueue()
    speaking.stream_sid, speaking.begun = "MZ1", True
    return speaking


def played(messages: Sequence[Outbound]) -> bytes:
    return b"".join(base64.b64decode(one.media.payload) for one in messages if isinstance(one, PlayMedia))


def test_a_delta_goes_out_as_it_came() -> None:
    speaking = open_line()
    payload = base64.b64encode(bytes(range(250))).decode()
    out = speaking.delta(speaking.ledger.entry("A", 0, "R1"), payload, 0)
    assert [one.media.payload for one in out if isinstance(one, PlayMedia)] == [payload]


def test_an_item_has_a_mark_before_it_and_one_at_its_end() -> None:
    speaking = open_line()
    first, second = (speaking.ledger.entry(item, 0, "R1") for item in "AB")
    assert in_words(speaking.delta(first, audio(100), 0)) == ["mark e0.0", "media 100"]
    assert in_words(speaking.done(first, 0)) == ["mark e0.1"]
    assert in_words(speaking.done(first, 0)) == []
    assert in_words(speaking.delta(second, audio(100), 0)) == ["mark e0.2", "media 100"]


def test_before_the_call_has_begun_audio_is_held_and_then_goes_out_from_its_first_byte() -> None:
    speaking = PlayoutQueue()
    entry = speaking.ledger.entry("A", 0, "R1")
    assert speaking.delta(entry, audio(100, 1), 0) == []
    assert speaking.delta(entry, audio(100, 2), 0) == []
    assert speaking.done(entry, 0) == []
    assert speaking.waiting
    assert speaking.has_floor(0)
    assert (entry.received, entry.sent) == (1_600, 0)
    speaking.stream_sid, speaking.begun = "MZ1", True
    out = speaking.flush(50 * MS)
    assert in_words(out) == ["mark e0.0", "media 100", "media 100", "mark e0.1"]
    assert played(out) == b"\x01" * 800 + b"\x02" * 800
    assert not speaking.waiting


def test_a_full_transport_is_handed_nothing_until_it_has_room() -> None:
    speaking = open_line()
    entry = speaking.ledger.entry("A", 0, "R1")
    speaking.full = True
    assert speaking.delta(entry, audio(100), 0) == []
    assert speaking.done(entry, 0) == []
    speaking.full = False
    assert in_words(speaking.flush(0)) == ["mark e0.0", "media 100", "mark e0.1"]


def test_one_step_hands_over_no_more_once_it_has_filled_the_transport() -> None:
    speaking = open_line()
    entry = speaking.ledger.entry("A", 0, "R1")
    speaking.new_step()
    out = speaking.delta(entry, audio(15_000), 0)
    assert in_words(out) == ["mark e0.0", "media 6000", "mark e0.1", "media 6000", "mark e0.2"]
    assert speaking.full
    assert speaking.waiting
    speaking.new_step()
    speaking.full = False
    assert in_words(speaking.flush(0)) == ["media 3000", "mark e0.3"]


@pytest.mark.parametrize("n_bytes", [48_000, 48_001, 95_999, 96_000, 100_001])
def test_a_long_delta_is_split_at_48000_bytes_and_stays_one_entry(n_bytes: int) -> None:
    speaking = PlayoutQueue()
    whole = bytes(number % 251 for number in range(n_bytes))
    entry = speaking.ledger.entry("A", 0, "R1")
    speaking.delta(entry, base64.b64encode(whole).decode(), 0)
    speaking.stream_sid, speaking.begun = "MZ1", True
    out = []
    while speaking.waiting:
        speaking.new_step()
        speaking.full = False
        out += speaking.flush(0)
    sizes = [len(base64.b64decode(one.media.payload)) for one in out if isinstance(one, PlayMedia)]
    assert sizes == [48_000] * (n_bytes // 48_000) + ([n_bytes % 48_000] if n_bytes % 48_000 else [])
    assert played(out) == whole
    assert entry.sent == entry.received == n_bytes


def test_ten_minutes_are_held_and_what_comes_above_is_dropped_and_counted() -> None:
    speaking = PlayoutQueue()
    entry = speaking.ledger.entry("A", 0, "R1")
    minute = audio(60_000)
    for _ in range(10):
        speaking.delta(entry, minute, 0)
    assert (entry.received, speaking.dropped_bytes) == (HELD_BYTES, 0)
    speaking.delta(entry, audio(1), 0)
    assert (entry.received, speaking.dropped_bytes) == (HELD_BYTES, 8)


def test_a_cut_empties_the_queue_and_clears_what_is_out() -> None:
    speaking = open_line()
    entry = speaking.ledger.entry("A", 0, "R1")
    speaking.delta(entry, audio(1_000), 0)
    speaking.full = True
    speaking.delta(entry, audio(1_000), 0)
    clear, entries = speaking.cut(400 * MS)
    assert clear == [Clear("MZ1")]
    assert [(one.heard, one.sent, one.received) for one in entries] == [(3_200, 8_000, 16_000)]
    assert not speaking.waiting
    speaking.full = False
    assert speaking.flush(400 * MS) == []
    assert not speaking.has_floor(400 * MS)


def test_nothing_out_is_nothing_to_clear() -> None:
    speaking = open_line()
    assert speaking.cut(0) == ([], [])
    held = PlayoutQueue()
    held.delta(held.ledger.entry("A", 0, "R1"), audio(100), 0)
    assert held.cut(0)[0] == []


def test_while_the_transport_is_stuck_speaking_is_not_over_and_can_be_cleared() -> None:
    """The ledger's clock has run out, but what waits here proves that the transport still holds what came before."""
    speaking = open_line()
    entry = speaking.ledger.entry("A", 0, "R1")
    speaking.delta(entry, audio(1_000), 0)
    assert min(speaking.due_us(0)) == 3_000 * MS
    speaking.full = True
    speaking.delta(entry, audio(1_000), 0)
    assert speaking.due_us(0) == (NEVER_US, NEVER_US)
    assert speaking.has_floor(10_000 * MS)
    assert speaking.cut(10_000 * MS)[0] == [Clear("MZ1")]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.binary(max_size=400), st.booleans()), max_size=20))
def test_every_byte_of_the_model_goes_out_once_and_in_order(deltas: list[tuple[str, bytes, bool]]) -> None:
    """However often the transport fills and drains in between."""
    speaking = open_line()
    out: list[Outbound] = []
    for item, delta, full in deltas:
        speaking.full = full
        entry = speaking.ledger.entry(item, 0, "R1")
        out += speaking.delta(entry, base64.b64encode(delta).decode(), 0)
    speaking.full = False
    out += speaking.flush(0)
    assert played(out) == b"".join(delta for _, delta, _ in deltas)
