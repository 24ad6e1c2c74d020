"""The caller's audio that a next session must hear again."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from bot.audio.payload import BYTES_PER_MS, payload_bytes
from bot.call.caller_audio import ALL_BYTES, RECENT_BYTES, TURN_BYTES, CallerAudio

FRAME_MS = 20


def frame(number: int) -> bytes:
    return number.to_bytes(2) * (FRAME_MS * BYTES_PER_MS // 2)


def write(audio: CallerAudio, first: int, last: int) -> None:
    """Frames `first` to `last`, the last not included."""
    for number in range(first, last):
        audio.wrote(base64.b64encode(frame(number)).decode(), FRAME_MS * BYTES_PER_MS)


def numbers(payload: str) -> list[int]:
    sound = base64.b64decode(payload)
    return [int.from_bytes(sound[at : at + 2]) for at in range(0, len(sound), FRAME_MS * BYTES_PER_MS)]


def lost(audio: CallerAudio) -> list[int]:
    return [number for payload, _ in audio.session_lost() for number in numbers(payload)]


def test_what_became_no_turn_is_heard_again() -> None:
    audio = CallerAudio()
    write(audio, 0, 100)
    assert lost(audio) == list(range(100))
    assert lost(audio) == []


def test_of_silence_only_the_last_seconds() -> None:
    audio = CallerAudio()
    write(audio, 0, 5_000)
    assert lost(audio) == list(range(5_000 - 400, 5_000))


def test_speech_in_progress_is_kept_from_its_beginning() -> None:
    audio = CallerAudio()
    write(audio, 0, 1_000)
    audio.speech_started(1_000 * FRAME_MS - 300)
    write(audio, 1_000, 1_500)
    assert set(range(985, 1_500)) <= set(lost(audio))
    assert TURN_BYTES > RECENT_BYTES


def test_a_turn_without_words_is_told_as_its_audio_and_not_heard_again() -> None:
    audio = CallerAudio()
    write(audio, 0, 50)
    audio.speech_started(20 * FRAME_MS)
    write(audio, 50, 100)
    audio.speech_stopped(90 * FRAME_MS)
    audio.turn(7)
    assert {number: numbers(payload) for number, payload in audio.turns().items()} == {7: list(range(20, 90))}
    assert lost(audio) == list(range(90, 100))
    assert list(audio.turns()) == [7]


def test_words_that_come_end_that() -> None:
    audio = CallerAudio()
    audio.speech_started(0)
    write(audio, 0, 50)
    audio.turn(1)
    audio.known(1)
    audio.known(2)
    assert audio.turns() == {}


def test_a_turn_that_no_speech_was_reported_of_has_no_audio() -> None:
    audio = CallerAudio()
    write(audio, 0, 50)
    audio.turn(1)
    assert audio.turns() == {}
    assert lost(audio) == []


@given(st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 1_500), st.booleans()), max_size=30))
def test_it_is_bounded_whatever_comes(said: list[tuple[int, int, bool]]) -> None:
    audio, at = CallerAudio(), 0
    for number, (before, during, turn) in enumerate(said):
        write(audio, at % 60_000, at % 60_000 + before)
        audio.speech_started((at + before) * FRAME_MS)
        write(audio, 0, during)
        at += before + during
        if turn:
            audio.turn(number)
    kept = {number: payload_bytes(payload) for number, payload in audio.turns().items()}
    assert sum(kept.values()) <= ALL_BYTES
    assert all(n_bytes <= TURN_BYTES for n_bytes in kept.values())
    assert sum(n_bytes for _, n_bytes in audio.session_lost()) <= TURN_BYTES
