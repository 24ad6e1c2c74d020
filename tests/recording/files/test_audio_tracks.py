from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.recording.files.audio_tracks import BEHIND_US, CallerClock, Track

MS = 1_000
QUIET = b"\xff"


@given(st.lists(st.tuples(st.integers(-50, 400), st.integers(0, 60)), max_size=30), st.integers(1, 50))
def test_a_track_is_what_was_put_last_wherever_it_comes_from(puts: list[tuple[int, int]], step: int) -> None:
    """Late pieces come back with their place; put there, nothing is lost and nothing moves."""
    track, file, expected = Track(), bytearray(), bytearray(QUIET * 2_000)
    for number, (at, size) in enumerate(puts, start=1):
        audio = bytes((number,)) * size
        where, late = track.put(at, audio)
        file[where : where + len(late)] = late
        for place in range(max(0, at), at + size):
            expected[place] = number
        file += track.take(number * step)
        assert len(file) == number * step
    file += track.take(2_000)
    assert file == expected


@given(st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 2**53)), max_size=50))
def test_whatever_the_timestamps_audio_is_near_its_arrival(frames: list[tuple[int, int]]) -> None:
    unsettled, settled = CallerClock(), CallerClock()
    settled.hear(0, 0)
    for us, timestamp_ms in frames:
        unsettled.hear(timestamp_ms, us)
        for at_us in (unsettled.at_us(timestamp_ms, us), settled.spoken_us(timestamp_ms, us)):
            assert us - BEHIND_US <= at_us <= us + 1_000 * MS
