from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.twilio.playout import MAX_BUFFERED_BYTES, PlayClock, Playout, Span


def test_plays_eight_bytes_a_millisecond_from_the_moment_they_come() -> None:
    playout = Playout()
    playout.media(b"a" * 800, 1_000)
    assert [playout.heard_bytes(0, at) for at in (0, 1_000, 1_124, 1_125, 51_000, 101_000, 999_999)] == [
        *(0, 0, 0, 1, 400, 800, 800)
    ]


def test_runs_dry_and_does_not_catch_up() -> None:
    playout = Playout()
    playout.media(b"a" * 80, 0)
    playout.media(b"b" * 80, 50_000)
    assert playout.heard_bytes(1, 50_000) == 0
    assert playout.heard_bytes(1, 55_000) == 40
    assert list(playout.spans(60_000)) == [Span(0, b"a" * 80), Span(50_000, b"b" * 80)]
    assert playout.render(0, 60_000) == b"a" * 80 + b"\xff" * 320 + b"b" * 80
    assert playout.render(5_000, 52_000) == b"a" * 40 + b"\xff" * 320 + b"b" * 16


def test_silence_begins_at_the_end_of_what_was_played_last_or_is_queued() -> None:
    playout = Playout()
    playout.media(b"a" * 80, 0)
    assert playout.silent_from_us(5_000) == playout.silent_from_us(20_000) == 10_000
    playout.media(b"b" * 80, 50_000)
    playout.media(b"c" * 80, 51_000)
    assert playout.silent_from_us(52_000) == playout.silent_from_us(99_000) == 70_000


def test_no_time_at_all_renders_as_nothing() -> None:
    playout = Playout()
    playout.media(b"a" * 80, 0)
    assert playout.render(5_000, 5_000) == playout.render(5_000, 4_000) == b""


def test_media_that_comes_as_the_last_byte_ends_goes_on_without_a_new_prebuffer() -> None:
    playout = Playout(prebuffer_us=120_000)
    playout.media(b"a" * 80, 0)
    playout.media(b"b" * 80, 130_000)
    assert list(playout.spans(200_000)) == [Span(120_000, b"a" * 80 + b"b" * 80)]
    playout.media(b"c" * 8, 140_001)
    assert playout.runs[-1].start_us == 260_001


def test_marks_fall_due_when_all_before_them_has_been_played() -> None:
    playout = Playout()
    playout.mark("empty", 5)
    playout.media(b"a" * 8, 10)
    playout.mark("same", 11)
    playout.media(b"b" * 16, 12)
    playout.mark("same", 13)
    assert playout.next_us == 5
    assert playout.due(1_009) == [("empty", 5)]
    assert playout.next_us == 1_010
    assert playout.due(3_010) == [("same", 1_010), ("same", 3_010)]
    assert playout.next_us is None


def test_clear_drops_the_rest_and_gives_back_the_pending_marks_in_order() -> None:
    playout = Playout()
    playout.media(b"a" * 80, 0)
    playout.mark("one", 0)
    playout.media(b"b" * 80, 0)
    playout.mark("two", 0)
    assert playout.due(10_000) == [("one", 10_000)]
    assert playout.clear(15_000) == ["two"]
    assert [playout.heard_bytes(k, 99_000) for k in (0, 1)] == [80, 40]
    assert playout.buffered_bytes(15_000) == 0
    playout.mark("after", 15_000)
    assert playout.due(15_000) == [("after", 15_000)]
    playout.media(b"c" * 8, 15_000)  # in flight when the clear was sent: it plays
    assert playout.heard_bytes(2, 16_000) == 8
    assert playout.render(0, 16_000) == b"a" * 80 + b"b" * 40 + b"c" * 8


def test_clear_before_the_prebuffer_is_over_means_nothing_was_heard() -> None:
    playout = Playout(prebuffer_us=100_000)
    playout.media(b"a" * 80, 0)
    playout.clear(50_000)
    assert playout.runs == []
    assert playout.heard_bytes(0, 1_000_000) == 0
    assert playout.silent_from_us(50_000) is None


def test_a_stall_freezes_the_play_head_and_marks_come_later() -> None:
    playout = Playout(stalls=[(5_000, 400_000)])
    playout.media(b"a" * 80, 0)
    playout.mark("end", 0)
    assert playout.next_us == 410_000
    assert [playout.heard_bytes(0, at) for at in (5_000, 404_999, 405_000, 406_000)] == [40, 40, 40, 48]
    assert list(playout.spans(500_000)) == [Span(0, b"a" * 40), Span(405_000, b"a" * 40)]


def test_a_run_that_begins_inside_a_stall_is_heard_from_its_end_on() -> None:
    playout = Playout(stalls=[(0, 10_000), (8_000, 4_000)])
    playout.media(b"a" * 8, 3_000)
    assert list(playout.spans(99_000)) == [Span(12_000, b"a" * 8)]
    assert playout.heard_bytes(0, 12_999) == 7


@pytest.mark.parametrize(("ppm", "end_us"), [(200, 59_988_003), (0, 60_000_000), (-200, 60_012_003)])
def test_a_drifting_clock_ends_sooner_or_later(ppm: int, end_us: int) -> None:
    playout = Playout(drift_ppm=ppm)
    playout.media(b"a" * 480_000, 0)
    playout.mark("end", 0)
    assert playout.next_us == end_us
    assert playout.heard_bytes(0, end_us - 1) == 479_999
    assert playout.heard_bytes(0, end_us) == 480_000


def test_more_than_ten_minutes_is_discarded_and_counted() -> None:
    playout = Playout(keep_audio=False)
    assert playout.media(bytes(MAX_BUFFERED_BYTES - 8), 0) == 0
    assert playout.media(bytes(100), 0) == 92
    assert playout.media(bytes(100), 0) == 100
    assert playout.media(bytes(100), 1_000) == 92
    assert playout.discarded_bytes == 284
    assert playout.heard_total_bytes(10**10) == MAX_BUFFERED_BYTES + 8


def test_an_empty_payload_is_no_sound() -> None:
    playout = Playout()
    playout.media(b"", 0)
    assert playout.heard_bytes(0, 1_000) == 0
    assert playout.runs == []
    assert playout.render(0, 1_000) == b"\xff" * 8


_STALLS = st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(0, 500_000)), max_size=4)


@given(st.integers(-2000, 2000), _STALLS, st.integers(0, 2_000_000), st.integers(0, 20_000))
def test_time_to_bytes_and_back_agree(ppm: int, stalls: list[tuple[int, int]], from_us: int, n_bytes: int) -> None:
    clock = PlayClock(ppm, stalls)
    end_us = clock.after(from_us, n_bytes)
    assert clock.bytes_between(from_us, end_us) == n_bytes
    if n_bytes:
        assert clock.bytes_between(from_us, end_us - 1) == n_bytes - 1


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 60_000),
        st.one_of(
            st.tuples(st.just("media"), st.integers(0, 700)),
            st.tuples(st.just("mark"), st.integers(0, 3)),
            st.tuples(st.just("clear"), st.just(0)),
            st.tuples(st.just("due"), st.just(0)),
        ),
    ),
    max_size=40,
)


def _feed(playout: Playout, steps: list[tuple[int, tuple[str, int]]]) -> dict[str, Any]:
    """Plays the steps. Gives the time of the last, the marks set and echoed, and the audio of each message."""
    now, byte = 0, 0
    sent, echoed, audio = [], [], []
    for pause, (what, size) in steps:
        now += pause
        if what == "media":
            byte = (byte + 1) % 255
            audio.append(bytes((byte,)) * size)
            playout.media(audio[-1], now)
        elif what == "mark":
            sent.append(f"m{size}")
            playout.mark(sent[-1], now)
        elif what == "clear":
            echoed += playout.clear(now)
        else:
            echoed += [name for name, _ in playout.due(now)]
    return {"now": now, "sent": sent, "echoed": echoed, "audio": audio}


@settings(max_examples=300)
@given(_STEPS, st.sampled_from([0, 120_000]), st.sampled_from([0, 200, -200]), _STALLS)
def test_whatever_comes_the_record_holds(
    steps: list[tuple[int, tuple[str, int]]], prebuffer_us: int, ppm: int, stalls: list[tuple[int, int]]
) -> None:
    playout = Playout(prebuffer_us=prebuffer_us, drift_ppm=ppm, stalls=stalls)
    fed = _feed(playout, steps)
    far = fed["now"] + 20_000_000
    # Every mark comes back exactly once, in the order it was set.
    assert fed["echoed"] + [name for name, _ in playout.due(far)] == fed["sent"]
    # Heard never exceeds sent, never runs backwards, and adds up to the whole.
    for at in range(0, far, far // 7 or 1):
        heard = [playout.heard_bytes(k, at) for k in range(len(fed["audio"]))]
        later = [playout.heard_bytes(k, at + 12_345) for k in range(len(fed["audio"]))]
        assert sum(heard) == playout.heard_total_bytes(at)
        assert all(0 <= a <= b <= len(sent) for a, b, sent in zip(heard, later, fed["audio"], strict=True))
    # The spans are the heard bytes, in order, without overlap (one byte of rounding under drift and around a stall).
    spans = list(playout.spans(far))
    total = b"".join(audio[: playout.heard_bytes(k, far)] for k, audio in enumerate(fed["audio"]))
    assert b"".join(span.audio for span in spans) == total
    for before, after in pairwise(spans):
        assert before.at_us + (len(before.audio) - 1) * 124 <= after.at_us
    assert playout.buffered_bytes(far) == 0


@given(_STEPS)
def test_without_knobs_the_line_is_max_of_send_time_and_end_of_the_span_before(
    steps: list[tuple[int, tuple[str, int]]],
) -> None:
    """The ledger's own arithmetic (how-it-works ledger 1), written a second time."""
    playout = Playout()
    end, now, spans = 0, 0, []
    for pause, (what, size) in steps:
        now += pause
        if what == "media":
            playout.media(b"x" * size, now)
            begin = max(now, end)
            end = begin + size * 125
            spans.append([begin, end])
        elif what == "clear":
            playout.clear(now)
            spans = [[b, min(e, max(b, now))] for b, e in spans]
            end = min(end, now)
    for k, (begin, end_us) in enumerate(spans):
        assert playout.heard_bytes(k, now + 10**8) == (end_us - begin) // 125
        assert playout.heard_bytes(k, (begin + end_us) // 2) == ((begin + end_us) // 2 - begin) // 125


@settings(max_examples=300)
@given(_STEPS, st.integers(1, 7), st.sampled_from([0, 200, -200]), _STALLS)
def test_what_is_taken_piece_by_piece_is_what_was_heard(
    steps: list[tuple[int, tuple[str, int]]], every: int, ppm: int, stalls: list[tuple[int, int]]
) -> None:
    """And it is forgotten: only what waits to be heard stays in memory."""
    whole, taken = (Playout(drift_ppm=ppm, stalls=stalls) for _ in range(2))
    spans, now, byte = [], 0, 0
    for number, (pause, (what, size)) in enumerate(steps):
        now += pause
        byte = (byte + 1) % 255
        for playout in (whole, taken):
            if what == "media":
                playout.media(bytes((byte,)) * size, now)
            elif what == "clear":
                playout.clear(now)
        if number % every == 0:
            spans += taken.take(now)
            waiting = taken.buffered_bytes(now)
            assert waiting == whole.buffered_bytes(now)
            assert taken.kept_bytes == waiting
    far = now + 20_000_000
    spans += taken.take(far)
    expected = list(whole.spans(far))
    assert b"".join(span.audio for span in spans) == b"".join(span.audio for span in expected)
    if not ppm and not stalls:
        silent = max(0, spans[0].at_us // 125) if spans else 0
        track = bytearray(b"\xff" * silent)
        for span in spans:
            at = span.at_us // 125
            track += b"\xff" * (at - len(track))
            assert at == len(track)
            track += span.audio
        assert whole.render(0, far).startswith(track)
    assert taken.kept_bytes == 0
    assert taken.messages == []


def test_a_run_is_put_off_as_a_whole_while_none_of_it_is_taken() -> None:
    playout = Playout()
    playout.media(b"a" * 800, 1_000)
    playout.put_off(50_000)
    playout.put_off(30_000)
    assert [(span.at_us, len(span.audio)) for span in playout.take(10**6)] == [(31_000, 800)]


def test_what_is_taken_of_a_run_stays_and_the_rest_is_put_off() -> None:
    playout = Playout()
    playout.media(b"a" * 800, 0)
    assert playout.take(50_000) == [Span(0, b"a" * 400)]
    playout.put_off(20_000)
    playout.put_off(10_000)
    playout.media(b"b" * 80, 60_000)
    assert playout.take(10**6) == [Span(60_000, b"a" * 400 + b"b" * 80)]


def test_nothing_is_put_off_to_a_time_that_was_taken_nor_after_a_clear() -> None:
    playout = Playout()
    playout.media(b"a" * 800, 40_000)
    assert playout.take(30_000) == []
    playout.put_off(-20_000)
    playout.clear(80_000)
    playout.put_off(500_000)
    assert playout.take(10**6) == [Span(30_000, b"a" * 400)]
    playout.put_off(5)
    assert playout.take(10**7) == []


def test_the_next_run_knows_how_late_it_began() -> None:
    playout = Playout(prebuffer_us=20_000)
    playout.media(b"a" * 80, 0)
    playout.put_off(20_000)
    assert playout.take(10**6) == [Span(20_000, b"a" * 80)]
