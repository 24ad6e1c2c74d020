"""The directory of an instance: its own while any of its processes lives, removed by the next start when none does."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.server.workers.shared_directory import LOCK, PREFIX, clear, shared_directory

HOLDER = """
import os, sys
from bot.server.workers.shared_directory import shared_directory
with shared_directory() as directory:
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print(directory, flush=True)
    os.wait()
"""
"""An instance of two processes: the second lives until its standard input ends."""


@pytest.fixture(autouse=True)
def tmpdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def names(directory: Path) -> list[str]:
    return [one.name for one in directory.iterdir()]


@contextmanager
def holding() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another instance and its directory."""
    with subprocess.Popen(
        (sys.executable, "-c", HOLDER), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_it_goes_with_the_instance(tmpdir: Path) -> None:
    with shared_directory() as directory:
        (directory / "calls.sqlite").touch()
        assert directory.parent == tmpdir
    assert names(tmpdir) == []


def test_another_start_leaves_the_living_alone() -> None:
    with shared_directory() as one, shared_directory() as other:
        clear()
        assert one.is_dir()
        assert other.is_dir()


def test_what_a_killed_instance_left_is_removed_once_all_its_processes_are_gone(tmpdir: Path) -> None:
    with holding() as (process, directory):
        process.kill()
        process.wait()
        clear()
        assert directory.is_dir()  # its second process still drains
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert process.stdout.read() == ""  # and is gone
        with shared_directory() as ours:
            assert names(tmpdir) == [ours.name]


def test_what_is_no_left_over_of_ours_stays(tmpdir: Path) -> None:
    elsewhere = tmpdir / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (tmpdir / f"{PREFIX}link").symlink_to(elsewhere)
    (tmpdir / f"{PREFIX}empty").mkdir()
    (tmpdir / f"{PREFIX}file").touch()
    (tmpdir / f"{PREFIX}begun").mkdir()
    (tmpdir / f"{PREFIX}begun" / f"{LOCK}.new").touch()
    before = sorted(names(tmpdir))
    clear()
    assert sorted(names(tmpdir)) == before
    assert (elsewhere / LOCK).exists()
