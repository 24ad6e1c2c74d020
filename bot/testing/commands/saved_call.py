"""Files that a simulated call leaves: a stereo WAV of what was said and truly heard, and the page of its fixture."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from bot.recording.fixture import read_fixture
from bot.testing.handset.phone import SimulatedPhone
from bot.views.call_legs import joined_sounds
from bot.views.call_page import render_page
from bot.views.call_sound import CallSound, wav_of


class SoundFile:
    """A WAV to be written when the call is over. It is opened before: a place that can't be written shows at once.

    What stood there stays until then. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._was_there = path.exists()
        self._file = path.open("ab")
        self._written = False

    def write(self, phones: Sequence[SimulatedPhone]) -> None:
        """The call as its phones know it: the caller left, what they heard right. Nothing when no stream was open."""
        sound = joined_sounds(map(_sound, (phone for phone in phones if phone.opened_us is not None)))
        if sound is None:
            return
        if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            self._file.truncate(0)
        self._file.write(wav_of(sound))
        self._file.flush()
        self._written = True

    def close(self) -> None:
        self._file.close()
        if not self._written and not self._was_there:
            self._path.unlink(missing_ok=True)


def save_wav(phone: SimulatedPhone, path: Path) -> None:
    """The call of one stream, from its start to its end, at `path`."""
    path.write_bytes(wav_of(_sound(phone)))


def save_page(fixture: Path, path: Path) -> None:
    """The HTML page of the fixture."""
    path.write_text(render_page(read_fixture(fixture)), encoding="utf-8")


def _sound(phone: SimulatedPhone) -> CallSound:
    first, end = phone.opened_us or 0, phone.ended_us or 0
    return CallSound(first, phone.microphone.render(first, end), phone.playout.render(first, end))
