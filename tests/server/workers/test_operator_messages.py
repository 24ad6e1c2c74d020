"""Messages of `bot serve` to a person at a terminal: the real command, on a terminal of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.settings_table import variables
from tests.server.simulated_server import PUBLIC_URL, environment
from tests.warm import Started, start

ROOT = Path(__file__).parents[3]
LONGEST_S = 60
"""Seconds after which a test that waits in vain ends; no bound of the bot's."""


class Terminal:
    """`bot serve` with its standard error on a terminal; `seen` is what stands there."""

    def __init__(self, process: Started, screen: int) -> None:
        self.process = process
        self.seen = ""
        self._screen = screen

    def until(self, pattern: str) -> None:
        give_up = time.monotonic() + LONGEST_S
        while not re.search(pattern, self.seen):
            assert time.monotonic() < give_up, self.seen
            try:
                self.seen += os.read(self._screen, 4096).decode().replace("\r\n", "\n")
            except OSError:  # the other end is closed
                break
        assert re.search(pattern, self.seen), self.seen


@contextlib.contextmanager
def terminal(directory: Path, **more: str) -> Iterator[Terminal]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = {name: value for name, value in os.environ.items() if name not in variables()}
    env |= environment("ws://127.0.0.1:9/v1/realtime", PORT=port, BOT_RECORD_DIR=str(directory), **more)
    ours, theirs = pty.openpty()
    process = start("serve", env={**env, "TERM": "dumb"}, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_terminal_tells_who_it_is_how_to_reach_it_and_what_each_ctrl_c_does(tmp_path: Path, processes: str) -> None:
    with terminal(tmp_path, WEB_CONCURRENCY=processes) as screen:
        screen.until(r"(?s)listening.*Ctrl-C\n|Ctrl-C\n.*listening")
        assert "Heardline 0." in screen.seen
        assert f"  Twilio's webhook  {PUBLIC_URL}/voice  (HTTP POST)\n" in screen.seen
        assert '{"' not in screen.seen, "lines for people, not JSON"
        os.killpg(screen.process.pid, signal.SIGINT)  # as the terminal does: every process of the group
        screen.until(r"Stopping: calls may go on for 25 s\. Ctrl-C again ends them at once\.")
        assert screen.process.wait(LONGEST_S) == 0
    assert screen.seen.count("Stopping: ") == 1
    assert "Traceback" not in screen.seen


def test_the_form_of_the_log_may_be_asked_for_on_a_terminal_too(tmp_path: Path) -> None:
    with terminal(tmp_path, LOG_FORMAT="json") as screen:
        screen.until(r'"message": "listening"')
