"""Byte for byte: what the caller says at the model, what the model says at the phone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import pytest

from bot.audio import wav
from bot.testing.agent import Pacing, Reply, Spoken, padded, pattern
from bot.testing.handset.microphone import Frame, Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import Elapsed, HangUp, Say, Script, Step
from bot.testing.handset.twilio_texts import CONNECTED
from bot.testing.model import Behaviour
from tests.server.simulated_server import QUICK, ServerUnderTest, a_phone, heard, said, standing, until

RECORDED = sorted((Path(__file__).parents[3] / "shared" / "audio").glob("*.wav"))
QUIET = b"\xff"


async def call(desk: ServerUnderTest, phone: SimulatedPhone) -> bytes:
    """Make the call and give every byte the model heard of it."""
    await desk.dial(phone)
    await desk.quiet()
    (session,) = desk.model.sessions
    return bytes(session.heard)


def is_all_of(got: bytes, sent: bytes) -> bool:
    """True when `got` is `sent`, byte for byte and in order, with no regard to silence.

    This runs in real time: where a machine stands still, silence stands for frames that are late. How much of it is
    exactly right is for virtual time, which knows no stall (tests/proof/test_gaps.py).
    """
    return got.replace(QUIET, b"") == sent.replace(QUIET, b"")


def a_caller(audio: bytes, microphone: Microphone | None = None) -> SimulatedPhone:
    """Speaks from the first frame on and hangs up a moment after."""
    return a_phone(
        script=Script([Step(Elapsed(0), Say(audio)), Step(Elapsed(200), HangUp())]),
        microphone=microphone or Microphone(),
    )


async def each(one: Callable[[Any], Coroutine[Any, Any, None]], cases: Iterable[Any]) -> None:
    """Run all cases at a time: a call takes real time."""
    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(one(case))


async def test_the_model_hears_the_caller_from_the_first_frame_on() -> None:
    async def one(created_after_ms: int) -> None:
        audio = pattern(1900, "caller")
        async with standing(behaviour=Behaviour(created_after_ms=created_after_ms)) as desk:
            phone = a_caller(audio)
            got = await call(desk, phone)
            assert said(phone).startswith(audio)
            assert is_all_of(got, said(phone))

    await each(one, [0, 3, 1500])


@pytest.mark.skipif(not RECORDED, reason="the recordings are not part of the repository")
async def test_recorded_speech_reaches_the_model_unchanged() -> None:
    async def one(path: Path) -> None:
        audio = wav.read(path)[: 2000 * 8]
        async with standing(checked=False) as desk:
            phone = a_caller(audio)
            got = await call(desk, phone)
            assert said(phone).startswith(audio), path.name
            assert is_all_of(got, said(phone)), path.name

    await each(one, RECORDED)


async def test_where_frames_are_missing_nothing_else_is() -> None:
    async def one(gap_ms: int) -> None:
        audio = pattern(1200, f"gap {gap_ms}")
        lost = slice(400 * 8, (400 + gap_ms) * 8)
        async with standing(BOT_GREETING="off") as desk:
            phone = a_caller(audio, Gappy(range(400 // 20, (400 + gap_ms) // 20)))
            got = await call(desk, phone)
            assert said(phone).startswith(audio[: lost.start] + audio[lost.stop :])
            assert is_all_of(got, said(phone))
            assert got.count(QUIET) > 0

    await each(one, [20, 80, 100, 400])


async def test_audio_that_came_while_the_server_was_held_up_is_no_gap() -> None:
    async with standing(BOT_GREETING="off") as desk, desk.stream() as hand:
        frames = [pattern(20, index) for index in range(26)]
        await until(lambda: hand.bridge.call.uplink.ready)
        await hand.socket.send_str(hand.frame(0, frames[0]))
        await until(lambda: desk.model.sessions[0].heard)
        for index, audio in enumerate(frames[1:], start=1):
            await hand.socket.send_str(hand.frame(index, audio))
        time.sleep(0.4)  # noqa: ASYNC251  the stall itself: nothing else of this process runs
        await until(lambda: len(desk.model.sessions[0].heard) >= len(frames) * 160)
        assert desk.model.sessions[0].heard.startswith(b"".join(frames))


async def test_a_caller_who_sends_nothing_is_silence_by_the_clock() -> None:
    async with standing(BOT_GREETING="off") as desk:
        async with desk.stream(started=False) as hand:
            await hand.socket.send_str(CONNECTED)
            began_s = time.monotonic()
            await hand.socket.send_str(hand.texts.start({}))
            await until(lambda: desk.model.sessions and len(desk.model.sessions[0].heard) >= 700 * 8)
            n_heard = len(desk.model.sessions[0].heard)
            took_ms = (time.monotonic() - began_s) * 1000
        assert n_heard <= took_ms * 8
        await desk.quiet()
        assert set(desk.model.sessions[0].heard) == set(QUIET)


class Gappy(Microphone):
    """Loses these frames of the stream, wherever in time it was opened."""

    def __init__(self, frames: range) -> None:
        super().__init__()
        self._lost_frames = frames

    def take(self) -> Frame | None:
        """The next frame, or None in its place."""
        index = self._next_index()
        frame = super().take()
        if index not in self._lost_frames:
            return frame
        self.sent.pop()
        return None


PACES = {
    "at once": QUICK,
    "in real time": Pacing(first_audio_ms=10, speed=1.0, first_delta_ms=50, delta_ms=50),
    "fast": Pacing(first_audio_ms=10, speed=8.0),
    "in odd pieces": Pacing(first_audio_ms=10, speed=20.0, first_delta_ms=33, delta_ms=7),
    "slower than real time": Pacing(first_audio_ms=10, speed=0.8, first_delta_ms=50, delta_ms=50),
}


async def test_the_phone_gets_what_the_model_says() -> None:
    async def one(pace: str) -> None:
        items = [Spoken(pattern(600, "first"), "one"), Spoken(pattern(300, "second"), "two")]
        async with standing(Reply(items, pacing=PACES[pace])) as desk:
            await says_exactly(desk, b"".join(item.audio for item in items), played=True)

    await each(one, PACES)


async def test_a_minute_in_one_piece_is_split_and_whole() -> None:
    audio = pattern(60_000, "long")
    async with standing(Reply([Spoken(audio)], pacing=Pacing(0, 60_000, 60_000, 0))) as desk:
        phone = await says_exactly(desk, audio, played=False)
        assert len(phone.received) > 1
        assert max(len(one.audio) for one in phone.received) <= 48_000


@pytest.mark.skipif(not RECORDED, reason="the recordings are not part of the repository")
async def test_recorded_speech_reaches_the_phone_unchanged() -> None:
    items = [Spoken(padded(wav.read(path)), path.stem) for path in RECORDED]
    async with standing(Reply(items, pacing=QUICK)) as desk:
        await says_exactly(desk, b"".join(item.audio for item in items), played=False)


async def says_exactly(desk: ServerUnderTest, audio: bytes, *, played: bool) -> SimulatedPhone:
    """Listen until `audio` has come, and with `played` until it was heard to its end; it is all that came."""
    phone = a_phone()
    calling = asyncio.create_task(desk.dial(phone))
    try:
        await until(lambda: len(heard(phone)) >= len(audio) or calling.done())
        if played:
            await until(lambda: all_heard(phone, len(audio)))
        phone.hang_up(0)
        await calling
    finally:
        calling.cancel()
    assert heard(phone) == audio
    assert phone.clears == []
    (session,) = desk.model.sessions
    spoken = b"".join(session.spoken(entry.item_id) for entry in session.memory() if entry.role == "assistant")
    assert spoken == audio
    return phone


def all_heard(phone: SimulatedPhone, n_bytes: int) -> bool:
    return phone.playout.heard_total_bytes(10**12) == n_bytes and len(phone.echoed) == len(phone.marks)
