"""The shipped recordings are what their manifest says, and fit for a phone line."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files
from itertools import pairwise

import pytest

from bot.audio import levels, mulaw
from bot.audio.payload import BYTES_PER_MS
from bot.audio.prompts import Prompt, names, prompt

EVERY = [prompt(name) for name in names()]
CALLER = [line for line in EVERY if line.voice == "caller"]
WINDOW_MS = 10
EDGE_MS = 40

each = pytest.mark.parametrize("line", EVERY, ids=lambda line: line.name)


def dbfs(level: float) -> float:
    return 20 * math.log10(level / 32768)


def windows(line: Prompt) -> list[int]:
    return levels.rms(line.audio, WINDOW_MS)


def loud(line: Prompt, floor_db: float) -> list[bool]:
    """Windows of a prompt, True for each that is above `floor_db` under the loudest."""
    floor = max(windows(line)) * 10 ** (floor_db / 20)
    return [level > floor for level in windows(line)]


def longest_pause_ms(line: Prompt) -> int:
    spoken = [at for at, is_loud in enumerate(loud(line, -40)) if is_loud]
    return max(later - earlier - 1 for earlier, later in pairwise(spoken)) * WINDOW_MS


@each
def test_words_and_audio_were_rendered_together(line: Prompt) -> None:
    assert line.sha256 == hashlib.sha256(line.text.encode() + b"\0" + line.audio).hexdigest()


@each
def test_the_speech_is_at_the_level_of_a_phone_line(line: Prompt) -> None:
    speech = [level for level, is_loud in zip(windows(line), loud(line, -40), strict=True) if is_loud]
    assert -17 < dbfs(math.sqrt(sum(level**2 for level in speech) / len(speech))) < -15


@each
def test_nothing_clips(line: Prompt) -> None:
    assert 0.5 < mulaw.peak(mulaw.decode(line.audio)) / 32768 < 0.97


@each
def test_it_begins_and_ends_in_silence_and_without_a_click(line: Prompt) -> None:
    pcm = mulaw.decode(line.audio)
    edge = EDGE_MS * BYTES_PER_MS * mulaw.WIDTH
    for outside in (pcm[: edge // 2], pcm[-edge // 2 :]):
        assert dbfs(mulaw.peak(outside)) < -40
    for sample in (pcm[: mulaw.WIDTH], pcm[-mulaw.WIDTH :]):
        assert mulaw.peak(sample) < 16


@each
def test_speech_starts_at_once_and_nothing_trails_behind_it(line: Prompt) -> None:
    is_loud = loud(line, -45)
    assert is_loud.index(True) * WINDOW_MS <= EDGE_MS + 60
    assert is_loud[::-1].index(True) * WINDOW_MS <= EDGE_MS + 60


@pytest.mark.parametrize("line", CALLER, ids=lambda line: line.name)
def test_a_line_of_the_caller_has_no_pause_that_ends_a_turn(line: Prompt) -> None:
    """BOT_VAD_SILENCE_MS is 500 by default; some room is left for a detector that calls a soft consonant silence."""
    assert longest_pause_ms(line) < 300


def test_the_long_answer_is_long_enough_to_be_interrupted() -> None:
    assert 12_000 < len(prompt("long_answer").audio) / BYTES_PER_MS < 16_000


def test_the_greeting_says_that_it_is_a_simulation() -> None:
    assert "I am a simulation" in prompt("greeting").text


def test_every_recording_is_in_the_manifest_and_they_are_small() -> None:
    shipped = [file for file in files("bot.audio.prompts").iterdir() if file.name.endswith(".ulaw")]
    assert {file.name for file in shipped} == {f"{name}.ulaw" for name in names()}
    assert sum(len(line.audio) for line in EVERY) < 450_000


def test_an_unknown_prompt_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="no prompt 'hello'; there are greeting, "):
        prompt("hello")
