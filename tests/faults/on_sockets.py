"""Faults of sockets: over loopback, in real time. Each gives what became of its call."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from unittest.mock import patch
from urllib.parse import urlsplit

import msgspec

from bot.server.calls.phone_side import phone_socket
from bot.server.http import media_stream
from bot.testing.agent import TRICKLE, Reply, Spoken
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour
from bot.testing.model.server import Door
from tests.faults.breaking_line import FrailLine
from tests.faults.call_over_sockets import ANSWER, Calling, calling, next_phone, port_of, spoiled_phone
from tests.faults.outcome import MS, Outcome, tone
from tests.faults.phone_faults import with_payload
from tests.server.simulated_server import GREETING, ServerUnderTest, a_phone, heard, standing, until

Run = Callable[[], Awaitable[Outcome]]
"""A call with a fault in it."""
REPLIES = (GREETING, ANSWER)
NO_START = "Twilio owes the start; without it the socket is closed after 5 s, here 0.3 s"
TWILIO_FINDS_OUT = "Twilio has to find it out as well; the bot does within 40 s, here 0.2 s"


async def finished(
    desk: ServerUnderTest, call: Calling, waits_from_ms: float | None, ended: str, apart: str = ""
) -> Outcome:
    """The call is over, and the next one is normal."""
    await call.over()
    await desk.quiet()
    outcome = await call.outcome(waits_from_ms, desk.logged("call_ended"), ended=ended, apart=apart)
    await desk.works()
    return outcome


async def carried_on(desk: ServerUnderTest, call: Calling, waits_from_ms: float, apart: str = "") -> Outcome:
    """The caller hears the bot on the second stream and hangs up there."""
    second = call.phones[1]
    await call.hears(phone=1)
    await call.over(second)
    return await finished(desk, call, waits_from_ms, "line_lost, then caller_hung_up", apart)


async def _ended_ms(phone: SimulatedPhone) -> float:
    """Wait for the end of the phone's stream. Gives its time, after which the next stream may have begun already."""
    await until(lambda: phone.ended_us is not None)
    assert phone.ended_us is not None
    return phone.ended_us / MS


# ---- Twilio ----


async def close_before_start() -> Outcome:
    async with standing(*REPLIES) as desk, FrailLine(port_of(desk)) as line:
        phone = spoiled_phone()
        phone.spoil = lambda _: []
        async with calling(desk, phone, next_phone(phone), via=line.origin) as call:
            await until(lambda: phone.opened_us is not None)
            line.cut()
            return await carried_on(desk, call, call.now_ms())


async def no_start() -> Outcome:
    async with standing(*REPLIES) as desk:
        phone = spoiled_phone()
        phone.spoil = lambda _: []
        with patch.object(media_stream, "START_S", 0.3):
            async with calling(desk, phone, next_phone(phone)) as call:
                return await carried_on(desk, call, await _ended_ms(phone), NO_START)


async def stream_breaks() -> Outcome:
    async with standing(*REPLIES) as desk, FrailLine(port_of(desk)) as line:
        phone = a_phone()
        async with calling(desk, phone, next_phone(phone), via=line.origin) as call:
            await call.hears("words 1")
            await until(lambda: desk.bridge(call.call_sid).call.state.value == "listening")
            line.cut()
            return await carried_on(desk, call, call.now_ms())


async def half_open() -> Outcome:
    async with standing(*REPLIES) as desk, FrailLine(port_of(desk)) as line:
        phone = a_phone()
        with patch.object(phone_socket, "QUIET_S", 0.1):
            async with calling(desk, phone, next_phone(phone), via=line.origin) as call:
                await call.hears("words 1")
                await until(lambda: desk.bridge(call.call_sid).call.state.value == "listening")
                line.go_dead()
                await until(lambda: desk.logged("stream_lost"))
                line.noticed()
                return await carried_on(desk, call, call.now_ms(), TWILIO_FINDS_OUT)


async def slow_reader() -> Outcome:
    """A phone that reads nothing for 0.4 s while the bot speaks; the model is no faster than speech."""
    spoken = Reply((Spoken(tone(800, 3), "on and on"),), pacing=TRICKLE)
    async with standing(spoken) as desk, FrailLine(port_of(desk)) as line:
        phone = a_phone()
        async with calling(desk, phone, via=line.origin) as call:
            await call.hears("a voice")
            line.go_dead()
            held_ms = call.now_ms()
            await until(lambda: call.now_ms() > held_ms + 400)
            line.move_on()
            await until(lambda: len(heard(phone)) == 6_400)
            await call.over(phone)
            await desk.quiet()
            return await call.outcome(held_ms, desk.logged("call_ended"), ended="caller_hung_up")


async def stop_twice() -> Outcome:
    async with standing(*REPLIES) as desk:
        phone = spoiled_phone()

        def spoil(texts: list[str]) -> list[str]:
            stops = [text for text in texts if '"event":"stop"' in text]
            return [*texts, *stops, *last_media] if stops else _keep(texts, last_media)

        last_media: list[str] = []
        phone.spoil = spoil
        async with calling(desk, phone) as call:
            await call.hears("words 1")
            await until(lambda: last_media)
            await call.over(phone)
            return await finished(desk, call, None, "caller_hung_up")


def _keep(texts: list[str], last_media: list[str]) -> list[str]:
    last_media[:] = [text for text in texts if '"event":"media"' in text][-1:] or last_media
    return texts


async def over_64_kib() -> Outcome:
    async with standing(*REPLIES) as desk:
        phone = spoiled_phone()
        seen: list[float] = []

        def spoil(texts: list[str]) -> list[str]:
            if len(seen) < 15:
                seen.extend(0 for _ in texts)
                return texts
            jumbo = with_payload("A" * 70_000)
            return [
                msgspec.json.encode(jumbo(msgspec.json.decode(text))).decode() for text in texts if "payload" in text
            ]

        phone.spoil = spoil
        async with calling(desk, phone, next_phone(phone)) as call:
            return await carried_on(desk, call, await _ended_ms(phone))


# ---- OpenAI ----


async def _at_the_door(door: Door, ended: str, waits_from_ms: float = 0) -> Outcome:
    async with standing(*REPLIES, door=door) as desk:
        async with calling(desk, a_phone()) as call:
            await call.over()
        await desk.quiet()
        desk.model.door = Door()
        return await finished(desk, call, waits_from_ms, ended)


async def unauthorized() -> Outcome:
    return await _at_the_door(Door(http_status=401), "model_unavailable")


async def too_many() -> Outcome:
    return await _at_the_door(Door(http_status=429), "model_unavailable")


async def refused() -> Outcome:
    """A model at whose address nobody listens, in this call and the next."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/realtime"
    async with standing(*REPLIES, model_url=url) as desk, calling(desk, a_phone()) as call:
        await call.over()
        await desk.quiet()
        return await call.outcome(0, desk.logged("call_ended"), ended="model_unavailable")


async def _gone_while_he_speaks(
    desk: ServerUnderTest, happens: Callable[[], None], afterwards: Callable[[], None] = lambda: None
) -> Outcome:
    phone = a_phone()
    async with calling(desk, phone) as call:
        await call.heard_out("words 1")
        turn_ms = call.say(400)
        said = len(phone.sent_frames)
        await until(lambda: len(phone.sent_frames) > said + 10)
        happens()
        await until(lambda: desk.logged("session_replaced"))
        await call.hears("words 1", times=2)
        afterwards()
        await call.over(phone)
        return await finished(desk, call, turn_ms, "caller_hung_up")


async def dropped_while_he_speaks() -> Outcome:
    async with standing(*REPLIES) as desk:
        return await _gone_while_he_speaks(desk, desk.model.abort)


async def hangs_while_he_speaks() -> Outcome:
    async with standing(*REPLIES) as desk:
        return await _gone_while_he_speaks(desk, desk.model.hang)


async def goes_dead_while_he_speaks() -> Outcome:
    async with FrailLine() as line, standing(*REPLIES, model_url=f"ws{line.origin[4:]}/v1/realtime") as desk:
        line.far_port = urlsplit(desk.model.url).port or 0
        return await _gone_while_he_speaks(desk, line.strand, line.drop_stranded)


async def silent_model() -> Outcome:
    """A session that is open and says nothing at all: another is dialled."""
    behaviours = iter([Behaviour(created_after_ms=None)])
    async with standing(
        *REPLIES, behaviour=lambda: next(behaviours, Behaviour()), BOT_RESPONSE_SECONDS="2", BOT_FILLER_SECONDS="0.5"
    ) as desk:
        phone = a_phone()
        async with calling(desk, phone) as call:
            await call.hears("words 1")
            await call.over(phone)
            return await finished(desk, call, call.phones[0].opened_us / 1_000, "caller_hung_up")  # type: ignore[operator]


TWILIO: dict[str, Run] = {
    "close before start": close_before_start,
    "no start within 5 s": no_start,
    "stop twice, media after stop": stop_twice,
    "stream breaks in a pause": stream_breaks,
    "slow reader: nothing is read for 0.4 s": slow_reader,
    "half-open TCP": half_open,
    "a frame over 64 KiB": over_64_kib,
}
OPENAI: dict[str, Run] = {
    "connection refused": refused,
    "HTTP 401": unauthorized,
    "HTTP 429": too_many,
    "dropped (1006) while the caller speaks": dropped_while_he_speaks,
    "hangs while the caller speaks, answers pings, over sockets": hangs_while_he_speaks,
    "goes dead without a word while the caller speaks": goes_dead_while_he_speaks,
    "open and silent (BOT_RESPONSE_SECONDS 2)": silent_model,
}
