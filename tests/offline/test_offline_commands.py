"""The offline agent as commands start it: beside a bot that serves, in the demo, on its own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner

from bot.cli import app
from bot.config import load_settings
from bot.offline import installed
from bot.offline.installed import is_installed
from bot.offline.mind.agent_script import WHO
from bot.server.setup.call_prices import call_money
from tests.offline.talking_client import talking
from tests.testing.commands.test_ring import environment
from tests.waiting import GIVE_UP_S

needs_models = pytest.mark.skipif(not is_installed(), reason="the extra `offline` is not installed")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "MODULES", ("a_module_that_is_nowhere",))


def test_without_the_extra_serving_offline_is_one_sentence_with_the_mend(not_installed: None) -> None:
    result = CliRunner().invoke(app, ["serve", "--offline"], env=environment())
    assert result.exit_code == 2
    assert result.stderr == f"--offline needs what is not installed. {installed.HOW_TO_GET_IT}\n"


async def test_without_the_extra_the_model_on_its_own_is_the_line_test_and_says_how_to_get_more() -> None:
    """In a process without the packages, whether they are installed or not."""
    code = (
        "import sys; from bot.offline import installed; installed.MODULES = ('a_module_that_is_nowhere',);"
        "sys.argv = ['bot', 'model', '--port', '0']; from bot.cli import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", code, env=environment(), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    first = (await process.stdout.readline()).decode()
    assert "The line test, which understands nothing" in first
    assert "pip install '.[offline]'" in first
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


@needs_models
def test_what_the_agent_costs_is_nothing_whatever_else_is_set() -> None:
    from bot.offline.companion_keeper import offline_settings

    given = {"OPENAI_API_KEY_FILE": "/nowhere/key", "OPENAI_REALTIME_MODEL": "grok-voice-latest", "BOT_DIALECT": "xai"}
    settings = load_settings({**given, **offline_settings("ws://127.0.0.1:1/v1/realtime"), "BOT_MAX_CALL_USD": "1"})
    assert settings.openai_realtime_url == "ws://127.0.0.1:1/v1/realtime"
    assert settings.dialect == "openai"
    money = call_money(settings)
    assert money.model is not None
    assert money.transcription is not None


@needs_models
async def test_the_companion_is_ready_when_it_is_there_and_gone_when_it_is_not_needed() -> None:
    from bot.offline.companion_keeper import companion

    with companion() as url:
        async with talking(url) as client:
            await client.send("response.create")
            assert (await client.answer())[0].startswith(WHO)
    with pytest.raises(ConnectionRefusedError):
        async with talking(url):
            pass


@needs_models
def test_the_companion_does_not_outlive_who_started_it() -> None:
    """Also when that is killed: its standard input ends with them."""
    code = "import os, sys; from bot.offline.companion_keeper import companion\nwith companion() as url: print(url, flush=True); os.kill(os.getpid(), 9)"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    address = ran.stdout.strip().removeprefix("ws://").partition("/")[0]
    host, _, port = address.partition(":")
    while _listens(host, int(port)):
        pass  # until it has gone, at the latest when the time for a test is up


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=GIVE_UP_S).close()
    except OSError:
        return False
    return True


@needs_models
async def test_a_bot_without_a_key_answers_a_call_with_the_offline_agent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = environment(
        PUBLIC_URL=url, PORT=str(port), HOST="127.0.0.1", BOT_RECORD_DIR=str(tmp_path), TMPDIR=str(tmp_path)
    )
    settings.pop("OPENAI_API_KEY", None)
    with (tmp_path / "log").open("wb") as log:
        bot = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", "--offline", env=settings, stderr=log, cwd=tmp_path
        )
    try:
        async with asyncio.timeout(GIVE_UP_S), ClientSession() as http:
            while not await _ready(http, url):
                assert bot.returncode is None, (tmp_path / "log").read_text()
        call = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "call",
            f"{url}/voice",
            "--limit",
            "8",
            env=settings,
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await call.communicate()
    finally:
        bot.terminate()
        await bot.wait()
    lines = [msgspec.json.decode(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    names = [line["message"] for line in lines]
    assert "offline_agent" in names
    (ended,) = [line for line in lines if line["message"] == "call_ended"]
    assert b"first sound of the bot after" in told
    assert ended["reason"] == "caller_hung_up"
    assert bot.returncode == 0


async def _ready(http: ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/readyz") as answer:
            return answer.status == 200
    except OSError:
        await asyncio.sleep(0.05)  # a process starts: nothing else tells
        return False


@needs_models
@pytest.mark.slow
def test_the_demo_understands_a_recorded_person_is_interrupted_and_hangs_up(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--dir", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for told in (
        "it was the worst of times",
        "I heard: It was the best of times",
        "interrupts",
        "I fell silent",
        "over: bot_hung_up",
    ):
        assert told.lower() in ran.stdout.lower()
