"""What `bot serve` says to a person at a terminal. Where nobody watches, the log has to do."""

from __future__ import annotations

import importlib.metadata
import sys

from bot.config import Settings


def say_ready(settings: Settings) -> None:
    """Who we are, what Twilio has to be told, and how to stop."""
    _say(
        f"Heardline {importlib.metadata.version('heardline')} takes calls.",
        f"  Twilio's webhook  {settings.public_url}/voice  (HTTP POST)",
        "  To stop           Ctrl-C",
    )


def say_stopping(settings: Settings) -> None:
    """What a second Ctrl-C would do."""
    _say(f"Stopping: calls may go on for {settings.drain_s:g} s. Ctrl-C again ends them at once.")


def _say(*lines: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
