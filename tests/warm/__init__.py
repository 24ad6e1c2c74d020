"""The `bot` command in processes of its own that have its imports behind them, which are most of a start's work.

One process has imported what the commands do. It forks another for each command, which has its own environment,
directory, files and session, ends as any program of Python does, and is gone with its exit code. That a command starts
from nothing, and what it imports, is for the tests of single commands.
"""

from tests.warm.commands_started import Heard, Started, ready, run, start

__all__ = ["Heard", "Started", "ready", "run", "start"]
