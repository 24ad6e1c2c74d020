from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.config import load_settings
from bot.store.call_store import CallStore
from bot.store.results import Purged, Retention
from bot.store.rows import OwnerSeen
from bot.store.upkeep import owners
from bot.store.upkeep.crash_sweep import SILENT_S, CrashSweep
from bot.store.upkeep.owners import Owner
from bot.store.upkeep.purge import Purge, retention
from tests.store.row_samples import NOW, ONE, SECOND, THREE, TWO, ended, said, started, used
from tests.store.upkeep.test_owners import CHILD

ME = Owner("web-1", "web")


async def reasons(store: CallStore) -> dict[str, str]:
    found = {}
    for sid in (ONE, TWO, THREE):
        call = await store.call(sid)
        found[sid] = call.summary.reason if call is not None else "unknown"
    return found


@pytest.mark.skipif(not owners._machine(), reason="no /proc here: silence alone tells")
async def test_the_calls_of_a_process_that_died_here_are_ended_at_once(store: CallStore) -> None:
    command = [sys.executable, "-c", CHILD]
    done = await asyncio.to_thread(subprocess.run, command, input="\n", capture_output=True, text=True, check=True)
    dead = str(done.stdout).strip()
    await store.apply([started(ONE, owner=dead), said("I was saying"), used(700), OwnerSeen(dead, "web", NOW + SECOND)])
    await store.apply([started(TWO, owner=ME.name), started(THREE, owner=dead), ended(THREE)])
    sweep = CrashSweep(ME, line_minute=5)
    with capture_logs() as logs:
        await sweep(store)
    assert sweep.crashed == 1
    assert await reasons(store) == {ONE: "crashed", TWO: "", THREE: "caller_hung_up"}
    call = await store.call(ONE)
    assert call is not None
    assert (call.summary.turns, call.summary.nano_usd, call.summary.ended_at) == (1, 705, NOW + SECOND)
    assert [(entry["event"], entry["call_sid"]) for entry in logs] == [("call_crashed", ONE)]


async def test_the_calls_of_a_process_that_fell_silent_are_ended_in_time(store: CallStore) -> None:
    at_s = 0.0
    sweep = CrashSweep(ME, lambda: at_s)
    await store.apply([started(ONE, owner="web-2"), started(TWO, owner="web-3"), started(THREE, owner=ME.name)])
    while at_s <= SILENT_S:
        await store.apply([OwnerSeen("web-2", "web", NOW), OwnerSeen("web-3", "web", NOW + timedelta(seconds=at_s))])
        await sweep(store)
        assert await reasons(store) == {ONE: "", TWO: "", THREE: ""}
        at_s += 4.0
    await store.apply([OwnerSeen("web-3", "web", NOW + timedelta(seconds=at_s))])
    await sweep(store)
    assert await reasons(store) == {ONE: "crashed", TWO: "", THREE: ""}


class PurgedStore:
    def __init__(self) -> None:
        self.asked: list[Retention] = []

    async def purge(self, now: object, keep: Retention) -> Purged:
        self.asked.append(keep)
        return Purged(files=["/f"], texts=2, failed={"/g": "Permission denied"})


async def test_one_process_of_a_machine_purges_until_it_is_gone(tmp_path: Path) -> None:
    store = PurgedStore()
    keep = retention(load_settings({"BOT_KEEP_FIXTURES_DAYS": "3"}))
    first, second = (Purge(tmp_path / "recordings", keep, lambda: NOW) for _ in range(2))
    with capture_logs() as logs:
        await first(store)
        await second(store)
        await first(store)
    assert [one.fixtures_days for one in store.asked] == [3, 3]
    assert [entry["event"] for entry in logs] == ["purged", "purge_failed"] * 2
    first.close()
    await second(store)
    assert len(store.asked) == 3
    second.close()


async def test_where_no_lock_can_be_made_the_words_are_purged_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("in the way")
    store = PurgedStore()
    await Purge(tmp_path / "recordings", Retention(), lambda: NOW)(store)
    assert len(store.asked) == 1
