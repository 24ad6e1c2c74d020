"""Which files are kept about a call, and where (BOT_RECORD, BOT_RECORD_DIR)."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.call.settings import CallSettings
from bot.config import Settings
from bot.records import audio_file, fixture
from bot.records.audio_file import AudioFile
from bot.records.feed import CallFile
from bot.records.fixture_file import FixtureFile
from bot.records.new_file import call_path


def call_files(settings: Settings, chosen: CallSettings, call_sid: str) -> list[CallFile]:
    """The files of the call `call_sid` that begins now; none is made yet. They differ in their suffix alone."""
    files: list[CallFile] = []
    now = datetime.now(UTC)
    if "fixture" in settings.record:
        path = call_path(settings.record_dir, call_sid, fixture.SUFFIX, now)
        files.append(FixtureFile(chosen, path, settings.secrets, date=now))
    if "audio" in settings.record:
        files.append(AudioFile(call_path(settings.record_dir, call_sid, audio_file.SUFFIX, now)))
    return files
