"""The command that measures how soon the page falls silent: what it makes of levels, and one interruption for real."""

from __future__ import annotations

import pytest

from bot.audio import mulaw
from bot.audio.prompts import prompt
from bot.offline.installed import is_installed
from tests.console.softphone import falls_silent
from tests.console.softphone.falls_silent import Found, Track, first_syllable, first_voice, judged

LOUD, FAINT = 0.1, 0.0


def heard(*onsets: int, length: int = 1000) -> list[float]:
    """Levels of a caller who says something short at each of these steps."""
    return [LOUD if any(at <= step < at + 20 for at in onsets) else FAINT for step in range(length)]


def said(*silences: tuple[int, int], length: int = 1000) -> list[float]:
    """Levels of a bot that speaks but for these."""
    return [FAINT if any(begin <= step < end for begin, end in silences) else LOUD for step in range(length)]


def test_the_time_runs_from_the_callers_syllable_to_the_silence_that_stays() -> None:
    track = Track(b"", [100, 500], [103, 500])
    found = judged(track, heard(130, 530), said((135, 140), (149, 250), (555, 700)))
    assert found == Found([160, 250], [190, 250], 0, 0)


def test_a_bot_that_was_quiet_already_or_that_goes_on_is_counted_and_not_measured() -> None:
    found = judged(Track(b"", [100, 500], [100, 500]), heard(100, 500), said((80, 300)))
    assert found == Found([], [], 1, 1)


def test_a_syllable_that_the_browser_lets_through_late_does_not_shorten_the_time() -> None:
    found = judged(Track(b"", [100, 500], [100, 500]), heard(130, 512), said((140, 200), (530, 600)))
    assert found.ms == [280, 180], "the track began at the step that fits the one that came soonest"


def test_nobody_was_heard() -> None:
    assert judged(Track(b"", [100], [100]), [FAINT] * 900, said()) == Found([], [], 0, 0)


def test_a_click_is_no_syllable_and_a_hiss_no_voice() -> None:
    assert first_syllable([FAINT, LOUD, FAINT, LOUD, LOUD, LOUD]) == 3
    hiss = b"".join((900 * (-1) ** number).to_bytes(2, "little", signed=True) for number in range(800))
    voice = mulaw.decode(prompt("caller_stop").audio)
    assert first_voice(hiss + voice) >= 10


@pytest.mark.skipif(not is_installed(), reason="the extra `offline` is not installed")
async def test_the_page_of_a_real_browser_falls_silent_as_soon_as_the_caller_speaks() -> None:
    found = await falls_silent.measured(1)
    assert (len(found.ms), found.quiet, found.endless) == (1, 0, 0)
    assert "1 interruptions" in falls_silent.told(found)
