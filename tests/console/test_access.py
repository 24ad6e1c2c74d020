"""The doors of the operator's pages: who gets in, from where, and with which headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import pytest

from bot.call.outputs import Report
from bot.console import sign_in
from bot.console.live.live_feed import MOST_NEWS, Ended, LiveFeed
from bot.console.routes import console
from bot.console.sign_in import COOKIE
from bot.server.directory.call_directory import CallDirectory
from bot.testing.agent import Reply
from tests.server.simulated_server import ServerUnderTest, standing

ADMIN = "a-token-for-the-one-who-watches"


@asynccontextmanager
async def console_of(*replies: Reply, **environ: Any) -> AsyncIterator[ServerUnderTest]:
    async with standing(*replies, mounts=[console], **environ) as desk:
        yield desk


def console_paths(desk: ServerUnderTest) -> list[tuple[str, str]]:
    """Method and path of every route of the operator's pages."""
    found = []
    for route in desk.app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if path.startswith(("/console", "/softphone", "/client-secret")) and route.method != "HEAD":
            found.append((route.method, path.replace("{name}", "sign_in.css").replace("{sid}", "CA" + "0" * 32)))
    return found


async def asked(desk: ServerUnderTest, method: str, path: str, **kwargs: Any) -> tuple[int, str, dict[str, str]]:
    async with desk.http.request(method, f"{desk.origin}{path}", allow_redirects=False, **kwargs) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


async def test_every_route_without_the_token_is_refused() -> None:
    async with console_of(ADMIN_TOKEN=ADMIN) as desk:
        paths = console_paths(desk)
        assert ("GET", "/console/files/sign_in.css") in paths
        for method, path in paths:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"{COOKIE}=9999999999.00.00"}):
                status, _, _ = await asked(desk, method, path, headers=headers)
                assert status in {401, 403}, (method, path, headers)


async def test_without_a_token_only_this_machine_by_its_own_name_gets_in() -> None:
    async with console_of() as desk:
        assert (await asked(desk, "GET", "/console/files/sign_in.css"))[0] == 200
        for headers in ({"Host": "bot.example"}, {"X-Forwarded-For": "10.0.0.1"}):
            assert (await asked(desk, "GET", "/console/files/sign_in.css", headers=headers))[0] == 403


async def test_the_token_signs_a_browser_in_until_it_signs_out() -> None:
    async with console_of(ADMIN_TOKEN=ADMIN) as desk:
        status, page, headers = await asked(desk, "GET", "/console/files/x.css", headers={"Accept": "text/html"})
        assert (status, "ADMIN_TOKEN" in page) == (401, True)
        assert "script-src" not in headers["Content-Security-Policy"]
        status, page, _ = await asked(desk, "POST", "/console/sign-in", data={"token": "<b>wrong"})
        assert (status, "is not the token" in page, "<b>" in page) == (401, True, False)
        status, _, headers = await asked(desk, "POST", "/console/sign-in", data={"token": ADMIN})
        cookie = headers["Set-Cookie"]
        assert (status, headers["Location"]) == (303, "/console")
        assert all(flag in cookie for flag in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="))
        kept = {"Cookie": cookie.partition(";")[0]}
        assert (await asked(desk, "GET", "/console/files/sign_in.css", headers=kept))[0] == 200
        other = kept["Cookie"][:-1] + ("0" if kept["Cookie"][-1] != "0" else "1")
        assert (await asked(desk, "GET", "/console/files/sign_in.css", headers={"Cookie": other}))[0] == 401
        status, _, headers = await asked(desk, "POST", "/console/sign-out", headers=kept)
        assert (status, f'{COOKIE}=""' in headers["Set-Cookie"]) == (303, True)


FORM = "application/x-www-form-urlencoded"
PART = b'--a\r\nContent-Disposition: form-data; name="token"\r\n\r\n\xff\r\n--a--\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (f"{FORM}; charset=nonsense", b"token=x"),
        (f"{FORM}; charset=unicode_escape", b"token=\\ud800"),
        (f"{FORM}; charset=hex", b"token=x"),
        (FORM, b"token=\xff%ff"),
        (FORM, b"token=x" + b"&a=1" * 1_000),
        ("multipart/form-data", b"token=x"),
        ("multipart/form-data; boundary=a", PART),
        ("multipart/form-data; boundary=a", b"--a\r\nx"),
    ],
)
async def test_a_stranger_s_form_at_the_sign_in_is_a_wrong_token_and_no_fault_of_ours(kind: str, body: bytes) -> None:
    async with console_of(ADMIN_TOKEN=ADMIN) as desk:
        headers = {"Content-Type": kind}
        assert (await asked(desk, "POST", "/console/sign-in", data=body, headers=headers))[0] == 401


async def test_a_form_at_the_sign_in_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "BODY_S", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"token="
        await asyncio.Event().wait()

    async with console_of(ADMIN_TOKEN=ADMIN) as desk:
        status, _, _ = await asked(desk, "POST", "/console/sign-in", data=never())
        assert status == 408


async def test_a_cookie_is_for_https_alone_where_the_server_is() -> None:
    async with console_of(ADMIN_TOKEN=ADMIN, PUBLIC_URL="https://bot.example.org") as desk:
        _, _, headers = await asked(desk, "POST", "/console/sign-in", data={"token": ADMIN})
        assert "Secure" in headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: "-".join(headers.values()),
)
async def test_a_page_of_another_origin_changes_nothing(headers: dict[str, str]) -> None:
    async with console_of() as desk:
        assert (await asked(desk, "POST", "/console/sign-out", headers=headers))[0] == 403
        assert (await asked(desk, "POST", "/console/sign-out", headers={"Origin": desk.origin}))[0] == 303


async def test_every_answer_says_that_nothing_of_another_host_is_asked_for() -> None:
    async with console_of() as desk:
        _, _, headers = await asked(desk, "GET", "/console/files/sign_in.css")
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        for name in ("..%2Faccess.py", "access.py", "nothing.css"):
            assert (await asked(desk, "GET", f"/console/files/{name}"))[0] == 404


async def test_news_of_live_calls_reach_each_listener_and_a_slow_one_loses_the_oldest() -> None:
    directory = CallDirectory()
    feed = LiveFeed(directory)
    live = Mock(call_sid="CA1", bridge=Mock(on_told=[], age_s=2.0))
    with feed.listening() as slow, feed.listening() as quick:
        directory.tell(directory.on_start, live)
        (told,) = live.bridge.on_told
        for n in range(MOST_NEWS):
            told(Report("event", {"n": n}), n)
        news = quick.batches()
        first = await anext(news)  # all at once; the beginning made room
        assert [(one.at_us, one.what) for one in first] == [(n, Report("event", {"n": n})) for n in range(MOST_NEWS)]
        assert slow.missed == quick.missed == 1
        waiting = asyncio.ensure_future(_last_of(news))
        directory.tell(directory.on_end, live, "idle")
        assert await waiting == Ended("idle")
    told(Report("late"), 0)
    assert slow.missed == 2  # by the end; nobody is told once they have left


async def _last_of(news: Any) -> object:
    async for waiting in news:
        for one in waiting:
            if isinstance(one.what, Ended):
                return one.what
    return None
