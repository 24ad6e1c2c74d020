"""Connection overrides, and the simulated Twilio that obeys them."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from bot.testing.dialling import signed_webhook
from bot.testing.dialling.overrides import BadOverrideError, Overrides, overrides
from bot.testing.dialling.signed_webhook import Caller, DialFailed, request_document
from bot.testing.network.loopback import LoopbackServer

URL = "https://bot.example.com/voice/next"
DOCUMENT = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 11\r\nConnection: close\r\n\r\n<Response/>"
BROKEN = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CALLER = Caller("token", "AC" + "0" * 32, "CA" + "0" * 32)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", Overrides()),
        ("#rc=0", Overrides(retries=0)),
        ("#rc=5&rp=ct,5xx&ct=100&rt=15000&tt=200", Overrides(100, 15_000, 200, 5, frozenset({"ct", "5xx"}))),
        ("#e=dublin&sni=n&rp=all", Overrides(retried=frozenset({"all"}))),
    ],
)
def test_a_fragment_says_how_often_and_how_long(fragment: str, expected: Overrides) -> None:
    assert overrides(URL + fragment) == expected


@pytest.mark.parametrize("fragment", ["rc=6", "rc=-1", "ct=99", "ct=10001", "tt=15001", "rt=x", "rp=3xx", "retry=1"])
def test_what_twilio_would_not_take_is_refused(fragment: str) -> None:
    with pytest.raises(BadOverrideError):
        overrides(f"{URL}#{fragment}")


class Faulty(LoopbackServer):
    """Answers `bad` times with 503, or with a broken connection, then well."""

    def __init__(self, bad: int, answer: bytes = BROKEN) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self._bad, self._answer = bad, answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"StirVerstat=TN-Validation-Passed-A")
        self.asked.append(head)
        writer.write(self._answer if len(self.asked) <= self._bad else DOCUMENT)
        writer.close()


async def asked(server: Faulty, fragment: str) -> str:
    url = f"http://127.0.0.1:{server.port}/voice/next{fragment}"
    async with aiohttp.ClientSession() as http:
        return await request_document(http, CALLER, url, "in-progress")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_webhook, "RETRY_GAP_S", 0.01)


@pytest.mark.parametrize(
    ("bad", "answer", "fragment"), [(2, BROKEN, "#rc=2&rp=5xx"), (1, b"", "#rp=rt"), (5, BROKEN, "#rc=5&rp=all")]
)
async def test_a_request_that_fails_is_tried_again_as_the_fragment_says(bad: int, answer: bytes, fragment: str) -> None:
    async with Faulty(bad, answer) as server:
        assert await asked(server, fragment) == "<Response/>"
        assert len(server.asked) == bad + 1
        assert all(b"POST /voice/next HTTP" in head for head in server.asked)


@pytest.mark.parametrize("fragment", ["", "#rc=5", "#rc=0&rp=5xx", "#rc=5&rp=4xx,ct"])
async def test_a_server_error_is_not_tried_again_by_default(fragment: str) -> None:
    async with Faulty(1) as server:
        with pytest.raises(DialFailed, match="503"):
            await asked(server, fragment)
        assert len(server.asked) == 1


async def test_a_refused_connection_is_tried_again_once_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Any] = []
    real = signed_webhook._request

    async def counted(*args: Any) -> str:
        tries.append(args)
        return await real(*args)

    monkeypatch.setattr(signed_webhook, "_request", counted)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(DialFailed, match="11205"):
            await request_document(http, CALLER, "http://127.0.0.1:9/voice", "ringing")
    assert len(tries) == 2
