"""The line-test agent says what it should to each turn; with the demo's caller it makes a whole conversation."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.prompts import prompt
from bot.realtime.session import END_CALL
from bot.testing.agent import Reply, Spoken, Turn, padded, pattern
from bot.testing.commands.line_test import ECHO_MS, ECHO_TRANSCRIPT, LineTestAgent


def reply(number: int, audio: bytes = b"", *, greeting: bool = False) -> Reply:
    return LineTestAgent().reply(Turn(number, audio, greeting=greeting))


@pytest.mark.parametrize(
    ("number", "spoken", "hangs_up"),
    [
        (0, ["greeting"], False),
        (1, ["you_said"], False),
        (2, ["long_answer"], False),
        (3, ["heard_out"], False),
        (4, ["goodbye"], True),
        (5, ["goodbye"], True),
    ],
)
def test_each_turn_has_its_sentence_and_only_the_goodbye_hangs_up(
    number: int, spoken: list[str], hangs_up: bool
) -> None:
    answer = reply(number)
    assert [item.transcript for item in answer.items] == [prompt(name).text for name in spoken]
    assert [item.audio for item in answer.items] == [padded(prompt(name).audio) for name in spoken]
    assert [call.name for call in answer.tool_calls] == ([END_CALL] if hangs_up else [])


def test_it_says_that_it_was_interrupted_only_when_it_was() -> None:
    answer = LineTestAgent().reply(Turn(3, interrupted=True))
    assert [item.transcript for item in answer.items] == ["You interrupted me. Good. I stopped at once."]


def test_a_caller_who_speaks_first_is_greeted_all_the_same() -> None:
    assert reply(0, pattern(500), greeting=False) == reply(0, greeting=True)


def test_the_callers_own_bytes_are_played_back() -> None:
    said = pattern(1234)
    announced, echoed = reply(1, said).items
    assert announced.transcript == "You said:"
    assert echoed.audio[: len(said)] == said
    assert set(echoed.audio[len(said) :]) == {0xFF}
    assert echoed.transcript == ECHO_TRANSCRIPT


def test_a_caller_in_pcm_is_played_back_in_pcm_and_nobody_where_the_formats_differ_or_no_sound_is_wanted() -> None:
    said = pattern(1234) * 6  # as long in time, at 48 bytes a millisecond
    turn = Turn(1, said, heard_in="audio/pcm", spoken_in="audio/pcm")
    _, echoed = LineTestAgent().reply(turn).items
    assert isinstance(echoed, Spoken)
    assert (echoed.audio, echoed.audio_format) == (said[: 1200 * 48], "audio/pcm")
    for other in ({"spoken_in": "audio/pcmu"}, {"writes": True}):
        assert len(LineTestAgent().reply(msgspec.structs.replace(turn, **other)).items) == 1


def test_an_endless_caller_is_played_back_for_a_while_only() -> None:
    said = pattern(ECHO_MS + 5000)
    assert reply(1, said).items[1].audio == said[: ECHO_MS * 8]


@given(number=st.integers(0, 50), audio=st.binary(max_size=5000), greeting=st.booleans())
def test_every_reply_is_audible_and_a_whole_number_of_50_ms(number: int, audio: bytes, greeting: bool) -> None:
    answer = reply(number, audio, greeting=greeting)
    assert answer.items
    assert all(item.audio and len(item.audio) % 400 == 0 for item in answer.items)
