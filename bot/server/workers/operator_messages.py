"""The person who runs `bot serve`: what they are told as it starts and stops, at a terminal more than in a log."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence

import structlog

from bot.config import Settings

_log = structlog.get_logger()


class OperatorMessages:
    """Told by the one process that may speak: the only one, or the manager of several."""

    def __init__(self, settings: Settings, warnings: Sequence[str] = ()) -> None:
        self._settings = settings
        self._warnings = warnings
        self._stopping = False

    def ready(self) -> None:
        """Say what is odd, who we are, what Twilio has to be told, and how to stop."""
        for sentence in self._warnings:
            _log.warning("setting_odd", why=sentence)
        _say(
            f"Heardline {importlib.metadata.version('heardline')} takes calls.",
            f"  Twilio's webhook  {self._settings.public_url}/voice  (HTTP POST)",
            "  To stop           Ctrl-C",
        )

    def stopping(self) -> None:
        """Say once what a second Ctrl-C does."""
        if not self._stopping:
            self._stopping = True
            _say(f"Stopping: calls may go on for {self._settings.drain_s:g} s. Ctrl-C again ends them at once.")


def _say(*lines: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
