from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio import levels


def test_each_window_has_its_own_peak_and_the_last_may_be_short() -> None:
    ulaw = b"\xff" * 160 + b"\x00" * 80 + b"\xff" * 80 + b"\x80" * 8
    assert levels.peaks(ulaw, 20) == [0, 32124, 32124]
    assert levels.rms(ulaw, 20) == [0, 22715, 32124]


@given(st.binary(max_size=2000), st.integers(1, 60))
def test_loudness_never_exceeds_the_peak_and_covers_every_byte(ulaw: bytes, window_ms: int) -> None:
    loud, high = levels.rms(ulaw, window_ms), levels.peaks(ulaw, window_ms)
    assert all(a <= b for a, b in zip(loud, high, strict=True))
    assert len(high) == -(-len(ulaw) // (window_ms * 8))


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 ms"):
        levels.peaks(b"\xff", 0)
