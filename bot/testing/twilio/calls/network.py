"""The telephone network behind the account: its clock, its calls, its people, and the webhooks to the bot."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal, NamedTuple

import aiohttp

from bot.testing.dialling.signed_webhook import Caller, notify
from bot.testing.dialling.stream_socket import Signing
from bot.testing.twilio.calls.ears import Hearing
from bot.testing.twilio.calls.person import Person, answers
from bot.testing.twilio.calls.simulated_call import Direction, SimulatedCall


class Webhook(NamedTuple):
    """One request to the bot, with its fields and the status of its answer, 0 for none."""

    at_us: int
    url: str
    fields: dict[str, str]
    status: int


class Alert(NamedTuple):
    """A line of Twilio's debugger. A warning (12200) is not fatal for the real one either."""

    code: int
    detail: str
    call_sid: str


class HeardBy(NamedTuple):
    """A hearing with the name of the party whose ears heard it."""

    who: str
    what: Hearing
    call_sid: str


@dataclass(frozen=True)
class OwnNumber:
    """A number of the account: the webhook of calls to it, and its status callback."""

    voice_url: str = ""
    status_callback: str = ""


WORD_S = 0.35
"""Seconds that a voice takes for a word."""
Delivery = Literal["in order", "swapped", "twice"]
"""The way of status callbacks: Twilio promises neither their order nor that each comes once."""


class Network:
    """Everything that happens on one account. `pace`: seconds that each second of the telephone network takes.

    What is said over a stream runs in real time all the same. `via`: the origin at which the bot listens, when its
    public URL isn't reachable. `anybody` is who answers a number that no person of `people` has.
    """

    def __init__(
        self, http: aiohttp.ClientSession, account_sid: str, auth_token: str, *, via: str, pace: float
    ) -> None:
        self.http = http
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.via = via
        self.pace = pace
        self.word_s = WORD_S
        self.signing: Signing = "plain"
        self.people: dict[str, Person] = {}
        self.anybody: Person = answers()
        self.numbers: dict[str, OwnNumber] = {}
        self.calls: dict[str, SimulatedCall] = {}
        self.webhooks: list[Webhook] = []
        self.alerts: list[Alert] = []
        self._loop = asyncio.get_running_loop()
        self._origin_s = self._loop.time()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._faults: list[BaseException] = []
        self.delivery: Delivery = "in order"
        self._held: dict[SimulatedCall, list[tuple[str, str]]] = {}
        self._sending: dict[SimulatedCall, asyncio.Task[Any]] = {}
        """The last of each call's status callbacks."""

    # ---- time --------------------------------------------------------------------------------------------------------

    def now_us(self) -> int:
        return int((self._loop.time() - self._origin_s) * 1e6)

    async def wait(self, seconds: float) -> None:
        """Let so many seconds of the telephone network pass."""
        await asyncio.sleep(max(0.0, seconds * self.pace))

    def seconds(self, from_us: int | None, until_us: int | None) -> int:
        """Whole seconds of the telephone network between two times, at least one when there is any time at all."""
        if from_us is None or until_us is None:
            return 0
        return max(1, round((until_us - from_us) / 1e6 / self.pace)) if until_us > from_us else 0

    # ---- calls -------------------------------------------------------------------------------------------------------

    def new_call(
        self,
        direction: Direction,
        from_: str,
        to: str,
        *,
        person: Person | None = None,
        parent: SimulatedCall | None = None,
        sid: str = "",
    ) -> SimulatedCall:
        """A call that nothing has happened on."""
        far = from_ if direction == "inbound" else to
        sid = sid or "CA" + secrets.token_hex(16)
        call = SimulatedCall(sid, direction, from_, to, person or self.whose(far), self.now_us, parent)
        self.calls[sid] = call
        return call

    def whose(self, number: str) -> Person:
        """The person at `number`."""
        return self.people.get(number, self.anybody)

    def caller(self, call: SimulatedCall) -> Caller:
        """The call as webhooks tell of it."""
        name = call.person.name if call.direction == "inbound" else ""
        return Caller(self.auth_token, self.account_sid, call.sid, call.from_, call.to, self.via, name, call.direction)

    @property
    def heard(self) -> list[HeardBy]:
        """All that everybody heard, in the order in which it began."""
        all_of_it = [HeardBy(call.name, one, call.sid) for call in self.calls.values() for one in call.ears.heard]
        return sorted(all_of_it, key=lambda heard: heard.what.from_us)

    def alert(self, code: int, detail: str, call: SimulatedCall | None = None) -> None:
        """Put a line into the debugger."""
        self.alerts.append(Alert(code, detail, "" if call is None else call.sid))

    # ---- webhooks ----------------------------------------------------------------------------------------------------

    def told(self, url: str, form: list[tuple[str, str]], status: int) -> None:
        self.webhooks.append(Webhook(self.now_us(), url, dict(form), status))

    async def notify(self, call: SimulatedCall, url: str, fields: Mapping[str, str]) -> None:
        """Send a callback about `call` and wait for its answer."""
        await self.post(call, url, [*self.caller(call).form(call.status), *call.own_fields, *fields.items()])

    async def post(self, call: SimulatedCall, url: str, form: list[tuple[str, str]]) -> None:
        """Send exactly `form`, for the sake of `call`, and wait for its answer."""
        status = await notify(self.http, self.caller(call), url, form)
        self.told(url, form, status)
        if not 200 <= status < 300:
            self.alert(11200, f"the callback {url} was answered with {status}", call)

    def tell_progress(self, call: SimulatedCall, event: str, fields: Mapping[str, str] | None = None) -> None:
        """Send the status callback of `event`, if it was asked for (twilio-voice 1.6). The call doesn't wait for it."""
        if not call.callback.url or event not in call.callback.events:
            return
        numbered = {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(call.n_events),
            "Timestamp": timestamp(),
            **(fields or {}),
        }
        call.n_events += 1
        form = [*self.caller(call).form(call.status), *call.own_fields, *numbered.items()]
        held = self._held.pop(call, None)
        if self.delivery == "swapped" and held is None and event != "completed":
            self._held[call] = form
            return
        for one in (form, held):
            if one is not None:
                times = 2 if self.delivery == "twice" else 1
                sending = self._send(call, one, times, self._sending.get(call))
                self._sending[call] = self.spawn(sending, f"{event} of {call.sid}")

    async def all_told(self, call: SimulatedCall) -> None:
        """Wait until the call's status callbacks were sent."""
        if call in self._sending:
            await asyncio.wait({self._sending[call]})

    async def _send(
        self, call: SimulatedCall, form: list[tuple[str, str]], times: int, before: asyncio.Task[Any] | None
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        for _ in range(times):
            await self.post(call, call.callback.url, form)

    # ---- tasks -------------------------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` beside everything else; it ends with the network at the latest."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._faults.append(error)

    async def close(self) -> None:
        """End every call and task. Raises what a task failed with: that is a fault of the simulator's."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        if self._faults:
            raise BaseExceptionGroup("the simulated Twilio failed", self._faults)


def timestamp() -> str:
    """The time as Twilio writes it into its callbacks: RFC 2822, UTC."""
    return format_datetime(datetime.now(UTC))
