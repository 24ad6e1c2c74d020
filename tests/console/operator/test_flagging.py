"""A flagged call: files ready to be committed, whose test passes, and which `bot forget` reaches."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bot.console.operator import written_fixtures
from bot.console.operator.written_fixtures import LOOK_S, are_whole
from bot.recording.files.recorder import Recorder
from bot.recording.fixture import read_fixture
from bot.recording.told_outputs import end_of
from bot.store.rows import FileKept
from bot.testing import assert_replays
from tests.console.operator.test_console import got, kept_console, over, posted
from tests.server.simulated_server import GIVE_UP_S, a_phone, until

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that takes nothing of any call before this is set."""
    takes = threading.Event()
    finish = Recorder.finish

    def at_last(recorder: Recorder) -> None:
        takes.wait(GIVE_UP_S)
        finish(recorder)

    monkeypatch.setattr(Recorder, "finish", at_last)
    yield takes
    takes.set()


async def test_a_flagged_call_is_a_test_that_passes(tmp_path: Path) -> None:
    async with kept_console(tmp_path, BOT_RECORD="fixture") as desk:
        phone = a_phone()
        await over(desk, phone)
        sid = phone.ids.call_sid
        for name in ("Word lost, after <the> cut!", "word lost after the cut"):
            status, told = await posted(desk, f"calls/{sid}/flag", {"name": name})
            assert status == 200, told
            fixture, test = (Path(told["directory"]) / one for one in told["files"])
            assert read_fixture(fixture).header.settings.call_sid == sid
            assert (fixture.stat().st_mode & 0o777, test.stat().st_mode & 0o777) == (0o600, 0o600)
            assert_replays(fixture)
            compile(test.read_text(), str(test), "exec")
        assert sorted(path.name for path in fixture.parent.iterdir()) == [
            "test_word_lost_after_the_cut.py",
            "test_word_lost_after_the_cut_2.py",
            "word-lost-after-the-cut-2.call.jsonl.gz",
            "word-lost-after-the-cut.call.jsonl.gz",
        ]
        run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(test.parent), str(test)]
        done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])  # noqa: ASYNC221
        assert "1 passed" in done.stdout, done.stdout + done.stderr
        facts = await got(desk, f"api/calls/{sid}")
        assert sum(file["flagged"] for file in facts["files"]) == 4
        assert await got(desk, f"calls/{sid}/{test.name}") == test.read_text()


async def test_a_call_that_is_flagged_before_its_fixture_is_written_is_flagged_once_it_is(
    tmp_path: Path, disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    def look(files: list[FileKept]) -> bool:
        looks.append(are_whole(files))
        return looks[-1]

    monkeypatch.setattr(written_fixtures, "are_whole", look)
    async with kept_console(tmp_path, BOT_RECORD="fixture") as desk:
        phone = a_phone()
        await over(desk, phone)
        flagging = asyncio.create_task(posted(desk, f"calls/{phone.ids.call_sid}/flag", {"name": "at once"}))
        await until(lambda: looks)
        disk.set()
        status, told = await flagging
        assert status == 200, told
        assert (looks[0], looks[-1]) == (False, True)
        last = read_fixture(Path(told["directory"]) / told["files"][0]).lines[-1]
        assert end_of(msgspec.json.decode(last.message)) == "caller_hung_up"


async def test_a_call_whose_fixture_is_long_in_coming_is_to_be_flagged_again(
    tmp_path: Path, disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_fixtures, "WAIT_S", LOOK_S)
    async with kept_console(tmp_path, BOT_RECORD="fixture") as desk:
        phone = a_phone()
        await over(desk, phone)
        path = f"calls/{phone.ids.call_sid}/flag"
        status, told = await posted(desk, path, {"name": "too soon"})
        assert (status, "still being written" in told["problem"]) == (409, True)
        assert not (tmp_path / "flagged").exists()
        disk.set()
        monkeypatch.undo()
        assert (await posted(desk, path, {"name": "later"}))[0] == 200


def test_a_fixture_is_whole_with_its_last_line_and_not_before(tmp_path: Path) -> None:
    whole = gzip.decompress(next(FIXTURES.glob("*.call.jsonl.gz")).read_bytes())
    file = FileKept("CA1", str(tmp_path / "one.call.jsonl"), "fixture", datetime.now(UTC))
    assert not are_whole([])
    assert not are_whole([file])
    last = whole.rindex(b"\n", 0, -1) + 1
    for size in (0, 100, last, len(whole) - 1, len(whole)):
        Path(file.path).write_bytes(whole[:size])
        assert are_whole([file]) == (size == len(whole)), size
    later = FileKept("CA1", str(tmp_path / "two.call.jsonl"), "fixture", datetime.now(UTC))
    assert not are_whole([later, file])
    Path(later.path + ".gz").write_bytes(gzip.compress(whole))
    assert are_whole([file, later])


async def test_who_is_forgotten_is_forgotten_there_too(tmp_path: Path) -> None:
    async with kept_console(tmp_path, BOT_RECORD="fixture") as desk:
        phone = a_phone()
        await over(desk, phone)
        _, told = await posted(desk, f"calls/{phone.ids.call_sid}/flag", {"name": "idle"})
        facts = await got(desk, f"api/calls/{phone.ids.call_sid}")
        assert desk.kept is not None
        hashed = desk.calls.admission.hash_number("+15555550101")
        gone = await desk.kept.write_behind.ask(lambda store: store.forget(hashed), 10)
        assert (gone.calls, gone.outside, gone.failed) == (1, [], {}), facts
        assert os.listdir(told["directory"]) == []  # noqa: PTH208


@pytest.mark.parametrize("body", [None, [], {}, {"name": 3}, {"name": ""}, {"name": "../../"}, {"name": "x" * 61}])
async def test_a_flag_without_a_name_is_none(tmp_path: Path, body: object) -> None:
    async with kept_console(tmp_path, BOT_RECORD="fixture") as desk:
        phone = a_phone()
        await over(desk, phone)
        assert (await posted(desk, f"calls/{phone.ids.call_sid}/flag", body))[0] == 400
        assert not (tmp_path / "flagged").exists()


async def test_a_call_without_a_fixture_says_what_is_missing(tmp_path: Path) -> None:
    async with kept_console(tmp_path) as desk:
        phone = a_phone()
        await over(desk, phone)
        status, told = await posted(desk, f"calls/{phone.ids.call_sid}/flag", {"name": "idle"})
        assert (status, "BOT_RECORD=fixture" in told["problem"]) == (409, True)
        assert (await posted(desk, f"calls/{'CA' + '0' * 32}/flag", {"name": "idle"}))[0] == 404
