"""The browser phone's gateway over its socket: what a browser sends and gets, and who may spend money with it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.console.softphone.gateway import CALLER, MOST_WAITING_BYTES
from bot.console.softphone.live_microphone import (
    LOOK_FRAMES,
    MOST_BYTES,
    PREFILL_BYTES,
    LineProfile,
    LiveMicrophone,
)
from bot.testing.agent import Reply, Spoken, pattern
from tests.console.test_access import ADMIN, console_of
from tests.hooks.receiver import SECRET, receiving
from tests.server.simulated_server import GREETING, QUICK, ServerUnderTest, until

WORDS = b"\x10" * 160


async def phoned(desk: ServerUnderTest, **headers: str) -> aiohttp.ClientWebSocketResponse:
    return await desk.http.ws_connect(f"{desk.origin}/softphone/call", headers=headers)


async def told(socket: aiohttp.ClientWebSocketResponse, kind: str, audio: bytearray | None = None) -> dict[str, Any]:
    """The next news of a kind; audio on the way is gathered."""
    async for message in socket:
        if message.type is aiohttp.WSMsgType.BINARY and audio is not None:
            audio += message.data
        elif message.type is aiohttp.WSMsgType.TEXT:
            news: dict[str, Any] = message.json()
            if news["type"] == kind:
                return news
    raise AssertionError(f"the socket was closed before {kind}")


async def test_a_browser_hears_the_greeting_to_its_last_byte_and_hangs_up() -> None:
    async with console_of() as desk:
        socket = await phoned(desk)
        heard = bytearray()
        await told(socket, "ringing")
        gathered = asyncio.ensure_future(told(socket, "over", heard))
        await until(lambda: len(heard) >= len(GREETING.items[0].audio))
        assert bytes(heard) == GREETING.items[0].audio
        (live,) = desk.calls.directory
        await socket.send_json({"hangUp": True})
        assert (await gathered)["ending"] == "caller_hung_up"
        await desk.quiet()
        assert live.bridge.call.ended == "caller_hung_up"


async def test_a_browser_that_goes_away_ends_its_call() -> None:
    async with console_of() as desk:
        socket = await phoned(desk)
        await told(socket, "wait")
        (live,) = desk.calls.directory
        await socket.close()
        await desk.quiet()
        assert live.bridge.call.ended == "caller_hung_up"


async def test_a_browser_that_goes_away_while_the_operators_server_is_asked_has_no_call() -> None:
    """The stream would open when nobody is there any more, and cost an hour of the model."""
    answers = asyncio.Event()

    async def slowly(_: web.Request) -> web.StreamResponse:
        await answers.wait()
        return web.Response()

    async with (
        receiving() as receiver,
        console_of(BOT_LOOKUP_URL=receiver.url, BOT_WEBHOOK_SECRET=SECRET) as desk,
    ):
        receiver.answer = slowly
        socket = await phoned(desk)
        await told(socket, "ringing")
        await until(lambda: len(receiver.got) == 1)
        await socket.close()
        answers.set()
        await until(lambda: not any(task.get_name() == "browser phone" for task in asyncio.all_tasks()))
        for live in desk.calls.directory:  # no stream came, which the server sees by itself after a while
            live.bridge.shutdown("line_lost")
        await desk.quiet()


async def test_keys_reach_the_call_and_what_is_no_key_or_no_json_does_not() -> None:
    async with console_of() as desk:
        socket = await phoned(desk)
        await told(socket, "wait")
        (live,) = desk.calls.directory
        for text in ('{"key": "4"}', '{"key": "44"}', '{"key": 4}', '{"key": "w"}', "[]", "{", '{"key": "#"}'):
            await socket.send_str(text)
        await until(lambda: live.bridge.call.counts["keys"] == 2)
        await socket.close()


async def test_it_calls_as_a_softphone_through_the_same_webhook_and_its_limits() -> None:
    async with console_of(BOT_MAX_CALLS="1") as desk:
        first = await phoned(desk)
        await told(first, "wait")
        (live,) = desk.calls.directory
        assert live.parties.caller == CALLER
        second = await phoned(desk)
        over = await told(second, "over")
        assert over["ending"] == "reject"  # busy, as any caller would hear
        await first.close()
        await second.close()


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer no"}, {"Authorization": f"Bearer {ADMIN}", "Origin": "https://evil.example"}],
)
async def test_no_stranger_and_no_other_page_can_spend_money(headers: dict[str, str]) -> None:
    async with console_of(ADMIN_TOKEN=ADMIN) as desk:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await phoned(desk, **headers)
        assert refusal.value.status in {401, 403}
        assert not len(desk.calls.directory)
        assert desk.model.sessions == []


async def test_a_browser_that_reads_nothing_fills_no_memory_and_ends_no_call() -> None:
    long = Reply([Spoken(pattern(60_000, "long"), "On and on.")], pacing=QUICK)
    async with console_of(long) as desk:
        socket = await phoned(desk)
        await told(socket, "wait")
        (live,) = desk.calls.directory
        assert live.bridge.call.ended is None
        assert MOST_WAITING_BYTES <= 8 * 8_000
        await socket.close()


def test_frames_of_a_browser_are_retimed_and_gathered_anew_after_they_ran_dry() -> None:
    microphone = LiveMicrophone(LineProfile(), random.Random(1))
    microphone.open(1_000_000)
    microphone.hear(WORDS)
    assert microphone.next_us() == 1_020_000
    frame = microphone.take()
    assert frame is not None
    assert (frame.at_us, frame.timestamp_ms, frame.audio) == (1_020_000, 0, b"\xff" * 160)  # too little to begin with
    microphone.hear(WORDS)
    frames = [microphone.take() for _ in range(3)]
    assert [one and one.audio for one in frames] == [WORDS, WORDS, b"\xff" * 160]
    assert [one and one.at_us for one in frames] == [1_040_000, 1_060_000, 1_080_000]


def test_a_browser_that_stood_still_does_not_leave_the_caller_seconds_behind() -> None:
    microphone = LiveMicrophone(LineProfile(), random.Random(1))
    microphone.open(0)
    microphone.hear(b"\x10" * (MOST_BYTES + 160))
    assert microphone.dropped_bytes == MOST_BYTES + 160 - PREFILL_BYTES


def test_a_bad_line_loses_frames_and_holds_them_late_in_order() -> None:
    microphone = LiveMicrophone(LineProfile(lost=0.2, late_ms=100), random.Random(3))
    microphone.open(0)
    taken = [microphone.take() for _ in range(500)]
    kept = [frame for frame in taken if frame is not None]
    assert 350 < len(kept) < 450
    assert [frame.at_us for frame in kept] == sorted(frame.at_us for frame in kept)
    late = [frame.at_us - (frame.timestamp_ms + 20) * 1000 for frame in kept]
    assert min(late) == 0
    assert 60_000 < max(late) <= 100_000


def waits_after(*bursts: int) -> list[int]:
    """Frames that wait in a microphone after each frame taken, when so many come before it."""
    microphone = LiveMicrophone(LineProfile(), random.Random(1))
    microphone.open(0)
    found = []
    for frames in bursts:
        microphone.hear(WORDS * frames)
        microphone.take()
        found.append(len(microphone._heard) // len(WORDS))
    return found


def test_a_caller_whose_browser_stood_still_is_not_late_for_the_rest_of_the_call() -> None:
    usual = [2, *[1] * 49]
    stalled = [*usual, *[0] * 6, 7, *[1] * 3 * LOOK_FRAMES]
    assert waits_after(*stalled)[55] == 0, "it has run dry, and is silent"
    assert max(waits_after(*stalled)[57:70]) > 4, "what came late waits"
    assert waits_after(*stalled)[-1] == 1, "and is not waited for any longer"


def test_frames_that_come_two_by_two_are_all_heard() -> None:
    microphone = LiveMicrophone(LineProfile(), random.Random(1))
    microphone.open(0)
    for _ in range(4 * LOOK_FRAMES):
        microphone.hear(WORDS * 2)
        microphone.take()
        microphone.take()
    assert microphone.dropped_bytes == 0
