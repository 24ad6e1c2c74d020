from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from bot.recording.files import new_file as module
from bot.recording.files.new_file import call_path, new_file
from tests.recording import records_sample as sample


def test_files_are_named_by_date_and_call() -> None:
    east = sample.DATE.astimezone(timezone(timedelta(hours=5)))
    assert call_path("/r", "CA12", ".call.wav", east) == Path("/r/20260102T030405Z-CA12.call.wav")
    assert call_path("/r", "../e vil", ".x", east).name == "20260102T030405Z-evil.x"
    assert call_path("/r", "", ".x", east).name == "20260102T030405Z-unknown.x"


def test_a_second_file_of_one_name_gets_a_number_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    paths = []
    for _ in range(3):
        path, file = new_file(tmp_path / "deep" / "a.call.wav", ".call.wav")
        file.close()
        paths.append(path)
    assert [path.name for path in paths] == ["a.call.wav", "a-2.call.wav", "a-3.call.wav"]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600] * 3


def test_numbers_come_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_A_NAME", 1)
    new_file(tmp_path / "a.x", ".x")[1].close()
    with pytest.raises(FileExistsError, match="and 0 like it"):
        new_file(tmp_path / "a.x", ".x")
