from __future__ import annotations

import wave
from pathlib import Path

import pytest

from bot.audio import mulaw
from bot.recording.fixture import read_fixture
from bot.views.call_sound import BadSound, CallSound, sound_of_recording, sound_of_timeline, wav_of
from bot.views.played import Piece
from bot.views.timeline import timeline
from bot.views.timeline_parts import Frame, Timeline
from tests.recording import records_sample as sample

QUIET = b"\xff"


def call(frames: list[Frame], pieces: list[Piece]) -> Timeline:
    return Timeline("a", "", "", 1_000_000, "", truncated=False, frames=frames, pieces=pieces)


def test_each_side_stands_where_it_was_with_silence_between() -> None:
    spoken = [Frame(1_000, b"\x01" * 8), Frame(3_000, b"\x02" * 8)]
    played = [Piece("item_1", 0, 2_000, b"\x03" * 16)]
    assert sound_of_timeline(call(spoken, played)) == CallSound(
        1_000, b"\x01" * 8 + QUIET * 8 + b"\x02" * 8, QUIET * 8 + b"\x03" * 16
    )


def test_what_was_cut_is_not_in_it() -> None:
    played = [Piece("item_1", 0, 0, b"\x03" * 16, cut_us=1_000), Piece("item_1", 0, 2_000, b"\x04" * 8, cut_us=1_000)]
    assert sound_of_timeline(call([], played)) == CallSound(0, QUIET * 8, b"\x03" * 8)


def test_of_a_frame_from_before_the_call_nothing_is_lost() -> None:
    found = sound_of_timeline(call([Frame(-2_000, b"\x01" * 24)], []))
    assert found is not None
    assert (found.start_us, found.caller) == (0, b"\x01" * 8)


def test_a_call_without_a_sound_has_none() -> None:
    assert sound_of_timeline(call([], [])) is None


def test_a_recording_gives_back_the_mu_law_it_was_made_of(tmp_path: Path) -> None:
    every = bytes(code for code in range(256) if code != 0x7F)  # the second zero of mu-law
    path = tmp_path / "a.wav"
    path.write_bytes(wav_of(CallSound(0, every, every[::-1])))
    assert sound_of_recording(path) == CallSound(0, every, every[::-1])


def test_the_wav_of_a_fixture_is_what_was_said_and_heard(tmp_path: Path) -> None:
    recorded = read_fixture(sample.record(tmp_path / "a.call.jsonl", sample.conversation()))
    found = sound_of_timeline(timeline(recorded))
    assert found is not None
    path = tmp_path / "a.wav"
    path.write_bytes(wav_of(found))
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        assert file.getnframes() == len(found.caller)
        left, right = mulaw.separate(file.readframes(file.getnframes()))
    assert (mulaw.peak(left), mulaw.peak(right)) > (1000, 1000)
    assert found.seconds == len(found.caller) / 8000


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello, this is not a recording at all, but a text"])
def test_what_is_no_wav_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(BadSound, match=r"bad\.wav is not a WAV file"):
        sound_of_recording(path)


def test_a_recording_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mono.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(b"\0\0" * 10)
    with pytest.raises(BadSound, match="not a stereo WAV of 16 bits at 8000 Hz"):
        sound_of_recording(path)
