"""Tools of the operator in a whole call over real sockets: the session knows them, they are run, and what came is said."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.server.bookkeeping.store_service import keeping
from bot.testing.agent import Pacing, Reply, Spoken, ToolCall, pattern
from bot.testing.model import Behaviour
from tests.hooks.receiver import SECRET, receiving
from tests.server.simulated_server import QUICK, an_asking_phone, heard, standing, until

SILENT = {"BOT_GREETING": "off"}
ANSWER = Reply([Spoken(pattern(300, "answer"), "Table four.")], pacing=QUICK)
MODULE = '''
import asyncio, threading
from bot.tools import ToolContext, tool

ran = []
let = threading.Event()

@tool
async def book(name: str, context: ToolContext) -> dict:
    """Book a table."""
    ran.append((name, context.call_sid, context.caller, context.store is not None))
    return {"table": 4}

@tool(timeout_s=20, at_hang_up="finish", once=True)
def slow() -> str:
    """Take long."""
    let.wait(20)
    ran.append("finished")
    return "at last"

@tool(timeout_s=20, at_hang_up="cancel")
async def cancelled() -> str:
    """Take long, and be stopped."""
    try:
        await asyncio.sleep(60)
    finally:
        ran.append("stopped")
'''


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    path = tmp_path / f"tools_{abs(hash(request.node.name))}.py"
    path.write_text(MODULE)
    return str(path)


def ran_in(path: str) -> Any:
    return sys.modules[Path(path).stem]


def calling(*calls: ToolCall) -> Reply:
    return Reply(tool_calls=calls, pacing=QUICK)


async def test_a_tool_is_run_and_its_result_spoken(module: str) -> None:
    replies = calling(ToolCall("book", '{"name": "Ann"}')), ANSWER
    async with standing(*replies, BOT_TOOLS=module, **SILENT) as desk:
        phone = an_asking_phone()
        await desk.dial_until(phone, lambda: len(heard(phone)) >= 2_400)
        assert heard(phone)[:2_400] == pattern(300, "answer")
        session = desk.model.sessions[-1]
        assert [one["name"] for one in session.session["tools"]] == [
            "end_call",
            "book",
            "slow",
            "cancelled",
            "cancel_tool",
        ]
        ((name, call_sid, caller, _),) = ran_in(module).ran
        assert (name, call_sid) == ("Ann", phone.ids.call_sid)
        assert caller.startswith("+")
        assert [one["tool"] for one in desk.logged("tool_called")] == ["book"]
        assert "Ann" not in str(desk.logs)


@pytest.mark.parametrize("withheld", ["+266696687", "Anonymous", "+86282452253"])
async def test_a_tool_knows_no_caller_who_withholds_their_number(module: str, withheld: str) -> None:
    """Many share what stands in its place: a tool that looks callers up by it would mix them."""
    async with standing(calling(ToolCall("book", '{"name": "Ann"}')), ANSWER, BOT_TOOLS=module, **SILENT) as desk:
        phone = an_asking_phone()
        await desk.dial_until(phone, lambda: len(heard(phone)) >= 2_400, from_number=withheld)
        ((_, _, caller, _),) = ran_in(module).ran
        assert caller == ""


@pytest.mark.parametrize("outlives", [False, True])
async def test_a_function_call_in_flight_when_the_caller_speaks_is_not_run(module: str, *, outlives: bool) -> None:
    """The server leaves it incomplete, or finishes it after the caller spoke."""
    pacing = Pacing(speed=0, first_audio_ms=10, call_gap_ms=600)
    replies = (
        Reply([Spoken(pattern(2_000), "Let me see.")], [ToolCall("book", '{"name": "Ann"}')], pacing=pacing),
        ANSWER,
    )
    behaviour = Behaviour(calls_outlive_speech=outlives)
    async with standing(*replies, behaviour=behaviour, BOT_TOOLS=module, **SILENT) as desk:
        phone = an_asking_phone()
        phone.say(pattern(300, "never mind"), 900_000)
        await desk.dial_until(phone, lambda: pattern(300, "answer") in heard(phone))
        assert ran_in(module).ran == []  # the caller had spoken before the call was whole
        assert desk.reasons[-1] == "caller_hung_up"


async def test_an_output_that_the_server_refuses_is_sent_again_and_the_tool_runs_once(module: str) -> None:
    replies = calling(ToolCall("book", '{"name": "Ann"}')), ANSWER
    async with standing(*replies, behaviour=Behaviour(refuse_outputs=1), BOT_TOOLS=module, **SILENT) as desk:
        phone = an_asking_phone()
        await desk.dial_until(phone, lambda: pattern(300, "answer") in heard(phone))
        assert len(ran_in(module).ran) == 1
        assert len(desk.logged("tool_output_refused")) == 1


async def test_at_the_callers_hang_up_one_tool_is_finished_and_the_other_stopped(module: str) -> None:
    async with standing(calling(ToolCall("slow"), ToolCall("cancelled")), BOT_TOOLS=module, **SILENT) as desk:
        phone = an_asking_phone()
        await desk.dial_until(phone, lambda: len(desk.logged("tool_called")) == 2)
        tools = ran_in(module)
        await until(lambda: "stopped" in tools.ran)
        await desk.quiet()  # the end of the call waits for no tool
        assert desk.reasons == ["caller_hung_up"]
        tools.let.set()
        await until(lambda: tools.ran == ["stopped", "finished"])


async def test_a_session_that_is_lost_while_a_tool_runs_costs_no_second_run(module: str) -> None:
    replies = calling(ToolCall("slow")), ANSWER
    async with standing(*replies, BOT_TOOLS=module, **SILENT) as desk:
        phone = an_asking_phone()

        async def lose() -> None:
            """The next session's script begins anew, with the same call: the tool may run once."""
            await until(lambda: desk.logged("tool_called"))
            await desk.model.close_sessions(1011, "")
            await until(lambda: desk.logged("session_replaced"))
            ran_in(module).let.set()

        losing = asyncio.create_task(lose())
        await desk.dial_until(phone, lambda: pattern(300, "answer") in heard(phone))
        await losing
        assert ran_in(module).ran == ["finished"]
        assert [one["tool"] for one in desk.logged("tool_done")] == ["slow"]


async def test_a_tool_may_ask_the_database_of_calls(tmp_path: Path) -> None:
    path = tmp_path / "tools_that_ask_the_store.py"
    path.write_text(
        '''
from bot.tools import ToolContext, tool

@tool
async def history(context: ToolContext) -> int:
    """Tell how many calls there were."""
    return len(await context.store.ask(lambda store: store.calls(), 5.0))
'''
    )
    env = {"BOT_TOOLS": str(path), "BOT_RECORD_DIR": str(tmp_path), **SILENT}
    async with standing(calling(ToolCall("history")), ANSWER, keep=keeping, **env) as desk:
        phone = an_asking_phone()
        await desk.dial_until(phone, lambda: pattern(300, "answer") in heard(phone))
        assert [one["ok"] for one in desk.logged("tool_done")] == [True]
        assert desk.logged("tool_failed") == []


async def test_a_server_of_tools_is_asked_over_http() -> None:
    listed = {
        "tools": [
            {
                "name": "book",
                "description": "Book.",
                "parameters": {"type": "object", "properties": {"name": {"type": "string"}}},
            }
        ]
    }
    async with receiving() as receiver:

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(listed if len(receiver.got) == 1 else {"result": {"table": 4}})

        receiver.answer = answer
        replies = calling(ToolCall("book", '{"name": "Ann"}')), ANSWER
        env = {"BOT_TOOLS_URL": receiver.url, "BOT_WEBHOOK_SECRET": SECRET, **SILENT}
        async with standing(*replies, **env) as desk:
            phone = an_asking_phone()
            await desk.dial_until(phone, lambda: pattern(300, "answer") in heard(phone))
        assert receiver.bodies[1]["arguments"] == {"name": "Ann"}
        assert receiver.bodies[1]["call"]["sid"] == phone.ids.call_sid
        assert len(receiver.got) == 2


async def test_a_server_of_tools_that_is_away_keeps_no_call_from_being_answered() -> None:
    env = {"BOT_TOOLS_URL": "http://127.0.0.1:9/", "BOT_WEBHOOK_SECRET": SECRET}
    async with standing(**env) as desk:
        assert len(desk.logged("tools_away")) == 1
        await desk.works()


async def test_a_server_of_tools_that_comes_back_is_asked_again_and_new_calls_know_its_tools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.tools.toolboxes.AGAIN_S", 0.05)
    async with receiving() as receiver:
        there = False

        async def answer(_: web.Request) -> web.Response:
            tool = {"name": "book", "description": "Book."}
            return web.json_response(
                {"tools": [tool]} if there else {"detail": "starting"}, status=200 if there else 503
            )

        receiver.answer = answer
        env = {"BOT_TOOLS_URL": receiver.url, "BOT_WEBHOOK_SECRET": SECRET}
        async with standing(BOT_WARM_SESSIONS="1", **env) as desk:
            await until(lambda: len(desk.logged("tools_away")) > 1)
            there = True
            await until(lambda: desk.logged("tools_back"))
            await desk.works()
            assert [one["name"] for one in desk.model.sessions[-1].session["tools"]][:2] == ["end_call", "book"]
