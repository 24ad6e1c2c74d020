"""Idle sessions: ready before anybody calls, taken without a dial, replaced, and never handed out stale."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bot.audio.transcode import to_line
from bot.server.calls.sessions import warm_pool
from bot.server.calls.sessions.warm_pool import WarmPool
from bot.testing.dialling.dial import new_call_sid
from bot.testing.model import Behaviour, CloseAt, SimulatedModel
from bot.testing.model.server import Door
from bot.testing.replays import assert_replays
from tests.server.instance import heard_out
from tests.server.simulated_server import (
    ACCOUNT,
    GREETING,
    ServerUnderTest,
    a_phone,
    all_written,
    heard,
    standing,
    until,
)
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops


def pool(desk: ServerUnderTest) -> WarmPool:
    return desk.calls.starter.pool


async def filled(desk: ServerUnderTest, dialled: int) -> None:
    """Wait until the pool is full and `dialled` sessions have been opened in all."""
    await until(lambda: len(pool(desk)) == pool(desk).size and len(desk.model.sessions) == dialled)


class Heard:
    """Messages that each simulated session was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._texts: dict[SimulatedModel, list[Any]] = {}
        receive = SimulatedModel.receive

        def listening(model: SimulatedModel, text: str, now_us: int) -> None:
            self._texts.setdefault(model, []).append(json.loads(text))
            receive(model, text, now_us)

        monkeypatch.setattr(SimulatedModel, "receive", listening)

    def of(self, session: SimulatedModel, kind: str) -> list[Any]:
        return [message for message in self._texts.get(session, []) if message["type"] == kind]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(monkeypatch)


async def test_a_call_takes_a_ready_session_and_the_pool_fills_up_again(told: Heard, tmp_path: Path) -> None:
    async with standing(BOT_WARM_SESSIONS="2", BOT_RECORD="fixture", BOT_RECORD_DIR=str(tmp_path)) as desk:
        await filled(desk, 2)
        first = desk.model.sessions[0]
        await until(lambda: told.of(first, "session.update"))
        assert told.of(first, "response.create") == []
        await heard_out(desk, a_phone())
        await filled(desk, 3)
        assert len(told.of(first, "session.update")) == len(told.of(first, "response.create")) == 1
        assert desk.reasons == ["caller_hung_up"]

        await heard_out(desk, *(a_phone() for _ in range(5)))  # more than there are ready: the others are dialled
        await filled(desk, 8)
        assert desk.reasons == ["caller_hung_up"] * 6
        await until(lambda: len(list(tmp_path.iterdir())) == 6)
    all_written()
    for path in list(tmp_path.iterdir()):  # noqa: ASYNC240  the server is gone
        assert assert_replays(path).ended == "caller_hung_up"


async def test_what_a_ready_session_is_told_is_what_a_call_would_tell_it(told: Heard) -> None:
    updates = []
    for size in ("0", "1"):
        async with standing(BOT_WARM_SESSIONS=size, BOT_INSTRUCTIONS="Be brief.", BOT_VOICE="cedar") as desk:
            await filled(desk, int(size))
            await heard_out(desk, a_phone())
            updates.append(told.of(desk.model.sessions[0], "session.update")[0])  # one that answers late is asked more
    assert updates[0] == updates[1]
    assert ACCOUNT not in json.dumps(updates)


async def test_a_session_that_the_server_closes_is_replaced() -> None:
    def behaviour() -> Behaviour:
        first = not made
        made.append(1)
        return Behaviour(closes=CloseAt(100_000, 1001)) if first else Behaviour()

    made: list[int] = []
    async with standing(behaviour=behaviour, BOT_WARM_SESSIONS="1") as desk:
        await filled(desk, 1)
        await filled(desk, 2)
        assert pool(desk).failures == {"closed": 1}
        await desk.works()
        await filled(desk, 3)


async def test_a_session_that_would_not_last_a_call_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warm_pool.OLDEST_S < 3600 - 60
    async with standing(BOT_WARM_SESSIONS="1") as desk:
        await filled(desk, 1)
        monkeypatch.setattr(warm_pool, "OLDEST_S", 0.0)
        assert pool(desk).take(*desk.calls.starter.pooled()) is None
        monkeypatch.undo()
        await filled(desk, 2)
        await until(lambda: desk.model.open_sessions == 1)
        await heard_out(desk, a_phone())
        await filled(desk, 3)


async def test_formats_that_were_not_asked_for_are_noticed_by_the_call() -> None:
    format_ = {"type": "audio/pcm", "rate": 24000}
    audio = GREETING.items[0].audio
    async with standing(behaviour=Behaviour(forced_format=format_), BOT_WARM_SESSIONS="1") as desk:
        await filled(desk, 1)
        assert desk.logged("transcoding") == []
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(heard(phone)) >= len(audio) or calling.done())
        phone.hang_up(0)
        await calling
        convert = to_line("audio/pcm")
        assert convert is not None
        item_id = desk.model.sessions[0].memory()[0].item_id
        made = base64.b64encode(desk.model.sessions[0].spoken(item_id)).decode()
        assert base64.b64encode(heard(phone)).decode() == convert(made)
        assert [(entry["heard"], entry["spoken"]) for entry in desk.logged("transcoding")] == [("audio/pcm",) * 2]
        await filled(desk, 2)


@pytest.mark.parametrize(
    ("door", "behaviour", "failure"),
    [
        (Door(http_status=503), Behaviour(), "unreachable"),
        (Door(), Behaviour(refusal="invalid_api_key"), "bad_key"),
        (Door(), Behaviour(updated_after_ms=None), "timeout"),
        (Door(), Behaviour(created_after_ms=None), "timeout"),
        (Door(), Behaviour(updated_after_ms=None, closes=CloseAt(20_000, 1006)), "closed"),
    ],
)
async def test_a_failure_is_tried_again_later_and_later(
    door: Door, behaviour: Behaviour, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(warm_pool.RETRY_S) == sorted(warm_pool.RETRY_S)
    assert warm_pool.RETRY_S[0] >= 1
    monkeypatch.setattr(warm_pool, "READY_S", 0.02 if failure == "timeout" else GIVE_UP_S)
    monkeypatch.setattr(warm_pool, "RETRY_S", retries := Retries())
    async with standing(door=door, behaviour=behaviour, checked=False, BOT_WARM_SESSIONS="1") as desk:
        await until(lambda: len(retries.asked) == 5)
        assert retries.asked == [0, 1, 2, 2, 2]
        assert pool(desk).failures == {failure: 5}
        assert len(pool(desk)) == 0
        assert {entry["failure"] for entry in desk.logged("warm_session_failed")} == {failure}
        assert desk.model.open_sessions == 0


class Retries:
    """Three lengths to wait, none of them long, until five were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> float:
        self.asked.append(index)
        return 0.0 if len(self.asked) < 5 else 3600.0


@pytest.mark.usefixtures("short_pauses")
async def test_stopping_closes_what_is_ready_and_what_is_being_dialled() -> None:
    async with standing(BOT_WARM_SESSIONS="3") as desk:
        await filled(desk, 3)
        desk.model.door = Door(unanswered=True)
        desk.model.asked.clear()
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await desk.model.asked.wait()  # the pool dials another
        await until(lambda: heard(phone))
        await desk.calls.departure.close()
        await calling
        assert (len(pool(desk)), desk.model.open_sessions) == (2, 2)
    assert desk.model.open_sessions == 0


async def test_a_session_taken_by_a_call_that_is_over_before_its_task_runs_is_closed() -> None:
    async with standing(BOT_WARM_SESSIONS="1") as desk:
        await filled(desk, 1)
        live = desk.calls.starter.start(new_call_sid())
        assert live.bridge.model.warm
        live.bridge.phone_closed(1006)
        await live.task
        await until(lambda: desk.model.open_sessions == len(pool(desk)) == 1)
        assert desk.calls.registry.counts().live == 0


async def test_a_call_that_can_t_be_made_keeps_no_session_and_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async with standing(BOT_WARM_SESSIONS="1") as desk:
        await filled(desk, 1)
        call_sid = new_call_sid()
        monkeypatch.setattr("bot.server.calls.bridge.Call", Mock(side_effect=KeyError("a defect")))
        assert desk.calls.admission.enter(call_sid) == "new"
        with pytest.raises(KeyError):
            desk.calls.starter.start(call_sid)
        monkeypatch.undo()
        assert (len(pool(desk)), len(desk.calls.directory), desk.calls.registry.counts().live) == (1, 0, 0)
        await desk.works()
