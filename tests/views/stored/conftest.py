from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.settings_table import variables
from tests.views.stored import calls_sample


@pytest.fixture
def record_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty recording directory, which the commands look at, in a place with no other setting."""
    for name in list(os.environ):
        if name in variables() or name.startswith("BOT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BOT_RECORD_DIR", str(tmp_path / "recordings"))
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "recordings"
    directory.mkdir()
    with monkeypatch.context() as clock:
        clock.setenv("TZ", "UTC")
        time.tzset()
        yield directory
    time.tzset()


@pytest.fixture
def filled(record_dir: Path) -> Path:
    """The same with the store of the sample."""
    calls_sample.fill(record_dir)
    return record_dir
