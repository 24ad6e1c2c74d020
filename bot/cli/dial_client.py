"""The client of a running server that is asked for a call: the request, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

LOOK_S = 1.0
ASK_S = 45.0
"""Seconds that a server may take to place a call: the model's session comes first, then Twilio."""
PATIENCE = 10
"""Looks in a row that may fail: a server that is started again is back by then."""


class DialError(Exception):
    """No call, or nothing is known of it any more. `usage`: what was asked for is wrong."""

    def __init__(self, sentence: str, *, usage: bool = False) -> None:
        super().__init__(sentence)
        self.usage = usage


class DialClient:
    """One server at `url`. Close it with `async with`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"}
        self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(ASK_S))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def place(self, wanted: dict[str, Any], key: str) -> str:
        """Have the call placed: its id. Raises DialError."""
        try:
            async with self._http.post(
                f"{self._url}/calls", json=wanted, headers={"Idempotency-Key": key}, allow_redirects=False
            ) as answer:
                told = await _told(answer)
        except (aiohttp.ClientError, TimeoutError, OSError):
            where = urlsplit(self._url).netloc
            raise DialError(f"No server answers at {where}; start one with `bot serve`, or give its --url.") from None
        if answer.status == 201 and isinstance(told.get("id"), str):
            return str(told["id"])
        why = str(told.get("error") or f"the server answered with HTTP status {answer.status}").rstrip(".")
        raise DialError(f"Nobody was dialled: {why}.", usage=answer.status == 400)

    async def follow(self, call_id: str) -> AsyncIterator[dict[str, Any]]:
        """The call each time it has changed, the last time when it has ended. Raises DialError."""
        before: dict[str, Any] | None = None
        failed = 0
        while failed < PATIENCE:
            try:
                async with self._http.get(f"{self._url}/calls/{call_id}", allow_redirects=False) as answer:
                    told = await _told(answer)
                failed = 0 if answer.status == 200 else failed + 1
            except (aiohttp.ClientError, TimeoutError, OSError):
                answer, told, failed = None, {}, failed + 1
            if answer is not None and answer.status == 200:
                seen = {name: told.get(name) for name in ("status", "answered_by")}
                if seen != before:
                    before = seen
                    yield told
                if told.get("status") == "ended":
                    return
            await asyncio.sleep(LOOK_S)
        raise DialError("The server does not tell of the call any more; `bot calls` may.")


async def _told(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        told = await answer.json(content_type=None)
    except ValueError:
        told = {"error": (await answer.text())[:200].strip().splitlines()[0]} if answer.status >= 400 else {}
    return told if isinstance(told, dict) else {}
