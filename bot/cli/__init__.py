"""The `bot` command: one file per group of commands, which parse, print and give an exit code.

No decision about a call, and no import that help would have to wait for. `command_line` has what the groups share.
"""

from bot.cli import dialling, manual, recorded_calls, serving, simulating, stored_calls, tools_by_hand
from bot.cli.command_line import app, main

__all__ = [
    "app",
    "dialling",
    "main",
    "manual",
    "recorded_calls",
    "serving",
    "simulating",
    "stored_calls",
    "tools_by_hand",
]
