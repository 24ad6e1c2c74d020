"""Which files are kept about a call, and where (BOT_RECORD, BOT_RECORD_DIR)."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.call.settings import CallSettings
from bot.config import Settings
from bot.recording import fixture
from bot.recording.files import audio_file
from bot.recording.files.audio_file import AudioFile
from bot.recording.files.call_file import CallFile
from bot.recording.files.fixture_file import FixtureFile
from bot.recording.files.new_file import call_path


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
