"""The log of a call: a line for each thing that happens to it, with its SID; none for a frame."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bot.testing.dialling.dial import new_call_sid
from tests.server.http.operators.test_metrics_route import found
from tests.server.simulated_server import ServerUnderTest, standing, until

FRAMES = 300


async def lines_of(desk: ServerUnderTest, frames: int) -> Counter[str]:
    """The log's events while a call lives that sends so many frames, each checked for the call's SID."""
    before = len(desk.logs)
    async with desk.stream() as hand:
        await until(lambda: "begun" in hand.bridge.tally.reported_us)
        for index in range(frames):
            await hand.socket.send_str(hand.frame(index))
        await until(lambda: hand.bridge.traffic.from_phone >= frames + 2)
        await hand.socket.send_str(hand.texts.stop())
        await hand.closed()
    await desk.quiet()
    written: list[dict[str, Any]] = desk.logs[before:]
    assert {line.get("call_sid") for line in written} == {hand.ids.call_sid}
    return Counter(line["event"] for line in written)


async def test_frames_write_no_line_and_every_line_names_the_call() -> None:
    async with standing(LOG_LEVEL="debug") as desk:
        few, many = await lines_of(desk, 1), await lines_of(desk, FRAMES)
    assert few == many
    assert {"call_started", "session_ready", "begun", "call_ended"} <= few.keys()
    assert set(few.values()) == {1}


async def test_a_stream_that_is_refused_names_its_call_when_its_token_does() -> None:
    async with standing() as desk:
        sid = new_call_sid()
        token = await desk.token(sid)
        await (await desk.upgrade(token)).close()
        assert await desk.refused(token) == 403
        assert await desk.refused(token[:-2]) == 403
        told, untold = desk.logged("stream_refused")
        assert told["call_sid"] == sid
        assert "call_sid" not in untold


async def test_what_a_session_says_and_nobody_can_use_is_one_line_and_counted_each_time() -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: "begun" in hand.bridge.tally.reported_us)
            for _ in range(3):
                hand.bridge._model_text(b'{"type":"response.created","response":{}}')
            await hand.socket.send_str(hand.texts.stop())
            await hand.closed()
        await desk.quiet()
        (line,) = [line for line in desk.logs if line["event"] == "message_refused"]
        assert (line["way"], line["why"]) == ("model>bot", "bad_shape")
        assert line["about"] == "response.created: response.id is not there"
        assert (await found(desk))["model_messages_refused_total", "bad_shape"] == 3
