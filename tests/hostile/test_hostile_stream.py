"""A stream that was let in and turns bad, beside one that did not: refused by its code, in bounded memory, unnoticed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.protocol import Protocol

from bot.server.calls.phone_side import phone_socket
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.stream_socket import stream_signature
from bot.websocket.fair_reader import BURST_S, FairReader
from tests.benchmarks.frames import client_frame
from tests.benchmarks.phone_load import _upgrade
from tests.fuzz.targets import UPGRADE, Pipe
from tests.hostile.bounds import CLOSES, documented
from tests.server.simulated_server import AUTH_TOKEN, PUBLIC_URL, HandStream, ServerUnderTest, standing, until
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops

NO_MASK = bytes(4)
PING = b"\x89\x80" + NO_MASK
BAD: dict[str, tuple[bytes, int]] = {
    "a header that promises 10 MB": (b"\x81\xff" + (10 << 20).to_bytes(8, "big") + NO_MASK, 1009),
    "a message in parts of more than 64 KiB": (
        b"\x01\xfe\xff\xff" + NO_MASK + bytes(65_535) + b"\x00\xfe\xff\xff" + NO_MASK + bytes(65_535),
        1009,
    ),
    "a ping of 126 bytes": (b"\x89\xfe\x00\x7e" + NO_MASK + bytes(126), 1002),
    "a ping in parts": (b"\x09\x80" + NO_MASK, 1002),
    "a frame without a mask": (b"\x81\x06unmask", 1002),
    "a reserved bit": (b"\xc1\x80" + NO_MASK, 1002),
    "a part of nothing": (b"\x80\x80" + NO_MASK, 1002),
    "a close of one byte": (b"\x88\x81" + NO_MASK + b"\x03", 1002),
    "a close with a code of nobody's": (b"\x88\x82" + NO_MASK + b"\x00\x01", 1002),
}


@contextlib.asynccontextmanager
async def raw(desk: ServerUnderTest) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, str]]:
    """The bytes of a stream that was let in, and its call."""
    call_sid = new_call_sid()
    token = await desk.token(call_sid)
    signed = stream_signature(AUTH_TOKEN, f"{PUBLIC_URL.replace('http', 'ws', 1)}/media/{token}", "plain")
    port = int(desk.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_upgrade(port, f"/media/{token}", signed))
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        yield reader, writer, call_sid
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def is_heard(hand: HandStream) -> None:
    """Wait until this caller's audio reaches a session."""
    await hand.socket.send_str(hand.frame(0, b"\x12" * 160))
    await until(lambda: any(b"\x12" * 160 in one.heard for one in hand.desk.model.sessions))


@pytest.mark.parametrize("what", BAD)
async def test_what_no_phone_sends_ends_the_stream_by_its_code_and_no_other_call(what: str) -> None:
    sent, code = BAD[what]
    assert code in CLOSES
    async with standing() as desk:
        async with desk.stream() as other:
            async with raw(desk) as (reader, writer, _):
                writer.write(sent + client_frame(b"{}"))
                async with asyncio.timeout(GIVE_UP_S):
                    answer = await reader.read()
                assert answer[:2] == bytes((0x88, len(answer) - 2))
                assert int.from_bytes(answer[2:4], "big") == code
            await until(lambda: len(desk.reasons) == 1)
            await is_heard(other)
        await desk.quiet()
        assert documented(desk.reasons)
        assert [entry["code"] for entry in desk.logged("stream_lost")] == [code]
        await desk.works()


@pytest.mark.parametrize("what", ["pings", "empty messages", "a message that never ends"])
async def test_a_flood_holds_no_other_call_up(what: str) -> None:
    one = {"pings": PING, "empty messages": client_frame(b""), "a message that never ends": b"\x00\x80" + NO_MASK}[what]
    async with standing() as desk:
        async with desk.stream() as other, raw(desk) as (_, writer, call_sid):
            first = b"\x01\x80" + NO_MASK if what.startswith("a message") else b""
            writer.write(first + one * 100_000)
            await is_heard(other)
            desk.bridge(call_sid).shutdown("line_lost")
            await until(lambda: "line_lost" in desk.reasons)
        await desk.quiet()
        assert documented(desk.reasons)
        await desk.works()


async def test_who_asks_and_never_takes_the_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings are answered; answers that nobody reads would stand in our memory for ever."""
    monkeypatch.setattr(phone_socket, "UNREAD_BYTES", 2_000)
    pipe = Pipe()
    unread = 0

    def write(data: bytes) -> None:
        nonlocal unread
        unread += len(data)

    pipe.write = write  # type: ignore[method-assign,assignment]
    pipe.get_write_buffer_size = lambda: unread  # type: ignore[method-assign]
    socket = phone_socket.PhoneSocket(UPGRADE)
    lost: list[int] = []
    socket.on_lost = lost.append
    socket.take(pipe)
    for _ in range(2_000):
        if not pipe.closed:
            socket.data_received(b"\x89\xfd" + NO_MASK + bytes(125))
    assert pipe.closed
    assert unread < 2_000 + 200
    socket.connection_lost(None)
    assert lost == [1006]


async def test_a_message_that_never_ends_is_kept_once_and_not_by_its_parts() -> None:
    socket, pipe = phone_socket.PhoneSocket(UPGRADE), Pipe()
    socket.take(pipe)
    socket.data_received(b"\x01\x80" + NO_MASK)
    for _ in range(100):
        socket.data_received((b"\x00\x81" + NO_MASK + b"x") * 20)
    assert len(socket._fragments) == 2_000
    assert not pipe.closed
    socket.connection_lost(None)


async def test_after_a_fault_not_one_message_more_is_taken() -> None:
    socket, pipe, taken = phone_socket.PhoneSocket(UPGRADE), Pipe(), list[bytes]()
    socket.listen(taken.append)
    socket.take(pipe)
    socket.data_received(client_frame(b"one") + b"\x89\xfe\x00\x7e" + NO_MASK + bytes(126) + client_frame(b"two"))
    socket.data_received(client_frame(b"three"))
    assert (taken, pipe.closed) == ([b"one"], True)
    socket.connection_lost(None)


async def test_a_closed_stream_whose_phone_says_nothing_more_is_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our close may stand behind what the phone does not read: the connection would stay for ever."""
    monkeypatch.setattr(phone_socket, "QUIET_S", 0.02)
    aborted = asyncio.get_running_loop().create_future()
    pipe = Pipe()
    pipe.abort = lambda: aborted.done() or aborted.set_result(None)  # type: ignore[method-assign,assignment]
    socket = phone_socket.PhoneSocket(UPGRADE)
    socket.take(pipe)
    socket.data_received(b"\x81\x06unmask")
    assert pipe.closed
    async with asyncio.timeout(GIVE_UP_S):
        await aborted
    socket.connection_lost(None)


async def test_more_than_its_share_waits_with_the_sender_and_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    taken: list[bytes] = []

    def take(data: bytes) -> None:
        nonlocal clock
        clock += BURST_S / 4
        taken.append(data)

    monkeypatch.setattr("bot.websocket.fair_reader.time.thread_time", lambda: clock)
    monkeypatch.setattr("bot.websocket.fair_reader.PAUSE_S", 0.0)
    paused: list[str] = []
    pipe = Pipe()
    pipe.pause_reading = lambda: paused.append("paused")  # type: ignore[method-assign]
    pipe.is_reading = lambda: not paused  # type: ignore[method-assign]
    pipe.resume_reading = lambda: paused.append("resumed")  # type: ignore[method-assign]
    intake = FairReader(take)
    intake.open(pipe)
    data = bytes(range(256)) * 20
    intake.feed(data)
    assert intake.kept
    await until(lambda: not intake.kept)
    assert b"".join(taken) == data
    assert (paused[0], paused[-1]) == ("paused", "resumed")
    intake.close()


async def test_a_socket_keeps_nothing_of_the_request_that_it_was_upgraded_by() -> None:
    """It may hold what is secret, lasts as long as the call, and nobody asks for it again."""
    told = b"not to be kept"
    socket = phone_socket.PhoneSocket(UPGRADE.replace(b"\r\n\r\n", b"\r\nX-Secret: " + told + b"\r\n\r\n"))
    assert type(socket._protocol) is Protocol
    assert told.decode() not in repr((vars(socket), vars(socket._protocol), vars(socket._reader)))
    assert b" 101 " in socket._answer
