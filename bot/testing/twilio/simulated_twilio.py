"""A simulated Twilio account over real sockets: its REST API, its calls, and the people they reach."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from bot.server.setup.port_end import close_ports
from bot.testing.twilio.calls.call_progress import finish
from bot.testing.twilio.calls.network import Alert, Delivery, HeardBy, Network, OwnNumber, Webhook
from bot.testing.twilio.calls.person import Person, answers
from bot.testing.twilio.calls.simulated_call import Callback, SimulatedCall, Source
from bot.testing.twilio.mishaps import Mishap, Mishaps
from bot.testing.twilio.rest_desk import Permissions, RestDesk
from bot.testing.twilio.rest_routes import OPERATIONS, add_routes
from bot.testing.twilio.verbs.follower import Follower
from bot.testing.twilio.verbs.verb_table import VERBS

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  that of no account
ACCOUNT_SID = "AC00000000000000000000000000000001"
PACE = 0.02


class SimulatedTwilio:
    """One account. `async with` serves its REST API at `url`; when it ends, so does every call.

    `numbers`: those it owns, each with the webhook of calls to it. `people`: who is where; any other number is
    `anybody`'s. `pace`: real seconds that each second of the telephone network takes: rings, what voices say, pauses,
    limits; a media stream runs in real time. `via`: the origin at which the bot listens, when its public URL isn't
    reachable. `by_hand`: the calls that are made ring nobody and are only noted, for a test that plays Twilio itself.
    `delivery`: how status callbacks come, since Twilio promises neither their order nor that each comes once.
    """

    def __init__(
        self,
        *,
        numbers: Mapping[str, OwnNumber] | Sequence[str] = ("+15555550100",),
        people: Mapping[str, Person] | None = None,
        anybody: Person | None = None,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        api_keys: Mapping[str, str] | None = None,
        permissions: Permissions | None = None,
        pace: float = PACE,
        via: str = "",
        by_hand: bool = False,
        delivery: Delivery = "in order",
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.people = dict(people or {})
        self.numbers = dict(numbers) if isinstance(numbers, Mapping) else {one: OwnNumber() for one in numbers}
        self.permissions = permissions or Permissions()
        self.asked: list[str] = []
        """Operations that were asked for with good credentials, refused ones included."""
        self.url = ""
        self._anybody = anybody or answers()
        self._api_keys = dict(api_keys or {})
        self._pace = pace
        self._via = via
        self._by_hand = by_hand
        self._delivery: Delivery = delivery
        self._mishaps = Mishaps(OPERATIONS)

    # ---- what a test does --------------------------------------------------------------------------------------------

    def go_wrong(self, operation: str, mishap: Mishap) -> None:
        """Have the next requests of `operation`, such as `create_call`, go wrong."""
        self._mishaps.add(operation, mishap)

    def call_in(self, from_: str, to: str = "", person: Person | None = None) -> SimulatedCall:
        """Somebody calls a number of the account, the first unless it is given: its webhook answers."""
        to = to or next(iter(self.numbers))
        number = self.numbers[to]
        call = self.network.new_call("inbound", from_, to, person=person)
        call.status = "ringing"
        call.token = "token-" + secrets.token_hex(16)
        call.own_fields.append(("CallToken", call.token))
        call.callback = Callback(number.status_callback)
        self.network.spawn(self._answered(call, number), f"call {call.sid}")
        return call

    async def _answered(self, call: SimulatedCall, number: OwnNumber) -> None:
        if number.voice_url:
            await self.follower.run(call, Source(number.voice_url))
        else:
            await finish(self.network, call)

    # ---- what a test looks at ----------------------------------------------------------------------------------------

    @property
    def calls(self) -> dict[str, SimulatedCall]:
        """Every call by its SID, the legs of <Dial> included."""
        return self.network.calls

    @property
    def messages(self) -> list[dict[str, str]]:
        """Text messages that were sent: `sid`, and the parameters they were sent with."""
        return self.desk.messages

    @property
    def webhooks(self) -> list[Webhook]:
        """Every request to the bot."""
        return self.network.webhooks

    @property
    def alerts(self) -> list[Alert]:
        """The debugger: what a document or an answer had wrong."""
        return self.network.alerts

    @property
    def heard(self) -> list[HeardBy]:
        """All that everybody heard, in the order in which it began."""
        return self.network.heard

    def leg_to(self, number: str) -> SimulatedCall:
        """The latest call to `number`. Raises LookupError."""
        for call in reversed(self.calls.values()):
            if call.to == number:
                return call
        raise LookupError(f"nobody called {number}")

    def timeline(self) -> list[str]:
        """A line for each thing heard: from which millisecond to which, by whom."""
        lines = []
        for who, what, _ in self.heard:
            until = "      ..." if what.until_us is None else f"{what.until_us / 1000:7.0f} ms"
            lines.append(f"{what.from_us / 1000:7.0f} to {until}  {who}: {what}")
        return lines

    # ---- the server --------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self.network = Network(self._http, self.account_sid, self.auth_token, via=self._via, pace=self._pace)
        self.network.people, self.network.numbers = self.people, self.numbers
        self.network.anybody, self.network.delivery = self._anybody, self._delivery
        self.follower = Follower(self.network, VERBS)
        self.desk = RestDesk(self.network, self.follower, self.permissions, by_hand=self._by_hand)
        app = web.Application()
        add_routes(app, self)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await close_ports(self._runner.sites)
            await self._runner.cleanup()
            await self.network.close()
        finally:
            await self._http.close()

    def password(self, user: str) -> str | None:
        """The password of an account SID or API key; None for one that is not known."""
        return self.auth_token if user == self.account_sid else self._api_keys.get(user)

    async def before(self, operation: str) -> bool:
        """Let whatever is to go wrong with this request happen. True when its answer is to be lost."""
        self.asked.append(operation)
        return await self._mishaps.before(operation)
