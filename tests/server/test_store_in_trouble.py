"""Twenty calls beside a real store that is locked, slow, full or gone: none is disturbed, and nothing is lost.

How long their audio takes meanwhile is measured by `python -m tests.benchmarks store`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.server.bookkeeping.store_service import keeping
from bot.store.results import CallSummary
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.network.line import Line
from bot.testing.network.slow_line import SlowLine
from tests.postgres import Server
from tests.server.simulated_server import GREETING, ServerUnderTest, a_phone, heard, standing, until
from tests.store import troubles
from tests.store.conftest import new_database

CALLS = 20
SLOW_MS = 300
"""Each way, so that a transaction of some statements takes seconds."""


# ---- SQLite ----


@pytest.mark.parametrize("trouble", [troubles.locked, troubles.slow])
async def test_no_call_notices_a_file_in_trouble_and_what_was_held_back_is_stored(
    tmp_path: Path, trouble: Callable[[Path], AbstractContextManager[None]]
) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        first = await calls(desk, 1)
        with trouble(tmp_path):
            held_back = await calls(desk, CALLS)
        await all_stored(desk, first + held_back)


async def test_no_call_notices_a_full_disk_and_what_was_held_back_is_stored(tmp_path: Path) -> None:
    directory = tmp_path / "small"
    with ExitStack() as stack:
        try:
            stack.enter_context(troubles.small_disk(directory))
        except troubles.NoSmallDisk as why:
            pytest.skip(str(why))
        async with standing(keep=keeping, BOT_RECORD_DIR=str(directory)) as desk:
            first = await calls(desk, 1)
            with troubles.full(directory):
                assert os.statvfs(directory).f_bavail == 0
                held_back = await calls(desk, CALLS)
                await until(lambda: desk.logged("store_away"))
                (away,) = desk.logged("store_away")
                assert "full" in away["why"]
                assert desk.kept is not None
                assert desk.kept.write_behind.waiting > CALLS
            await all_stored(desk, first + held_back)


# ---- Postgres ----


class Gate(SlowLine):
    """The way to a server: open, slow, or shut."""

    def __init__(self, port: int) -> None:
        self._lines = Line(), Line()
        super().__init__(port, *self._lines)
        self._shut = False

    def shut(self) -> None:
        self._shut = True
        for writer in self._writers:
            writer.transport.abort()

    def slow(self) -> None:
        for line in self._lines:
            line.delay_us = SLOW_MS * 1_000

    def open(self) -> None:
        self._shut = False
        for line in self._lines:
            line.delay_us = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._shut:
            writer.transport.abort()
        else:
            await super().serve(reader, writer)


@asynccontextmanager
async def beyond_a_gate(server: Server, directory: Path) -> AsyncIterator[tuple[ServerUnderTest, Gate]]:
    """A desk whose store is a database of `server`'s."""
    async with Gate(server.port) as gate:
        url = replace(server, port=gate.port).url(await new_database(server))
        store = {"DATABASE_URL": url, "BOT_PII_KEY": "ab" * 32, "BOT_RECORD_DIR": str(directory)}
        async with standing(keep=keeping, **store) as desk:
            yield desk, gate


@pytest.mark.parametrize("trouble", [Gate.shut, Gate.slow])
async def test_no_call_notices_a_server_in_trouble_and_what_was_held_back_is_stored(
    tmp_path: Path, postgres: Server, trouble: Callable[[Gate], None]
) -> None:
    async with beyond_a_gate(postgres, tmp_path) as (desk, gate):
        first = await calls(desk, 1)
        trouble(gate)
        held_back = await calls(desk, CALLS)
        if trouble is Gate.shut:
            await until(lambda: desk.logged("store_away"))
        gate.open()
        await all_stored(desk, first + held_back)


# ---- calls ----


async def calls(desk: ServerUnderTest, number: int) -> list[str]:
    """Make so many calls at once, whose callers hear the whole greeting and hang up. Gives their SIDs."""
    phones = [a_phone() for _ in range(number)]
    greeting = GREETING.items[0].audio

    async def call(phone: SimulatedPhone) -> None:
        result = await desk.dial_until(phone, lambda: len(heard(phone)) >= len(greeting))
        assert (heard(phone), result.ending) == (greeting, "caller_hung_up")

    async with asyncio.TaskGroup() as group:
        for phone in phones:
            group.create_task(call(phone))
    await desk.quiet()
    return [phone.ids.call_sid for phone in phones]


async def all_stored(desk: ServerUnderTest, sids: list[str]) -> None:
    """Each of them is in the store with its end, and no row of theirs is lost."""
    assert desk.kept is not None
    keeper = desk.kept.write_behind
    assert await keeper.flush(30)
    found: list[CallSummary] = await keeper.ask(lambda store: store.calls(), 5)
    assert sorted(one.sid for one in found) == sorted(sids)
    assert {(one.reason, one.lost) for one in found} == {("caller_hung_up", 0)}
    assert all(one.tokens["audio_out"] for one in found)
    assert keeper.lost == 0
