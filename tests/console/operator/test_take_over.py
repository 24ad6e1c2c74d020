"""An operator takes a call over from the page: voices both ways, the bot silent, and the bot again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from bot.call.handoff import operator_on_line
from bot.call.machines import OperatorStage
from bot.console.operator.listen_in import BOT, CALLER
from bot.console.operator.take_over import LONGEST_NAME, NAMELESS, _name
from bot.server.calls.bridge import Bridge
from bot.server.shared.resumption import NOBODY, Past, past_of
from bot.testing import assert_replays
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from tests.console.operator.test_console import LONG, events, kept_console, posted, the_first_of_each
from tests.server.simulated_server import (
    QUICK,
    ServerUnderTest,
    a_phone,
    all_written,
    heard,
    until,
)

BACK = Reply([Spoken(pattern(600, "back"), "I am back.")], pacing=QUICK)
VOICE = pattern(2_000, "operator")
FRAMES = [VOICE[at : at + 160] for at in range(0, len(VOICE), 160)]
SAID = pattern(400, "words")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine more than two seconds pass between two frames of an operator who has not gone."""
    monkeypatch.setattr(operator_on_line, "GONE_US", 60_000_000)


@asynccontextmanager
async def in_a_call(desk: ServerUnderTest) -> AsyncIterator[tuple[SimulatedPhone, Bridge]]:
    """A call in which the bot speaks, for longer than the test lasts."""
    phone = a_phone()
    calling = asyncio.create_task(desk.dial(phone))
    await until(lambda: phone.received)
    yield phone, desk.bridge(phone.ids.call_sid)
    phone.hang_up(0)
    await calling


def url(desk: ServerUnderTest, phone: SimulatedPhone, by: str = "Ada") -> str:
    return f"{desk.origin}/console/live/{phone.ids.call_sid}/take-over?by={by}"


async def states(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """All that the page is told from here on, but for audio."""
    return [message.json() async for message in socket if message.type is WSMsgType.TEXT]


async def speak(socket: aiohttp.ClientWebSocketResponse, frames: list[bytes]) -> None:
    for frame in frames:
        await socket.send_bytes(frame)
        await asyncio.sleep(0.02)


def dropped(bridge: Bridge) -> int:
    """Frames that came in a heap, from a busy machine, and were no use any more."""
    return bridge.call.counts["operator_frames_dropped"]


def items(desk: ServerUnderTest) -> str:
    return str([one.content() for one in desk.model.sessions[0].conversation])


async def test_both_hear_each_other_and_the_bot_goes_on_when_it_is_handed_back(tmp_path: Path) -> None:
    async with (
        kept_console(tmp_path, LONG, BACK, BOT_RECORD="fixture,audio") as desk,
        in_a_call(desk) as (phone, bridge),
    ):
        async with desk.http.ws_connect(url(desk, phone)) as socket:
            assert (await socket.receive_json()) == {"state": "speaking"}
            assert bridge.call.operator == (OperatorStage.SPEAKING, "Ada")
            phone.say(SAID, round(bridge.age_s * 1e6))
            speaking = asyncio.create_task(speak(socket, FRAMES))
            sides = {CALLER: b"", BOT: b""}
            async with asyncio.timeout(60):
                while SAID[:1_000] not in sides[CALLER]:
                    message = await socket.receive()
                    assert message.type is WSMsgType.BINARY
                    sides[message.data[:1]] += message.data[1:]
            assert sides[BOT] == b""
            await speaking
            await until(lambda: dropped(bridge) + sum(frame in heard(phone) for frame in FRAMES) == len(FRAMES))
            assert FRAMES[0] in heard(phone)
            await socket.send_json({"handBack": True})
            assert (await states(socket))[-1] == {"state": "over", "why": "asked"}
        await until(lambda: BACK.items[0].audio in heard(phone))
        assert "A colleague, who is a person, spoke with the caller" in items(desk)
        await until(lambda: desk.logged("operator_took_over"))
        (over,) = desk.logged("operator_took_over")
        assert (over["call_sid"], over["by"], over["why"]) == (phone.ids.call_sid, "Ada", "asked")
        assert (bridge.on_frame, bridge.on_output) == ([], [])
    all_written()
    (fixture,) = tmp_path.glob("*.call.jsonl*")  # noqa: ASYNC240  the server is gone
    assert_replays(fixture)


async def test_the_page_is_gone_and_the_bot_has_the_call(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG, BACK) as desk, in_a_call(desk) as (phone, bridge):
        socket = await desk.http.ws_connect(url(desk, phone))
        await socket.receive_json()
        await speak(socket, FRAMES[:10])
        await socket.close()
        await until(lambda: BACK.items[0].audio in heard(phone))
        assert "The colleague has left" in items(desk)
        assert bridge.call.operator[0] is OperatorStage.AWAY


async def test_a_page_that_stands_still_loses_the_call_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_on_line, "GONE_US", 500_000)
    async with kept_console(tmp_path, LONG, BACK) as desk, in_a_call(desk) as (phone, _):
        async with desk.http.ws_connect(url(desk, phone)) as socket:
            assert [one["state"] for one in await states(socket)] == ["speaking", "over"]
        await until(lambda: BACK.items[0].audio in heard(phone) and desk.logged("operator_took_over"))
        assert [one["why"] for one in desk.logged("operator_took_over")] == ["lost"]


async def test_a_call_is_one_operator_s_alone_and_others_see_whose(tmp_path: Path) -> None:
    async with (
        kept_console(tmp_path, LONG, BACK) as desk,
        desk.http.get(f"{desk.origin}/console/live") as answer,
        in_a_call(desk) as (phone, bridge),
        desk.http.ws_connect(url(desk, phone)) as socket,
    ):
        await socket.receive_json()
        with pytest.raises(WSServerHandshakeError) as refused:
            await desk.http.ws_connect(url(desk, phone, "Bob"))
        assert refused.value.status == 409
        found = events(answer)
        speaking = asyncio.create_task(speak(socket, FRAMES * 3))
        told, rows = await the_first_of_each(  # a call that began a moment ago is told with its operator
            found,
            lambda name, data: name == "news" and data["type"] == "operator",
            lambda name, data: name == "rows" and data["calls"] and data["calls"][0]["operator"],
        )
        assert (told["by"], told["state"], told["has"]) == ("Ada", "has taken the call over", True)
        assert rows["calls"][0]["operator"] == {"by": "Ada", "speaks": True}
        speaking.cancel()
        assert bridge.call.operator == (OperatorStage.SPEAKING, "Ada")


async def test_the_call_is_over_and_so_is_the_socket(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG) as desk, in_a_call(desk) as (phone, bridge):
        async with desk.http.ws_connect(url(desk, phone)) as socket:
            await socket.receive_json()
            assert not desk.calls.directory.find(phone.ids.call_sid).in_pause  # type: ignore[union-attr]
            assert (await posted(desk, f"live/{phone.ids.call_sid}/hang-up"))[0] == 200
            assert await states(socket) == [{"state": "over", "why": "call_over"}]
            assert socket.close_code == 1000
        assert bridge.call.ended == "bot_hung_up"
        with pytest.raises(WSServerHandshakeError) as refused:
            await desk.http.ws_connect(url(desk, phone))
        assert refused.value.status == 404


async def test_a_call_that_is_drained_meanwhile_is_carried_on_by_a_bot_that_knows(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG) as desk, in_a_call(desk) as (phone, bridge):
        async with desk.http.ws_connect(url(desk, phone)) as socket:
            await socket.receive_json()
            bridge.shutdown("drained")
            assert await states(socket) == [{"state": "over", "why": "call_over"}]
        past = past_of(bridge.call, Past(0.0), NOBODY, 5.0)
        assert "A colleague, who is a person" in past.told
        assert "the connection was lost" in past.told


async def test_what_is_no_frame_is_nothing(tmp_path: Path) -> None:
    async with (
        kept_console(tmp_path, LONG) as desk,
        in_a_call(desk) as (phone, bridge),
        desk.http.ws_connect(url(desk, phone)) as socket,
    ):
        await socket.receive_json()
        before = len(heard(phone))
        await socket.send_bytes(b"")
        await socket.send_bytes(b"x" * 1_601)
        for text in ("", "[]", '{"handBack": 1}', "[" * 5_000, "null"):
            await socket.send_str(text)
        await socket.send_bytes(FRAMES[0])
        await until(lambda: FRAMES[0] in heard(phone)[before:])
        assert bridge.call.operator[0] is OperatorStage.SPEAKING
        assert bridge.call.counts["operator_frames_dropped"] == 0


async def test_digits_for_a_tool_alone_are_silent_for_the_operator_too(tmp_path: Path) -> None:
    async with (
        kept_console(tmp_path, LONG) as desk,
        in_a_call(desk) as (phone, bridge),
        desk.http.ws_connect(url(desk, phone)) as socket,
    ):
        await socket.receive_json()
        bridge.hidden_keys.hide("call_1")
        phone.say(SAID, round(bridge.age_s * 1e6))
        caller = b""
        while len(caller) < 8_000:
            await socket.send_bytes(FRAMES[0])
            message = await socket.receive()
            if message.type is WSMsgType.BINARY:
                caller += message.data[1:]
        assert not any(SAID[at : at + 160] in caller for at in range(0, len(SAID), 160))


@pytest.mark.parametrize(
    ("given", "name"),
    [("", NAMELESS), ("  Ada \n Lovelace ", "Ada Lovelace"), ("\x00\n", NAMELESS), ("x" * 99, "x" * LONGEST_NAME)],
)
def test_names_are_fit_for_a_log(given: str, name: str) -> None:
    assert _name(given) == name
