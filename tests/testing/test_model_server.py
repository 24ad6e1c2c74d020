"""The simulated model on a real loopback socket."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from bot.realtime.session import SessionSettings, session_object
from bot.testing.agent import AT_ONCE, Failure, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import Door, SimulatedRealtimeServer
from bot.testing.virtual.client_event_schema import check_client_event
from tests.waiting import GIVE_UP_S

KEY = {"Authorization": "Bearer sk-any"}
REPLY = Reply([Spoken(pattern(1000), "one two")], pacing=AT_ONCE)


def server(reply: Reply = REPLY, door: Door | None = None, **knobs: Any) -> SimulatedRealtimeServer:
    def factory(model: str) -> SimulatedModel:
        return SimulatedModel(ScriptedAgent([reply]), Behaviour(**knobs), model=model, check=check_client_event)

    return SimulatedRealtimeServer(factory, door=door)


def dial(at: SimulatedRealtimeServer, query: str = "?model=gpt-realtime-2.1", headers: dict[str, str] = KEY) -> connect:
    return connect(at.url + query, additional_headers=headers, compression=None, open_timeout=GIVE_UP_S)


async def until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """Receive events up to the first of `kind`."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(GIVE_UP_S):
        while not events or events[-1]["type"] != kind:
            events.append(json.loads(await socket.recv()))
    return events


async def closed(socket: ClientConnection) -> tuple[int, str, list[dict[str, Any]]]:
    """Close code and reason, and the events before it."""
    events = []
    async with asyncio.timeout(GIVE_UP_S):
        try:
            while True:
                events.append(json.loads(await socket.recv()))
        except ConnectionClosed:
            return socket.close_code or 0, socket.close_reason or "", events


async def none_open(at: SimulatedRealtimeServer) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        await at.idle()
    assert at.open_sessions == 0


async def test_a_session_is_configured_and_speaks() -> None:
    async with server(Reply([Spoken(pattern(1000))])) as at:
        async with dial(at) as socket:
            (created,) = await until(socket, "session.created")
            assert abs(created["session"]["expires_at"] - time.time() - 3600) < 60
            session = session_object(SessionSettings(), server_owns_turns=True)
            await socket.send(json.dumps({"type": "session.update", "session": session}))
            (updated,) = await until(socket, "session.updated")
            assert updated["session"]["audio"]["output"]["format"] == {"type": "audio/pcmu"}
            started = time.monotonic()
            await socket.send(json.dumps({"type": "response.create"}))
            events = await until(socket, "rate_limits.updated")
            assert time.monotonic() - started > 0.3 + 0.25
            assert events[-2]["response"]["status"] == "completed"
            assert at.open_sessions == 1
        (model,) = at.sessions
        assert model.spoken(model.memory()[0].item_id) == pattern(1000)
        await none_open(at)
        assert model.violations == []


@pytest.mark.parametrize(
    ("query", "headers", "code", "reason"),
    [
        ("?model=m1", {}, 3000, "invalid_request_error"),
        ("?model=m1", {"Authorization": "Bearer bad"}, 3000, "invalid_request_error.invalid_api_key"),
        ("?model=m2", {"Authorization": "Bearer good"}, 4000, "invalid_request_error.invalid_model"),
        ("", {"Authorization": "Bearer good"}, 4000, "invalid_request_error.missing_model"),
        (
            "?model=m1",
            {"Authorization": "Bearer good", "OpenAI-Beta": "realtime=v1"},
            4000,
            "invalid_request_error.beta_api_shape_disabled",
        ),
    ],
)
async def test_bad_handshakes_fail_after_the_101(query: str, headers: dict[str, str], code: int, reason: str) -> None:
    door = Door(keys=frozenset({"good"}), models=frozenset({"m1"}))
    async with server(door=door) as at, dial(at, query, headers) as socket:
        close_code, close_reason, events = await closed(socket)
        assert (close_code, close_reason) == (code, reason)
        assert [event["type"] for event in events] == ["error"]
        assert at.sessions == []


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_the_edge_can_refuse_the_upgrade(status: int) -> None:
    async with server(door=Door(http_status=status)) as at:
        with pytest.raises(InvalidStatus) as refused:
            await dial(at)
        assert refused.value.response.status_code == status
        assert at.sessions == []


async def test_another_path_is_not_there() -> None:
    async with server() as at:
        with pytest.raises(InvalidStatus) as refused:
            await connect(at.url + "/other", additional_headers=KEY, compression=None)
        assert refused.value.response.status_code == 404


async def test_an_upgrade_may_never_be_answered_and_nothing_hangs_at_the_end() -> None:
    async with server(door=Door(unanswered=True)) as at:
        with pytest.raises(TimeoutError):
            await connect(at.url + "?model=m", additional_headers=KEY, compression=None, open_timeout=0.05)
        assert at.asked.is_set()


async def test_a_hanging_upgrade_is_ended_with_the_server() -> None:
    async with server(door=Door(unanswered=True)) as at:
        dialling = asyncio.ensure_future(dial(at).__aenter__())
        async with asyncio.timeout(GIVE_UP_S):
            await at.asked.wait()
    with pytest.raises((InvalidStatus, ConnectionError, EOFError)):
        await dialling


async def test_the_connection_can_be_dropped_without_a_close() -> None:
    async with server() as at, dial(at) as socket:
        await until(socket, "session.created")
        at.abort()
        code, _, _ = await closed(socket)
        assert code == 1006
        await none_open(at)


@pytest.mark.parametrize(("kind", "code"), [("closes", 1011), ("aborts", 1006)])
async def test_it_goes_away_in_the_middle_of_a_reply(kind: Any, code: int) -> None:
    reply = Reply([Spoken(pattern(1000))], pacing=AT_ONCE, failure=Failure(kind, 500))
    async with server(reply) as at, dial(at) as socket:
        await until(socket, "session.created")
        await socket.send(json.dumps({"type": "response.create"}))
        assert (await closed(socket))[0] == code
        await none_open(at)


async def test_expiry_closes_with_the_server_s_words() -> None:
    async with server(session_s=0) as at, dial(at) as socket:
        code, reason, _ = await closed(socket)
        assert (code, reason) == (1001, "Your session hit the maximum duration of 0 minutes.")


async def test_garbage_and_binary_frames_are_answered_with_errors() -> None:
    async with server() as at, dial(at) as socket:
        await until(socket, "session.created")
        await socket.send(b"\x00\x01")
        await socket.send("{")
        codes = [(await until(socket, "error"))[-1]["error"]["code"] for _ in range(2)]
        assert codes == ["invalid_event", "invalid_json"]


async def test_many_sessions_run_side_by_side_and_none_is_left() -> None:
    before = asyncio.all_tasks()
    async with server() as at:

        async def one() -> int:
            async with dial(at) as socket:
                await until(socket, "session.created")
                await socket.send(json.dumps({"type": "response.create"}))
                return len(await until(socket, "response.done"))

        assert len(set(await asyncio.gather(*(one() for _ in range(20))))) == 1
        await none_open(at)
        assert len(at.sessions) == 20
    assert asyncio.all_tasks() == before


async def test_leaving_the_server_closes_what_is_open() -> None:
    async with server() as at:
        socket = await dial(at)
        await until(socket, "session.created")
    assert (await closed(socket))[0] == 1001


def azure(door: Door | None = None) -> SimulatedRealtimeServer:
    return SimulatedRealtimeServer(
        lambda model: SimulatedModel(ScriptedAgent([REPLY]), model=model), door=door, dialect="azure"
    )


async def test_azure_takes_its_key_in_a_header_of_its_own_below_a_path_of_its_own() -> None:
    async with azure() as at:
        assert at.url.endswith("/openai/v1/realtime")
        async with dial(at, headers={"api-key": "any"}) as socket:
            assert (await until(socket, "session.created"))[-1]["session"]["model"] == "gpt-realtime-2.1"
        await none_open(at)


@pytest.mark.parametrize(
    ("query", "headers", "door", "status"),
    [
        ("?model=mine", KEY, Door(), 401),
        ("?model=mine", {"api-key": "other"}, Door(keys=frozenset({"right"})), 401),
        ("?model=mine", {"api-key": "any"}, Door(models=frozenset({"another"})), 404),
        ("", {"api-key": "any"}, Door(), 404),
        ("?model=mine&api-version=2025-04-01-preview", {"api-key": "any"}, Door(), 400),
        ("?deployment=mine", {"api-key": "any"}, Door(), 400),
    ],
)
async def test_what_azure_refuses_it_refuses_in_http(
    query: str, headers: dict[str, str], door: Door, status: int
) -> None:
    async with azure(door) as at:
        with pytest.raises(InvalidStatus) as caught:
            await dial(at, query, headers)
        assert caught.value.response.status_code == status


# ---- client secrets ----

PCM_SESSION = session_object(SessionSettings(audio="audio/pcm", instructions="Be kind."), server_owns_turns=True)


async def secret(at: SimulatedRealtimeServer, session: dict[str, Any] | None = None, **more: Any) -> str:
    """A client secret, made as the bot has one made."""
    body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": session or PCM_SESSION, **more}
    async with aiohttp.ClientSession() as http:
        url = at.url.replace("ws", "http", 1) + "/client_secrets"
        async with http.post(url, json=body, headers=KEY) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["value"])


def as_a_page(at: SimulatedRealtimeServer, key: str) -> connect:
    """The upgrade that a browser asks for, which can send no header of its own."""
    subprotocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{key}")]
    return connect(
        f"{at.url}?model=gpt-realtime-2.1", subprotocols=subprotocols, origin=Origin("https://bot.example"),
        compression=None, open_timeout=GIVE_UP_S,
    )  # fmt: skip


async def test_a_secret_opens_sessions_that_are_configured_from_their_first_word() -> None:
    async with server() as at:
        value = await secret(at)
        async with as_a_page(at, value) as socket, as_a_page(at, value):
            assert socket.subprotocol == "realtime"
            (created,) = await until(socket, "session.created")
            assert created["session"]["instructions"] == "Be kind."
            assert created["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
            audio = base64.b64encode(bytes(4800)).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            await socket.send(json.dumps({"type": "response.create"}))
            events = await until(socket, "response.done")
            spoken = [one["delta"] for one in events if one["type"] == "response.output_audio.delta"]
            assert sum(len(base64.b64decode(one)) for one in spoken) == 48 * 1000
        await none_open(at)
        assert [one.violations for one in at.sessions] == [[], []]
        assert at.sessions[0].heard_ms == 100


@pytest.mark.parametrize("how", ["expired", "never made", "a key of the account's"])
async def test_a_page_that_shows_no_valid_secret_is_refused_after_the_upgrade(how: str) -> None:
    async with server() as at:
        value = {"never made": "ek_" + "0" * 32, "a key of the account's": "sk-any"}.get(how) or await secret(at)
        if how == "expired":
            at.secrets.clock = lambda: time.time() + 61
        async with as_a_page(at, value) as socket:
            code, reason, events = await closed(socket)
        assert (code, reason) == (3000, "invalid_request_error.invalid_api_key")
        assert [one["type"] for one in events] == ["error"]
        await none_open(at)
        assert at.sessions == []


async def test_a_session_outlives_its_secret() -> None:
    async with server() as at, as_a_page(at, await secret(at)) as socket:
        await until(socket, "session.created")
        at.secrets.clock = lambda: time.time() + 7_200
        await socket.send(json.dumps({"type": "response.create"}))
        await until(socket, "response.done")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, 400),
        ({"expires_after": {"anchor": "created_at", "seconds": 7_201}}, 400),
        ({"session": {"type": "realtime", "temperature": 0.5}}, 400),
        ({"sessions": {}}, 400),
        ("no object", 400),
        ({}, 200),
    ],
)
async def test_a_secret_is_made_of_a_session_that_is_one(body: Any, status: int) -> None:
    async with server() as at, aiohttp.ClientSession() as http:
        url = at.url.replace("ws", "http", 1) + "/client_secrets"
        async with http.post(url, json=body, headers=KEY) as answer:
            assert answer.status == status
        async with http.post(url, json=body) as answer:
            assert answer.status == 401
        assert len(at.secrets.values) == (status == 200)


async def test_a_connection_that_says_nothing_is_nobody_s() -> None:
    async with server() as at:
        url = urlsplit(at.url)
        _, silent = await asyncio.open_connection(url.hostname, url.port)
        async with dial(at) as socket:
            await until(socket, "session.created")
        silent.close()
        await silent.wait_closed()


async def test_a_connection_that_says_nothing_is_dropped_when_the_server_stops() -> None:
    async with server() as at:
        url = urlsplit(at.url)
        reader, silent = await asyncio.open_connection(url.hostname, url.port)
        async with dial(at) as socket:  # which comes after it, so the server has it
            await until(socket, "session.created")
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    silent.close()
    with suppress(ConnectionResetError):
        await silent.wait_closed()
