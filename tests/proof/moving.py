"""Calls that lose their process, in the real server: carried on by another one, or by the same one started again.

`python -m tests.proof moving [CALLS]` prints a row for each way to lose it. `killed`: kill -9, and a supervisor that
starts `bot serve` again; `worker`: kill -9 of both processes under their manager; `stopped`: SIGTERM, while a
second instance on the same Postgres is up. Twilio's retries after a refused connection are a second apart, by guess.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp

from bot.call.transcript.past_turns import CARRY_ON
from bot.config import load_settings
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.dialling.dial import DialResult, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import BotSilent, Say, Script, Step
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests import postgres
from tests.server.balancer import Balancer
from tests.server.instance import COMMAND, ROOT, _free_port, _inherited
from tests.server.simulated_server import Reach, a_phone, environment, heard, until
from tests.store.conftest import new_database
from tests.waiting import GIVE_UP_S

SENTENCE = Spoken(pattern(1500, "sentence"), "This is one whole sentence.")
REPLY = Reply([SENTENCE], pacing=Pacing(speed=3))
LEGS = 4
START_S = GIVE_UP_S
HEADER = f"{'way':<10} {'calls':>5} {'went on':>8} {'with context':>13} {'cut':>4} {'silence p50':>12} {'worst':>7}"


@dataclass
class Moved:
    """Outcome of calls that had to move. `silences_s`: from the end of a stream to the first sound on the next.

    A process that is stopped in good order cuts no sentence; one that is killed can't help it.
    """

    way: str
    calls: int
    went_on: int
    with_context: int
    cut: int
    silences_s: list[float]

    @property
    def good(self) -> bool:
        return self.calls == self.went_on == self.with_context and not (self.way == "stopped" and self.cut)

    def row(self) -> str:
        worst, half = max(self.silences_s, default=0), median(self.silences_s or [0])
        end = "" if self.good else "  BAD"
        return (
            f"{self.way:<10} {self.calls:>5} {self.went_on:>8} {self.with_context:>13} {self.cut:>4}"
            f" {half:>10.1f} s {worst:>5.1f} s{end}"
        )


class Supervised:
    """`bot serve`, started again whenever it dies, until `off`."""

    def __init__(self, told: dict[str, str], directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = int(told["PORT"])
        self.starts = 0
        self._told, self._directory = told, directory
        self._on = True
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with (self._directory / "stderr").open("ab") as stderr:
            env = _inherited(self._told, self._directory)
            return subprocess.Popen(COMMAND, cwd=ROOT, env=env, stderr=stderr, start_new_session=True)

    async def watch(self) -> None:
        while True:
            if self._on and self.process.poll() is not None:
                self.process = self._start()
            await asyncio.sleep(0.02)

    def off(self) -> None:
        """Start it no more."""
        self._on = False

    @property
    def log(self) -> str:
        return (self._directory / "stderr").read_text()


@contextlib.asynccontextmanager
async def supervised(told: dict[str, str], directory: Path) -> AsyncIterator[Supervised]:
    """A supervised server that is ready; it and all its processes are gone at the end."""
    server = Supervised(told, directory)
    watching = asyncio.create_task(server.watch())
    try:
        async with aiohttp.ClientSession() as http:
            origin, loop = f"http://127.0.0.1:{server.port}", asyncio.get_running_loop()
            late_s = loop.time() + START_S
            while not await _ready(http, origin):
                assert loop.time() < late_s, server.log
                await asyncio.sleep(0.05)
        yield server
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        server.off()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()


async def _ready(http: aiohttp.ClientSession, origin: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with http.get(f"{origin}/readyz") as answer:
            return answer.status == 200
    return False


def caller() -> list[SimulatedPhone]:
    """A phone for each stream of one call, whose caller answers everything the bot says."""
    first = a_phone(script=talkative())
    ids = first.ids
    more = [
        SimulatedPhone(StreamIds(ids.account_sid, ids.call_sid, new_stream_sid()), script=talkative())
        for _ in range(LEGS - 1)
    ]
    return [first, *more]


def talkative() -> Script:
    return Script([Step(BotSilent(600), Say(pattern(400, "caller"))) for _ in range(40)])


def sentences(phone: SimulatedPhone) -> float:
    return len(heard(phone)) / len(SENTENCE.audio)


async def _moved(
    way: str, reach: Reach, n: int, lose: Callable[[], None], *, on_air: float = 1.0, within_s: float = 60
) -> Moved:
    """`n` calls, each with a turn behind it; then `lose`; each ends once its next stream has spoken a sentence."""
    phones = [caller() for _ in range(n)]
    calls = [asyncio.create_task(reach.dial(one[0], more_phones=one[1:], limit_s=within_s + 60)) for one in phones]
    await until(lambda: all(sentences(one[0]) >= 1 + on_air for one in phones), within_s=within_s)
    lose()
    await until(
        lambda: all(call.done() or sentences(one[1]) >= 1 for call, one in zip(calls, phones, strict=True)),
        within_s=within_s,
        or_fail=False,
    )
    for one in phones:
        for phone in one[1:]:
            if phone.received:
                phone.hang_up(0)
    results = [await call for call in calls]
    return _judged(way, reach.model, phones, results)


def _judged(
    way: str, model: SimulatedRealtimeServer, phones: list[list[SimulatedPhone]], results: list[DialResult]
) -> Moved:
    went_on = [one for one in results if len(one.legs) > 1 and one.ending == "caller_hung_up" and not one.said]
    silences = [
        (one.legs[1].first_audio_us - one.legs[0].closed_us) / 1e6
        for one in went_on
        if one.legs[1].first_audio_us is not None and one.legs[0].closed_us is not None
    ]
    told = [[(item.role, item.content()) for item in session.conversation] for session in model.sessions]
    context = [
        items
        for items in told
        if any(role == "system" and part[0].get("text") == CARRY_ON for role, part in items)
        and any(role == "assistant" and part[0].get("text") == SENTENCE.transcript for role, part in items[:2] if part)
    ]
    cut = sum(_is_cut(one[0]) for one in phones)
    return Moved(way, len(results), len(went_on), min(len(context), len(results)), cut, silences)


def _is_cut(phone: SimulatedPhone) -> bool:
    """True when the stream ended in a sentence: it was not all there, or not all played."""
    played = phone.playout.heard_total_bytes(phone.ended_us or 0)
    return not sentences(phone).is_integer() or played < len(heard(phone))


def _environment(model: SimulatedRealtimeServer, **more: str) -> dict[str, str]:
    told = environment(model.url, PORT=str(_free_port()), LOG_LEVEL="info", **more)
    return {"WEB_CONCURRENCY": "1", "BOT_MAX_CALLS": "200", **told}


def _model() -> SimulatedRealtimeServer:
    return SimulatedRealtimeServer(lambda name: SimulatedModel(ScriptedAgent([REPLY]), model=name))


async def killed(n: int, directory: Path) -> Moved:
    """Kill -9 of the only process; a supervisor starts it again."""
    async with _model() as model, aiohttp.ClientSession() as http:
        told = _environment(model)
        async with supervised(told, directory) as server:
            reach = Reach(load_settings(told), f"http://127.0.0.1:{server.port}", model, http)
            return await _moved("killed", reach, n, lambda: os.kill(server.process.pid, signal.SIGKILL))


async def worker(n: int, directory: Path) -> Moved:
    """Kill -9 of both processes; their manager, which keeps the port, starts others."""
    async with _model() as model, aiohttp.ClientSession() as http:
        told = _environment(model) | {"WEB_CONCURRENCY": "2"}
        async with supervised(told, directory) as server:
            reach = Reach(load_settings(told), f"http://127.0.0.1:{server.port}", model, http)
            return await _moved("worker", reach, n, lambda: _kill_workers(server.process.pid))


def _kill_workers(manager: int) -> None:
    """All processes but their manager, one after the other: every call loses its own."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    for pid, parent in (line.split() for line in listed.stdout.splitlines()):
        if int(parent) == manager:
            os.kill(int(pid), signal.SIGKILL)


async def stopped(n: int, directory: Path, database_url: str) -> Moved:
    """SIGTERM of an instance, while another one on the same store is up behind the same address."""
    more = {"DATABASE_URL": database_url, "BOT_PII_KEY": "ab" * 32, "BOT_DRAIN_SECONDS": "8"}
    async with _model() as model, aiohttp.ClientSession() as http:
        here, there = _environment(model, **more), _environment(model, **more)
        async with (
            supervised(here, directory / "here") as first,
            Balancer([first.port]) as line,
            supervised(there, directory / "there") as second,
        ):
            await until(lambda: line.ready)
            reach = Reach(load_settings(here), line.origin, model, http)

            def lose() -> None:
                line.add(second.port)
                first.off()
                first.process.terminate()

            return await _moved("stopped", reach, n, lose)


async def everything(n: int) -> list[Moved]:
    """Each way, with `n` calls. Without PostgreSQL on this machine the last is left out."""
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory)
        found = [await killed(n, top / "killed"), await worker(n, top / "worker")]
        try:
            with postgres.running() as server:
                database = await new_database(server)
                found.append(await stopped(n, top / "stopped", server.url(database)))
        except postgres.NoPostgres as error:
            print(error)
        return found
