"""The webhooks: who may ask, what is asked of the model for it, and what is answered."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from bot.call.conversation import state_deadlines
from bot.server.http import webhook
from bot.server.http.voice_webhooks import voice_next
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.signed_webhook import parse_document
from tests.server.simulated_server import (
    ACCOUNT,
    AUTH_TOKEN,
    PUBLIC_URL,
    a_phone,
    form,
    heard,
    standing,
    stream_of,
    until,
)
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops

WEBHOOKS = ("/voice", "/voice/next", "/voice/status")
MALFORMED = b"\xff\xfe=%zz&&&=&CallSid"


def verbs(document: str) -> list[str]:
    return [verb.tag for verb in parse_document(document)]


@pytest.mark.parametrize("path", WEBHOOKS)
async def test_only_twilio_gets_an_answer(path: str) -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        for body in (form(call_sid), MALFORMED, b"", b"x" * 1000):
            assert (await desk.post(path, body, token=None))[0] == 403
            assert (await desk.post(path, body, token="f" * 32))[0] == 403
        assert (await desk.post(path, form(call_sid), signed_path=path + "/"))[0] == 403
        assert (await desk.post(path, form(call_sid), public_url=desk.origin))[0] == 403
        assert (len(desk.calls.directory), desk.model.sessions) == (0, [])
        assert {entry["path"] for entry in desk.logged("webhook_refused")} == {path}


@pytest.mark.parametrize("path", WEBHOOKS)
@pytest.mark.parametrize("call_sid", ["", "CA12", "CA" + "g" * 32, "AC" + "0" * 32, "CA" + "0" * 32 + "\n"])
async def test_a_signed_form_without_a_call_sid_is_told_so(path: str, call_sid: str) -> None:
    async with standing() as desk:
        fields = [("CallSid", call_sid), ("AccountSid", ACCOUNT)]
        assert await desk.post(path, fields) == (400, "the form has no valid CallSid\n")
        assert await desk.post(path, fields[1:]) == (400, "the form has no valid CallSid\n")
        assert len(desk.calls.directory) == 0


async def test_the_query_is_part_of_what_is_signed() -> None:
    async with standing() as desk:
        for query in ("?a=1&b=%20+%2B", "?x=%E2%82%AC", "?a=1;b=2&&"):
            assert (await desk.post(f"/voice/status{query}", form(new_call_sid())))[0] == 204
        status, _ = await desk.post("/voice/status?a=1", form(new_call_sid()), signed_path="/voice/status")
        assert status == 403


async def test_other_methods_paths_and_accounts_are_refused() -> None:
    async with standing() as desk:
        for path in WEBHOOKS:
            async with desk.http.get(desk.origin + path) as answer:
                assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        for path in ("/", "/voic", "/voice/", "/media", "/media/a/b", "/metrics/"):
            assert (await desk.post(path, form(new_call_sid())))[0] == 404
        foreign = form(new_call_sid(), account="AC" + "6" * 32)
        assert await desk.post("/voice", foreign) == (403, "the call belongs to another account\n")
        assert (len(desk.calls.directory), desk.model.sessions) == (0, [])


async def test_a_body_over_64_kib_is_refused() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        for size, expected in ((65_000, 200), (66_000, 413)):
            fields = [*form(call_sid), ("Padding", "x" * size)]
            assert (await desk.post("/voice", fields))[0] == expected
        desk.bridge(call_sid).shutdown("drained")


async def test_a_form_that_does_not_come_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "BODY_S", 0.1)
    async with standing() as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(desk.origin.rpartition(":")[2]))
        writer.write(
            b"POST /voice HTTP/1.1\r\nHost: a\r\nX-Twilio-Signature: x\r\nContent-Length: 100\r\n\r\nCallSid=CA"
        )
        assert b" 408 " in await reader.readline()
        writer.write(b"0" * 91)  # the rest, or aiohttp would wait for it before it lets go
        writer.close()
        await writer.wait_closed()
        assert len(desk.calls.directory) == 0


async def test_an_unsigned_form_is_not_waited_for() -> None:
    async with standing() as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(desk.origin.rpartition(":")[2]))
        writer.write(b"POST /voice HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\nCallSid=CA")
        async with asyncio.timeout(GIVE_UP_S):
            assert b" 403 " in await reader.readline()
        writer.write(b"0" * (60_000 - 10))
        writer.close()
        await writer.wait_closed()
        assert len(desk.calls.directory) == 0


async def test_a_form_of_too_many_fields_is_refused_unsorted() -> None:
    """Sorting for a stranger has an end: a genuine form has some thirty fields."""
    async with standing() as desk:
        fields = [*form(new_call_sid()), *((f"f{number}", "") for number in range(webhook.MAX_FIELDS))]
        assert await desk.post("/voice", fields) == (413, "the form has too many fields\n")
        assert len(desk.calls.directory) == 0


async def test_a_repeated_webhook_dials_once_and_voids_the_token_before() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        first, second = await asyncio.gather(desk.token(call_sid), desk.token(call_sid))
        third = await desk.token(call_sid)
        assert len({first, second, third}) == 3
        for void in (first, second):
            assert await desk.refused(void) == 403
        async with await desk.upgrade(third) as socket:
            assert (await desk.voice(call_sid))[0] == 409
            await until(lambda: desk.model.sessions)
            await socket.close()
        await desk.quiet()
        assert len(desk.model.sessions) == 1


async def test_a_call_that_is_over_is_hung_up_and_never_dialled_again() -> None:
    async with standing() as desk:
        phone = a_phone()
        await desk.dial_until(phone, lambda: desk.model.sessions)
        await desk.quiet()
        status, document = await desk.voice(phone.ids.call_sid)
        assert (status, verbs(document)) == (200, ["Hangup"])
        assert (len(desk.model.sessions), len(desk.calls.directory)) == (1, 0)


async def test_one_call_too_many_is_busy_and_costs_nothing() -> None:
    async with standing(BOT_MAX_CALLS="2") as desk:
        mine = [new_call_sid(), new_call_sid()]
        for call_sid in mine:
            await desk.token(call_sid)
        status, document = await desk.voice(new_call_sid())
        assert (status, verbs(document)) == (200, ["Reject"])
        assert 'reason="busy"' in document
        assert verbs((await desk.voice(mine[0]))[1]) == ["Connect", "Say", "Hangup"]
        async with desk.http.get(desk.origin + "/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "full\n")
        desk.bridge(mine[0]).shutdown("drained")
        await until(lambda: len(desk.calls.directory) == 1)
        assert verbs((await desk.voice(new_call_sid()))[1]) == ["Connect", "Say", "Hangup"]
        await until(lambda: len(desk.model.sessions) == 3)
        await desk.calls.departure.close()


@pytest.mark.parametrize("prefix", ["", "/line/one", "/voice"])
@pytest.mark.parametrize("proxy", ["passes the prefix on", "takes the prefix off"])
async def test_a_path_prefix_is_told_and_signed_once_whatever_the_proxy_does(prefix: str, proxy: str) -> None:
    async with standing(PUBLIC_URL=PUBLIC_URL + prefix) as desk:
        reached = prefix if proxy == "passes the prefix on" else ""
        call_sid = new_call_sid()
        status, document = await desk.post(f"{reached}/voice", form(call_sid), signed_path="/voice")
        assert status == 200
        assert stream_of(document).startswith(f"wss://bot.example.com{prefix}/media/")
        patience = "#rc=5&amp;rp=ct,rt,5xx&amp;ct=3000&amp;rt=15000&amp;tt=15000"
        assert f'action="{PUBLIC_URL}{prefix}/voice/next{patience}"' in document
        path = stream_of(document).removeprefix("wss://bot.example.com" + prefix)
        socket = await desk.upgrade(path.removeprefix("/media/"), under=reached)
        await socket.close()
        status, _ = await desk.post(f"{reached}/voice/status?a=b", form(call_sid), signed_path="/voice/status?a=b")
        assert status == 204
        doubled = f"{prefix}/voice" if prefix else "/voice/voice"
        assert (await desk.post(f"{reached}/voice", form(call_sid), signed_path=doubled))[0] == 403
        if prefix:
            bare = await desk.post(f"{reached}/voice", form(call_sid), public_url=PUBLIC_URL, signed_path="/voice")
            assert bare[0] == 403
        async with desk.http.get(f"{desk.origin}{reached}/healthz") as answer:
            assert answer.status == 200


async def test_a_session_that_no_stream_claims_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_deadlines.CLAIM_US == 10_000_000
    monkeypatch.setattr(state_deadlines, "CLAIM_US", 150_000)
    async with standing() as desk:
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        await until(lambda: desk.model.open_sessions == 1)
        await desk.quiet()
        assert desk.reasons == ["line_lost"]
        assert await desk.refused(token) == 403
        await desk.works()


async def test_what_follows_a_stream() -> None:
    async with standing() as desk:
        unknown = await desk.next(new_call_sid())
        assert (unknown[0], verbs(unknown[1])) == (200, ["Hangup"])
        for reason, expected in (
            ("drained", ["Say", "Hangup"]),
            ("refused", ["Hangup"]),
            ("internal_error", ["Say", "Hangup"]),
            ("line_lost", ["Say", "Hangup"]),
        ):
            call_sid = new_call_sid()
            await desk.token(call_sid)
            desk.bridge(call_sid).shutdown(reason)
            status, document = await desk.next(call_sid)
            assert (status, verbs(document)) == (200, expected)
            await desk.quiet()
            assert verbs((await desk.next(call_sid))[1]) == expected


async def test_a_stream_that_never_connected_ends_its_call() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        status, document = await desk.next(call_sid)
        assert (status, verbs(document)) == (200, ["Say", "Hangup"])
        await desk.quiet()
        assert await desk.refused(token) == 403
        assert desk.reasons == ["line_lost"]


async def test_call_progress_is_taken_note_of() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        assert await desk.post("/voice/status", form(call_sid, "completed")) == (204, "")
        (entry,) = desk.logged("call_status")
        assert (entry["call_sid"], entry["status"]) == (call_sid, "completed")
        assert len(desk.calls.directory) == 0


async def test_the_health_routes_say_how_it_stands() -> None:
    async def asked(path: str) -> tuple[int, str]:
        async with desk.http.get(desk.origin + path) as answer:
            return answer.status, await answer.text()

    async with standing() as desk:
        assert await asked("/healthz") == (200, "ok\n")
        assert await asked("/readyz") == (200, "ready\n")
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        await desk.calls.departure.close()
        assert await asked("/healthz") == (200, "ok\n")
        assert await asked("/readyz") == (503, "draining\n")
        assert desk.reasons == ["drained"]
        assert await desk.refused(token) == 403
        assert verbs((await desk.voice(new_call_sid()))[1]) == ["Pause", "Redirect"]


async def test_a_rotating_auth_token_is_taken_old_and_new() -> None:
    async with standing(TWILIO_AUTH_TOKEN=f"{'e' * 32},{AUTH_TOKEN}") as desk:
        phone = a_phone()
        result = await desk.dial_until(phone, lambda: heard(phone))
        assert (result.ending, result.failure) == ("caller_hung_up", "")
        assert heard(phone)


# ---- a defect of ours ----


@pytest.mark.parametrize(("code", "status"), [(sqlite3.SQLITE_BUSY, 503), (sqlite3.SQLITE_FULL, 200)])
async def test_what_is_locked_is_asked_for_again_and_what_is_full_is_a_sentence(
    code: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError("locked or full")
    error.sqlite_errorcode = code

    async def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(voice_next, "what_follows", broken)
    async with standing() as desk:
        got, document = await desk.next(new_call_sid())
        assert got == status
        assert ("<Say" in document) == (status == 200)
        assert len(desk.logged("registry_failed")) == (status == 503)


async def test_a_call_that_can_t_begin_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no call can begin")

    async with standing(BOT_MAX_CALLS="1") as desk:
        monkeypatch.setattr(desk.calls.starter, "start", broken)
        for _ in range(2):
            assert "<Say" in (await desk.voice(new_call_sid()))[1]
        assert (desk.calls.registry.counts().live, len(desk.logged("webhook_failed"))) == (0, 2)
        monkeypatch.undo()
        await desk.works()


@pytest.mark.parametrize("path", ["/voice", "/voice/next", "/voice/dialled", "/voice/recorded"])
async def test_a_defect_is_a_sentence_for_the_caller(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "CALL_SID", None)
    async with standing() as desk:
        status, document = await desk.post(path, form(new_call_sid(), "in-progress"))
        assert (status, verbs(document)) == (200, ["Say", "Hangup"])
        (line,) = desk.logged("webhook_failed")
        assert line["path"] == path
        monkeypatch.undo()
        await desk.works()
