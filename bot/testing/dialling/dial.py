"""A simulated call over real sockets: webhook, TwiML, stream and what comes after, as Twilio goes about it."""

from __future__ import annotations

import asyncio
import secrets
import xml.etree.ElementTree as ET  # the type of a parsed document
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal
from urllib.parse import urljoin

import aiohttp

from bot.testing.dialling.others import Others, Person, dialled, recorded
from bot.testing.dialling.signed_webhook import Caller, DialFailed, parse_document, request_document
from bot.testing.dialling.stream_socket import Signing, StreamFailed, run_stream
from bot.testing.handset.phone import SimulatedPhone

MAX_DOCUMENTS = 10
SECOND_S = 1.0
"""Seconds that each second of a <Pause> takes."""

Ending = Literal["hangup", "reject", "dial", "end_of_document", "caller_hung_up", "failed"]


@dataclass
class Leg:
    """One stream. `failure` is empty unless it never started; `close_code` is as the phone saw it, 1006 for none."""

    phone: SimulatedPhone
    closed_us: int | None = None
    close_code: int | None = None
    failure: str = ""
    status: int = 0
    error: StreamFailed | None = None
    url: str = ""

    @property
    def opened_us(self) -> int | None:
        """Time when the stream opened; None before."""
        return self.phone.opened_us

    @property
    def first_audio_us(self) -> int | None:
        """Time when the first media message of the bot arrived; None before."""
        return self.phone.received[0].at_us if self.phone.received else None


@dataclass
class DialResult:
    """Result of a call. Times are microseconds from the first webhook request.

    `said` is the text of each <Say> the caller got to hear, `dialled` the targets of <Dial>, `recorded` how many
    messages they left. `ending`: why the call was over. `failure` names what Twilio would have logged when it gave the
    call up.
    """

    documents: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    recorded: int = 0
    pressed: list[str] = field(default_factory=list)
    """Digits of each <Play>, which were pressed for the bot."""
    legs: list[Leg] = field(default_factory=list)
    ending: Ending = "end_of_document"
    failure: str = ""
    status: int = 0
    error: DialFailed | None = None
    answered_us: int | None = None

    @property
    def close_code(self) -> int | None:
        return self.legs[-1].close_code if self.legs else None

    @property
    def hung_up_by(self) -> Literal["phone", "bot", ""]:
        """The side that ended the last stream; empty before any."""
        return self.legs[-1].phone.ended_by if self.legs else ""

    @property
    def opened_us(self) -> int | None:
        return self.legs[0].opened_us if self.legs else None

    @property
    def first_audio_us(self) -> int | None:
        return self.legs[0].first_audio_us if self.legs else None

    @property
    def violations(self) -> list[str]:
        return [violation for leg in self.legs for violation in leg.phone.violations]


async def dial(
    url: str,
    phone: SimulatedPhone,
    *,
    auth_token: str,
    from_number: str = "+15555550101",
    to_number: str = "+15555550100",
    caller_name: str = "",
    signing: Signing = "plain",
    more_phones: Iterable[SimulatedPhone] = (),
    via: str = "",
    limit_s: float = 300,
    person: Person = "answers",
    message_s: int = 4,
    result: DialResult | None = None,
) -> DialResult:
    """Calls the bot whose voice webhook is `url` and follows its TwiML to the end.

    The account and call are those of `phone.ids`. Each <Connect> after the first takes the next of `more_phones`; when
    none is left the call is over. `via` is the origin at which the bot listens, when its public URL isn't reachable.
    `person`: what whoever is dialled does; `message_s`: how long a message the caller leaves, 0 for none. After
    `limit_s` the phone hangs up. Nothing the bot does raises: it stands in the result's `failure`. A `result` that is
    given is filled in as the call goes.
    """
    caller = Caller(auth_token, phone.ids.account_sid, phone.ids.call_sid, from_number, to_number, via, caller_name)
    async with aiohttp.ClientSession() as http:
        call = _Dialling(http, caller, chain([phone], more_phones), signing, limit_s)
        call.result = result or call.result
        call.others = Others(person, message_s)
        try:
            await call.follow(url)
        except DialFailed as error:
            call.result.ending = "failed"
            call.result.failure = str(error)
            call.result.error = error
            call.result.status = error.status
    return call.result


class _Dialling:
    """Walks from document to document; each verb says what comes next."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        caller: Caller,
        phones: Iterator[SimulatedPhone],
        signing: Signing,
        limit_s: float,
    ) -> None:
        self.result = DialResult()
        self._http = http
        self._caller = caller
        self._phones = phones
        self._signing: Signing = signing
        self._loop = asyncio.get_running_loop()
        self._origin_s = self._loop.time()
        self._until_us = int(limit_s * 1e6)
        self._gone = False
        self.others = Others()
        self._more: list[tuple[str, str]] = []
        """Fields that the verb that is over adds to the next request."""

    def now_us(self) -> int:
        return int((self._loop.time() - self._origin_s) * 1e6)

    async def follow(self, url: str) -> None:
        status = "ringing"
        since_stream = 0
        while since_stream < MAX_DOCUMENTS:
            streams = len(self.result.legs)
            text = await request_document(self._http, self._caller, url, status, self._more)
            self._more = []
            self.result.documents.append(text)
            if self.result.answered_us is None:
                self.result.answered_us = self.now_us()
            further = await self._perform(parse_document(text), url)
            if further is None:
                return
            url = further
            since_stream = since_stream + 1 if streams == len(self.result.legs) else 0
            status = "completed" if self._gone else "in-progress"
        raise DialFailed(11215, f"more than {MAX_DOCUMENTS} documents without a stream")

    async def _perform(self, document: ET.Element, url: str) -> str | None:
        """Runs the verbs in order. Gives the URL of the next document; None when the call is over."""
        for verb in document:
            self._gone = self._gone or self.now_us() >= self._until_us
            if self._gone:
                break
            if verb.tag == "Say":
                self.result.said.append("".join(verb.itertext()).strip())
            elif verb.tag == "Redirect" or verb.get("action"):
                further = await self._further(verb, url)
                if further is not None:
                    return further
            elif verb.tag == "Connect":
                await self._connect(verb, url)
            elif verb.tag in ("Hangup", "Reject", "Dial"):
                self._over(verb)
                return None
            elif verb.tag == "Pause":
                left_s = (self._until_us - self.now_us()) / 1e6
                await asyncio.sleep(max(0.0, min(_seconds(verb) * SECOND_S, left_s)))
            elif verb.tag == "Play":
                await self._play(verb.get("digits", ""))
            else:
                raise DialFailed(12200, f"this simulator knows no <{verb.tag}>")
        self.result.ending = "caller_hung_up" if self._gone else "end_of_document"
        return None

    async def _play(self, digits: str) -> None:
        """Press keys for as long as they take; of a recording nothing is heard here."""
        if digits:
            self.result.pressed.append(digits)
            await asyncio.sleep(SECOND_S * sum(1.0 if key == "W" else 0.5 for key in digits))

    async def _further(self, verb: ET.Element, url: str) -> str | None:
        """Performs a verb that may lead to another document: the URL of that."""
        if verb.tag == "Redirect":
            return _joined(url, (verb.text or "").strip())
        if verb.tag == "Connect":
            return await self._connect(verb, url)
        if verb.tag in ("Dial", "Record"):
            return _joined(url, verb.get("action", "")) if self._put_through(verb) else None
        raise DialFailed(12200, f"this simulator knows no <{verb.tag}>")

    def _put_through(self, verb: ET.Element) -> bool:
        """Carry out <Dial> or <Record>. True when its action is asked: not after a message without a word."""
        if verb.tag == "Dial":
            self.result.dialled.append("".join(verb.itertext()).strip())
            self._more = dialled(self.others)
            return True
        self.result.recorded += self.others.message_s > 0
        self._more = recorded(self.others, self._caller)
        return bool(self._more)

    def _over(self, verb: ET.Element) -> None:
        if verb.tag == "Dial":
            self.result.ending = "dial"
            self.result.dialled.append("".join(verb.itertext()).strip())
        else:
            self.result.ending = "hangup" if verb.tag == "Hangup" else "reject"

    async def _connect(self, verb: ET.Element, url: str) -> str | None:
        """Runs a stream. Gives the action URL; None when there is none, or no stream started (twilio-voice 2.1)."""
        stream = verb.find("Stream")
        if stream is None or not stream.get("url"):
            raise DialFailed(12200, "<Connect> without <Stream url>")
        phone = next(self._phones, None)
        if phone is None:
            raise DialFailed(0, "one more <Connect> than there are phones")
        leg = Leg(phone)
        self.result.legs.append(leg)
        leg.url = _joined(url.replace("http", "ws", 1), stream.get("url", ""))
        parameters = {each.get("name", ""): each.get("value", "") for each in stream.iter("Parameter")}
        try:
            leg.close_code = await run_stream(
                leg.phone,
                self._caller,
                leg.url,
                parameters,
                self.now_us,
                signing=self._signing,
                until_us=self._until_us,
            )
        except StreamFailed as error:
            leg.failure, leg.status, leg.error = str(error), error.status, error
            return None
        leg.closed_us = self.now_us()
        self._gone = leg.phone.ended_by == "phone"
        action = verb.get("action")
        return _joined(url, action) if action else None


def _joined(url: str, further: str) -> str:
    try:
        return urljoin(url, further)
    except ValueError:
        raise DialFailed(11100, "what the document leads to is no URL") from None


def _seconds(pause: ET.Element) -> int:
    length = pause.get("length", "1")
    if not (length.isascii() and length.isdecimal()):
        raise DialFailed(12200, f"a <Pause> of length {length!r}")
    return int(length)


def new_call_sid() -> str:
    """A call SID no other call has."""
    return "CA" + secrets.token_hex(16)


def new_stream_sid() -> str:
    """A stream SID no other stream has."""
    return "MZ" + secrets.token_hex(16)
