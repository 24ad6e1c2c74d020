"""The HTTP side of the REST client: one request of the `twilio` package, bounded in size, followed nowhere.

The package's own async transport ignores its timeout, logs what it asks for, and warns under aiohttp.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlencode

import aiohttp
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from bot.twilio.rest_error import RestError

MAX_ANSWER_BYTES = 1024 * 1024
"""The longest answer that is read: a call's is 2 kB, a page of a list some hundred."""


class RestTransport(AsyncHttpClient):  # type: ignore[misc]  # the package has no types
    """Carries the requests of one `twilio.rest.Client`. Its session is opened by the first request."""

    def __init__(self) -> None:
        super().__init__(logging.getLogger(__name__), True)
        self._session: aiohttp.ClientSession | None = None

    async def request(  # noqa: PLR0917  the package's own signature
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  who asks bounds the whole
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request. Raises RestError when no whole answer came."""
        del timeout, allow_redirects
        session = self._session = self._session or aiohttp.ClientSession(trust_env=False)
        asked = dict(headers or {})
        if auth is not None:
            asked["Authorization"] = aiohttp.encode_basic_auth(*auth)
        query = {name: str(value) for name, value in (params or {}).items()}
        body = urlencode(data, doseq=True) if data else None
        try:
            async with session.request(
                method, url, params=query, data=body, headers=asked, allow_redirects=False, timeout=_NO_TIMEOUT
            ) as answer:
                return Response(answer.status, await _text(answer), answer.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise RestError(0, 0, "Twilio's REST API can't be reached") from error
        except aiohttp.ClientError as error:
            raise RestError(0, 0, "the connection to Twilio's REST API broke", doubtful=True) from error

    async def close(self) -> None:
        """Close the session; the next request would open another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


_NO_TIMEOUT = aiohttp.ClientTimeout(None, sock_connect=None)


async def _text(answer: aiohttp.ClientResponse) -> str:
    read = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        read += chunk
        if len(read) > MAX_ANSWER_BYTES:
            raise RestError(answer.status, 0, "the answer of Twilio's REST API is too long", doubtful=True)
    return read.decode(errors="replace")
