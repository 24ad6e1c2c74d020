"""A recorded call as a test, in one line: `assert_replays("tests/fixtures/lost-word.call.jsonl")`."""

from __future__ import annotations

from pathlib import Path

from bot.recording.fixture import read_fixture
from bot.recording.replay import Factory, ReplayResult, replay


def assert_replays(path: Path | str, factory: Factory | None = None) -> ReplayResult:
    """Replay the fixture at `path` and fail with the first difference in words. `factory` makes another core."""
    result = replay(read_fixture(path), factory)
    assert result.ok, str(result)
    return result
