"""A session that dies in a call is replaced by another one, over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.testing import assert_replays
from bot.testing.agent import Pacing, Reply, Spoken, pattern
from bot.testing.model import Behaviour, CloseAt, SimulatedModel
from bot.testing.model.server import Door
from tests.server.simulated_server import GREETING, QUICK, a_phone, all_written, heard, standing, until

ANSWER = Reply([Spoken(pattern(400, "answer"), "Of course.")], pacing=QUICK)
TELLS = Reply([Spoken(pattern(4_000, "story"), "once upon a time " * 10)], pacing=Pacing(speed=2, first_audio_ms=10))
STORY = TELLS.items[0].audio
SAID = pattern(400, "question")


def told(model: SimulatedModel) -> list[str]:
    """The roles of what a session was told before it heard or said anything."""
    return [entry.role for entry in model.conversation if entry.id.startswith(("said_", "carry_on"))]


def closes(code: int, reason: str = "", ms: int = 700) -> Behaviour:
    return Behaviour(closes=CloseAt(ms * 1_000, code, reason))


async def test_it_dies_in_the_middle_of_a_sentence_and_the_next_one_goes_on(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for code in (1000, 1001, 1006, 1011, 1012):
            reason = "Your session hit the maximum duration of 60 minutes." if code == 1001 else ""
            group.create_task(goes_on(code, reason, tmp_path / str(code)), name=str(code))
    all_written()
    fixtures = list(tmp_path.glob("*/*.call.jsonl"))  # noqa: ASYNC240  the servers are gone
    assert len({fixture.parent for fixture in fixtures}) == len(fixtures) == 5
    for fixture in fixtures:
        assert_replays(fixture)


async def goes_on(code: int, reason: str, directory: Path) -> None:
    sessions = iter([closes(code, reason)])
    recording = {"BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(directory)}
    async with standing(TELLS, behaviour=lambda: next(sessions, Behaviour()), **recording) as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(desk.model.sessions) > 1 and STORY in heard(phone))
        first, second = desk.model.sessions[:2]
        phone.hang_up(0)
        assert (await calling).ending == "caller_hung_up"
        await desk.quiet()
        assert told(second) == ["assistant", "system"]
        sent = first.spoken(first.responses[0].outputs[0].item_id)
        begun = heard(phone).removesuffix(STORY)
        assert 0 < len(begun) <= len(sent) < len(STORY)
        assert sent.startswith(begun)
        assert code == 1006 or begun == sent  # as a line breaks, what is on its way may be lost
        told_of = [entry for entry in desk.logs if entry.get("call_sid") == phone.ids.call_sid]
        (lost,) = [entry for entry in told_of if entry["event"] == "session_lost"]
        (replaced,) = [entry for entry in told_of if entry["event"] == "session_replaced"]
        (ended,) = [entry for entry in told_of if entry["event"] == "call_ended"]
        assert (lost["code"], ended["reason"]) == (code, "caller_hung_up")
        assert replaced["after_ms"] < 1_000


async def test_what_the_caller_says_meanwhile_is_heard_and_answered() -> None:
    sessions = iter([closes(1011, ms=900)])
    async with standing(GREETING, ANSWER, behaviour=lambda: next(sessions, Behaviour())) as desk:
        phone = a_phone()
        phone.say(SAID * 3, 600_000)
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(desk.model.sessions) > 1 and len(desk.model.sessions[1].responses) > 0)
        await until(lambda: len(heard(phone)) >= 2 * len(GREETING.items[0].audio))
        phone.hang_up(0)
        await calling
        second = desk.model.sessions[1]
        assert SAID * 3 in second.heard
        assert second.responses[0].status == "completed"


async def test_an_idle_session_takes_over_when_there_is_one() -> None:
    async with standing(GREETING, BOT_WARM_SESSIONS="2") as desk:
        pool = desk.calls.starter.pool
        await until(lambda: len(pool) == 2)
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: heard(phone) == GREETING.items[0].audio)
        await until(lambda: len(pool) == 2)
        dialled = pool.dialled
        live = desk.bridge(phone.ids.call_sid)
        desk.model.sessions[0].close(CloseAt(0, 1011))
        await until(lambda: live.call.counts["sessions_replaced"] == 1)
        await until(lambda: len(pool) == 2)
        assert pool.dialled == dialled + 1  # for the pool, none for the call
        phone.hang_up(0)
        await calling


@pytest.mark.parametrize("door", [Door(http_status=503), Door(unanswered=True)])
async def test_a_server_that_comes_back_in_time_is_not_missed(door: Door) -> None:
    sessions = iter([closes(1011, ms=400)])
    async with standing(GREETING, ANSWER, behaviour=lambda: next(sessions, Behaviour())) as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: heard(phone) == GREETING.items[0].audio)
        desk.model.door = door
        await until(lambda: desk.logged("session_lost"))
        desk.model.door = Door()
        await until(lambda: desk.logged("session_replaced"))
        phone.hang_up(0)
        assert (await calling).ending == "caller_hung_up"


@pytest.mark.parametrize("behaviour", [Behaviour(created_after_ms=None), Behaviour(updated_after_ms=None)])
async def test_a_slow_first_session_is_overtaken_by_another(behaviour: Behaviour) -> None:
    sessions = iter([behaviour])
    async with standing(behaviour=lambda: next(sessions, Behaviour()), BOT_RESPONSE_SECONDS="1") as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: heard(phone) == GREETING.items[0].audio)
        phone.hang_up(0)
        assert (await calling).ending == "caller_hung_up"
        await desk.quiet()
        assert len(desk.model.sessions) == 2


async def test_a_caller_who_hangs_up_while_it_is_dialled_leaves_nothing_behind() -> None:
    sessions = iter([closes(1011, ms=400)])
    async with standing(GREETING, behaviour=lambda: next(sessions, Behaviour())) as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: heard(phone) == GREETING.items[0].audio)
        desk.model.door = Door(unanswered=True)
        await until(lambda: desk.logged("session_lost"))
        phone.hang_up(0)
        assert (await calling).ending == "caller_hung_up"
        await desk.quiet()
        desk.model.door = Door()
