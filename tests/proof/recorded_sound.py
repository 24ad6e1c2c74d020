"""The recording of a call beside what its simulated phone truly played."""

from __future__ import annotations

import random
import wave
from dataclasses import dataclass
from pathlib import Path

from bot.audio import mulaw
from bot.call.call import Call
from bot.recording.files.audio_file import AudioFile
from bot.testing.virtual.scheduler import Core, VirtualCall
from tests.proof.situations import MS, Network, Situation, run
from tests.recording.recorded_core import Overheard

SAMPLES_PER_MS = 8


@dataclass(frozen=True)
class Compared:
    """Both as 16-bit PCM of equal length, 8 samples a millisecond; the recording begins at `began_us`."""

    call: VirtualCall
    began_us: int
    recorded: bytes
    played: bytes

    @property
    def exact(self) -> bool:
        return self.recorded == self.played


def recorded_call(situation: Situation, network: Network, seed: str, directory: Path) -> Compared:
    """A call of `situation`, recorded; what the phone played is set back by the line's delay."""
    file = AudioFile(directory / "a.call.wav")
    cores: list[Overheard] = []

    def around(core: Call) -> Core:
        cores.append(Overheard(core, [file]))
        return cores[0]

    outcome = run(situation, network, random.Random(seed), around=around)
    assert not outcome.faults
    cores[0].finish()
    began_us = cores[0].began_us
    assert began_us is not None
    _, right = tracks(file.path)
    from_us = began_us + network.delay_ms * MS
    played = outcome.call.phone.playout.render(from_us, from_us + len(right) // 2 * 125)
    return Compared(outcome.call, began_us, right, mulaw.decode(played))


def tracks(path: Path) -> tuple[bytes, bytes]:
    """The caller's and the bot's side of a recording, as PCM."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        return mulaw.separate(file.readframes(file.getnframes()))
