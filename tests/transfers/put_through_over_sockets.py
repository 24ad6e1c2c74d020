"""One row over real sockets: the server, the simulated model, and the simulated Twilio with two people at its ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from bot.call.handoff.transfer import PROMISE, TRANSFER_CALL
from bot.realtime.session import END_CALL
from bot.server.http.put_through import verdict
from bot.testing import Mishap, SimulatedTwilio
from bot.testing.agent import Pacing, Reply, Spoken, ToolCall, Turn, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.twilio.calls.ears import Hearing
from bot.testing.twilio.calls.network import Network, OwnNumber
from bot.testing.twilio.calls.simulated_call import SimulatedCall
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
    "briefing": "Hello, a caller waits who wants a boat. Will you take the call?",
    "connecting": "I am connecting you with the caller now.",
    "thanks": "Thank you all the same. Goodbye.",
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
            ("they saw the number", list(row.shown), self.shown),
            ("the transfer ended as", row.result, self.result),
            ("the call ended as", row.ended, self.ended),
        ):
            if expected != real:
                found.append(f"{what} {real}, not {expected}")
        return found


class Receptionist:
    """Asks for the transfer at the first turn, promises what may be promised, and goes on with who comes back.

    To a person whom it calls by itself it says what it is about, and does as they wish.
    """

    def __init__(self, row: Row) -> None:
        self._row = row
        self._asked = self._briefed = self._answered = False
        self.told: list[str] = []
        self.over: Callable[[], bool] = lambda: False
        """True once the transfer has come to nothing."""

    def reply(self, turn: Turn) -> Reply:
        if not self._asked:
            self._asked = True
            return _calls(TRANSFER_CALL, destination="sales", summary=SUMMARY)
        self.told += [json.loads(output)["result"] for output in turn.tool_outputs]
        if turn.tool_outputs and not self._briefed:
            return _says("promise" if self.told[-1] == PROMISE else "refusal")
        if turn.tool_outputs:
            return _says("connecting" if self.told[-1] == PROMISE else "thanks")
        if self._row.mode == "briefing" and not self.over():
            return self._to_person()
        return _says("back")

    def _to_person(self) -> Reply:
        if not self._briefed:
            self._briefed = True
            return _says("briefing")
        if self._row.agrees:
            return _calls(TRANSFER_CALL, destination="caller")
        return Reply((SPOKEN["thanks"],), [ToolCall(END_CALL)], pacing=PACE)


def _says(name: str) -> Reply:
    return Reply((SPOKEN[name],), pacing=PACE)


def _calls(function: str, **arguments: str) -> Reply:
    return Reply((), [ToolCall(function, json.dumps(arguments))], pacing=PACE)


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
    transfers.write_text(f'[sales]\nnumber = "{SALES}"\nring_seconds = 8\nmode = "{row.mode}"\n{hours}')
    receptionist = Receptionist(row)
    async with contextlib.AsyncExitStack() as stack:
        check = await stack.enter_async_context(_check(row.settings.get("check", "")))
        account = SimulatedTwilio(account_sid=ACCOUNT, auth_token=AUTH_TOKEN, numbers=(CALLED,), pace=pace)
        twilio = await stack.enter_async_context(account)
        settings = {"BOT_TRANSFER": str(transfers), "BOT_GREETING": "off", "TWILIO_API_URL": twilio.url, **check}
        desk = await stack.enter_async_context(standing(agent=receptionist, **settings))
        if "create_call" in row.settings:
            status, code, times = map(int, row.settings["create_call"].split())
            twilio.go_wrong("create_call", Mishap(status=status, code=code, times=times))
        return await _called(desk, twilio, row, receptionist)


async def _called(desk: ServerUnderTest, twilio: SimulatedTwilio, row: Row, receptionist: Receptionist) -> Outcome:
    network = twilio.network
    network.via = desk.origin
    voice = desk.settings.public_url + "/voice"
    network.numbers[CALLED] = OwnNumber(voice, f"{voice}/status")
    if row.person is not None:
        network.people[SALES] = row.person
    call = twilio.call_in(CALLER, CALLED, replace(row.caller, phones=_Phones(row)))
    table = desk.calls.registry.transfers
    receptionist.over = lambda: bool((known := table.find(call.sid)) is not None and known.result)
    try:
        async with asyncio.timeout(LONGEST_S * max(network.pace, 0.2)):
            await call.until_over()
            while any(not one.over for one in network.calls.values()):  # noqa: ASYNC110  their ends set no event
                await asyncio.sleep(0.01)
    except TimeoutError:
        outcome = _outcome(desk, network, call)
        outcome.faults.append("it did not come to an end")
        for leg in network.calls.values():
            leg.hang_up("party")
        await call.until_over()
    else:
        await desk.quiet()
        outcome = _outcome(desk, network, call)
    return outcome


class _Phones:
    """The caller's phones: a word at the beginning of the first stream, and one over the promise if need be."""

    def __init__(self, row: Row) -> None:
        self._talks_over = row.talks_over
        self._first = True

    def __call__(self, ids: StreamIds) -> SimulatedPhone:
        phone = SimulatedPhone(ids)
        if self._first:
            phone.say(pattern(300, "a person, please"), 100_000)
            if self._talks_over:
                phone.say(pattern(300, "no, wait"), 800_000)
        self._first = False
        return phone


def _outcome(desk: ServerUnderTest, network: Network, call: SimulatedCall) -> Outcome:
    outcome = Outcome(faults=[str(alert) for alert in network.alerts if alert.code != 31921])
    outcome.faults += [violation for leg in call.legs for violation in leg.phone.violations]
    for heard in network.heard:
        ours, leg = heard.call_sid == call.sid, network.calls[heard.call_sid]
        until_us = heard.what.until_us or network.now_us()
        times = ((heard.what.from_us - call.made_us) / 1000, (until_us - call.made_us) / 1000)
        (outcome.caller if ours else outcome.person).extend(Sound(name, *times) for name in _names(heard.what, leg))
    others = [one for one in network.calls.values() if one is not call]
    outcome.shown = ["the caller's" if one.from_ == CALLER else "ours" for one in others]
    outcome.faults += [f"{one.to} was rung" for one in others if one.to != SALES]
    outcome.faults += [f"{one.to} is still on the line" for one in others if not one.over]
    if len(desk.calls.directory):
        outcome.faults.append("the call is still there")
    known = desk.calls.registry.transfers.find(call.sid)
    outcome.result = "" if known is None else known.result
    outcome.ended = desk.calls.registry.known(call.sid).outcome or ""
    if outcome.ended == "stopped":
        outcome.ended = "caller_hung_up"
    return outcome


def _names(one: Hearing, leg: SimulatedCall) -> list[str]:
    """The names of what was heard; the bot's words are known by their bytes, and two of them may follow at once."""
    if one.kind == "say":
        return ["whisper" if SUMMARY in one.text else "key"]
    if one.kind != "bot":
        return [one.kind]
    for stream in leg.legs:
        if (stream.opened_us or 0) <= one.from_us <= (stream.closed_us or 2**62):
            spoken = _spoken(stream.phone)
            apart = [hearing for hearing in leg.ears.heard if hearing.kind == "bot"]
            mine = [
                hearing
                for hearing in apart
                if (stream.opened_us or 0) <= hearing.from_us <= (stream.closed_us or 2**62)
            ]
            return [spoken[mine.index(one)]] if len(mine) == len(spoken) else spoken
    return ["bot"]


def _spoken(phone: SimulatedPhone) -> list[str]:
    """What the bot said on one stream, in order."""
    begun = [received.audio[:400] for received in phone.received]
    names = {spoken.audio[:400]: name for name, spoken in SPOKEN.items()}
    return [names[audio] for audio in begun if audio in names]


@contextlib.contextmanager
def scaled(pace: float) -> Iterator[None]:
    """Count a hang-up at once in the telephone network's seconds."""
    before, verdict.AT_ONCE_S = verdict.AT_ONCE_S, verdict.AT_ONCE_S * pace
    try:
        yield
    finally:
        verdict.AT_ONCE_S = before
