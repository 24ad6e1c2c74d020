"""`python -m tests.console.softphone.falls_silent`: the time from a caller's first syllable to a silent page, in Chromium.

Recorded speech is the browser's microphone, the offline agent's ears hear it, and the bot speaks without a pause. Both
are measured within the page, by one clock: the microphone as it comes into the page, the sound as it leaves it. What
sound cards and their drivers add is not in it. Exit code 1 if it took longer than it may, or too few were measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bot.audio import mulaw
from bot.audio.payload import BYTES_PER_MS, FRAME_BYTES
from bot.audio.prompts import prompt
from bot.config import load_settings
from bot.console.routes import console
from bot.observe.logging import configure
from bot.server.http.app import running
from bot.testing.agent import Reply, ScriptedAgent, Spoken, padded
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.console.chromium import Tab, browser
from tests.offline.word_errors import RECORDED_SPEECH, spoken_clips

MOST_MS = 300
TIMES = 24
LEAST_TIMES = 20
LONGEST_CLIP_MS = 3_500
FIRST_MS, BETWEEN_MS = 5_000, 3_500
"""Silence before the first interruption, and behind each: the turn ends, and the bot speaks again for two seconds."""
STEP_MS = 10
"""The level of so much sound is measured at once."""
SPEECH = 300 / 32_768
"""Root mean square from which on the recordings are speech, and not their background."""
IN_A_ROW = 3
NEAR = 50
"""Steps around the place where a syllable is looked for."""
HISS = 0.3
"""Changes of sign, a sample: a voice has far fewer."""
SOUND = 0.003
SILENT_STEPS = 20
"""Steps without a sound that are silence; the bot's own speech has no such pause."""
TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
METER = """
class Levels extends AudioWorkletProcessor {
  constructor() { super(); this.sums = [0, 0]; this.n = 0; this.at = 0; this.found = [[], []]; }
  process(inputs) {
    for (let i = 0; i < 128; i++) {
      for (let k = 0; k < 2; k++) { const one = inputs[k][0]; if (one) this.sums[k] += one[i] * one[i]; }
      this.n++;
      if (++this.at * 100 % sampleRate < 100) {
        for (let k = 0; k < 2; k++) { this.found[k].push(Math.sqrt(this.sums[k] / this.n)); this.sums[k] = 0; }
        this.n = 0;
      }
    }
    if (this.found[0].length >= 50) { this.port.postMessage(this.found); this.found = [[], []]; }
    return true;
  }
}
registerProcessor('levels', Levels);
"""
MEASURE = """
(async () => {
  const call = heardline, context = call.context;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([%r], { type: 'text/javascript' })));
  const levels = new AudioWorkletNode(context, 'levels', { numberOfInputs: 2, numberOfOutputs: 0 });
  context.createMediaStreamSource(call.microphone).connect(levels, 0, 0);
  call.tap.connect(levels, 0, 1);
  window.measured = [[], []];
  levels.port.onmessage = ({ data }) => { for (let k = 0; k < 2; k++) window.measured[k].push(...data[k]); };
  return true;
})()
"""


class Found(NamedTuple):
    """Milliseconds of each interruption; `quiet`: how often the bot was not speaking, so that there was none."""

    ms: list[int]
    """From the voice of the first syllable."""
    sound_ms: list[int]
    """From its first sound: a quarter second before that where it begins with a hiss, as `seven` does."""
    quiet: int
    endless: int
    """Times that it spoke on until the next one."""


class Track(NamedTuple):
    """A caller's sound, and the step of each first syllable in it, and of its voice."""

    pcm: bytes
    onsets: list[int]
    voices: list[int]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.console.softphone.falls_silent", description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES, help="interruptions (%(default)s)")
    parser.add_argument(
        "--echo-cancellation", action="store_true", help="with the browser's own processing of the voice"
    )
    options = parser.parse_args()
    configure("warning", "console")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    found = asyncio.run(measured(options.times, processed=options.echo_cancellation))
    print(told(found))
    print(f"load {os.getloadavg()[0]:.1f} after")
    return (
        0 if len(found.ms) >= min(LEAST_TIMES, options.times) and not found.endless and max(found.ms) <= MOST_MS else 1
    )


def told(found: Found) -> str:
    """The figures in a line or two."""
    if not found.ms:
        return f"No interruption was measured; the bot was quiet at {found.quiet}, and never fell silent at {found.endless}."
    lines = [f"{len(found.ms)} interruptions, at most {MOST_MS} ms allowed"]
    lines += [_row("first syllable's voice to silence", found.ms), _row("its first sound to silence", found.sound_ms)]
    return "\n".join([*lines, f"the bot was quiet at {found.quiet}, and never fell silent at {found.endless}"])


def _row(name: str, ms: Sequence[int]) -> str:
    ordered = sorted(ms)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return f"{name}: p50 {median(ordered):.0f} ms, p95 {p95} ms, max {ordered[-1]} ms; all: {' '.join(map(str, ms))}"


async def measured(times: int, *, processed: bool = False) -> Found:
    """Interrupt so many times, and give what was found."""
    track = caller(times)
    with tempfile.TemporaryDirectory() as directory:
        voice = Path(directory) / "voice.wav"
        _write(voice, track.pcm)
        async with _served() as origin, browser(Path(directory) / "profile", voice=voice) as tab:
            await tab.ask("Page.setBypassCSP", enabled=True)
            await tab.open(f"{origin}/softphone")
            heard, said = await _called(tab, len(track.pcm) // 16, processed=processed)
            assert tab.complaints == [], tab.complaints
    return judged(track, heard, said)


async def _called(tab: Tab, length_ms: int, *, processed: bool) -> tuple[list[float], list[float]]:
    """The levels of what the caller said and heard in a call of that length."""
    await tab.value(f"document.getElementById('phone-like').checked = {str(not processed).lower()}")
    await tab.value("document.getElementById('line').value = 'clean'")
    await tab.value("document.getElementById('call').click()")
    await tab.until("window.heardline && heardline.tap && heardline.socket.readyState === 1")
    await tab.value(MEASURE % METER)
    await asyncio.sleep(length_ms / 1000)
    heard, said = await tab.value("window.measured")
    await tab.value("document.getElementById('call').click()")
    return heard, said


# ---- what is said ----------------------------------------------------------------------------------------------------


def caller(times: int) -> Track:
    """Recorded people beside the repository, else the demo's caller, one after another."""
    clips = [clip.ulaw for clip in spoken_clips()] if RECORDED_SPEECH.is_dir() else []
    clips = clips or [prompt(name).audio for name in ("caller_hello", "caller_stop", "caller_long")]
    short = [clip for clip in clips if len(clip) <= LONGEST_CLIP_MS * BYTES_PER_MS]
    pcm, onsets, voices = bytearray(FIRST_MS * 16), [], []
    for number in range(times):
        words = mulaw.decode(short[number % len(short)])
        first = first_syllable(levels(words))
        begin = len(pcm) // (STEP_MS * 16)
        onsets.append(begin + first)
        voices.append(begin + first + first_voice(words[first * STEP_MS * 16 :]))
        pcm += words[: len(words) // (STEP_MS * 16) * STEP_MS * 16] + bytes(BETWEEN_MS * 16)
    return Track(bytes(pcm), onsets, voices)


def first_syllable(found: Sequence[float]) -> int:
    """The first of some steps in a row that are speech; a breath or a click is none. The last step if there is none."""
    loud = [level > SPEECH for level in found]
    return next((at for at in range(len(loud)) if all(loud[at : at + IN_A_ROW])), len(loud) - 1)


def first_voice(pcm: bytes) -> int:
    """The first of some steps in a row that are speech and no hiss, whose sign changes too often."""
    samples = memoryview(pcm).cast("h")
    size = STEP_MS * 8
    hisses = [
        sum((one < 0) != (then < 0) for one, then in pairwise(samples[at : at + size])) > HISS * size
        for at in range(0, len(samples) - size + 1, size)
    ]
    return first_syllable([0.0 if hiss else level for hiss, level in zip(hisses, levels(pcm), strict=True)])


def levels(pcm: bytes) -> list[float]:
    """Root mean square of each step, of 1."""
    size = STEP_MS * 16
    return [mulaw.rms(pcm[at : at + size]) / 32_768 for at in range(0, len(pcm) - size + 1, size)]


def _endless_speech() -> bytes:
    """Speech for half a minute, its pauses cut out."""
    audio = prompt("long_answer").audio
    frames = [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]
    loud = b"".join(frame for frame in frames if mulaw.rms(mulaw.decode(frame)) > 2 * 300)
    return padded(loud * (30_000 * BYTES_PER_MS // len(loud) + 1))


def _write(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(pcm)


# ---- who hears and answers -------------------------------------------------------------------------------------------


@asynccontextmanager
async def _served() -> AsyncIterator[str]:
    from bot.offline.hearing.offline_ears import OfflineEars  # without the extra all else here can still be used

    ears = OfflineEars()
    await asyncio.wrap_future(ears.loaded)
    speech = Spoken(_endless_speech(), "And so on.")

    def session(name: str) -> SimulatedModel:
        return SimulatedModel(ScriptedAgent([Reply((speech,))]), Behaviour(), model=name, ears=ears, keep_heard=False)

    try:
        async with SimulatedRealtimeServer(session) as model:
            settings = load_settings(
                {
                    "OPENAI_API_KEY": "simulated-key",
                    "OPENAI_REALTIME_URL": model.url,
                    "TWILIO_AUTH_TOKEN": TOKEN,
                    "PUBLIC_URL": "http://127.0.0.1:8080",
                    "HOST": "127.0.0.1",
                }
            ).model_copy(update={"port": 0})
            async with running(settings, mounts=[console]) as (_, port):
                yield f"http://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(ears.close)


# ---- what it comes to ------------------------------------------------------------------------------------------------


def judged(track: Track, heard: Sequence[float], said: Sequence[float]) -> Found:
    """Times from each syllable of the caller's track to silence. `heard` and `said` are levels in the page, step by step."""
    onsets = track.onsets
    begin = _begin_of_track(onsets, heard)
    if begin is None:
        return Found([], [], 0, 0)
    ms: list[int] = []
    sound_ms: list[int] = []
    quiet = endless = 0
    for number, onset in enumerate(onsets):
        at = begin + onset
        end = begin + onsets[number + 1] if number + 1 < len(onsets) else len(said)
        if max(said[max(0, at - 10) : at], default=0.0) <= SOUND:
            quiet += 1
            continue
        silent = _silent_from(said, at, end)
        if silent is None:
            endless += 1
        else:
            sound_ms.append((silent - at) * STEP_MS)
            ms.append((silent - begin - track.voices[number]) * STEP_MS)
    return Found(ms, sound_ms, quiet, endless)


def _begin_of_track(onsets: Sequence[int], heard: Sequence[float]) -> int | None:
    """Step of the page at which the track began: by the speech that came soonest, which nothing has held up."""
    if not onsets or max(heard, default=0.0) <= SPEECH:
        return None
    first = first_syllable(heard) - onsets[0]
    near = [max(0, onset + first - NEAR) for onset in onsets]
    begun = [at + first_syllable(heard[at : at + 2 * NEAR]) for at in near]
    return min(at - onset for at, onset in zip(begun, onsets, strict=True))


def _silent_from(said: Sequence[float], at: int, end: int) -> int | None:
    """The first step from `at` on with which silence begins."""
    run = 0
    for step in range(at, end):
        run = run + 1 if said[step] <= SOUND else 0
        if run == SILENT_STEPS:
            return step - SILENT_STEPS + 1
    return None


if __name__ == "__main__":
    sys.exit(main())
