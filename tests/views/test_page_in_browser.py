"""The page in a real browser, where this machine has one: its script runs, and its sound can be played."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.views.call_page import page_of
from bot.views.call_sound import CallSound, wav_of
from tests.views.test_call_page import Page, told

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio"),
)
SOUND = CallSound(500_000, b"\x01" * 24_000, b"\x02" * 24_000)


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no browser of Chrome's family on this machine")
    return found


def after_its_script(browser: str, page: Path) -> str:
    """The page as it stands when its script has run and its sound was looked at."""
    profile = page.parent / "profile"
    command = [
        browser,
        *QUIET,
        f"--user-data-dir={profile}",
        "--virtual-time-budget=10000",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize("beside", ["", "a%20sound.wav"])
def test_the_sound_can_be_played(browser: str, tmp_path: Path, beside: str) -> None:
    (tmp_path / "a sound.wav").write_bytes(wav_of(SOUND))
    path = tmp_path / "page.html"
    path.write_text(page_of(told(tmp_path), sound=SOUND, beside=beside))
    page = Page(after_its_script(browser, path))
    (button,) = (attributes for tag, attributes in page.tags if attributes.get("id") == "play")
    assert "disabled" not in button
    assert "0:00 of 0:03" in page.words


def test_a_sound_that_is_gone_is_told(browser: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_of(told(tmp_path), sound=SOUND, beside="gone.wav"))
    page = Page(after_its_script(browser, path))
    assert "the sound can't be played" in page.words
