"""The caller's wait with a lookup: `python -m tests.proof.lookup_wait [CALLS]` prints it by how long the answer takes.

Real sockets and real time; the way to the model is a line that delays, so a dial takes two of its round trips.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bot.config import load_settings
from bot.server.http.app import running
from bot.server.http.app_keys import CALLS
from bot.testing.agent import ScriptedAgent
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from bot.testing.network.line import Line
from bot.testing.network.slow_line import SlowLine
from tests.hooks.receiver import SECRET, receiving
from tests.server.simulated_server import GREETING, Reach, a_phone, environment, heard, until

ONE_WAY_MS = 50
ANSWERS_MS = (None, 0, 50, 100, 150, 200, 300, 500, 1000, 2500)
"""Milliseconds after which the operator's server answers; None: there is no lookup."""


@asynccontextmanager
async def answering(after_ms: int | None) -> AsyncIterator[dict[str, str]]:
    """The settings of a server that asks one which answers after so long."""
    if after_ms is None:
        yield {}
        return

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(after_ms / 1000)
        return web.json_response({"variables": {"name": "Ann"}})

    async with receiving() as receiver:
        receiver.answer = answer
        yield {"BOT_LOOKUP_URL": receiver.url, "BOT_WEBHOOK_SECRET": SECRET, "BOT_GREETING": "Hello {{name}}!"}


async def waits(after_ms: int | None, number: int) -> list[float]:
    """Milliseconds from the webhook to the greeting's first byte at the phone, one call after the other."""

    def session(name: str) -> SimulatedModel:
        return SimulatedModel(ScriptedAgent([GREETING]), model=name)

    line = (Line(ONE_WAY_MS * 1000), Line(ONE_WAY_MS * 1000))
    async with answering(after_ms) as more, SimulatedRealtimeServer(session) as model:
        port = int(model.url.split(":")[2].partition("/")[0])
        async with SlowLine(port, *line) as slow:
            url = model.url.replace(str(port), str(slow.port))
            settings = load_settings(environment(url, **more)).model_copy(update={"port": 0})
            async with running(settings) as (app, own_port), aiohttp.ClientSession() as http:
                reach = Reach(settings, f"http://127.0.0.1:{own_port}", model, http)
                found = [await _wait(reach, a_phone()) for _ in range(number)]
                await until(lambda: not len(app[CALLS].directory))
                return found


async def _wait(reach: Reach, phone: SimulatedPhone) -> float:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    calling = asyncio.create_task(reach.dial(phone))
    await until(lambda: heard(phone))
    wait_ms = (loop.time() - began_s) * 1000
    phone.hang_up(0)
    await calling
    return wait_ms


async def main(number: int) -> None:
    """Print a line for each time that the answer takes."""
    print(f"one way to the model {ONE_WAY_MS} ms, {number} calls each; webhook to first byte of the greeting, ms")
    for after_ms in ANSWERS_MS:
        found = sorted(await waits(after_ms, number))
        told = "no lookup" if after_ms is None else f"answer after {after_ms} ms"
        print(f"{told:24} p50 {statistics.median(found):7.1f}  max {found[-1]:7.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tests.proof.lookup_wait", description=__doc__)
    parser.add_argument("calls", nargs="?", type=int, default=10)
    asyncio.run(main(parser.parse_args().calls))
