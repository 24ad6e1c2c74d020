"""Messages for the person who runs `bot serve`, as it starts and stops: more at a terminal than in a log."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.config import Settings

_log = structlog.get_logger()


@dataclass
class OperatorMessages:
    """Told by the one process that may speak: the only one, or the manager of several."""

    settings: Settings
    warnings: Sequence[str] = ()
    _stopping: bool = False

    def ready(self) -> None:
        """Say that calls are taken, where, the way to stop, and before that what is odd."""
        for sentence in self.warnings:
            _log.warning("setting_odd", why=sentence)
        _say(
            f"Heardline {importlib.metadata.version('heardline')} takes calls.",
            f"  Twilio's webhook  {self.settings.public_url}/voice  (HTTP POST)",
            f"  Browser phone     http://127.0.0.1:{self.settings.port}/softphone",
            "  To stop           Ctrl-C",
        )

    def stopping(self) -> None:
        if not self._stopping:
            self._stopping = True
            _say(f"Stopping: calls may go on for {self.settings.drain_s:g} s. Ctrl-C again ends them at once.")


def _say(*lines: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
