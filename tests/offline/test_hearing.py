"""The ears of the offline agent: words of recorded people, speech told from tones, and no network for any of it."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.audio import mulaw
from bot.audio.payload import BYTES_PER_MS
from bot.audio.prompts import prompt
from bot.offline.installed import is_installed
from bot.testing.handset.callers_of_commands import CALLER_LINES
from tests.offline.word_errors import RECORDED_SPEECH, errors, spoken_clips

pytestmark = pytest.mark.skipif(not is_installed(), reason="the extra `offline` is not installed")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recogniser() -> Any:
    from bot.offline.hearing.recogniser import Recogniser

    return Recogniser()


@pytest.fixture(scope="module")
def silero() -> Any:
    from bot.offline.hearing.silero import load

    return load()


def words(recogniser: Any, ulaw: bytes) -> str:
    from bot.offline.sound_formats import PCMU, heard

    return str(recogniser.words(heard(ulaw, PCMU)))


@pytest.mark.parametrize("name", CALLER_LINES)
def test_the_demos_caller_is_understood(recogniser: Any, name: str) -> None:
    line = prompt(name)
    assert errors(line.text, words(recogniser, line.audio)) == 0


def test_a_recorded_person_is_understood(recogniser: Any) -> None:
    from bot.offline.demo_cast import recorded_hello

    assert errors("it was the best of times it was the worst of times", words(recogniser, recorded_hello())) == 0


@pytest.mark.skipif(not RECORDED_SPEECH.is_dir(), reason="no recorded speech beside the repository")
def test_of_a_hundred_words_through_mu_law_fewer_than_ten_are_wrong(recogniser: Any) -> None:
    clips = spoken_clips()
    wrong = sum(errors(clip.words, words(recogniser, clip.ulaw)) for clip in clips)
    said = sum(len(clip.words.split()) for clip in clips)
    assert said >= 100
    assert wrong < said / 10


def test_silence_and_nothing_have_no_words(recogniser: Any) -> None:
    assert words(recogniser, b"") == ""
    assert words(recogniser, b"\xff" * 8000) == words(recogniser, b"\x7f\xfe" * 8000) == ""


def shares(silero: Any, ulaw: bytes, audio_format: str = "audio/pcmu") -> float:
    """The part of the windows of a sound that are taken for speech."""
    from bot.offline.hearing.silero import SileroJudge
    from bot.offline.sound_formats import Pcm, spoken
    from bot.testing.agent import PER_MS

    judge = SileroJudge(silero, audio_format)
    size = judge.window_ms * PER_MS[audio_format]
    sound = ulaw if audio_format == "audio/pcmu" else spoken(Pcm(mulaw.decode(ulaw), 8000), audio_format)
    windows = [sound[at : at + size] for at in range(0, len(sound) - size + 1, size)]
    heard = [judge.hears(window, 0.5, speaking=False) for window in windows]
    return sum(heard) / len(heard)


def tone(ms: int, *hertz: float, amplitude: int = 6000) -> bytes:
    samples = (
        sum(amplitude / len(hertz) * math.sin(2 * math.pi * f * n / 8000) for f in hertz)
        for n in range(ms * BYTES_PER_MS)
    )
    return mulaw.encode(b"".join(int(sample).to_bytes(2, "little", signed=True) for sample in samples))


@pytest.mark.parametrize("hertz", [(425,), (440, 480), (697, 1209), (941, 1477)])
def test_a_ringing_tone_or_a_pressed_key_is_no_speech(silero: Any, hertz: tuple[float, ...]) -> None:
    assert shares(silero, tone(2000, *hertz)) < 0.05


def test_speech_is_noticed_in_the_first_window_that_surely_is_speech(silero: Any) -> None:
    from bot.offline.hearing.silero import SileroJudge
    from bot.testing.model.hearing.vad import Vad

    said = prompt("caller_stop").audio
    judge = SileroJudge(silero, "audio/pcmu")
    windows = [said[at : at + 256] for at in range(0, len(said) - 255, 256)]
    sure = next(number for number, window in enumerate(windows) if judge.probability(window) >= 0.5)
    vad = Vad({"type": "server_vad", "silence_duration_ms": 500}, "audio/pcmu", 0, SileroJudge(silero, "audio/pcmu"))
    begun = [number for number, window in enumerate(windows) if any(edge.started for edge in vad.hear(window))]
    assert begun[0] == sure


@pytest.mark.parametrize("audio_format", ["audio/pcmu", "audio/pcma", "audio/pcm"])
def test_speech_is_speech_in_every_format(silero: Any, audio_format: str) -> None:
    assert shares(silero, prompt("long_answer").audio, audio_format) > 0.7
    assert shares(silero, b"\xff" * 16_000, audio_format) == 0


def test_the_judge_of_one_session_knows_nothing_of_another(silero: Any) -> None:
    first = shares(silero, prompt("caller_hello").audio)
    shares(silero, prompt("long_answer").audio)
    assert shares(silero, prompt("caller_hello").audio) == first


_REFUSES_THE_NETWORK = """
import sys
asked = []
def hook(event, arguments):
    if event == "socket.connect" and arguments[1][0] not in ("127.0.0.1", "::1"):
        asked.append(arguments[1])
    elif event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost", None):
        asked.append(arguments[0])
    else:
        return
    raise OSError("there is no network here")
sys.addaudithook(hook)
from bot.offline.offline_server import OfflineModels
from bot.audio.prompts import prompt
models = OfflineModels()
for one in models.loaded:
    one.result()
words = models._ears.recognise(prompt("caller_goodbye").audio, "audio/pcmu")
speech = models._mouth.say(["Nineteen hundred and eighty four."], "audio/pcmu").pieces[0]
speech.poll()
models._ears._thread.shutdown(wait=True)
models._mouth._thread.shutdown(wait=True)
print(words.poll(), speech.poll().audio_ms > 1000, asked)
"""


def test_the_models_are_loaded_and_used_without_any_network(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _REFUSES_THE_NETWORK],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "Thank you, goodbye. True []"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing was fetched or kept"


def test_no_library_of_the_models_knows_where_to_report_its_use() -> None:
    places = [Path(str(importlib.util.find_spec(name).origin)).parent for name in ("onnxruntime", "moonshine_voice")]  # type: ignore[union-attr]
    libraries = [
        path for place in places for path in [*place.rglob("*.so*"), *place.with_name(f"{place.name}.libs").glob("*")]
    ]
    assert len(libraries) >= 3
    assert not [path.name for path in libraries if b"events.data.microsoft.com" in path.read_bytes()]
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1", "and if one did, it is told not to"
