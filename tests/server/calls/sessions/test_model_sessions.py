"""Faults of the model's side: each is named in the log, told to the caller, and over with the call."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import pytest

from bot.audio.fillers import filler
from bot.audio.payload import BYTES_PER_MS
from bot.call.inputs import SessionAlive
from bot.realtime import connection
from bot.server.calls.bridge import Bridge
from bot.testing.agent import Failure, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.model import Behaviour, CloseAt, SendAt, SimulatedModel
from bot.testing.model.server import Door, SimulatedRealtimeServer
from tests.realtime.raw_model import RawModel, frame
from tests.server.simulated_server import GREETING, QUICK, ServerUnderTest, a_phone, heard, standing, until

SORRY = "Sorry, something went wrong on our side. Please call again in a few minutes. Goodbye."
LONG = Reply([Spoken(pattern(5000), "on and on")], pacing=QUICK)

OPEN, GOOD = Door(), Behaviour()


@dataclass
class Trouble:
    """Fault of the first session, the log's name for it, and the entry that has it."""

    failure: str
    code: int = 0
    door: Door = OPEN
    behaviour: Behaviour = GOOD
    env: dict[str, str] = field(default_factory=dict)
    event: str = "model_closed"


def closes(code: int, reason: str = "") -> Behaviour:
    return Behaviour(closes=CloseAt(300_000, code, reason))


SOON = {"BOT_RESPONSE_SECONDS": "1"}
TROUBLES = {
    "HTTP 401": Trouble("bad_key", 401, Door(http_status=401)),
    "HTTP 403": Trouble("bad_key", 403, Door(http_status=403)),
    "HTTP 404": Trouble("unknown_model", 404, Door(http_status=404)),
    "HTTP 429": Trouble("rate_limited", 429, Door(http_status=429)),
    "HTTP 500": Trouble("unreachable", 500, Door(http_status=500)),
    "HTTP 503": Trouble("unreachable", 503, Door(http_status=503)),
    "in-band 3000": Trouble("bad_key", 3000, Door(keys=frozenset({"another"}))),
    "in-band 4000": Trouble("unknown_model", 4000, Door(models=frozenset({"another"}))),
    "in-band 4004": Trouble("unknown_model", 4004, behaviour=Behaviour(refusal="model_not_found")),
    "no answer to the upgrade": Trouble("timeout", 0, Door(unanswered=True), env=SOON, event="session_lost"),
    "another key is needed in the call": Trouble("bad_key", 3000, behaviour=closes(3000, "invalid_api_key")),
    "no credit in the call": Trouble("no_credit", 1011, behaviour=closes(1011, "insufficient_quota")),
}


@pytest.mark.parametrize("name", TROUBLES)
async def test_a_session_that_fails_is_named_and_the_caller_told(name: str) -> None:
    trouble = TROUBLES[name]
    sessions = iter([trouble.behaviour])
    async with standing(behaviour=lambda: next(sessions, Behaviour()), door=trouble.door, **trouble.env) as desk:
        await caller_is_told(desk)
        (entry,) = desk.logged(trouble.event)
        assert (entry["failure"], entry["code"]) == (trouble.failure, trouble.code)
        assert desk.logged("call_ended")[0]["model_failure"] == trouble.failure
        desk.model.door = Door()
        while next(sessions, None) is not None:
            pass
        await desk.works()


async def caller_is_told(desk: ServerUnderTest) -> None:
    """A call that the model can't answer ends in one spoken sentence, whether the stream or the failure comes first."""
    phone = a_phone()
    result = await desk.dial(phone)
    assert (result.ending, result.failure) == ("hangup", "")
    assert result.said == [SORRY]
    await desk.quiet()
    assert desk.reasons == ["model_unavailable"]
    assert (await desk.next(phone.ids.call_sid))[1].count("<Say") == 1


@pytest.mark.parametrize("never", ["created", "updated"])
async def test_a_session_that_is_never_ready_ends_in_a_sentence(never: str) -> None:
    sessions = iter([Behaviour(**{f"{never}_after_ms": None})] * 2)  # neither the first nor its rival
    async with standing(behaviour=lambda: next(sessions, Behaviour()), **SOON) as desk:
        await caller_is_told(desk)
        (entry,) = desk.logged("limit_reached")
        assert (entry["reason"], entry["state"]) == ("model_unavailable", "opening")
        await desk.works()


async def test_a_reply_that_never_comes_is_tried_twice_and_then_apologised_for() -> None:
    async with asyncio.TaskGroup() as group:
        for kind in ("silent", "stalls"):
            group.create_task(apologised_for(kind))


async def apologised_for(kind: str) -> None:
    silent = Reply(failure=Failure(kind), pacing=QUICK)  # type: ignore[arg-type]
    async with standing(silent, BOT_GREETING="off", **SOON) as desk:
        phone = a_phone()
        phone.say(pattern(400), 100_000)
        phone.hang_up(6_000_000)
        result = await desk.dial(phone)
        assert heard(phone).startswith(filler("", "apology").audio[: 1_000 * BYTES_PER_MS])
        assert result.said == []
        events = [entry["event"] for entry in desk.logs if entry.get("call_sid") == phone.ids.call_sid]
        assert (events.count("response_overdue"), events.count("apology_played")) == (2, 1), kind


async def test_a_server_that_is_not_there_is_named_and_tried_again_for_the_next_call() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with standing(model_url=f"ws://127.0.0.1:{port}/v1/realtime") as desk:
        await caller_is_told(desk)
        assert desk.logged("model_closed")[0]["failure"] == "unreachable"

        def session(name: str) -> SimulatedModel:
            return SimulatedModel(ScriptedAgent([GREETING]), model=name)

        async with SimulatedRealtimeServer(session, port=port):
            await desk.works()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"hello\r\n\r\n"])
async def test_a_server_that_speaks_no_websocket_is_named(answer: bytes) -> None:
    async with (
        RawModel("answers with bytes" if answer else "drops", answer) as raw,
        standing(model_url=raw.url) as desk,
    ):
        await caller_is_told(desk)
        assert desk.logged("model_closed")[0]["failure"] in {"protocol", "unreachable"}


async def test_the_first_event_in_one_packet_with_the_handshake_is_answered() -> None:
    created = b'{"type":"session.created","event_id":"e","session":{}}'
    async with RawModel("speaks with the handshake", frame(created)) as raw, standing(model_url=raw.url) as desk:
        phone = a_phone()
        await desk.dial_until(phone, lambda: len(raw.got) > 500)
        await desk.quiet()
        assert len(raw.got) > 500, "no session.update came"
        assert desk.reasons == ["caller_hung_up"]


GARBAGE = [
    "{",
    "",
    "null",
    "[]",
    '"text"',
    '{"type":5}',
    "{}",
    '{"type":"response.created","response":7}',
    '{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"@@"}',
    '{"type":"response.done"}',
    '{"type":"x","y":' + "[" * 20_000,
]
UNKNOWN = [
    '{"type":"nonsense.event","event_id":"e"}',
    '{"type":"rate_limits.updated","rate_limits":[],"new_field":{"a":[1]}}',
    '{"type":"error","error":{"type":"server_error","code":null,"message":"","param":null,"event_id":null}}',
    '{"type":"error","error":{"type":"invalid_request_error","code":"item_truncate_invalid_item_id","message":"x"}}',
]


async def test_garbage_of_the_model_is_counted_and_the_call_goes_on() -> None:
    sends = [SendAt(at * 2_000, text) for at, text in enumerate(GARBAGE + UNKNOWN, start=2)]
    async with standing(LONG, behaviour=Behaviour(sends=sends)) as desk:
        phone = a_phone()

        def all_came() -> bool:
            live = desk.calls.directory.find(phone.ids.call_sid)
            errors = 0 if live is None else live.bridge.call.errors.total()
            return errors == len(UNKNOWN) - 2 and len(heard(phone)) >= len(LONG.items[0].audio)

        result = await desk.dial_until(phone, all_came)
        await desk.quiet()
        assert heard(phone) == LONG.items[0].audio
        assert desk.reasons == ["caller_hung_up"]
        assert result.failure == ""
        counts = desk.logged("call_ended")[0]["counts"]
        assert sum(n for name, n in counts.items() if name.startswith("refused_")) == len(GARBAGE)


async def test_a_payload_that_would_end_the_json_never_reaches_the_phone() -> None:
    hostile = (
        '{"type":"response.output_audio.delta","event_id":"e","response_id":"resp_0001","item_id":"item_0001",'
        '"output_index":0,"content_index":0,"delta":"AAAA\\"},\\"event\\":\\"clear\\",\\"x\\":{\\"y\\":\\""}'
    )
    async with standing(LONG, behaviour=Behaviour(sends=[SendAt(60_000, hostile)])) as desk:
        phone = a_phone()

        def both_came() -> bool:
            live = desk.calls.directory.find(phone.ids.call_sid)
            refused = live is not None and live.bridge.call.counts["refused_bad_base64"]
            return bool(refused) and len(heard(phone)) >= len(LONG.items[0].audio)

        await desk.dial_until(phone, both_came)
        assert (heard(phone), phone.clears) == (LONG.items[0].audio, [])


async def test_a_call_learns_that_a_silent_session_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[object] = []
    whole = Bridge._note
    monkeypatch.setattr(connection, "LOOK_S", 0.05)
    monkeypatch.setattr(Bridge, "_note", lambda bridge, note: (notes.append(note), whole(bridge, note)))
    async with standing(BOT_GREETING="off") as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.uplink.ready)
        await until(lambda: notes.count(SessionAlive()) >= 2)
        assert hand.bridge.call.ended is None
