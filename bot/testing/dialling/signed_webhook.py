"""Twilio's side of a voice webhook: the signed request, and what it demands of the answer (twilio-voice 1)."""

from __future__ import annotations

import asyncio
import secrets
import xml.etree.ElementTree as ET  # the type of a parsed document
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urldefrag, urlsplit, urlunsplit

import aiohttp
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from bot.testing.dialling.overrides import BadOverrideError, Fault, overrides

MAX_DOCUMENT_BYTES = 65_536
_KEPT_BODY = 200
_CALLBACK_S = 15.0
RETRY_GAP_S = 1.0
"""Seconds before Twilio repeats a failed request. That is not documented; this is our guess."""


class DialFailed(Exception):
    """Twilio would give the call up here. `code` is its error code and `status` the HTTP status, each 0 for none."""

    def __init__(self, code: int, detail: str, status: int = 0, fault: Fault | None = None) -> None:
        super().__init__(f"{code} {detail}" if code else detail)
        self.code = code
        self.detail = detail
        self.body = ""
        self.moved = ""
        """Address to which redirects led before the request failed."""
        self.status = status
        self.fault = fault
        """Name of the fault by which a connection override may have it tried again."""


@dataclass(frozen=True)
class Caller:
    """Identity of a call, and the token that signs. `via`: an origin (http://127.0.0.1:8080) for the bot's host.

    `name` is what the caller's name look-up found, if the number has that switched on.
    """

    auth_token: str
    account_sid: str
    call_sid: str
    from_number: str = "+15555550101"
    to_number: str = "+15555550100"
    via: str = ""
    name: str = ""
    direction: str = "inbound"

    def form(self, status: str) -> list[tuple[str, str]]:
        """The fields of twilio-voice 1.2, some of them empty, as Twilio sends them."""
        inbound = self.direction == "inbound"
        return [
            ("CallSid", self.call_sid),
            ("AccountSid", self.account_sid),
            ("ApiVersion", "2010-04-01"),
            ("Direction", self.direction),
            ("CallStatus", status),
            ("From", self.from_number),
            ("Caller", self.from_number),
            ("FromCity", ""),
            ("FromCountry", "US"),
            ("To", self.to_number),
            ("Called", self.to_number),
            ("ToZip", ""),
            *([("StirVerstat", "TN-Validation-Passed-A")] if inbound else []),
            *([("CallerName", self.name)] if self.name else []),
        ]

    def reached(self, url: str) -> str:
        """The address at which `url` is really requested."""
        if not self.via:
            return url
        origin, parts = urlsplit(self.via), urlsplit(url)
        scheme = origin.scheme if parts.scheme.startswith("http") else origin.scheme.replace("http", "ws")
        return urlunsplit((scheme, origin.netloc, parts.path, parts.query, ""))


async def request_document(
    http: aiohttp.ClientSession, caller: Caller, url: str, status: str, more: Sequence[tuple[str, str]] = ()
) -> str:
    """POSTs the webhook and gives the TwiML. Raises DialFailed for what Twilio would not take.

    `more` are the fields of a verb's action. It is tried again as the fragment of `url` says, by default once and only
    when no connection comes about.
    """
    try:
        asked = overrides(url)
    except BadOverrideError as error:
        raise DialFailed(11243, str(error)) from None
    url = urldefrag(url).url
    form = [*caller.form(status), *more]
    loop = asyncio.get_running_loop()
    until_s = loop.time() + asked.total_ms / 1000
    for retries_left in range(asked.retries, -1, -1):
        try:
            left_s = until_s - loop.time()
            timeout = aiohttp.ClientTimeout(
                left_s, sock_connect=asked.connect_ms / 1000, sock_read=asked.read_ms / 1000
            )
            return await _request(http, caller, url, form, timeout)
        except DialFailed as error:
            late = loop.time() + RETRY_GAP_S >= until_s
            if late or not retries_left or not asked.retries_after(error.fault):
                raise
        await asyncio.sleep(RETRY_GAP_S)
    raise AssertionError


async def notify(http: aiohttp.ClientSession, caller: Caller, url: str, form: list[tuple[str, str]]) -> int:
    """POSTs a callback, which is answered by a status and nothing that is read. Gives the status; 0: no answer."""
    url = urldefrag(url).url
    try:
        async with http.post(
            caller.reached(url),
            data=form,
            headers=_headers(caller, url, form),
            timeout=aiohttp.ClientTimeout(_CALLBACK_S),
        ) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def _headers(caller: Caller, url: str, form: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Host": urlsplit(url).netloc.rpartition("@")[2],
        "X-Twilio-Signature": signature(caller.auth_token, signed_url(url), form),
        "I-Twilio-Idempotency-Token": secrets.token_hex(16),
    }


async def _request(
    http: aiohttp.ClientSession, caller: Caller, url: str, form: list[tuple[str, str]], limits: aiohttp.ClientTimeout
) -> str:
    """Make one try of a request."""
    headers = _headers(caller, url, form)
    try:
        async with http.post(caller.reached(url), data=form, headers=headers, timeout=limits) as answer:
            body = await answer.read()
            try:
                check_answer(answer.status, answer.content_type, body)
            except DialFailed as error:
                error.body = body[:_KEPT_BODY].decode(errors="replace")
                error.moved = str(answer.url) if answer.history else ""
                raise
            return body.decode()
    except (aiohttp.ClientError, TimeoutError) as error:
        unconnected = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
        fault: Fault = "ct" if unconnected else "rt"
        raise DialFailed(11205, f"POST {url}: {error or type(error).__name__}", fault=fault) from error
    except UnicodeDecodeError as error:
        raise DialFailed(12100, "the document is not UTF-8") from error


def signature(token: str, url: str, form: Sequence[tuple[str, str]] = ()) -> str:
    """X-Twilio-Signature of a request for exactly `url`; an upgrade has no form."""
    return str(RequestValidator(token).compute_signature(url, dict(form)))


def signed_url(url: str) -> str:
    """The URL as Twilio signs it: no user, no fragment, and over https no port (twilio-voice 1.5)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https":
        host = host.removesuffix(f":{parts.port}")
    return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def check_answer(status: int, content_type: str, body: bytes) -> None:
    """Raises DialFailed unless Twilio would read `body` (twilio-voice 1.3)."""
    if not 200 <= status < 300:
        fault: Fault | None = "5xx" if status >= 500 else "4xx" if status >= 400 else None
        raise DialFailed(11200, f"HTTP status {status}: {body[:_KEPT_BODY].decode(errors='replace')}", status, fault)
    if content_type not in ("text/xml", "application/xml"):
        raise DialFailed(12300, f"content type {content_type}", status)
    if not body:
        raise DialFailed(11770, "empty body", status)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DialFailed(11750, f"a document of {len(body)} bytes", status)


def parse_document(text: str) -> ET.Element:
    """The <Response> element. Raises DialFailed."""
    try:
        root = ET.fromstring(text)  # noqa: S314  the document comes from the bot under test, at most 64 kB of it
    except ET.ParseError as error:
        raise DialFailed(12100, f"no XML: {error}") from error
    if root.tag != "Response":
        raise DialFailed(12102, f"the root is {root.tag}, not Response")
    return root
