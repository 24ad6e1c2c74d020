"""A flagged call: files ready to be committed, whose test passes, and which `bot forget` reaches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.recording.fixture import read_fixture
from bot.testing import assert_replays
from tests.console.operator.test_console import got, kept_console, over, posted
from tests.server.simulated_server import a_phone


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
