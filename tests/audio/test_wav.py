from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest

from bot.audio import mulaw, wav


def write(path: Path, pcm: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(pcm)
    return path


def test_a_wav_at_line_rate_is_read_sample_for_sample(tmp_path: Path) -> None:
    ulaw = bytes(range(256))
    path = write(tmp_path / "line.wav", mulaw.decode(ulaw))
    assert mulaw.decode(wav.read(path)) == mulaw.decode(ulaw)


def test_a_stereo_wav_at_another_rate_becomes_a_mono_line(tmp_path: Path) -> None:
    path = write(tmp_path / "cd.wav", struct.pack("<2h", 1000, 3000) * 44100, rate=44100, channels=2)
    pcm = mulaw.decode(wav.read(path))
    assert len(pcm) // 2 == pytest.approx(8000, abs=1)
    assert struct.unpack_from("<h", pcm, 8000)[0] == pytest.approx(2000, rel=0.05)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"RIFF\x00", "ends too early"),
        (b"RIFF\x00\x00\x00\x00WAVE", "neither a format nor samples"),
        (b"ID3 not a wav at all", "is an MP3 file"),
        (b"OggS\x00\x02" + bytes(60), "is an Ogg file"),
        (b"\x00\x00\x00\x20ftypM4A ", "is an MP4 file"),
        (b"RIFX\x00\x00\x00\x00WAVE", "is a big-endian WAV file"),
        (b"RIFF\x00\x00\x00\x00AVI ", "is no WAV file"),
        (b"Hello, this is a text.\n", "is no WAV file"),
    ],
)
def test_what_is_no_wav_is_refused_in_one_sentence_with_its_name(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(content)
    with pytest.raises(wav.BadWav, match=why) as caught:
        wav.read(path)
    assert str(path) in str(caught.value)


def test_a_wav_cut_in_the_middle_of_a_sample_is_read_to_its_last_whole_one(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.wav", b"\x01\x00" * 100)
    path.write_bytes(path.read_bytes()[:-3])
    assert len(wav.read(path)) == 98


def test_the_stereo_writer_puts_the_caller_left_and_the_heard_right(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with wav.StereoWriter(path) as writer:
        writer.write(b"\x00\x00", b"\x80")
        writer.write(b"", b"\x80")
        writer.close()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        assert struct.unpack("<6h", file.readframes(9)) == (-32124, 32124, -32124, 0, 0, 32124)


def test_late_audio_of_the_caller_goes_into_its_place_and_leaves_the_other_side_alone(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with wav.StereoWriter(path) as writer:
        writer.write(b"\xff" * 4, b"\x80" * 4)
        writer.overwrite_caller(1, b"\x00\x80")
        writer.write(b"\x00", b"\xff")
    with wave.open(str(path)) as file:
        samples = struct.unpack("<10h", file.readframes(9))
    assert samples[::2] == (0, -32124, 32124, 0, -32124)
    assert samples[1::2] == (32124, 32124, 32124, 32124, 0)


def test_a_stereo_file_plays_from_each_sync_on_and_an_open_one_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with path.open("w+b") as file:
        writer = wav.StereoWriter(file)
        for n in range(1, 4):
            writer.write(b"\x00" * 8, b"\x80" * 8)
            writer.sync()
            assert path.stat().st_size == wav.HEADER_BYTES + n * 32
            with wave.open(str(path)) as read:
                assert len(read.readframes(100)) == n * 32
        writer.sync()
        writer.close()
        assert not file.closed
