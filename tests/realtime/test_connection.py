"""One socket to a Realtime server, against servers that do as they please."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest
from websockets.frames import Close, CloseCode, Opcode

from bot.realtime import connection
from bot.realtime.connection import (
    CLOSE_S,
    MAX_BUFFERED_BYTES,
    MAX_MESSAGE_BYTES,
    ConnectError,
    Endpoint,
    RealtimeConnection,
)
from bot.realtime.failures import Failure, FailureKind
from bot.realtime.session import Dialect
from tests.realtime.raw_model import Manner, RawModel, frame
from tests.server.leaks import nothing_left
from tests.server.simulated_server import until

__all__ = ["nothing_left"]
pytestmark = [pytest.mark.usefixtures("nothing_left"), pytest.mark.both_loops]

TALKS: Manner = "speaks with the handshake"


class Line:
    """A connection and all it told."""

    def __init__(self, url: str, answer: Callable[[Line, bytes], None] | None = None) -> None:
        self.texts: list[bytes] = []
        self.lost: list[Failure] = []
        self._answer = answer
        self.connection = RealtimeConnection(
            Endpoint(url, "gpt realtime/2", "sk-test0123456789"), self._text, self.lost.append
        )

    def _text(self, text: bytes) -> None:
        self.texts.append(text)
        if self._answer is not None:
            self._answer(self, text)

    async def open(self, timeout_s: float = 2) -> None:
        await self.connection.open(timeout_s)

    async def refused(self, timeout_s: float = 2) -> Failure:
        with pytest.raises(ConnectError) as caught:
            await self.open(timeout_s)
        assert (self.texts, self.lost) == ([], [])
        await self.connection.close()
        return caught.value.failure


def closing(code: int, reason: str = "") -> bytes:
    return frame(Close(code, reason).serialize(), Opcode.CLOSE)


def seconds() -> float:
    return asyncio.get_running_loop().time()


async def test_the_request_names_the_model_and_the_key() -> None:
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        head = server.head.decode()
        assert head.startswith("GET /v1/realtime?model=gpt%20realtime%2F2 HTTP/1.1\r\n")
        assert "Authorization: Bearer sk-test0123456789\r\n" in head
        assert "permessage-deflate" not in head
        assert "OpenAI-Beta" not in head
        await line.connection.close()


@pytest.mark.parametrize(
    ("dialect", "header"),
    [("openai", "Authorization: Bearer k"), ("xai", "Authorization: Bearer k"), ("azure", "api-key: k")],
)
async def test_each_dialect_has_its_own_header_for_the_key_and_no_other(dialect: Dialect, header: str) -> None:
    async with RawModel(TALKS) as server:
        connection = RealtimeConnection(Endpoint(server.url, "m", "k", dialect=dialect), print, print)
        await connection.open(2)
        lines = server.head.decode().split("\r\n")
        assert [line for line in lines if line.lower().startswith(("authorization", "api-key"))] == [header]
        await connection.close()


async def test_what_comes_in_one_packet_with_the_handshake_is_told_and_can_be_answered() -> None:
    async with RawModel(TALKS, frame(b"one") + frame(b"two")) as server:
        line = Line(server.url, lambda line, text: line.connection.send(b"answer to " + text))
        await line.open()
        await until(lambda: len(server.got) >= 2 * (2 + 4 + len(b"answer to one")))
        assert line.texts == [b"one", b"two"]
        await line.connection.close()


async def test_a_loss_in_one_packet_with_the_handshake_is_told_after_what_was_said() -> None:
    async with RawModel(TALKS, frame(b"error") + closing(3000, "invalid_request_error.invalid_api_key")) as server:
        line = Line(server.url)
        await line.open()
        await until(lambda: line.lost)
        assert line.texts == [b"error"]
        assert line.lost == [Failure("bad_key", 3000, "invalid_request_error.invalid_api_key")]
        await line.connection.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "bad_key"),
        (403, "bad_key"),
        (404, "unknown_model"),
        (429, "rate_limited"),
        (500, "unreachable"),
        (503, "unreachable"),
        (400, "refused"),
        (302, "refused"),
        (200, "refused"),
    ],
)
async def test_an_http_status_is_named_even_when_the_server_keeps_the_line_open(status: int, kind: str) -> None:
    answer = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\nLocation: /\r\n\r\n{{}}".encode()
    async with RawModel("answers with bytes", answer) as server:
        failure = await Line(server.url).refused()
        assert (failure.kind, failure.code) == (kind, status)
        assert server.connections == 1


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\x00" * 100 + b"\r\n", b"HTTP/1.1 101 x\r\n\r\n"])
async def test_an_answer_that_is_no_handshake_is_told_so(answer: bytes) -> None:
    async with RawModel("answers with bytes", answer) as server:
        failure = await Line(server.url).refused()
        assert (failure.kind, failure.code) == ("protocol", 0)
        assert failure.reason.startswith("the server's handshake is not WebSocket")


async def test_a_server_that_drops_the_connection_is_no_session() -> None:
    async with RawModel("drops") as server:
        assert (await Line(server.url).refused()).kind in {"protocol", "unreachable"}


async def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    async with RawModel("says nothing") as server:
        started = seconds()
        failure = await Line(server.url).refused(0.2)
        assert failure == Failure("timeout", 0, "no answer to the upgrade within 0.2 s")
        assert seconds() - started < 0.2 + CLOSE_S


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        failure = await Line(f"ws://127.0.0.1:{port}/v1/realtime").refused()
    assert (failure.kind, failure.code) == ("unreachable", 0)


async def test_an_open_that_is_cancelled_leaves_nothing() -> None:
    async with RawModel("says nothing") as server:
        line = Line(server.url)
        opening = asyncio.create_task(line.open())
        await server.asked.wait()
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        assert (line.texts, line.lost) == ([], [])


async def test_fragments_are_joined_and_pings_between_them_answered() -> None:
    pieces = (
        frame(b"one ", fin=False),
        frame(b"ping", Opcode.PING),
        frame(b"two ", Opcode.CONT, fin=False),
        frame(b"three", Opcode.CONT),
        frame(b"\x00\xff", Opcode.BINARY),
    )
    async with RawModel(TALKS, b"".join(pieces)) as server:
        line = Line(server.url)
        await line.open()
        await until(lambda: len(line.texts) == 2)
        assert line.texts == [b"one two three", b"\x00\xff"]
        await until(lambda: server.got)
        assert server.got[0] == 0x80 | Opcode.PONG
        await line.connection.close()


async def test_a_message_byte_by_byte_is_one_message() -> None:
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        for byte in frame(b"x" * 300):
            server.write(bytes([byte]))
            await asyncio.sleep(0)
        await until(lambda: line.texts)
        assert line.texts == [b"x" * 300]
        await line.connection.close()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x7f" + (MAX_MESSAGE_BYTES + 1).to_bytes(8, "big"), CloseCode.MESSAGE_TOO_BIG),
        (b"\xff\xff", CloseCode.PROTOCOL_ERROR),
        (frame(b"never begun", Opcode.CONT), CloseCode.PROTOCOL_ERROR),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_lost(data: bytes, code: int) -> None:
    async with RawModel(TALKS, data) as server:
        line = Line(server.url)
        await line.open()
        await until(lambda: line.lost)
        assert [failure.kind for failure in line.lost] == ["closed"]
        assert server.got[:1] == bytes([0x80 | Opcode.CLOSE])
        assert int.from_bytes(server.got[6:8], "big") ^ int.from_bytes(server.got[2:4], "big") == code
        await line.connection.close()
        assert len(line.lost) == 1


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1001, "Your session hit the maximum duration of 60 minutes.", "expired"),
        (1011, "internal", "closed"),
        (1000, "", "closed"),
        (3000, "", "bad_key"),
        (4000, "invalid_request_error.invalid_model", "unknown_model"),
        (4004, "", "unknown_model"),
    ],
)
async def test_the_close_code_says_why_a_session_was_lost(code: int, reason: str, kind: FailureKind) -> None:
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        server.write(frame(b"last words") + closing(code, reason))
        await until(lambda: line.lost)
        assert line.texts == [b"last words"]
        assert line.lost == [Failure(kind, code, reason)]
        line.connection.send(b"too late")
        await line.connection.close()
        assert len(line.lost) == 1


async def test_a_reset_is_an_abnormal_close() -> None:
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        server.abort()
        await until(lambda: line.lost)
        assert (line.lost[0].kind, line.lost[0].code) == ("closed", 1006)
        await line.connection.close()


async def test_our_close_is_told_to_nobody_and_ends_the_sending() -> None:
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        started = seconds()
        closes = asyncio.gather(line.connection.close(), line.connection.close())
        await asyncio.sleep(0)  # both have begun
        line.connection.send(b"too late")
        server.write(frame(b"too late as well"))
        await closes  # the server answers a close by closing
        assert seconds() - started < CLOSE_S
        assert (line.texts, line.lost) == ([], [])
        assert (server.got[0], len(server.got)) == (0x80 | Opcode.CLOSE, 2 + 4 + 2)  # head, mask, code: nothing else


@pytest.mark.parametrize("manner", ["ignores the close", "reads nothing"])
async def test_a_server_that_takes_no_part_in_the_close_is_left(manner: Manner) -> None:
    async with RawModel(manner) as server:
        line = Line(server.url)
        await line.open()
        started = seconds()
        await line.connection.close()
        assert seconds() - started < 2 * CLOSE_S
        assert line.lost == []


async def test_a_server_that_does_not_read_is_given_up() -> None:
    async with RawModel("reads nothing") as server:
        line = Line(server.url)
        await line.open()
        sent = 0
        while not line.lost and sent < 4 * MAX_BUFFERED_BYTES:
            line.connection.send(b"x" * 100_000)
            sent += 100_000
            await asyncio.sleep(0)
        await until(lambda: line.lost)
        assert line.lost[0].kind == "closed"
        assert sent >= MAX_BUFFERED_BYTES
        await line.connection.close()


async def test_a_connection_that_was_never_opened_can_be_closed() -> None:
    line = Line("ws://127.0.0.1:9/v1/realtime")
    line.connection.send(b"nothing")
    await line.connection.close()
    assert line.lost == []


async def test_a_server_that_gives_no_sign_of_life_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOOK_S", 0.05)
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        await until(lambda: line.lost)
        assert line.lost == [Failure("timeout", 0, "no sign of life for 0.15 s")]
        assert server.got[0] == 0x80 | Opcode.PING
        await line.connection.close()


async def test_anything_it_says_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOOK_S", 0.05)
    async with RawModel(TALKS) as server:
        line = Line(server.url)
        await line.open()
        for number in range(1, 6):
            await until(lambda number=number: server.got.count(bytes((0x80 | Opcode.PING,))) >= number)  # type: ignore[misc]
            server.write(frame(b"", Opcode.PONG) if number % 2 else frame(b"text"))
        assert line.lost == []
        await line.connection.close()
