"""One request over HTTP to a text model, bounded in time and size."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import aiohttp
import msgspec

TIMEOUT_S = 60.0
MAX_BYTES = 1_000_000
_LONGEST_WAIT_S = 3600.0
_HOPELESS = frozenset({400, 404, 413, 422})
"""The request itself is wrong, or the model is none: it would be refused again."""


class TextModel(NamedTuple):
    """A server of the Responses API. `header`: name and value of what lets us in."""

    url: str
    header: tuple[str, str]


class NotAnswered(Exception):
    """The request got no answer; it cost nothing that is known. Its text has neither the request's words nor a key.

    `final`: it would be refused again. `wait_s`: how long the server asks to be left alone.
    """

    def __init__(self, sentence: str, *, final: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.final = final
        self.wait_s = wait_s


async def ask(model: TextModel, body: dict[str, Any], timeout_s: float = TIMEOUT_S) -> Any:
    """POST `body` and give the JSON of the answer. Raises NotAnswered."""
    headers = {"content-type": "application/json", "user-agent": "heardline", model.header[0]: model.header[1]}
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(), cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.post(model.url, data=msgspec.json.encode(body), headers=headers, allow_redirects=False) as response,
        ):
            raw = await _read(response)
    except TimeoutError:
        raise NotAnswered(f"no answer within {timeout_s:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotAnswered(f"the connection failed ({type(error).__name__})") from None
    return _judged(response, raw)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            response.close()
            raise NotAnswered("the answer is too long")
    return bytes(body)


def _judged(response: aiohttp.ClientResponse, raw: bytes) -> Any:
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    if response.status == 200 and isinstance(told, dict):
        return told
    if response.status == 200:
        raise NotAnswered("the answer is no JSON")
    waits = response.headers.get("retry-after", "")
    wait_s = min(float(waits), _LONGEST_WAIT_S) if waits.isascii() and waits.isdecimal() else 0.0
    code = _code(told)
    sentence = f"the answer is {response.status}{f' ({code})' if code else ''}"
    raise NotAnswered(sentence, final=response.status in _HOPELESS, wait_s=wait_s)


def _code(told: Any) -> str:
    """The error's code, a word of the API's; its message may repeat the request."""
    error = told.get("error") if isinstance(told, dict) else None
    code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
    return code if isinstance(code, str) and len(code) <= 64 and code.replace("_", "").isalnum() else ""
