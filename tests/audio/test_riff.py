"""WAV files as the world writes them: each is made here by hand, a tone of a known level, and heard as a phone would."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio import mulaw, wav
from bot.audio.operations import audioop

TONE_HZ = 440
LEVEL = 0.5
SECONDS = 0.5
PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def tone(rate: int, seconds: float = SECONDS, hz: float = TONE_HZ) -> list[float]:
    return [LEVEL * math.sin(2 * math.pi * hz * n / rate) for n in range(round(rate * seconds))]


def as_integers(width: int) -> Callable[[float], bytes]:
    if width == 1:
        return lambda x: bytes([round(x * 127) + 128])
    return lambda x: round(x * (2 ** (8 * width - 1) - 1)).to_bytes(width, "little", signed=True)


def by_law(law: Callable[[bytes, int], bytes]) -> Callable[[float], bytes]:
    return lambda x: law(round(x * 32767).to_bytes(2, "little", signed=True), 2)


STORED: dict[str, tuple[int, int, Callable[[float], bytes]]] = {
    "8 bits": (PCM, 8, as_integers(1)),
    "16 bits": (PCM, 16, as_integers(2)),
    "24 bits": (PCM, 24, as_integers(3)),
    "32 bits": (PCM, 32, as_integers(4)),
    "12 bits in 16": (PCM, 12, as_integers(2)),
    "20 bits in 24": (PCM, 20, as_integers(3)),
    "float": (FLOAT, 32, lambda x: struct.pack("<f", x)),
    "double": (FLOAT, 64, lambda x: struct.pack("<d", x)),
    "A-law": (A_LAW, 8, by_law(audioop.lin2alaw)),
    "mu-law": (MU_LAW, 8, by_law(audioop.lin2ulaw)),
}


def chunk(name: bytes, data: bytes, told: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if told is None else told) + data + bytes(len(data) % 2)


def form(tag: int, channels: int, rate: int, bits: int, width: int, *, extensible: bool = False) -> bytes:
    frame = width * channels
    plain = struct.pack("<HHIIHH", EXTENSIBLE if extensible else tag, channels, rate, rate * frame % 2**32, frame, bits)
    return plain + struct.pack("<HHIH", 22, bits, 0, tag) + GUID_TAIL if extensible else plain


def made(
    path: Path,
    stored: str = "16 bits",
    *,
    rate: int = 8000,
    channels: int = 1,
    extensible: bool = False,
    hz: float = TONE_HZ,
    told: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    magic: bytes = b"RIFF",
) -> Path:
    tag, bits, store = STORED[stored]
    samples = b"".join(store(x) * channels for x in tone(rate, hz=hz))
    width = len(store(0.0))
    body = before + chunk(b"fmt ", form(tag, channels, rate, bits, width, extensible=extensible))
    body += chunk(b"data", samples, told) + after
    path.write_bytes(magic + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    return path


def level(ulaw: bytes) -> float:
    """Against a sine of LEVEL: 1.0 is as loud."""
    return mulaw.rms(mulaw.decode(ulaw)) / (LEVEL * 32767 / math.sqrt(2))


def pitch(ulaw: bytes) -> float:
    """Pitch of a tone in Hz, from how often it goes up through zero."""
    samples = struct.unpack(f"<{len(ulaw)}h", mulaw.decode(ulaw))
    ups = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    return (len(ups) - 1) * 8000 / (ups[-1] - ups[0])


def assert_tone(ulaw: bytes, seconds: float = SECONDS) -> None:
    assert len(ulaw) == pytest.approx(8000 * seconds, abs=2)
    assert level(ulaw) == pytest.approx(1, rel=0.03)
    assert pitch(ulaw) == pytest.approx(TONE_HZ, rel=0.01)


@pytest.mark.parametrize("extensible", [False, True], ids=["plain", "extensible"])
@pytest.mark.parametrize("stored", STORED)
def test_every_common_coding_is_heard_at_its_level_and_pitch(tmp_path: Path, stored: str, extensible: bool) -> None:
    assert_tone(wav.read(made(tmp_path / "a.wav", stored, extensible=extensible)))


@pytest.mark.parametrize(
    "rate", [6000, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]
)
def test_every_rate_is_heard_at_its_level_and_pitch(tmp_path: Path, rate: int) -> None:
    assert_tone(wav.read(made(tmp_path / "a.wav", rate=rate)))


@pytest.mark.parametrize("stored", ["24 bits", "float", "A-law", "mu-law"])
@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_mixed(tmp_path: Path, stored: str, channels: int) -> None:
    assert_tone(wav.read(made(tmp_path / "a.wav", stored, rate=16_000, channels=channels, extensible=channels > 2)))


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 192_000])
def test_what_no_phone_carries_does_not_come_back_as_another_tone(tmp_path: Path, rate: int) -> None:
    assert level(wav.read(made(tmp_path / "a.wav", rate=rate, hz=6_500))) < 0.02


def test_one_side_of_a_stereo_file_is_half_as_loud(tmp_path: Path) -> None:
    frames = b"".join(struct.pack("<hh", round(x * 32767), 0) for x in tone(8000))
    body = chunk(b"fmt ", form(PCM, 2, 8000, 16, 2)) + chunk(b"data", frames)
    (path := tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    assert level(wav.read(path)) == pytest.approx(0.5, rel=0.03)


def test_floats_that_are_too_loud_are_cut_and_those_that_are_no_number_are_silent() -> None:
    given = struct.pack("<6f", 2.0, -7.5, math.nan, math.inf, -math.inf, 0.0)
    assert struct.unpack("<6h", mulaw.from_float(given, 4)) == (32767, -32767, 0, 32767, -32767, 0)


# ---- headers that lie ----


@pytest.mark.parametrize("told", [0xFFFFFFFF, 0, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0xFFFFFFFF - 36])
def test_a_length_that_was_never_filled_in_means_all_that_is_there(tmp_path: Path, told: int) -> None:
    assert_tone(wav.read(made(tmp_path / "piped.wav", told=told)))


@pytest.mark.parametrize("told", [2, 44, 1000, 3000])
def test_a_length_that_was_not_brought_up_to_date_does_not_cut_the_sound(tmp_path: Path, told: int) -> None:
    assert_tone(wav.read(made(tmp_path / "stopped.wav", told=told)))


@pytest.mark.parametrize("told", [1000, 3000])
def test_a_shorter_length_before_another_chunk_is_believed(tmp_path: Path, told: int) -> None:
    path = made(tmp_path / "tagged.wav", told=told)
    whole = path.read_bytes()
    data = whole.index(b"data") + 8
    path.write_bytes(whole[: data + told] + chunk(b"id3 ", b"\xff" * 9_000)[:8_000])  # the tag itself was cut
    assert len(wav.read(path)) == told // 2


def test_a_length_of_four_gigabytes_asks_for_no_more_memory_than_the_file_has(tmp_path: Path) -> None:
    import tracemalloc

    path = made(tmp_path / "piped.wav", told=0xFFFFFFFF)
    tracemalloc.start()
    try:
        wav.read(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_chunks_before_and_after_the_samples_are_passed_over(tmp_path: Path) -> None:
    info = chunk(b"LIST", b"INFOISFT\x05\x00\x00\x00Lavf\x00")
    path = made(tmp_path / "a.wav", before=chunk(b"JUNK", b"odd") + info, after=info + chunk(b"id3 ", b"x" * 31))
    assert_tone(wav.read(path))


def unpadded(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data


@pytest.mark.parametrize("odd", [b"odd", b"", b"\x00", b"INFOISFT\x05\x00\x00\x00Lavf\x00", b"x" * 31, b"data!"])
@pytest.mark.parametrize("name", [b"JUNK", b"LIST", b"iXML"])
def test_an_odd_chunk_without_its_pad_byte_is_passed_over(tmp_path: Path, name: bytes, odd: bytes) -> None:
    assert_tone(wav.read(made(tmp_path / "a.wav", before=unpadded(name, odd) + unpadded(b"bext", b"odd"))))
    assert_tone(wav.read(made(tmp_path / "b.wav", before=unpadded(name, odd), after=unpadded(name, odd))))


@pytest.mark.parametrize("pad", [0, 0x20, 0x41, 0xFF])
def test_a_pad_byte_may_be_any_before_a_chunk_that_is_known(tmp_path: Path, pad: int) -> None:
    assert_tone(wav.read(made(tmp_path / "a.wav", before=unpadded(b"JUNK", b"odd") + bytes([pad]))))


def test_samples_of_an_odd_length_before_a_chunk_without_pad_are_not_followed_by_its_name(tmp_path: Path) -> None:
    quiet = bytes([128])
    body = chunk(b"fmt ", form(PCM, 1, 8000, 8, 1)) + unpadded(b"data", quiet * 801) + unpadded(b"LIST", b"\xff" * 4000)
    (path := tmp_path / "a.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE" + body)
    assert level(wav.read(path)) < 0.01
    assert len(wav.read(path)) == 801


@pytest.mark.parametrize("told", [None, 0, 0xFFFFFFFF])
@pytest.mark.parametrize("between", [b"", chunk(b"LIST", b"INFO"), unpadded(b"LIST", b"odd")])
def test_samples_in_a_second_chunk_after_an_empty_one_are_played(
    tmp_path: Path, between: bytes, told: int | None
) -> None:
    path = made(tmp_path / "a.wav", before=b"", told=told)
    whole = path.read_bytes()
    at = whole.index(b"data")
    path.write_bytes(whole[:at] + chunk(b"data", b"") + between + whole[at:])
    ulaw = wav.read(path)
    assert_tone(ulaw)
    assert len(ulaw) == 4000


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_the_length_of_a_file_of_64_bits_is_in_a_chunk_of_its_own(tmp_path: Path, magic: bytes) -> None:
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, 8000, 4000, 0))
    path = made(tmp_path / "a.wav", magic=magic, told=0xFFFFFFFF, before=sizes, after=chunk(b"LIST", b"\x7f" * 500))
    assert_tone(wav.read(path))


def test_a_length_that_counts_the_header_too_is_no_cut(tmp_path: Path) -> None:
    assert_tone(wav.read(made(tmp_path / "a.wav", told=8000 + 44)))


def assert_refused(path: Path, *words: str, longest_s: float = 60) -> None:
    with pytest.raises(wav.BadWav) as caught:
        wav.read(path, longest_s)
    told = str(caught.value)
    assert told.startswith(f"{path} ")
    assert "; " in told
    assert "\n" not in told
    for word in words:
        assert word in told


def test_a_file_that_was_cut_in_the_middle_is_refused_with_what_is_left_of_it(tmp_path: Path) -> None:
    path = made(tmp_path / "cut.wav")
    path.write_bytes(path.read_bytes()[:1644])
    assert_refused(path, "has 0.1 of 0.5 seconds")


def test_samples_of_no_length_are_refused(tmp_path: Path) -> None:
    empty = b"RIFF\x00\x00\x00\x00WAVE" + chunk(b"fmt ", form(PCM, 1, 8000, 16, 2)) + chunk(b"data", b"")
    for name, data in {"bare": empty, "with a chunk": empty + chunk(b"LIST", b"INFO")}.items():
        (path := tmp_path / f"{name}.wav").write_bytes(data)
        assert_refused(path, "has no sound in it")
    (path := tmp_path / "half.wav").write_bytes(empty + b"\x01")
    assert_refused(path, "has no sound in it")


def test_what_is_longer_than_may_be_is_refused_before_it_is_read(tmp_path: Path) -> None:
    assert_refused(made(tmp_path / "long.wav"), "is longer than 0.25 seconds (0.5)", longest_s=0.25)


@pytest.mark.parametrize(
    ("format_chunk", "why"),
    [
        (form(PCM, 0, 8000, 16, 2), "0 channels"),
        (form(PCM, 60_000, 8000, 16, 1), "60000 channels"),
        (form(PCM, 1, 0, 16, 2), "0 samples a second"),
        (form(PCM, 1, 4_000_000_000, 16, 2), "4000000000 samples a second"),
        (form(PCM, 1, 8000, 64, 8), "64 bits"),
        (form(FLOAT, 1, 8000, 16, 2), "16 bits"),
        (form(2, 1, 8000, 4, 1), "holds MS ADPCM"),
        (form(0x55, 1, 8000, 0, 1), "holds MP3"),
        (form(0x31, 1, 8000, 0, 1), "holds GSM"),
        (form(0x1234, 1, 8000, 0, 1), "0x1234"),
        (b"\x01\x00\x01\x00", "cut short"),
    ],
)
def test_a_format_that_no_phone_can_play_is_named(tmp_path: Path, format_chunk: bytes, why: str) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(b"RIFF\x00\x00\x00\x00WAVE" + chunk(b"fmt ", format_chunk) + chunk(b"data", bytes(800)))
    assert_refused(path, why)


def test_samples_before_their_format_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(
        b"RIFF\x00\x00\x00\x00WAVE" + chunk(b"data", bytes(80)) + chunk(b"fmt ", form(PCM, 1, 8000, 16, 2))
    )
    assert_refused(path, "before their format")


@given(st.binary(max_size=200), st.integers(0, 60))
def test_whatever_the_file_it_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kept: int
) -> None:
    head = b"RIFF\x00\x00\x00\x00WAVE" + chunk(b"fmt ", form(PCM, 1, 8000, 16, 2)) + chunk(b"data", bytes(4))
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(head[:kept] + data)
    with contextlib.suppress(wav.BadWav):
        assert wav.read(path, 60)
