"""Two real worker processes under the manager answer /metrics as one, and a dead one leaves its counts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp

from bot.testing.agent import ScriptedAgent
from bot.testing.dialling.dial import dial
from bot.testing.handset.script import Elapsed, HangUp, Script, Step
from bot.testing.model import SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.server.simulated_server import AUTH_TOKEN, GREETING, a_phone, environment, until
from tests.waiting import GIVE_UP_S
from tests.warm import start

ROOT = Path(__file__).parents[2]
HEADERS = {"Authorization": "Bearer watching-the-metrics"}
ENDED = 'heardline_call_seconds_count{reason="caller_hung_up"} '


class Workers:
    """`bot serve` with two processes; `directory` is where its temporary files are."""

    def __init__(self, origin: str, http: aiohttp.ClientSession, directory: Path) -> None:
        self.origin = origin
        self._http = http
        self._directory = directory

    def files(self, pattern: str) -> set[str]:
        """Names, without suffix, of what the processes keep for each other."""
        return {path.stem for path in self._directory.glob(f"heardline-*/{pattern}")}

    def pids(self) -> set[int]:
        """The workers that take calls."""
        return {int(name) for name in self.files("*.box")}

    async def number(self, line: str) -> float | None:
        """The number that follows `line` in the metrics; None while nobody answers."""
        with contextlib.suppress(aiohttp.ClientError):
            async with self._http.get(f"{self.origin}/metrics", headers=HEADERS) as answer:
                assert answer.status == 200
                return float((await answer.text()).partition(f"\n{line}")[2].partition("\n")[0])
        return None

    async def shows(self, line: str, number: float) -> None:
        """Wait until the metrics say so."""
        give_up_s = asyncio.get_running_loop().time() + GIVE_UP_S
        while (seen := await self.number(line)) != number:
            assert asyncio.get_running_loop().time() < give_up_s, f"{line}is {seen}, not {number}"
            await asyncio.sleep(0.02)

    async def call(self) -> None:
        phone = a_phone(script=Script([Step(Elapsed(100), HangUp())]))
        url = "https://bot.example.com/voice"
        result = await dial(url, phone, auth_token=AUTH_TOKEN, via=self.origin, limit_s=GIVE_UP_S)
        assert (result.ending, result.failure) == ("caller_hung_up", "")


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop that worker meanwhile, so that the other one gets every connection."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[Workers]:
    """A server of two processes on loopback, with a simulated session behind it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def session(name: str) -> SimulatedModel:
        return SimulatedModel(ScriptedAgent([GREETING]), model=name)

    async with (
        SimulatedRealtimeServer(session) as model,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
    ):
        settings = environment(
            model.url, PORT=str(port), WEB_CONCURRENCY="2", ADMIN_TOKEN="watching-the-metrics", BOT_DRAIN_SECONDS="1"
        )
        environ = {**os.environ, **settings, "TMPDIR": str(directory), "PYTHONPATH": str(ROOT)}
        server = start("serve", env=environ, cwd=directory)
        try:
            workers = Workers(f"http://127.0.0.1:{port}", http, directory)
            await until(lambda: len(workers.pids()) == 2)
            yield workers
        finally:
            server.terminate()
            code = await asyncio.to_thread(server.wait, GIVE_UP_S)
        assert code == 0


async def test_two_processes_answer_as_one_and_a_dead_one_leaves_its_counts(tmp_path: Path) -> None:
    async with serving(tmp_path) as workers:
        first, second = workers.pids()
        with stopped(first):
            await workers.call()
            await workers.shows(ENDED, 1)
        with stopped(second):
            await workers.call()
            await workers.shows(ENDED, 2)
        assert workers.files("metrics/counter_*") == {f"counter_{first}", f"counter_{second}"}
        gauges = f"metrics/gauge_livesum_{first}.db"
        assert workers.files(gauges)
        os.kill(first, signal.SIGKILL)
        await until(lambda: not workers.files(gauges))
        await workers.shows(ENDED, 2)
        assert await workers.number("heardline_calls_live ") == 0
    assert workers.files("") == set()
