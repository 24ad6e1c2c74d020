"""A stop in the middle of calls, in the real server: nobody is lost, whatever the store, the processes and the others.

`python -m tests.proof stopping` prints a row for each. Callers are met while they speak, while the bot does, while
their session is being opened, and while Twilio has yet to open their stream; one more rings after it. With another
instance on the same Postgres they are carried on; else they hear what BOT_FALLBACK says. A call that had not begun is
answered by any other instance, and hears the busy tone where there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import aiohttp

from bot.config import load_settings
from bot.server.directory.departure import HOLDS
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.dialling.dial import DialResult, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import Elapsed, Say, Script, Step
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from bot.twilio.twiml import HOLD_S
from tests import postgres
from tests.faults.outcome import MOST_MS
from tests.proof.moving import _environment, supervised
from tests.server.balancer import Balancer
from tests.server.simulated_server import ACCOUNT, GREETING, PUBLIC_URL, QUICK, Reach, a_phone, form, until
from tests.store.conftest import new_database
from tests.waiting import GIVE_UP_S

LATE = MOST_MS / 1_000 + HOLDS * HOLD_S
"""Seconds from the end of a stream to the next sound: the rounds, and what every fault may take."""
LONG = Reply([Spoken(pattern(20_000), "on and on")], pacing=QUICK)
SLOW = Behaviour(created_after_ms=4_000)
GOES_ON = Reply([Spoken(pattern(1_500, "again"), "As I was saying.")], pacing=Pacing(speed=3))
NOT_BEGUN = {"stream to come": "fallback", "rings anew": "busy"}
"""Callers whom any instance can answer, and what they hear where there is none."""
HEADER = f"{'store':<9} {'processes':>9} {'another':>8}  {'met':<16} {'heard':<12} {'after':>6}"

Store = Literal["sqlite", "postgres"]


class Case(NamedTuple):
    """The server that is stopped. `another`: an instance that is up behind the same address, and stays."""

    store: Store
    processes: int
    another: bool

    @property
    def carries_on(self) -> bool:
        """True when somebody is left who knows the calls."""
        return self.another and self.store == "postgres"


CASES = [Case(*one) for one in itertools.product(("sqlite", "postgres"), (1, 2), (False, True))]  # type: ignore[arg-type]


class Met(NamedTuple):
    """Outcome for one caller; `after_s` is from the end of the stream to the next sound."""

    case: Case
    state: str
    heard: str
    after_s: float

    @property
    def right(self) -> bool:
        """True when the caller heard what was due."""
        if self.state in NOT_BEGUN:
            due = "a voice" if self.case.another else NOT_BEGUN[self.state]
        else:
            due = "a voice" if self.case.carries_on else "fallback"
        return self.heard == due

    @property
    def good(self) -> bool:
        """True when it was also in time."""
        return self.right and self.after_s <= LATE

    def row(self) -> str:
        store, processes, another = self.case
        end = "" if self.good else "  BAD"
        return (
            f"{store:<9} {processes:>9} {'yes' if another else 'none':>8}  {self.state:<16} {self.heard:<12}"
            f" {self.after_s:>4.1f} s{end}"
        )


@dataclass
class Line:
    """The way of phones to the server, and the way to stop it."""

    reach: Reach
    stop: Callable[[], None]
    log: Callable[[], str]


@contextlib.asynccontextmanager
async def _instances(case: Case, directory: Path, told: dict[str, str]) -> AsyncIterator[Line]:
    async with _model() as model, aiohttp.ClientSession() as http, contextlib.AsyncExitStack() as stack:
        told = {"BOT_DRAIN_SECONDS": "1", "BOT_PII_KEY": "ab" * 32, **told, "WEB_CONCURRENCY": str(case.processes)}
        first = await stack.enter_async_context(supervised(_environment(model, **told), directory / "a"))
        line = await stack.enter_async_context(Balancer([first.port]))
        others = [
            await stack.enter_async_context(supervised(_environment(model, **told), directory / "b"))
            for _ in range(case.another)
        ]
        await until(lambda: line.ready)

        def stop() -> None:
            for other in others:
                line.add(other.port)
            first.off()
            first.process.send_signal(signal.SIGTERM)

        reach = Reach(load_settings(_environment(model, **told)), line.origin, model, http)
        yield Line(reach, stop, lambda: first.log)


def _model() -> SimulatedRealtimeServer:
    """The sessions of the calls in the order in which they are made, then those that carry them on."""
    first: Iterator[tuple[Reply, Behaviour | None]] = iter([(GREETING, None), (LONG, None), (GREETING, SLOW)])

    def session(name: str) -> SimulatedModel:
        reply, behaviour = next(first, (GOES_ON, None))
        return SimulatedModel(ScriptedAgent([reply]), behaviour, model=name)

    return SimulatedRealtimeServer(session)


async def stopped(case: Case, directory: Path, told: dict[str, str] | None = None) -> list[Met]:
    """One stop that meets five callers."""
    async with _instances(case, directory, told or {}) as line:
        speaker = a_phone(script=Script([Step(Elapsed(100), Say(pattern(30_000, "caller")))]))
        listener, opener = a_phone(), a_phone()
        sessions = line.reach.model.sessions
        async with asyncio.TaskGroup() as group:
            calls = {"caller speaks": group.create_task(_dialled(line, speaker))}
            await until(lambda: speaker.received)
            calls["bot speaks"] = group.create_task(_dialled(line, listener))
            await until(lambda: listener.received)
            calls["session opens"] = group.create_task(_dialled(line, opener))
            await until(lambda: opener.opened_us is not None)
            ids, n = a_phone().ids, len(sessions)
            token = await line.reach.token(ids.call_sid)
            await until(lambda: len(sessions) > n)
            line.stop()
            calls["stream to come"] = group.create_task(_late(line, ids, token))
            calls["rings anew"] = group.create_task(_anew(line))
        return [Met(case, state, *call.result()) for state, call in calls.items()]


async def _dialled(line: Line, phone: SimulatedPhone) -> tuple[str, float]:
    """A call that ends with a sentence, or once its next stream has spoken."""
    after = SimulatedPhone(StreamIds(ACCOUNT, phone.ids.call_sid, new_stream_sid()))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    call = asyncio.create_task(line.reach.dial(phone, more_phones=[after], limit_s=GIVE_UP_S))
    await until(lambda: call.done() or after.received)
    over_s = loop.time() - began_s
    after.hang_up(0)
    return _what(result := await call), over_s - (result.legs[0].closed_us or 0) / 1e6


def _what(result: DialResult) -> str:
    if result.failure or result.legs[0].failure:
        return f"lost: {result.failure or result.legs[0].failure}"
    return "a voice" if len(result.legs) > 1 else "fallback" if result.said else "nothing"


async def _anew(line: Line) -> tuple[str, float]:
    """A call that comes in after the stop; timed from then."""
    await until(lambda: '"draining"' in line.log())
    phone, loop = a_phone(), asyncio.get_running_loop()
    began_s = loop.time()
    call = asyncio.create_task(line.reach.dial(phone, limit_s=GIVE_UP_S))
    await until(lambda: call.done() or phone.received)
    after_s = loop.time() - began_s
    phone.hang_up(0)
    result = await call
    heard = "a voice" if phone.received else "busy" if result.ending == "reject" else f"lost: {result.failure}"
    return heard, after_s


async def _late(line: Line, ids: StreamIds, token: str) -> tuple[str, float]:
    """Twilio opens the stream only after the call was ended."""
    ended = re.compile(f'"call_ended".*{ids.call_sid}|{ids.call_sid}.*"call_ended"')
    await until(lambda: ended.search(line.log()))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with await line.reach.upgrade(token) as socket:
        await socket.send_str(CONNECTED)
        await socket.send_str(TwilioTexts(ids).start({}))
        said = await socket.receive()
        if said.type is aiohttp.WSMsgType.TEXT:
            return "a voice", loop.time() - began_s
    path = "/voice/next"
    while True:
        status, document = await line.reach.post(path, form(ids.call_sid, "in-progress"))
        assert status == 200, document
        again = re.search(r"<Redirect[^>]*>([^#<]*)", document)
        if again is None:
            break
        await asyncio.sleep(HOLD_S)
        path = again[1].removeprefix(PUBLIC_URL)
    heard = "a voice" if "<Connect" in document else "fallback" if "<Say" in document else "nothing"
    return heard, loop.time() - began_s


async def everything() -> list[Met]:
    """Each case. Without PostgreSQL on this machine those with it are left out."""
    found: list[Met] = []
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        server: postgres.Server | None = None
        with contextlib.suppress(postgres.NoPostgres):
            server = stack.enter_context(postgres.running())
        for number, case in enumerate(CASES):
            if case.store == "sqlite":
                found += await stopped(case, Path(directory) / str(number))
            elif server is not None:
                found += await stopped(case, Path(directory) / str(number), await in_postgres(server))
    return found


async def in_postgres(server: postgres.Server) -> dict[str, str]:
    """The settings that keep calls in a new database."""
    return {"DATABASE_URL": server.url(await new_database(server))}
