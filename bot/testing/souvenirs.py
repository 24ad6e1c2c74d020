"""What a simulated call leaves behind: a stereo WAV of what was said and truly heard, and the page of its fixture."""

from __future__ import annotations

from pathlib import Path

from bot.audio.wav import StereoWriter
from bot.records.fixture import read_fixture
from bot.records.page import render_page
from bot.testing.phone import SimulatedPhone

CHUNK_US = 1_000_000


def save_wav(phone: SimulatedPhone, path: Path) -> None:
    """The call as the phone knows it: the caller left, what he heard right, from the stream's start to its end."""
    first, end = phone.opened_us or 0, phone.ended_us or 0
    caller = phone.microphone.render(first, end)
    heard = phone.playout.render(first, end)
    with StereoWriter(path) as wav:
        wav.write(caller, heard)


def save_page(fixture: Path, path: Path) -> None:
    """The HTML page of the fixture."""
    path.write_text(render_page(read_fixture(fixture)), encoding="utf-8")
