"""Strangers in numbers, in a process of their own: `python -m tests.hostile.attack`, steered by the proof.

Each holds one connection, does its worst with it, and opens another when it is closed. One in twenty-five is let in with a
genuine webhook and a genuine token, as nobody but Twilio, or who stole the auth token, can be.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import uvloop

from bot.testing.dialling.dial import new_call_sid, new_stream_sid
from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from tests.benchmarks.control import serve_commands
from tests.benchmarks.frames import client_frame
from tests.benchmarks.phone_load import Target, _upgrade, _webhook

WAIT_S = (0.5, 2.0)
"""Least and most seconds between a connection and the next."""
TRICKLE_S = 1.0
POST = b"POST /voice HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SIGNED = b"X-Twilio-Signature: bm8gc3VjaCBzaWduYXR1cmU=\r\n"
NO_MASK = b"\x00\x00\x00\x00"
PINGS = (b"\x89\x80" + NO_MASK) * 10_000
FRAGMENTS = (b"\x00\x80" + NO_MASK) * 10_000
EMPTY = (b"\x81\x80" + NO_MASK) * 10_000
AT_ONCE = 2_000
"""Messages in one write."""
VOICE = base64.b64encode(bytes((0x10, 0x90)) * 80).decode()
CAPTURED = StreamIds(call_sid=new_call_sid(), stream_sid=new_stream_sid())
"""The call whose genuine webhook everybody has."""
CONFLICT = 409
Pieces = Callable[[TwilioTexts], Iterator[bytes]]
Way = Callable[["Stranger"], Awaitable[None]]


class Stranger:
    """One connection at a time."""

    def __init__(self, number: int, target: Target, seen: Counter[str]) -> None:
        self.target = target
        self.seen = seen
        self.rng = random.Random(number)  # the same strangers in every run
        genuine = number % 25 == 24
        ways = GENUINE if genuine else STRANGE
        self.way = ways[(number // 25 if genuine else number) % len(ways)]

    async def run(self) -> None:
        await asyncio.sleep(self.rng.uniform(0, WAIT_S[1]))
        while True:
            self.seen[self.way.__name__] += 1
            try:
                await self.way(self)
            except (OSError, EOFError, RuntimeError):  # uvloop's word for a connection that is gone
                self.seen["closed on"] += 1
            except TimeoutError:
                self.seen["gave up"] += 1
            await asyncio.sleep(self.rng.uniform(*WAIT_S))

    async def say(self, *pieces: bytes, every_s: float = 0.0) -> None:
        """Open a connection, write the pieces, and read until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if every_s:
                    await asyncio.sleep(every_s)
            async with asyncio.timeout(60):
                while await reader.read(65_536):
                    pass
        finally:
            writer.transport.abort()

    async def stream(self, pieces: Pieces, *, reads: bool = True) -> None:
        """Be let in as a stream, then write the pieces, which may be messages of it. `reads`: what comes back is taken."""
        ids = StreamIds(self.target.account_sid, new_call_sid(), new_stream_sid())
        path, signed = await _webhook(self.target, ids)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
        taking = asyncio.create_task(reader.read() if reads else asyncio.sleep(60))
        try:
            writer.write(_upgrade(self.target.port, path, signed))
            texts = TwilioTexts(ids)
            writer.write(client_frame(CONNECTED.encode()) + client_frame(texts.start({}).encode()))
            for piece in pieces(texts):
                writer.write(piece)
                await writer.drain()
            await taking
        finally:
            taking.cancel()
            await asyncio.wait([taking])
            writer.transport.abort()


async def says_nothing(one: Stranger) -> None:
    await one.say()


async def trickles_a_head(one: Stranger) -> None:
    await one.say(*[b"G"] * 60, every_s=TRICKLE_S)


async def trickles_headers(one: Stranger) -> None:
    await one.say(b"GET /voice HTTP/1.1\r\nHost: a\r\n", *[b"X: y\r\n"] * 60, every_s=TRICKLE_S)


async def trickles_a_form(one: Stranger) -> None:
    await one.say(POST + SIGNED + b"Content-Length: 60000\r\n\r\n", *[b"a=1&"] * 60, every_s=TRICKLE_S)


async def posts_unsigned(one: Stranger) -> None:
    await one.say(POST + b"Content-Length: 64000\r\n\r\n" + b"a&" * 32_000)


async def posts_many_fields(one: Stranger) -> None:
    await one.say(POST + SIGNED + b"Content-Length: 64000\r\n\r\n" + b"a&" * 32_000)


async def posts_a_forgery(one: Stranger) -> None:
    await one.say(POST + SIGNED + b"Content-Length: 35\r\n\r\nCallSid=CA" + b"0" * 25)


async def shows_a_forged_token(one: Stranger) -> None:
    await one.say(_upgrade(one.target.port, "/media/" + "A" * 120, "bm8gc3VjaCBzaWduYXR1cmU="))


async def speaks_no_http(one: Stranger) -> None:
    await one.say(bytes.fromhex("1603010200010001fc0303") + one.rng.randbytes(2_000))


async def floods_with_pings(one: Stranger) -> None:
    await one.stream(lambda _: (PINGS for _ in range(200)))


async def pings_and_never_reads(one: Stranger) -> None:
    await one.stream(lambda _: (PINGS for _ in range(2_000)), reads=False)


async def never_ends_a_message(one: Stranger) -> None:
    await one.stream(lambda _: (b"\x01\x80" + NO_MASK + FRAGMENTS for _ in range(200)))


async def floods_with_nothing(one: Stranger) -> None:
    await one.stream(lambda _: (EMPTY for _ in range(200)))


async def promises_ten_megabytes(one: Stranger) -> None:
    await one.stream(lambda _: iter([b"\x81\xff" + (10 << 20).to_bytes(8, "big") + NO_MASK, b"x" * 1_000_000]))


async def floods_with_frames(one: Stranger) -> None:
    await one.stream(lambda texts: (_many(texts.media(VOICE, at * 20) for at in range(AT_ONCE)) for _ in range(200)))


async def floods_with_marks(one: Stranger) -> None:
    await one.stream(lambda texts: (_many(texts.mark(f"e0.{at}") for at in range(AT_ONCE)) for _ in range(200)))


async def floods_with_digits(one: Stranger) -> None:
    await one.stream(lambda texts: (_many(texts.dtmf(str(at % 10)) for at in range(AT_ONCE)) for _ in range(200)))


def _many(messages: Iterable[str]) -> bytes:
    return b"".join(client_frame(message.encode()) for message in messages)


async def replays_a_webhook(one: Stranger) -> None:
    """Send again what Twilio has sent, signature and all: the call is one, however often it rings."""
    with suppress(ConnectionError):  # no stream: that call is over
        try:
            await _webhook(one.target, msgspec.structs.replace(CAPTURED, account_sid=one.target.account_sid))
        except DialFailed as error:
            if error.status != CONFLICT:  # it is at its stream
                raise


STRANGE: tuple[Way, ...] = (
    *(says_nothing, trickles_a_head, trickles_headers, trickles_a_form, posts_unsigned, posts_many_fields),
    *(posts_a_forgery, shows_a_forged_token, speaks_no_http, replays_a_webhook),
)
GENUINE: tuple[Way, ...] = (
    *(floods_with_pings, pings_and_never_reads, never_ends_a_message, floods_with_nothing, promises_ten_megabytes),
    *(floods_with_frames, floods_with_marks, floods_with_digits),
)


class Crowd:
    """The strangers, while they are wanted."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._seen: Counter[str] = Counter()

    def begin(self, target: dict[str, Any], connections: int) -> dict[str, Any]:
        """Let so many loose."""
        chosen = Target(**target)
        strangers = [Stranger(number, chosen, self._seen) for number in range(connections)]
        self._tasks = [asyncio.create_task(one.run()) for one in strangers]
        return {}

    async def end(self) -> dict[str, Any]:
        """Call them off. Gives how many connections of each kind there were."""
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            found = await asyncio.gather(*self._tasks, return_exceptions=True)
            for error in found:
                if not isinstance(error, asyncio.CancelledError):
                    self._seen[f"failed: {error!r}"] += 1
        return dict(self._seen)


async def main() -> None:
    crowd = Crowd()
    await serve_commands({"begin": crowd.begin, "end": crowd.end})


if __name__ == "__main__":
    uvloop.run(main())
