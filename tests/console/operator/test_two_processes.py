"""The operator's page where the server has several processes: it makes no difference in which of them a request lands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import WSMsgType

from bot.console.operator.listen_in import CALLER
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from tests.console.operator.test_console import events, the_next
from tests.console.operator.test_take_over import speak
from tests.server.instance import Instance, serving
from tests.server.simulated_server import QUICK, a_phone, heard, until

TALK = Reply([Spoken(pattern(60_000, "talk"), "I talk for a long while.")], pacing=QUICK)
BACK = Reply([Spoken(pattern(600, "back"), "I am back.")], pacing=QUICK)
VOICE = pattern(20, "operator")

pytestmark = pytest.mark.paced
T = TypeVar("T")


@asynccontextmanager
async def in_a_call(instance: Instance) -> AsyncIterator[tuple[SimulatedPhone, int, int]]:
    """A call, the process that has it, and the other one."""
    phone = a_phone()
    calling = asyncio.create_task(instance.dial(phone))
    await until(lambda: phone.received)
    owner = instance.owner(phone.ids.call_sid)
    (other,) = instance.workers - {owner}
    yield phone, owner, other
    phone.hang_up(0)
    await calling


async def landing(instance: Instance, worker: int, asking: Coroutine[Any, Any, T]) -> T:
    """The answer to a request that lands in this process, whichever gives it."""
    with instance.only(worker):
        asked = asyncio.create_task(asking)
        await instance.ready()  # let in behind it
    return await asked


async def test_each_act_on_a_call_reaches_its_process(tmp_path: Path) -> None:
    async with serving(tmp_path, TALK, BACK) as instance, in_a_call(instance) as (phone, owner, other):
        sid, http = phone.ids.call_sid, instance.http

        async def post(path: str, body: Any) -> tuple[int, str]:
            async with http.post(f"{instance.origin}/console/api/live/{sid}/{path}", json=body) as answer:
                return answer.status, await answer.text()

        for worker in (owner, other):
            assert await landing(instance, worker, post("hint", {"text": "Be brief."})) == (200, "{}")
            assert (await landing(instance, worker, post("transfer", {"destination": "nobody"})))[0] == 400
            socket = await landing(instance, worker, http.ws_connect(f"{instance.origin}/console/live/{sid}/listen"))
            async with socket:
                message = await socket.receive()
                assert (message.type, message.data[:1]) == (WSMsgType.BINARY, CALLER)
        url = f"{instance.origin}/console/live/{sid}/take-over?by=Ada"
        async with await landing(instance, other, http.ws_connect(url)) as socket:
            assert await socket.receive_json() == {"state": "speaking"}
            speaking = asyncio.create_task(speak(socket, [VOICE] * 10_000))  # without a break: or they have gone
            await until(lambda: VOICE in heard(phone))
            speaking.cancel()
            await socket.send_json({"handBack": True})
        await until(lambda: BACK.items[0].audio in heard(phone))
        (had,) = instance.logged("handed_back")
        assert (had["call_sid"], had["by"], had["why"]) == (sid, "Ada", "asked")
        assert len(instance.logged("operator_hint")) == 2
        assert await landing(instance, other, post("hang-up", None)) == (200, "{}")
        await until(lambda: instance.reasons == ["bot_hung_up"])
        assert (await landing(instance, other, post("hang-up", None)))[0] == 404


async def test_a_page_shows_the_calls_of_all_processes_as_they_go_on(tmp_path: Path) -> None:
    async with serving(tmp_path, TALK) as instance:
        for worker in sorted(instance.workers):
            await _sees(instance, worker)


async def _sees(instance: Instance, worker: int) -> None:
    answer = await landing(instance, worker, instance.http.get(f"{instance.origin}/console/live"))
    async with answer:
        found = events(answer)
        await the_next(found, lambda name, _: name == "rows")
        phone = a_phone()
        sid = phone.ids.call_sid
        (other,) = instance.workers - {worker}
        with instance.only(other):
            calling = asyncio.create_task(instance.dial(phone))
            await until(lambda: instance.asked("SELECT owner FROM calls WHERE sid = ?", sid))
        assert instance.owner(sid) == other
        rows = await the_next(found, lambda name, data: name == "rows" and _row(data, sid))
        assert _row(rows, sid)["here"] is True
        phone.hang_up(0)
        await calling
        ended = await the_next(
            found, lambda name, data: name == "news" and data["sid"] == sid and data["type"] == "ended"
        )
        assert ended["reason"] == "caller_hung_up"
        await the_next(found, lambda name, data: name == "rows" and sid not in data["all"])


def _row(rows: Any, sid: str) -> Any:
    return next((row for row in rows["calls"] if row["sid"] == sid), None)
