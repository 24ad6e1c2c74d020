"""The follower of TwiML: walks from document to document on one call, verb by verb, until it is over or moved."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET  # the type of a parsed document
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urljoin

from bot.testing.dialling.signed_webhook import DialFailed, parse_document, request_document
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.twilio.calls.call_progress import answered, finish
from bot.testing.twilio.calls.conference import Conference
from bot.testing.twilio.calls.network import Network
from bot.testing.twilio.calls.simulated_call import Ending, SimulatedCall, Source

MAX_DOCUMENTS = 10
"""Documents that may follow each other without a stream between."""

APPLICATION_ERROR = "We are sorry, an application error has occurred. Goodbye."


T = TypeVar("T")


class End(NamedTuple):
    """A verb that ends the call."""

    ending: Ending


Step = Source | End | None
"""Where a call goes after a verb: to another document, to its end, or on to the next verb."""


@dataclass(frozen=True)
class Walk:
    """One document being walked through: what a verb is given besides itself."""

    follower: Follower
    call: SimulatedCall
    url: str

    @property
    def network(self) -> Network:
        return self.follower.network

    def link(self, target: str) -> str:
        """The absolute URL of `target`, which may be relative to the document. Raises DialFailed."""
        try:
            return urljoin(self.url, target)
        except ValueError:
            raise DialFailed(11100, "what the document leads to is no URL") from None

    def action(self, verb: ET.Element, *fields: tuple[str, str]) -> Source | None:
        """The document that the verb's action gives; None when it has none."""
        action = verb.get("action")
        return Source(self.link(action), fields=fields) if action else None


class VerbRule(NamedTuple):
    """How a verb is performed, the attributes it may have, and where it may stand.

    `to_its_end`: it sees itself that the party has left, and still leads to its action.
    """

    perform: Callable[[Walk, ET.Element], Awaitable[Step]]
    attributes: frozenset[str]
    to_its_end: bool = False
    in_whisper: bool = False
    in_music: bool = False


Place = Literal["call", "whisper", "music"]


class Follower:
    """Follows the documents of the calls of one network. `phones`: the ones a call's streams take, one after another.

    Without `phones` each stream gets the phone that its person makes.
    """

    def __init__(
        self, network: Network, verbs: Mapping[str, VerbRule], phones: Iterator[SimulatedPhone] | None = None
    ) -> None:
        self.network = network
        self.phones = phones
        self.rooms: dict[str, Conference] = {}
        """Every conference there was, by its SID."""
        self._verbs = verbs

    def room(self, name: str) -> Conference:
        """The conference of that name that is not over, a new one if need be."""
        for room in self.rooms.values():
            if name == room.name and room.status != "completed":
                return room
        made = Conference(self.network, name)
        self.rooms[made.sid] = made
        return made

    async def run(self, call: SimulatedCall, source: Source | None) -> None:
        """Follow `source`, and whatever the call is given later, to the end of the call."""
        while source is not None:
            call.ending = await self.until_moved(call, self._safely(call, source))
            source = self.taken(call)
        await finish(self.network, call)

    def taken(self, call: SimulatedCall) -> Source | None:
        """The other document that the call was given meanwhile."""
        source, call.order = call.order, None
        call.moved.clear()
        return None if call.gone.is_set() else source

    async def until_moved(self, call: SimulatedCall, work: Coroutine[Any, Any, Ending]) -> Ending:
        """Do `work` until the call is given another document."""
        return await race(work, call.moved, "")

    async def walk(self, call: SimulatedCall, source: Source, place: Place = "call") -> Ending:
        """Follow `source` from document to document. Raises DialFailed for what Twilio would give up at."""
        since_stream = 0
        base = source.base
        while since_stream < MAX_DOCUMENTS:
            streams = len(call.legs)
            text = source.twiml or await self._asked(call, source)
            call.documents.append(text)
            if call.first_document_us is None:
                call.first_document_us = self.network.now_us()
            base = call.last_url = source.url or source.base or base
            further = await self._perform(call, parse_document(text), base, place)
            if not isinstance(further, Source):
                return further
            source = further
            since_stream = since_stream + 1 if streams == len(call.legs) else 0
        raise DialFailed(11215, f"more than {MAX_DOCUMENTS} documents without a stream")

    async def perform_one(self, walk: Walk, verb: ET.Element, place: Place = "call") -> Step:
        """Perform one verb of `walk`, as long as the party is there."""
        rule = self._rule(walk.call, verb, place)
        if rule.to_its_end:
            return await rule.perform(walk, verb)
        return await race(_step(rule, walk, verb), walk.call.gone, None)

    async def _safely(self, call: SimulatedCall, source: Source) -> Ending:
        """Follow `source`, and the fallback URL's document in place of one that can't be used."""
        try:
            return await self.walk(call, source)
        except DialFailed as error:
            self.network.alert(error.code, error.detail, call)
            call.failure = error
            fields = (("ErrorCode", str(error.code)), ("ErrorUrl", source.url))
        if not call.fallback_url or call.gone.is_set():
            return _application_error(call)
        try:
            return await self.walk(call, Source(call.fallback_url, fields=fields))
        except DialFailed as error:
            self.network.alert(error.code, error.detail, call)
            return _application_error(call)

    async def _asked(self, call: SimulatedCall, source: Source) -> str:
        """Ask the bot for the document of `source`."""
        status = "completed" if call.gone.is_set() else call.status
        caller = self.network.caller(call)
        more = [*call.own_fields, *source.fields]
        form = [*caller.form(status), *more]
        try:
            text = await request_document(self.network.http, caller, source.url, status, more)
        except DialFailed as error:
            self.network.told(source.url, form, error.status)
            raise
        self.network.told(source.url, form, 200)
        return text

    async def _perform(self, call: SimulatedCall, document: ET.Element, url: str, place: Place) -> Source | Ending:
        walk = Walk(self, call, url)
        for verb in document:
            if call.gone.is_set():
                break
            if call.answered_us is None and not _leaves_it_ringing(verb):
                answered(self.network, call)
            step = await self.perform_one(walk, verb, place)
            if isinstance(step, End):
                return step.ending
            if step is not None:
                return step
        return "caller_hung_up" if call.gone.is_set() else "end_of_document"

    def _rule(self, call: SimulatedCall, verb: ET.Element, place: Place) -> VerbRule:
        """The rule of `verb`. Raises DialFailed where it may not stand."""
        rule = self._verbs.get(verb.tag)
        if rule is None:
            raise DialFailed(12200, f"this simulator knows no <{verb.tag}>")
        if place == "whisper" and not rule.in_whisper:
            code = 13201 if verb.tag == "Dial" else 12200
            raise DialFailed(code, f"<{verb.tag}> can't be in the document of a <Number>")
        if place == "music" and not rule.in_music:
            raise DialFailed(12200, f"<{verb.tag}> can't be in what is played to a conference")
        for name in set(verb.keys()) - rule.attributes:
            self.network.alert(12200, f"<{verb.tag}> has no attribute {name}", call)
        if verb.get("method", "POST") != "POST":
            raise DialFailed(12200, "this simulator asks by POST only")
        return rule


def _leaves_it_ringing(verb: ET.Element) -> bool:
    return verb.tag == "Reject" or (verb.tag == "Dial" and verb.get("answerOnBridge") == "true")


async def _step(rule: VerbRule, walk: Walk, verb: ET.Element) -> Step:
    return await rule.perform(walk, verb)


def _application_error(call: SimulatedCall) -> Ending:
    call.ears.hear("say", APPLICATION_ERROR)
    call.hang_up("twilio")
    return "failed"


async def race(work: Coroutine[Any, Any, T], event: asyncio.Event, otherwise: T) -> T:
    """The result of `work`, or `otherwise` when `event` came first: then `work` is called off and waited for."""
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        called_off = not working.done()
        if called_off:
            working.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
    return otherwise if called_off else working.result()
