"""Troubles of a SQLite store: each is a context in which it is so."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

FILE = "calls.sqlite"
HELD_S = 0.7
BETWEEN_S = 0.05
SMALL_MB = 4


class NoSmallDisk(Exception):
    """A small file system can't be mounted here."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    with closing(sqlite3.connect(directory / FILE, timeout=30, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield
        db.execute("ROLLBACK")


@contextmanager
def slow(directory: Path) -> Iterator[None]:
    """Somebody else writes nearly all the time: each write of ours waits for most of a second."""
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            with locked(directory):
                over.wait(HELD_S)
            over.wait(BETWEEN_S)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """The disk has no byte left."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 65_536
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """`directory` is made, on a file system of its own with room for little. Raises NoSmallDisk."""
    directory.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "heardline-test", str(directory)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise NoSmallDisk("a small file system can't be mounted here") from None
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
