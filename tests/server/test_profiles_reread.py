"""SIGHUP: the file of profiles is read again, by one process and by several; a wrong one changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.config import load_settings
from bot.config.profiles import load_profiles
from bot.server.workers.rereading import Rereading
from bot.testing.agent import ScriptedAgent
from bot.testing.dialling.dial import new_call_sid
from bot.testing.model import SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.server.instance import ServerProcess, _free_port, _kill_group, begun, logged, serving
from tests.server.simulated_server import GREETING, Reach, environment, until

FIRST = '[clinic]\nnumbers = ["+15555550100"]\n'
SECOND = '[shop]\nnumbers = ["+15555550100"]\n'
WRONG = '[shop]\nnumbers = ["+15555550100"]\nBOT_VOICE = "cedr"\n'


async def profile(reach: Reach) -> str:
    """The profile of a new call to the number, as the answer to its webhook names it."""
    status, document = await reach.voice(new_call_sid())
    assert status == 200
    return document.partition("/voice/next?profile=")[2].partition("#")[0]


@contextlib.asynccontextmanager
async def one_process(directory: Path, **env: str) -> AsyncIterator[tuple[Reach, ServerProcess]]:
    def session(name: str) -> SimulatedModel:
        return SimulatedModel(ScriptedAgent([GREETING]), model=name)

    async with SimulatedRealtimeServer(session) as model, aiohttp.ClientSession() as http:
        told = environment(model.url, PORT=str(_free_port()), WEB_CONCURRENCY="1", **env)
        process = begun(told, directory)
        try:
            reach = Reach(load_settings(told), f"http://127.0.0.1:{told['PORT']}", model, http)
            await until(lambda: logged(directory, "listening") or process.poll() is not None)
            yield reach, process
            process.terminate()
            assert await asyncio.to_thread(process.wait, 30) == 0
        finally:
            _kill_group(process)


async def test_one_process_reads_again_and_keeps_what_it_had_when_that_is_wrong(tmp_path: Path) -> None:
    (file := tmp_path / "profiles.toml").write_text(FIRST)
    async with one_process(tmp_path, BOT_PROFILES=str(file), BOT_DRAIN_SECONDS="0") as (reach, process):
        assert await profile(reach) == "clinic"
        file.write_text(WRONG)
        process.send_signal(signal.SIGHUP)
        await until(lambda: logged(tmp_path, "profiles_kept"))
        assert await profile(reach) == "clinic"
        (kept,) = logged(tmp_path, "profiles_kept")
        assert kept["why"].startswith(f"Profile shop in {file}: BOT_VOICE must be one of ")
        file.write_text(SECOND)
        process.send_signal(signal.SIGHUP)
        await until(lambda: logged(tmp_path, "profiles_reread"))
        assert await profile(reach) == "shop"


async def test_several_processes_are_replaced_by_such_as_have_the_new_profiles(tmp_path: Path) -> None:
    (file := tmp_path / "profiles.toml").write_text(FIRST)
    async with serving(tmp_path, BOT_PROFILES=str(file), BOT_DRAIN_SECONDS="0") as instance:

        async def reread() -> set[str]:
            before = instance.workers
            instance.process.send_signal(signal.SIGHUP)
            await until(lambda: len(instance.accepting - before) == 2 and not instance.accepting & before)
            await until(lambda: not instance.workers & before)
            return {await profile(instance) for _ in range(6)}

        assert {await profile(instance) for _ in range(6)} == {"clinic"}
        file.write_text(WRONG)
        assert await reread() == {"clinic"}
        assert len(instance.logged("profiles_kept")) == 1
        file.write_text(SECOND)
        assert await reread() == {"shop"}
        assert len(instance.logged("profiles_reread")) == 1


@pytest.mark.parametrize("times", [2, 5])
async def test_a_signal_while_it_reads_has_it_read_once_more(tmp_path: Path, times: int) -> None:

    (file := tmp_path / "profiles.toml").write_text(FIRST)
    profiles = load_profiles(load_settings({"BOT_PROFILES": str(file)}))
    taken: list[str] = []
    profiles.on_reread.append(lambda: taken.append(profiles.of_number("+15555550100").profile))
    rereading = Rereading(profiles)
    rereading.begin()
    await asyncio.sleep(0)
    file.write_text(SECOND)
    for _ in range(times - 1):
        rereading.begin()
    await until(lambda: taken[-1:] == ["shop"])
    assert len(taken) <= 2
    rereading.close()


async def test_tools_of_a_profile_that_is_read_anew_are_opened(tmp_path: Path) -> None:
    (tmp_path / "shop_tools.py").write_text(
        'from bot.tools import tool\n\n\n@tool\ndef in_stock(plant: str) -> bool:\n    """Whether we have a plant."""\n    return True\n'
    )
    (file := tmp_path / "profiles.toml").write_text(FIRST)
    here = {"BOT_PROFILES": str(file), "BOT_DRAIN_SECONDS": "0"}
    async with one_process(tmp_path, **here) as (reach, process):
        assert await profile(reach) == "clinic"
        file.write_text(f'{SECOND}BOT_TOOLS = "{tmp_path / "shop_tools.py"}"\n')
        process.send_signal(signal.SIGHUP)
        await until(lambda: logged(tmp_path, "profiles_reread"))

        async def offered() -> bool:
            assert await profile(reach) == "shop"
            await until(lambda: reach.model.sessions[-1].session.get("tools"))
            return any(one["name"] == "in_stock" for one in reach.model.sessions[-1].session["tools"])

        async with asyncio.timeout(30):
            while not await offered():  # noqa: ASYNC110  another process opens them
                await asyncio.sleep(0.05)
