"""A simulated call over real sockets: webhook, TwiML, stream and what comes after, as Twilio goes about it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import aiohttp

from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.dialling.stream_socket import Signing
from bot.testing.handset.phone import EndedBy, SimulatedPhone
from bot.testing.twilio.calls.network import Network, OwnNumber
from bot.testing.twilio.calls.person import HangsUp, Person, Speaks
from bot.testing.twilio.calls.simulated_call import Ending, SimulatedCall, Source, StreamLeg
from bot.testing.twilio.verbs.connecting import new_stream_sid
from bot.testing.twilio.verbs.follower import Follower
from bot.testing.twilio.verbs.verb_table import VERBS

__all__ = ["DialResult", "Ending", "StreamLeg", "dial", "new_call_sid", "new_stream_sid"]

SECOND_S = 1.0
"""Seconds that each second of the telephone network takes: of a <Pause>, of a ring, of a message."""

Other = Literal["answers", "is_busy", "does_not_answer"]
_PEOPLE: Mapping[Other, Person] = {
    "answers": Person(0.0, does=(HangsUp(connected=True),)),
    "is_busy": Person(0.0, "busy"),
    "does_not_answer": Person(0.0, "no-answer"),
}


@dataclass
class DialResult:
    """Result of a call. Times are microseconds from the first webhook request.

    `said` is the text of each <Say> the caller got to hear, `dialled` the targets of <Dial>, `recorded` how many
    messages they left. `ending`: why the call was over. `failure` names what Twilio would have logged when it gave the
    call up.
    """

    call: SimulatedCall | None = None

    @property
    def documents(self) -> list[str]:
        return self.call.documents if self.call else []

    @property
    def said(self) -> list[str]:
        return self.call.said if self.call else []

    @property
    def dialled(self) -> list[str]:
        return self.call.dialled if self.call else []

    @property
    def recorded(self) -> int:
        return len(self.call.recordings) if self.call else 0

    @property
    def legs(self) -> list[StreamLeg]:
        return self.call.legs if self.call else []

    @property
    def ending(self) -> Ending:
        return self.call.ending if self.call else ""

    @property
    def error(self) -> DialFailed | None:
        return self.call.failure if self.call else None

    @property
    def failure(self) -> str:
        return str(self.error) if self.error else ""

    @property
    def status(self) -> int:
        return self.error.status if self.error else 0

    @property
    def answered_us(self) -> int | None:
        return self.call.first_document_us if self.call else None

    @property
    def close_code(self) -> int | None:
        return self.legs[-1].close_code if self.legs else None

    @property
    def hung_up_by(self) -> EndedBy:
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
    person: Other = "answers",
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
    async with aiohttp.ClientSession() as http:
        network = Network(http, phone.ids.account_sid, auth_token, via=via, pace=SECOND_S)
        network.signing = signing
        network.word_s = 0.0  # who rings a bot waits for what it says, and for no document's sentence
        network.numbers[to_number] = OwnNumber(url)
        network.anybody = _PEOPLE[person]
        words = (Speaks(after="beep", text="a message", seconds=float(message_s)),) if message_s else ()
        caller = Person(does=words, name=caller_name)
        call = network.new_call("inbound", from_number, to_number, person=caller, sid=phone.ids.call_sid)
        call.status = "ringing"
        result = result or DialResult()
        result.call = call
        follower = Follower(network, VERBS, chain([phone], more_phones))
        network.spawn(_hang_up_after(call, limit_s), "the caller's patience")
        try:
            await follower.run(call, Source(url))
        finally:
            await network.close()
    return result


async def _hang_up_after(call: SimulatedCall, limit_s: float) -> None:
    await asyncio.sleep(limit_s)
    call.hang_up("party")


def new_call_sid() -> str:
    """A call SID no other call has."""
    return "CA" + secrets.token_hex(16)
