"""The command that measures the offline agent: one turn of it, and what it makes of times."""

from __future__ import annotations

from bot.audio.prompts import prompt
from bot.testing.model.server import SimulatedRealtimeServer
from tests.offline import figures
from tests.offline.word_errors import errors


async def test_a_turn_is_timed_from_its_last_loud_frame_to_the_first_that_is_heard(
    agent: SimulatedRealtimeServer,
) -> None:
    async with figures.session(agent.url) as socket:
        await figures.configured(socket)
        seconds, words = await figures.turn(socket, prompt("caller_goodbye").audio)
    assert errors("thank you goodbye", words) == 0
    assert seconds > 0


def test_silence_before_the_first_sound_of_an_answer_counts() -> None:
    loud, silent = b"\x10" * 160, b"\xff" * 160
    assert figures.silent_frames(silent * 3 + loud) == 3
    assert figures.silent_frames(silent * 3) is None


def test_a_figure_says_how_many_were_over_its_bound() -> None:
    assert figures.row("answers", [0.5, 0.7], 1.0).endswith("0.50 to 0.70 s; under 1 s: all |")
    assert figures.row("answers", [0.5, 1.2, 0.7], 1.0).endswith("0.50 to 1.20 s; under 1 s: all but 1 of 3 |")
