"""One row over real sockets: the server, the simulated model, and the simulated Twilio with two people at its ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from bot.call.conversation.transfer import PROMISE, TRANSFER_CALL
from bot.server.http.put_through import verdict
from bot.testing.agent import Pacing, Reply, Spoken, ToolCall, Turn, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.twilio.calls.ears import Hearing
from bot.testing.twilio.calls.network import Network, OwnNumber
from bot.testing.twilio.calls.simulated_call import SimulatedCall, Source
from bot.testing.twilio.verbs.follower import Follower
from bot.testing.twilio.verbs.verb_table import VERBS
from tests.hooks.receiver import SECRET, receiving
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, ServerUnderTest, standing
from tests.transfers.transfer_rows import Row

CALLER, CALLED, SALES = "+15555550101", "+15555550100", "+15555550123"
SUMMARY = "Ann Lee wants a boat and asks for the price."
PACE = Pacing(speed=0, first_audio_ms=50)
SAID_MS = 500
LONGEST_S = 90.0
"""Seconds of the telephone network that a row may take."""
WORDS = {
    "promise": "I am connecting you with sales now.",
    "refusal": "I am sorry, nobody is free there now.",
    "back": "I am sorry, that did not work out. What else can I do?",
}
SPOKEN = {name: Spoken(pattern(SAID_MS, name), words) for name, words in WORDS.items()}


class Sound(NamedTuple):
    """Something heard, from and until ms after the caller's webhook."""

    name: str
    from_ms: float
    until_ms: float

    def __str__(self) -> str:
        return f"{self.name} {self.from_ms:.0f}-{self.until_ms:.0f}"


@dataclass
class Outcome:
    """Outcome of a row. `faults` are things that must never be, in words."""

    caller: list[Sound] = field(default_factory=list)
    person: list[Sound] = field(default_factory=list)
    result: str = ""
    ended: str = ""
    shown: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def against(self, row: Row) -> list[str]:
        """Differences from what the row says."""
        found = list(self.faults)
        for what, expected, real in (
            ("the caller heard", list(row.caller_hears), [one.name for one in self.caller]),
            ("the person heard", list(row.person_hears), [one.name for one in self.person]),
            ("the transfer ended as", row.result, self.result),
            ("the call ended as", row.ended, self.ended),
        ):
            if expected != real:
                found.append(f"{what} {real}, not {expected}")
        return found


class Receptionist:
    """Asks for the transfer at the first turn, promises what may be promised, and goes on with who comes back."""

    def __init__(self) -> None:
        self._asked = False
        self.told: list[str] = []

    def reply(self, turn: Turn) -> Reply:
        if not self._asked:
            self._asked = True
            asked = {"destination": "sales", "summary": SUMMARY}
            return Reply((), [ToolCall(TRANSFER_CALL, json.dumps(asked))], pacing=PACE)
        self.told += [json.loads(output)["result"] for output in turn.tool_outputs]
        if turn.tool_outputs:
            return Reply((SPOKEN["promise" if self.told[-1] == PROMISE else "refusal"],), pacing=PACE)
        return Reply((SPOKEN["back"],), pacing=PACE)


@contextlib.asynccontextmanager
async def _check(how: str) -> AsyncIterator[dict[str, str]]:
    """The operator's server, if the row has one: its URL."""
    if not how:
        yield {}
        return
    async with receiving("/free") as receiver:

        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"free": False}, status=200 if how == "taken" else 500)

        receiver.answer = answer
        yield {"BOT_TRANSFER_CHECK_URL": receiver.url, "BOT_WEBHOOK_SECRET": SECRET}


async def run(row: Row, directory: Path, pace: float) -> Outcome:
    """Run the row; each second of the telephone network takes `pace` seconds. What the bot says runs in real time."""
    transfers = directory / f"{abs(hash(row.name))}.toml"
    hours = 'hours = ["Mon 00:00-00:01"]\nzone = "Pacific/Kiritimati"\n' if row.settings.get("hours") else ""
    transfers.write_text(f'[sales]\nnumber = "{SALES}"\nring_seconds = 8\n{hours}')
    receptionist = Receptionist()
    async with contextlib.AsyncExitStack() as stack:
        check = await stack.enter_async_context(_check(row.settings.get("check", "")))
        settings = {"BOT_TRANSFER": str(transfers), "BOT_GREETING": "off", **check}
        return await _called(await stack.enter_async_context(standing(agent=receptionist, **settings)), row, pace)


async def _called(desk: ServerUnderTest, row: Row, pace: float) -> Outcome:
    network = Network(desk.http, ACCOUNT, AUTH_TOKEN, via=desk.origin, pace=pace)
    network.numbers[CALLED] = OwnNumber(f"{desk.settings.public_url}/voice")
    if row.person is not None:
        network.people[SALES] = row.person
    call = network.new_call("inbound", CALLER, CALLED, person=row.caller, sid=new_call_sid())
    call.status = "ringing"
    try:
        async with asyncio.timeout(LONGEST_S * max(pace, 0.2)):
            await Follower(network, VERBS, _phones(call, row)).run(call, Source(f"{desk.settings.public_url}/voice"))
    finally:
        await network.close()
    await desk.quiet()
    return _outcome(desk, network, call, row)


def _phones(call: SimulatedCall, row: Row) -> Iterator[SimulatedPhone]:
    """The caller's phones: a word at the beginning of the first stream, and one over the promise if need be."""
    first = True
    while True:
        phone = SimulatedPhone(StreamIds(ACCOUNT, call.sid, f"MZ{len(call.legs):032x}"))
        if first:
            phone.say(pattern(300, "a person, please"), 100_000)
            if row.talks_over:
                phone.say(pattern(300, "no, wait"), 800_000)
        first = False
        yield phone


def _outcome(desk: ServerUnderTest, network: Network, call: SimulatedCall, row: Row) -> Outcome:
    outcome = Outcome(faults=[str(alert) for alert in network.alerts if alert.code != 31921])
    outcome.faults += [violation for leg in call.legs for violation in leg.phone.violations]
    origin_us = call.made_us
    for heard in network.heard:
        ours = heard.call_sid == call.sid
        name = _name(heard.what, call) if ours else _of_person(heard.what)
        until_us = heard.what.until_us or network.now_us()
        sound = Sound(name, (heard.what.from_us - origin_us) / 1000, (until_us - origin_us) / 1000)
        (outcome.caller if ours else outcome.person).append(sound)
    outcome.shown = [child.from_ for child in network.calls.values() if child.parent is call]
    outcome.faults += [
        f"{child.to} was rung" for child in network.calls.values() if child.parent is call and child.to != SALES
    ]
    if len(desk.calls.directory):
        outcome.faults.append("the call is still there")
    known = desk.calls.registry.transfers.find(call.sid)
    outcome.result = "" if known is None else known.result
    outcome.ended = desk.calls.registry.known(call.sid).outcome or ""
    if outcome.ended == "stopped":
        outcome.ended = "caller_hung_up"
    return outcome


def _name(one: Hearing, call: SimulatedCall) -> str:
    """The name of a sound of the caller's; what the bot says is known by its bytes."""
    if one.kind != "bot":
        return one.kind
    for leg in call.legs:
        audio = b"".join(received.audio for received in leg.phone.received)
        opened_us, closed_us = leg.opened_us or 0, leg.closed_us or 2**62
        if opened_us <= one.from_us <= closed_us:
            begun = [name for name, spoken in SPOKEN.items() if spoken.audio[:400] in audio]
            return begun[0] if len(begun) == 1 else _by_time(leg.phone, one, begun)
    return "bot"


def _by_time(phone: SimulatedPhone, one: Hearing, begun: list[str]) -> str:
    """Of several things that the bot said on one stream, the one that came when this was heard."""
    for received in phone.received:
        if received.at_us <= one.from_us + 1_000 and one.from_us <= received.at_us + 400_000:
            for name in begun:
                if received.audio[:400] == SPOKEN[name].audio[:400]:
                    return name
    return "bot"


def _of_person(one: Hearing) -> str:
    if one.kind == "say":
        return "whisper" if SUMMARY in one.text else "key"
    return one.kind


@contextlib.contextmanager
def scaled(pace: float) -> Iterator[None]:
    """Count a hang-up at once in the telephone network's seconds."""
    before, verdict.AT_ONCE_S = verdict.AT_ONCE_S, verdict.AT_ONCE_S * pace
    try:
        yield
    finally:
        verdict.AT_ONCE_S = before
