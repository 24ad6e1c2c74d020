"""The shipped fillers are what their manifest says, and fit for a phone line."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files

import pytest

from bot.audio import levels, mulaw
from bot.audio.fillers import TONE, Filler, Name, filler, languages
from bot.audio.payload import BYTES_PER_MS

NAMES: tuple[Name, ...] = ("moment", "apology")
EVERY = [filler(language, name) for language in languages() for name in NAMES]
SPOKEN = [one for one in EVERY if one.language != TONE]
WINDOW_MS = 10


def ids(one: Filler) -> str:
    return f"{one.language}-{one.name}"


each = pytest.mark.parametrize("one", EVERY, ids=ids)
each_spoken = pytest.mark.parametrize("one", SPOKEN, ids=ids)


def dbfs(level: float) -> float:
    return 20 * math.log10(max(level, 0.1) / 32768)


def loud(one: Filler) -> list[int]:
    """The levels of its windows of speech: those less than 40 dB under the loudest."""
    windows = levels.rms(one.audio, WINDOW_MS)
    return [level for level in windows if level > max(windows) / 100]


@each
def test_words_and_audio_were_rendered_together(one: Filler) -> None:
    assert one.sha256 == hashlib.sha256(one.text.encode() + b"\0" + one.audio).hexdigest()
    assert bool(one.text) is (one.language != TONE)


@each_spoken
def test_the_speech_is_at_the_level_of_a_phone_line(one: Filler) -> None:
    assert -17 < dbfs(math.sqrt(sum(level**2 for level in loud(one)) / len(loud(one)))) < -15


@each
def test_nothing_clips(one: Filler) -> None:
    assert mulaw.peak(mulaw.decode(one.audio)) / 32768 < 0.97


@pytest.mark.parametrize("name", NAMES)
def test_the_tone_is_soft(name: Name) -> None:
    assert -30 < dbfs(max(levels.rms(filler(TONE, name).audio, WINDOW_MS))) < -18


@each
def test_it_begins_and_ends_without_a_click(one: Filler) -> None:
    edge = 20 * BYTES_PER_MS * mulaw.WIDTH
    pcm = mulaw.decode(one.audio)
    for outside in (pcm[:edge], pcm[-edge:]):
        assert dbfs(mulaw.peak(outside)) < -40
    for sample in (pcm[: mulaw.WIDTH], pcm[-mulaw.WIDTH :]):
        assert mulaw.peak(sample) < 16


@each
def test_nobody_waits_long_for_what_comes_behind_it(one: Filler) -> None:
    """And each goes to the phone in one step (bot.call.playout.playout_queue)."""
    assert len(one.audio) / BYTES_PER_MS < {"moment": 2_000, "apology": 6_000}[one.name]


def test_every_recording_is_in_the_manifest() -> None:
    folders = [folder for folder in files("bot.audio.fillers").iterdir() if folder.is_dir() and "_" not in folder.name]
    shipped = {f"{folder.name}/{file.name}" for folder in folders for file in folder.iterdir()}
    assert shipped == {f"{one.language}/{one.name}.ulaw" for one in EVERY}


@pytest.mark.parametrize(("asked", "given"), [("", "en"), ("en", "en"), ("de", "de"), ("ja", TONE)])
def test_a_language_without_words_has_the_tone(asked: str, given: str) -> None:
    assert filler(asked, "moment").language == given
