"""The keeper of the offline agent's process: it is started beside the bot's, and again whenever it dies.

It comes back at the address it had, which the bot goes on dialling: calls meanwhile are told that there is no answer,
and those that were under way go on with the agent that comes back, if it is soon enough. A thread minds it, since the
bot's loop may be in another process (WEB_CONCURRENCY).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import structlog

from bot.models import OFFLINE_AGENT

COMMAND = (sys.executable, "-m", "bot.offline")
"""Starts the agent; the port follows."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""Seconds until it is started again: twice as long each time that it dies soon, for ever."""
LIVES_S = 60.0
"""An agent that has lived for so long is started again as soon as the first was."""
_ENDS_S = 5

log = structlog.get_logger("bot.offline")


class CompanionFailed(Exception):
    """The agent did not come up."""


@contextmanager
def companion(command: Sequence[str] = COMMAND, first_pause_s: float = FIRST_PAUSE_S) -> Iterator[str]:
    """The URL of an agent in a process of its own, which is ready. Raises CompanionFailed."""
    keeper = _Keeper(command, first_pause_s)
    try:
        yield keeper.url
    finally:
        keeper.close()


class _Keeper:
    """Starts the agent, and minds it until closed."""

    def __init__(self, command: Sequence[str], first_pause_s: float) -> None:
        self._command = command
        self._first_pause_s = first_pause_s
        self._over = threading.Event()
        self._starting = threading.Lock()
        """Held while a process is started, so that none is that nobody ends."""
        self._owner = os.getpid()
        self._process = self._start(0)
        self.url = self._told()
        if not self.url:
            self._end()
            self._leave_pipes()
            raise CompanionFailed("The offline agent could not start; what it said stands above.")
        self._minding = threading.Thread(target=self._mind, args=(urlsplit(self.url).port,), daemon=True)
        self._minding.start()

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        """Port 0: any."""
        return subprocess.Popen(  # noqa: S603  the command is ours
            [*self._command, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def _told(self) -> str:
        """The URL at which it is ready; empty if it has died before."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def _mind(self, port: int) -> None:
        pause_s, ready_s = self._first_pause_s, time.monotonic()
        while True:
            code = self._process.wait()
            if time.monotonic() - ready_s > LIVES_S:
                pause_s = self._first_pause_s
            if self._over.is_set():
                return
            log.warning("offline_agent_died", code=code, again_after_s=pause_s)
            if self._over.wait(pause_s):
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            with self._starting:
                if self._over.is_set():
                    return
                self._leave_pipes()
                self._process = self._start(port)
            if self._told():
                ready_s = time.monotonic()
                log.warning("offline_agent_back", url=self.url)

    def close(self) -> None:
        """End it, and whoever minds it. In a process that was forked from the keeper's there is nothing to end."""
        self._over.set()
        if os.getpid() != self._owner:
            return
        with self._starting:
            self._end()
        self._minding.join()
        self._leave_pipes()

    def _end(self) -> None:
        """It ends when its standard input does, or is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _leave_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def offline_settings(url: str) -> Mapping[str, str]:
    """The settings that make the bot dial the agent at `url`, whatever else is set."""
    return {
        "OPENAI_API_KEY": "offline-agent-takes-any-key",
        "OPENAI_API_KEY_FILE": "",
        "OPENAI_REALTIME_URL": url,
        "OPENAI_REALTIME_MODEL": OFFLINE_AGENT,
        "BOT_DIALECT": "openai",
        "BOT_TRANSCRIPTION_MODEL": OFFLINE_AGENT,
    }
