"""What the operator does beside hints and hanging up: transfers, listening in, tools by hand, webhooks once more."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from aiohttp import WSMsgType, WSServerHandshakeError

from bot.call.states import State
from bot.console.operator.listen_in import BOT, CALLER, MOST_LISTENERS, Ear
from bot.store.call_store import CallStore
from bot.store.rows import CallStarted
from bot.store.sql.tables import outbox
from bot.testing.agent import Reply, Spoken, pattern
from bot.twilio.stream import Media, MediaPart
from tests.console.operator.test_console import LONG, events, got, kept_console, live_call, posted, the_next
from tests.server.simulated_server import GREETING, QUICK, a_phone, heard, until

SID = "CA" + "5" * 32
TOOLS = '''
from bot.tools import ToolContext, ToolError, tool

@tool
def double(number: int) -> int:
    """Twice a number."""
    return 2 * number

@tool
def who(context: ToolContext) -> str:
    """The caller."""
    if not context.caller:
        raise ToolError("Nobody <b>calls</b>.")
    return context.caller
'''


# ---- transfers ----


async def test_an_operator_s_transfer_reaches_the_call_and_is_told(tmp_path: Path) -> None:
    desk_of = kept_console(tmp_path, LONG, BOT_TRANSFER_NUMBERS="sales=+15555550190")
    async with desk_of as desk, live_call(desk) as phone, desk.http.get(f"{desk.origin}/console/live") as answer:
        found = events(answer)
        (row,) = (await the_next(found, lambda name, data: name == "rows" and data["calls"]))["calls"]
        assert row["destinations"] == ["sales"]
        path = f"live/{phone.ids.call_sid}/transfer"
        assert await posted(desk, path, {"destination": "sales", "summary": "They want a boat."}) == (200, {})
        told = await the_next(found, lambda name, data: name == "news" and data["type"] == "transfer")
        assert (told["to"], told["state"]) == ("sales", "is being checked")
        events_of = desk.logged("operator_transfer")
        assert [one["destination"] for one in events_of] == ["sales"]
        await until(lambda: any(one.type == "function_call" for one in desk.model.sessions[0].conversation))


@pytest.mark.parametrize(
    "body",
    [{}, [], {"destination": "+15555550190"}, {"destination": 5}, {"destination": "sales", "summary": "x" * 501}],
)
async def test_a_transfer_to_nobody_on_the_list_is_refused(tmp_path: Path, body: object) -> None:
    desk_of = kept_console(tmp_path, LONG, BOT_TRANSFER_NUMBERS="sales=+15555550190")
    async with desk_of as desk, live_call(desk) as phone:
        status, told = await posted(desk, f"live/{phone.ids.call_sid}/transfer", body)
        assert (status, "problem" in told) == (400, True)
        assert (await posted(desk, "live/CA1/transfer", {"destination": "sales"}))[0] == 404


# ---- listening in ----


async def test_who_listens_in_hears_both_sides_until_the_call_ends(tmp_path: Path) -> None:
    answer = Reply([Spoken(pattern(20_000, "answer"), "I talk.")], pacing=QUICK)
    words = pattern(500, "words")
    async with kept_console(tmp_path, GREETING, answer) as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
        bridge = desk.bridge(phone.ids.call_sid)
        await until(lambda: bridge.call.state is State.LISTENING)
        assert (bridge.on_frame, bridge.on_output) == ([], [])
        async with desk.http.ws_connect(f"{desk.origin}/console/live/{phone.ids.call_sid}/listen") as socket:
            await until(lambda: bridge.on_frame)
            phone.say(words, round(bridge.age_s * 1e6))
            sides = {CALLER: b"", BOT: b""}
            async with asyncio.timeout(60):
                while len(sides[BOT]) < 4_000 or words[:1_000] not in sides[CALLER]:
                    message = await socket.receive()
                    assert message.type is WSMsgType.BINARY
                    sides[message.data[:1]] += message.data[1:]
            assert answer.items[0].audio.startswith(sides[BOT][:4_000])
            assert len(sides[BOT]) < len(answer.items[0].audio) // 2  # as it is played, not as it was made
            assert (await posted(desk, f"live/{phone.ids.call_sid}/hang-up"))[0] == 200
            async for message in socket:
                assert message.type is WSMsgType.BINARY
            assert socket.close_code == 1000
        await calling
        assert (bridge.on_frame, bridge.on_output) == ([], [])
        assert [one["call_sid"] for one in desk.logged("operator_listened")] == [phone.ids.call_sid]


async def test_a_listener_who_leaves_leaves_nothing_behind_and_there_is_room_for_so_many(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG) as desk, live_call(desk) as phone, AsyncExitStack() as stack:
        bridge = desk.bridge(phone.ids.call_sid)
        url = f"{desk.origin}/console/live/{phone.ids.call_sid}/listen"
        sockets = [await stack.enter_async_context(desk.http.ws_connect(url)) for _ in range(MOST_LISTENERS)]
        await until(lambda: len(bridge.on_frame) == MOST_LISTENERS)
        with pytest.raises(WSServerHandshakeError) as refused:
            await desk.http.ws_connect(url)
        assert refused.value.status == 409
        for socket in sockets:
            await socket.close()
        await until(lambda: not bridge.on_frame)
        assert bridge.on_output == []


def test_nobody_listens_in_before_the_announcement_was_heard() -> None:
    bridge = SimpleNamespace(call=SimpleNamespace(announced=False), age_s=0.0)
    ear = Ear(bridge)  # type: ignore[arg-type]
    frame = Media(MediaPart(b64encode(b"x" * 160).decode(), 0), "MZ1")
    ear.frame(frame)
    assert ear.heard() == []
    bridge.call.announced = True
    ear.frame(frame)
    assert ear.heard() == [CALLER + b"x" * 160]


# ---- tools by hand ----


async def test_tools_are_listed_and_run_by_hand(tmp_path: Path) -> None:
    module = tmp_path / "console_tools_sample.py"
    module.write_text(TOOLS)
    async with kept_console(tmp_path, BOT_TOOLS=str(module)) as desk:
        told = (await got(desk, "api/tools"))["tools"]
        assert [(one["name"], one["about"]) for one in told] == [("double", "Twice a number."), ("who", "The caller.")]
        assert told[0]["parameters"]["required"] == ["number"]
        status, answer = await posted(desk, "tools/double", {"arguments": {"number": 21}})
        assert (status, json.loads(answer["output"]), answer["ok"]) == (200, 42, True)
        _, answer = await posted(desk, "tools/who", {"caller": "+15555550142"})
        assert "+15555550142" in answer["output"]
        _, answer = await posted(desk, "tools/who", {})
        assert (answer["ok"], "Nobody <b>calls</b>." in answer["output"]) == (False, True)
        for path, body, status in (
            ("tools/nobody", {}, 404),
            ("tools/double?profile=none", {}, 404),
            ("tools/double", {"arguments": "21"}, 400),
            ("tools/double", {"caller": "x"}, 400),
        ):
            assert (await posted(desk, path, body))[0] == status, path
        assert [(one["tool"], one["ok"]) for one in desk.logged("operator_ran_tool")][:1] == [("double", True)]


# ---- webhooks, profiles ----


async def test_webhooks_that_were_given_up_are_listed_and_sent_again(tmp_path: Path) -> None:
    async with kept_console(tmp_path) as desk:
        assert await got(desk, "api/webhooks") == {"entries": [], "failed": 0, "all": 0}
        assert desk.kept is not None
        await desk.kept.write_behind.ask(_give_up, 10)
        told = await got(desk, "api/webhooks")
        assert [(one["sid"], one["state"], one["why"]) for one in told["entries"]] == [
            (SID, "failed", "the server answered 500")
        ]
        assert await posted(desk, "webhooks/again", {"sid": "CA" + "0" * 32}) == (200, {"entries": 0})
        assert await posted(desk, "webhooks/again", {"sid": SID}) == (200, {"entries": 1})
        assert (await posted(desk, "webhooks/again", {"sid": 5}))[0] == 400
        assert (await got(desk, "api/webhooks"))["failed"] == 0


async def _give_up(store: CallStore) -> None:
    at = datetime.now(UTC)
    await store.apply([CallStarted(SID, at, "host/1")])
    async with store._writes.begin() as connection:
        entry = {"id": "evt_1", "call_sid": SID, "kind": "call.ended", "at": at, "created_at": at, "due_at": at}
        values = {**entry, "attempts": 9, "state": "failed", "why": "the server answered 500"}
        await connection.execute(sa.insert(outbox).values(values))


async def test_calls_are_filtered_by_their_profile(tmp_path: Path) -> None:
    async with kept_console(tmp_path) as desk:
        assert desk.kept is not None
        at = datetime.now(UTC)
        calls = [CallStarted(f"CA{n}{'0' * 31}", at, "host/1", profile=name) for n, name in enumerate(("clinic", ""))]
        await desk.kept.write_behind.ask(lambda store: store.apply(calls), 10)
        found = await got(desk, "api/calls?profile=clinic")
        assert [(one["sid"], one["profile"]) for one in found["calls"]] == [(calls[0].call_sid, "clinic")]
