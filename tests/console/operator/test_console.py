"""The operator's page over HTTP: live calls as they go on, hints, hanging up, past calls, a day, the settings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.console.live import live_sources, live_stream
from bot.console.operator.actions import LONGEST_HINT
from bot.console.routes import console
from bot.server.bookkeeping.store_service import keeping
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from tests.console.test_access import console_of
from tests.server.simulated_server import GREETING, QUICK, ServerUnderTest, a_phone, heard, standing, until

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
LONG = Reply([Spoken(pattern(60_000, "long"), HOSTILE)], pacing=QUICK)


@asynccontextmanager
async def kept_console(tmp_path: Path, *replies: Reply, **environ: str) -> AsyncIterator[ServerUnderTest]:
    environ = {"BOT_RECORD_DIR": str(tmp_path), **environ}
    async with standing(*replies, keep=keeping, mounts=[console], **environ) as desk:
        yield desk


async def got(desk: ServerUnderTest, path: str, status: int = 200) -> Any:
    async with desk.http.get(f"{desk.origin}/console/{path}") as answer:
        assert answer.status == status, await answer.text()
        return await answer.json() if "json" in answer.content_type else await answer.text()


async def posted(desk: ServerUnderTest, path: str, body: object = None) -> tuple[int, Any]:
    async with desk.http.post(f"{desk.origin}/console/api/{path}", json=body) as answer:
        return answer.status, await answer.json() if "json" in answer.content_type else await answer.text()


@asynccontextmanager
async def live_call(desk: ServerUnderTest) -> AsyncIterator[SimulatedPhone]:
    """A call that goes on while the context lasts."""
    phone = a_phone()
    calling = asyncio.create_task(desk.dial(phone))
    await until(lambda: phone.received)
    yield phone
    phone.hang_up(0)
    await calling


async def over(desk: ServerUnderTest, phone: SimulatedPhone) -> None:
    """A whole call: the greeting is heard and the caller hangs up; the store knows it."""
    await desk.dial_until(phone, lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
    await desk.quiet()
    assert desk.kept is not None
    await desk.kept.write_behind.flush(10)


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Server-sent events, as a browser takes them; news one by one."""
    name = ""
    async for line in answer.content:
        text = line.decode().strip()
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            told = json.loads(text.removeprefix("data: "))
            for one in told if isinstance(told, list) else [told]:
                yield name, one


async def the_first_of_each(found: AsyncIterator[tuple[str, Any]], *kinds: Any) -> list[Any]:
    """What is found first of each kind, in whichever order they come."""
    first: dict[Any, Any] = {}
    while len(first) < len(kinds):
        name, data = await anext(found)
        first |= {holds: data for holds in kinds if holds not in first and holds(name, data)}
    return [first[holds] for holds in kinds]


async def the_next(found: AsyncIterator[tuple[str, Any]], holds: Any) -> Any:
    async for name, data in found:
        if holds(name, data):
            return data
    raise AssertionError("the stream of events ended")


async def test_live_calls_are_told_as_they_begin_go_on_and_end(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG) as desk, desk.http.get(f"{desk.origin}/console/live") as answer:
        assert answer.content_type == "text/event-stream"
        found = events(answer)
        assert (await the_next(found, lambda name, _: name == "rows"))["calls"] == []
        async with live_call(desk) as phone:
            told = await the_next(found, lambda name, data: name == "rows" and data["calls"])
            (row,) = told["calls"]
            assert (row["sid"], row["here"], row["from"]) == (phone.ids.call_sid, True, "+*********01")
        ended = await the_next(found, lambda name, data: name == "news" and data["type"] == "ended")
        assert (ended["sid"], ended["reason"]) == (phone.ids.call_sid, "caller_hung_up")
        await the_next(found, lambda name, data: name == "rows" and not data["all"])


async def test_calls_of_this_process_are_shown_before_the_store_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = asyncio.Event()

    async def slowly(_: web.Request) -> list[Any]:
        await answers.wait()
        return []

    monkeypatch.setattr(live_sources, "open_calls", slowly)
    async with kept_console(tmp_path, LONG) as desk, live_call(desk) as phone:
        async with desk.http.get(f"{desk.origin}/console/live") as answer:
            rows = await the_next(events(answer), lambda name, _: name == "rows")
            assert [row["sid"] for row in rows["calls"]] == [phone.ids.call_sid]
        answers.set()


async def test_a_hint_reaches_the_model_and_the_log_says_so(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG) as desk, live_call(desk) as phone:
        path = f"live/{phone.ids.call_sid}/hint"
        assert await posted(desk, path, {"text": " Offer them the afternoon. "}) == (200, {})
        items = [(one.role, one.content()) for one in desk.model.sessions[0].conversation]
        await until(
            lambda: any(
                "Offer them the afternoon." in str(one.content()) for one in desk.model.sessions[0].conversation
            )
        )
        items = [(one.role, str(one.content())) for one in desk.model.sessions[0].conversation]
        assert [role for role, words in items if "Offer" in words] == ["system"]
        for wrong in ({"text": ""}, {"text": 3}, [], {"text": "x" * (LONGEST_HINT + 1)}):
            assert (await posted(desk, path, wrong))[0] == 400
        assert (await posted(desk, "live/CA1/hint", {"text": "x"}))[0] == 404


async def test_the_operator_hangs_up(tmp_path: Path) -> None:
    async with kept_console(tmp_path, LONG) as desk, live_call(desk) as phone:
        bridge = desk.bridge(phone.ids.call_sid)
        assert await posted(desk, f"live/{phone.ids.call_sid}/hang-up") == (200, {})
        await desk.quiet()
        assert bridge.call.ended == "bot_hung_up"


async def test_past_calls_are_listed_searched_and_shown(tmp_path: Path) -> None:
    greeting = Reply([Spoken(GREETING.items[0].audio, f"Welcome to the garden centre. {HOSTILE}")], pacing=QUICK)
    async with kept_console(tmp_path, greeting, BOT_RECORD="fixture,audio") as desk:
        phones = [a_phone() for _ in range(3)]
        for phone in phones:
            await over(desk, phone)
        found = await got(desk, "api/calls?limit=2")
        assert ([call["sid"] for call in found["calls"]], found["more"]) == (
            [phones[2].ids.call_sid, phones[1].ids.call_sid],
            True,
        )
        rest = await got(desk, f"api/calls?before={phones[1].ids.call_sid}")
        assert [call["sid"] for call in rest["calls"]] == [phones[0].ids.call_sid]
        for query, number in (
            ("words=GARDEN", 3),
            ("words=gar%25", 0),
            ("words=_", 0),
            ("reason=idle", 0),
            ("day=today", 3),
        ):
            assert len((await got(desk, f"api/calls?{query}"))["calls"]) == number, query
        assert "is no reason" in (await got(desk, "api/calls?reason=nonsense", 400))["problem"]
        assert "telephone number" in (await got(desk, "api/calls?number=12", 400))["problem"]
        sid = phones[0].ids.call_sid
        facts = await got(desk, f"api/calls/{sid}")
        assert {file["kind"] for file in facts["files"] if file["here"]} == {"fixture", "recording"}
        page = await got(desk, f"calls/{sid}/")
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page
        fixture = next(file["name"] for file in facts["files"] if file["kind"] == "fixture")
        assert "call_sid" in await got(desk, f"calls/{sid}/{fixture}")
        for path in (
            f"calls/{sid}/calls.sqlite",
            f"calls/{sid}/..%2F..%2Fetc%2Fpasswd",
            "calls/CA0/",
            f"api/calls/{'CA' + '0' * 32}",
        ):
            await got(desk, path, 404)


async def test_a_day_in_figures(tmp_path: Path) -> None:
    async with kept_console(tmp_path) as desk:
        assert (await got(desk, "api/day"))["calls"] == 0
        await over(desk, a_phone())
        told = await got(desk, "api/day")
        assert (told["calls"], told["reasons"], sum(told["hours"])) == (1, {"caller_hung_up": 1}, 1)
        assert told["greetingMs"]["p50"] >= 0
        assert told["usd"] > 0
        assert "is not a day" in (await got(desk, "api/day?day=soon", 400))["problem"]


async def test_settings_are_shown_with_their_secrets_masked(tmp_path: Path) -> None:
    async with kept_console(tmp_path) as desk:
        told = await got(desk, "api/settings")
        named = {one["name"]: one["value"] for one in told["settings"]}
        assert desk.settings.auth_tokens[0] not in json.dumps(told)
        assert desk.settings.openai_api_key.get_secret_value() not in json.dumps(told)
        assert named["BOT_RECORD_DIR"].startswith(str(tmp_path)[:40])


async def test_without_a_store_a_sentence_says_so() -> None:
    async with standing(mounts=[console]) as desk:
        assert "keeps no calls" in await got(desk, "api/calls", 503)


async def test_a_page_that_listens_holds_no_server_up_that_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is closed after it: who is killed meanwhile loses records."""
    cancelled: list[str] = []
    listened = live_stream.live

    def listening(request: web.Request) -> Awaitable[web.StreamResponse]:
        return _noting(listened(request), cancelled)

    monkeypatch.setattr(live_stream, "live", listening)
    async with console_of() as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(desk.origin.rpartition(":")[2]))
        writer.write(b"GET /console/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in await reader.readline()
        await reader.readuntil(b"event: rows")
    assert cancelled == ["no"]
    writer.close()


async def _noting(answer: Awaitable[web.StreamResponse], cancelled: list[str]) -> web.StreamResponse:
    try:
        response = await answer
    except asyncio.CancelledError:
        cancelled.append("yes")
        raise
    cancelled.append("no")
    return response
