"""A signed POST of JSON to a server of the operator's, and its answer."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Self

import aiohttp
import msgspec

from bot.config.values.webhook_secret import webhook_keys
from bot.hooks.webhook_signature import signed_headers

MAX_ANSWER_BYTES = 64 * 1024
_LONGEST_WAIT_S = 24 * 3600


class HookFailed(Exception):
    """The request got no good answer. Its text is a sentence for a log or a person, without URL, body or secret.

    `status` is that of the answer, 0 when there was none; `retry_after_s` is how long the server asks to be left alone.
    """

    def __init__(self, sentence: str, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after_s = retry_after_s


class Answer(NamedTuple):
    """An answer with a status from 200 to 299. `too_long`: it went on after `body`."""

    status: int
    body: bytes
    too_long: bool = False

    @property
    def json(self) -> Any:
        """The JSON of the body, None for an empty one. Raises HookFailed when it is something else, or too long."""
        if self.too_long:
            raise HookFailed(f"the answer is longer than {MAX_ANSWER_BYTES // 1024} KiB", self.status)
        if not self.body.strip():
            return None
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise HookFailed("the answer is no JSON", self.status) from None


class SignedPost:
    """Requests to one URL, over connections that are kept. Belongs to one event loop; to be closed.

    `secret` is the text of BOT_WEBHOOK_SECRET. `timeout_s` bounds the whole of a request, the answer's body included.
    """

    def __init__(self, url: str, secret: str, timeout_s: float, *, now: Callable[[], float] = time.time) -> None:
        self._url = url
        self._keys = webhook_keys(secret)
        self._timeout_s = timeout_s
        self._now = now
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, body: Mapping[str, Any] | bytes, id: str = "") -> Answer:  # noqa: A002  the specification's word
        """POST `body`, JSON if it is bytes already. The same `id` tells the receiver that it is the same message.

        Raises HookFailed, also for a redirect: what is signed for one address is for no other.
        """
        content = body if isinstance(body, bytes) else _encoded(body)
        headers = signed_headers(self._keys, id or new_id(), int(self._now()), content)
        headers["content-type"] = "application/json"
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(content, headers)
        except TimeoutError:
            raise HookFailed(f"no answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise HookFailed(_told(error)) from None

    async def close(self) -> None:
        """Close the connections. A later `send` opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def _post(self, content: bytes, headers: dict[str, str]) -> Answer:
        if self._http is None:
            # A stranger's cookies are not kept, and the process's own proxies and .netrc are not the operator's wish.
            self._http = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                headers={"user-agent": "heardline"},
            )
        async with self._http.post(self._url, data=content, headers=headers, allow_redirects=False) as response:
            if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                raise _refused(response)
            return await _read(response)


def new_id() -> str:
    """An id for a message that has none of its own."""
    return f"msg_{secrets.token_hex(16)}"


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise HookFailed(f"the message can't be written as JSON ({type(error).__name__})") from None


async def _read(response: aiohttp.ClientResponse) -> Answer:
    """The answer as far as it is wanted. One that is too long is cut off, with its connection."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            return Answer(response.status, bytes(body[:MAX_ANSWER_BYTES]), too_long=True)
    return Answer(response.status, bytes(body))


def _refused(response: aiohttp.ClientResponse) -> HookFailed:
    status = response.status
    response.close()  # whatever it says, nobody reads it
    if status in {301, 302, 303, 307, 308}:
        return HookFailed(f"the answer is a redirect ({status}), which is not followed: give the final URL", status)
    waits = response.headers.get("retry-after", "")
    asked_s = min(float(waits), _LONGEST_WAIT_S) if waits.isascii() and waits.isdecimal() else 0.0
    return HookFailed(f"the answer is {status}", status, asked_s)


def _told(error: Exception) -> str:
    """The error in words of ours: those of a library may repeat the URL, and what is in it."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "the server's certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host's name is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.strerror or type(error.os_error).__name__})"
    return f"the connection failed ({type(error).__name__})"
