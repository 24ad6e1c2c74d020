"""The caller's audio that a next session must hear again."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from bot.audio.payload import BYTES_PER_MS, FRAME_BYTES, payload_bytes
from bot.call.uplink.appended_audio import (
    BIG_BYTES,
    DOUBT_BYTES,
    MOST_PIECES,
    PIECE_PAYLOADS,
    RECENT_BYTES,
    TURN_BYTES,
    AppendedAudio,
)
from bot.call.uplink.wordless_turns import ALL_BYTES, WordlessTurns

FRAME_MS = 20


def frame(number: int) -> bytes:
    return number.to_bytes(2) * (FRAME_MS * BYTES_PER_MS // 2)


def write(audio: AppendedAudio, first: int, last: int) -> None:
    """Frames `first` to `last`, the last not included."""
    for number in range(first, last):
        audio.wrote(base64.b64encode(frame(number)).decode(), FRAME_BYTES)


def numbers(payload: str) -> list[int]:
    return frames_of(base64.b64decode(payload))


def frames_of(sound: bytes) -> list[int]:
    return [int.from_bytes(sound[at : at + 2]) for at in range(0, len(sound), FRAME_MS * BYTES_PER_MS)]


def lost(audio: AppendedAudio) -> list[int]:
    return frames_of(audio.unturned())


def test_what_became_no_turn_is_heard_again() -> None:
    audio = AppendedAudio()
    write(audio, 0, 103)
    assert lost(audio) == list(range(103))
    assert lost(audio) == []


def test_while_a_session_says_nothing_only_the_last_seconds_are_kept() -> None:
    audio = AppendedAudio()
    write(audio, 0, 5_013)
    assert lost(audio) == list(range(5_000 - RECENT_BYTES // FRAME_BYTES, 5_013))


def test_the_last_of_it_can_be_heard_without_taking_it() -> None:
    audio = AppendedAudio()
    write(audio, 0, 53)
    assert [frames_of(audio.recent(n * FRAME_BYTES)) for n in (0, 2, 8, 60)] == [
        [],
        [51, 52],
        list(range(45, 53)),
        list(range(53)),
    ]
    assert audio.recent(FRAME_BYTES // 2) == frame(52)[FRAME_BYTES // 2 :]
    assert lost(audio) == list(range(53))


def test_it_is_bounded_by_bytes_however_large_and_by_number_however_small_the_frames_are() -> None:
    audio = AppendedAudio()
    for _ in range(500):
        audio.wrote(base64.b64encode(bytes(48_000)).decode(), 48_000)
        assert len(audio.fresh) * 48_000 <= BIG_BYTES
    assert len(audio.unturned()) <= RECENT_BYTES + 48_000
    for _ in range(100_000):
        audio.wrote("", 0)
    assert len(audio._pieces) <= MOST_PIECES
    assert len(audio.fresh) < PIECE_PAYLOADS


def test_what_a_session_that_shows_signs_of_life_has_heard_is_not_heard_again() -> None:
    audio = AppendedAudio()
    write(audio, 0, 203)
    audio.alive()
    doubtful = DOUBT_BYTES // FRAME_BYTES
    assert lost(audio) == list(range(203 - 3 - doubtful, 203))  # by pieces
    audio = AppendedAudio()
    audio.alive()
    write(audio, 0, 30)
    audio.alive()
    write(audio, 30, 197)
    assert lost(audio) == list(range(197))


def test_speech_is_kept_whatever_signs_of_life_there_are() -> None:
    audio = AppendedAudio()
    write(audio, 0, 200)
    audio.speech_started(100 * FRAME_MS)
    write(audio, 200, 407)
    audio.alive()
    assert lost(audio) == list(range(100, 407))


def test_speech_in_progress_is_kept_from_its_beginning() -> None:
    audio = AppendedAudio()
    write(audio, 0, 1_000)
    audio.speech_started(1_000 * FRAME_MS - 300)
    write(audio, 1_000, 1_500)
    assert set(range(985, 1_500)) <= set(lost(audio))


def test_a_turn_without_words_is_told_as_its_audio_and_not_heard_again() -> None:
    audio = AppendedAudio()
    write(audio, 0, 50)
    audio.speech_started(20 * FRAME_MS)
    write(audio, 50, 104)
    audio.speech_stopped(90 * FRAME_MS)
    turns = WordlessTurns()
    turns.add(7, audio.take_turn())
    assert {number: numbers(payload) for number, payload in turns.payloads().items()} == {7: list(range(20, 90))}
    assert lost(audio) == list(range(90, 104))
    assert list(turns.payloads()) == [7]


def test_words_that_come_end_that() -> None:
    audio = AppendedAudio()
    audio.speech_started(0)
    write(audio, 0, 50)
    turns = WordlessTurns()
    turns.add(1, audio.take_turn())
    assert list(turns.payloads()) == [1]
    turns.known(1)
    turns.known(2)
    assert turns.payloads() == {}


def test_a_turn_that_no_speech_was_reported_of_has_no_audio() -> None:
    audio = AppendedAudio()
    write(audio, 0, 50)
    turns = WordlessTurns()
    turns.add(1, audio.take_turn())
    assert turns.payloads() == {}
    assert lost(audio) == []


@given(st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 1_500), st.booleans(), st.booleans()), max_size=30))
def test_it_is_bounded_whatever_comes(said: list[tuple[int, int, bool, bool]]) -> None:
    audio, turns = AppendedAudio(), WordlessTurns()
    for number, (before, during, turn, signs) in enumerate(said):
        write(audio, 0, before)
        if signs:
            audio.alive()
        audio.speech_started(audio.n_bytes // BYTES_PER_MS)
        write(audio, 0, during)
        if turn:
            turns.add(number, audio.take_turn())
    kept = {number: payload_bytes(payload) for number, payload in turns.payloads().items()}
    assert sum(kept.values()) <= ALL_BYTES
    assert all(n_bytes <= TURN_BYTES for n_bytes in kept.values())
    assert len(audio.unturned()) <= TURN_BYTES
