"""The start of `bot serve`: what takes long to import, and no call needs, is not imported before it is ready."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.server.instance import ROOT, START_S, _free_port, _inherited
from tests.server.simulated_server import environment

SLOW = {"alembic", "mako", "requests", "twilio.rest.api", "docstring_parser", "jsonschema", "phonenumbers", "mcp"}
SERVE = """
import os, sys
import bot.twilio.rest
from bot.cli import main
from bot.server.workers.operator_messages import OperatorMessages

def ready(_):
    print(*sys.modules, flush=True)
    os._exit(0)

bot.twilio.rest.load_package = lambda: None  # runs beside the first calls, in a thread
OperatorMessages.ready = ready
sys.argv[1:] = ["serve"]
main()
"""


def test_what_takes_long_to_import_is_not_imported_before_it_is_ready(tmp_path: Path) -> None:
    told = environment("ws://127.0.0.1:9/v1/realtime", PORT=str(_free_port()))
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        env=_inherited(told, tmp_path),
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    imported = set(done.stdout.split())
    assert "bot.server.http.app" in imported, done.stderr
    assert sorted(SLOW & imported) == []


def test_a_package_that_is_loaded_beside_calls_tells_no_operator_of_socks() -> None:
    """The order of filters is as where another thread has put back its own in the middle of the import."""
    code = "import contextlib, bot.twilio.rest\nwith contextlib.suppress(ImportError): import urllib3.contrib.socks"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stderr == ""
