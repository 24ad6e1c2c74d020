"""kill -9 in the middle of a call, of the real server: what the store knows of it when the server is back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.audio import mulaw
from bot.config import load_settings
from bot.recording.fixture import read_fixture
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.proof.recorded_sound import tracks
from tests.server.instance import ServerProcess, _free_port, _kill_group, begun, logged
from tests.server.simulated_server import GREETING, Reach, a_phone, environment, heard, until
from tests.waiting import GIVE_UP_S

LONG = Spoken(pattern(20_000, "long"), " ".join(f"word{number}" for number in range(60)))
REPLIES = (GREETING, Reply([LONG], pacing=Pacing(speed=4)))


def asked(directory: Path, query: str) -> list[Any]:
    """Rows of the call store, empty while there is none."""
    path = directory / "recordings" / "calls.sqlite"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path, timeout=GIVE_UP_S)) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:  # it has no tables yet
            return []


@contextlib.asynccontextmanager
async def serving(directory: Path, told: dict[str, str], origin: str) -> AsyncIterator[ServerProcess]:
    """A server process that answers. Killed at the end."""
    process = begun(told, directory)
    try:
        async with aiohttp.ClientSession() as http:
            while not await _ready(http, origin):
                assert process.poll() is None, (directory / "stderr").read_text()
                await asyncio.sleep(0.05)
        yield process
    finally:
        _kill_group(process)


async def _ready(http: aiohttp.ClientSession, origin: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with http.get(f"{origin}/readyz") as answer:
            return answer.status == 200
    return False


async def test_a_call_whose_process_was_killed_is_in_the_store_up_to_its_last_finished_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bot.testing.dialling.signed_webhook.RETRY_GAP_S", 0.05
    )  # nobody is there when the phone asks for more

    def session(name: str) -> SimulatedModel:
        behaviour = Behaviour(caller_words=("I need help.",), transcription_after_ms=300)
        return SimulatedModel(ScriptedAgent(REPLIES), behaviour, model=name)

    async with SimulatedRealtimeServer(session) as model, aiohttp.ClientSession() as http:
        more = {"BOT_RECORD": "fixture,audio", "BOT_TWILIO_USD_PER_MINUTE": "0.0085"}
        told = environment(model.url, PORT=str(_free_port()), WEB_CONCURRENCY="1", **more)
        origin = f"http://127.0.0.1:{told['PORT']}"
        phone = a_phone()
        async with serving(tmp_path, told, origin) as process:
            calling = asyncio.create_task(Reach(load_settings(told), origin, model, http).dial(phone))
            await _until_it_speaks_at_length(phone, tmp_path)
            os.kill(process.pid, signal.SIGKILL)
            assert (await calling).close_code == 1006
            await until(lambda: not model.open_sessions)
        assert asked(tmp_path, "SELECT reason, ended_at FROM calls") == [("", None)]
        async with serving(tmp_path, told, origin) as process:
            await until(lambda: logged(tmp_path, "call_crashed"))
            process.terminate()
            await until(lambda: process.poll() is not None)
            assert process.returncode == 0
    columns = "sid, reason, turns, seconds, tokens, nano_usd, model_nano_usd, transcription_nano_usd, line_nano_usd"
    ((sid, reason, turns, seconds, tokens, cost, model_cost, transcription_cost, line_cost),) = asked(
        tmp_path, f"SELECT {columns} FROM calls WHERE ended_at IS NOT NULL"
    )
    assert (sid, reason) == (phone.ids.call_sid, "crashed")
    assert [entry["call_sid"] for entry in logged(tmp_path, "call_crashed")] == [sid]
    assert 0 < seconds < 30
    assert asked(tmp_path, "SELECT who, text FROM turns ORDER BY began_us")[:2] == [
        ("bot", "Hello."),
        ("caller", "I need help."),
    ]
    assert turns >= 2
    assert cost == model_cost + transcription_cost + line_cost
    assert model_cost > 0
    assert line_cost == 8_500_000  # a minute begun
    assert "audio_out" in tokens
    files = [Path(path) for (path,) in asked(tmp_path, "SELECT path FROM files")]
    recording, fixture = sorted(files, key=lambda path: path.suffix, reverse=True)
    assert (recording.suffix, fixture.suffix) == (".wav", ".jsonl")
    left, right = tracks(recording)
    greeting = mulaw.decode(GREETING.items[0].audio)
    assert len(left) == len(right) > 2 * len(greeting)
    assert greeting in right
    assert read_fixture(fixture).lines


async def _until_it_speaks_at_length(phone: SimulatedPhone, directory: Path) -> None:
    """The caller has heard the greeting and said something, both are stored, and the bot is in the middle of a reply."""
    greeting = len(GREETING.items[0].audio)
    await until(lambda: len(heard(phone)) >= greeting)
    phone.say(pattern(400, "caller"), 800_000)
    await until(lambda: len(heard(phone)) >= greeting + 8_000)
    await until(lambda: len(asked(directory, "SELECT 1 FROM turns WHERE text IS NOT NULL")) >= 2)
