"""The offline agent's process is kept alive: killed, it comes back where it was, and at the end nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from bot.offline.companion_keeper import CompanionFailed, companion

PAUSE_S = 0.01
AGENT = """
import os, pathlib, socket, sys, threading
lives = pathlib.Path(sys.argv[1])
lives.open("a").write("started\\n")
if len(lives.read_text().split()) in {int(one) for one in sys.argv[2].split(",") if one}:
    sys.exit(7)
door = socket.create_server(("127.0.0.1", int(sys.argv[3])))

def serve():
    while True:
        caller, _ = door.accept()
        caller.sendall(str(os.getpid()).encode())
        caller.close()

print(f"ws://127.0.0.1:{door.getsockname()[1]}/v1/realtime", flush=True)
threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
"""


@pytest.fixture
def lives(tmp_path: Path) -> Path:
    """Gets a line each time that the agent is started."""
    return tmp_path / "lives"


def agent(lives: Path, fails: str = "") -> list[str]:
    """A stand-in, which dies in those of its lives that `fails` counts."""
    return [sys.executable, "-c", AGENT, str(lives), fails]


def pid_at(url: str) -> int:
    """The process that answers there; 0: none does."""
    address = urlsplit(url)
    assert address.port is not None
    try:
        with socket.create_connection((address.hostname, address.port)) as door:
            return int(door.recv(20) or 0)
    except OSError:
        return 0


def another_at(url: str, before: int) -> int:
    """Wait for another process to answer there: at the latest until the time for a test is up."""
    while (pid := pid_at(url)) in {0, before}:
        pass
    return pid


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def told(logs: list[Any]) -> list[tuple[str, Any]]:
    return [(one["event"], one.get("code")) for one in logs]


def test_an_agent_that_is_killed_answers_again_at_its_address(lives: Path) -> None:
    with capture_logs() as logs, companion(agent(lives), PAUSE_S) as url:
        pid = pid_at(url)
        for _ in range(2):
            os.kill(pid, signal.SIGKILL)
            pid = another_at(url, pid)
    assert gone(pid)
    assert pid_at(url) == 0
    assert told(logs)[0::2] == [("offline_agent_died", -9)] * 2
    assert {event for event, _ in told(logs)[1::2]} == {"offline_agent_back"}


def test_one_that_dies_again_and_again_is_waited_for_longer_each_time(lives: Path) -> None:
    with capture_logs() as logs, companion(agent(lives, "2,3,4"), PAUSE_S) as url:
        pid = pid_at(url)
        os.kill(pid, signal.SIGKILL)
        another_at(url, pid)
    died = [one for one in logs if one["event"] == "offline_agent_died"]
    assert [(one["code"], one["again_after_s"]) for one in died] == [(-9, 0.01), (7, 0.02), (7, 0.04), (7, 0.08)]


def test_a_bot_that_stops_while_the_agent_is_gone_starts_none(lives: Path) -> None:
    with companion(agent(lives), 3_600) as url:
        pid = pid_at(url)
        os.kill(pid, signal.SIGKILL)
        while pid_at(url):
            pass
    assert lives.read_text() == "started\n"


def test_one_that_never_comes_up_is_said_so_and_not_tried_again(lives: Path) -> None:
    with pytest.raises(CompanionFailed), companion(agent(lives, "1"), PAUSE_S):
        pass
    assert lives.read_text() == "started\n"


FORKS = """
import os, sys
from bot.offline.companion_keeper import companion
from tests.offline.test_companion_keeper import pid_at

try:
    with companion(sys.argv[1:]) as url:
        before = pid_at(url)
        worker = os.fork()
        if worker == 0:
            sys.exit()
        os.waitpid(worker, 0)
        print(before, pid_at(url))
finally:
    os._exit(0)
"""


def test_a_worker_that_leaves_ends_no_agent(lives: Path) -> None:
    """It was forked from the process that keeps the agent, and leaves the same block."""
    command = [sys.executable, "-c", FORKS, *agent(lives)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = ran.stdout.split()
    assert before == after != "0"
