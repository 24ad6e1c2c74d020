"""A simulated Twilio account over real sockets: a REST API that is as strict as the real one is said to be."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.testing.twilio import parameters
from bot.testing.twilio.parameters import Given
from bot.testing.twilio.rest_refusal import Refused
from bot.testing.twilio.rest_routes import OPERATIONS, Json, add_routes

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  that of no account
ACCOUNT_SID = "AC00000000000000000000000000000001"


@dataclass
class Mishap:
    """What goes wrong with the next requests of one operation."""

    status: int = 0
    code: int = 0
    delay_s: float = 0.0
    drop: bool = False
    times: int = 1


@dataclass
class SimulatedCall:
    """A call the account made."""

    sid: str
    to: str
    from_: str
    given: Given
    status: str = "queued"
    updates: list[Given] = field(default_factory=list)


class SimulatedTwilio:
    """One account. `async with` serves its REST API at `url`. `numbers`: those it owns."""

    def __init__(
        self,
        *,
        auth_token: str = AUTH_TOKEN,
        account_sid: str = ACCOUNT_SID,
        api_keys: dict[str, str] | None = None,
        numbers: Sequence[str] = ("+15555550100",),
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.numbers = tuple(numbers)
        self.calls: dict[str, SimulatedCall] = {}
        self.messages: list[dict[str, str]] = []
        self.asked: list[str] = []
        """Operations that were asked for, refused ones included."""
        self._api_keys = api_keys or {}
        self._mishaps: dict[str, list[Mishap]] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    def go_wrong(self, operation: str, mishap: Mishap) -> None:
        """Have the next requests of `operation`, such as `create_call`, go wrong."""
        if operation not in OPERATIONS:
            raise ValueError(f"no operation is named {operation}: {', '.join(sorted(OPERATIONS))}")
        self._mishaps.setdefault(operation, []).append(mishap)

    async def __aenter__(self) -> Self:
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
        if self._runner is not None:
            await self._runner.cleanup()

    # ---- what the routes ask for -------------------------------------------------------------------------------------

    def password(self, user: str) -> str | None:
        return self.auth_token if user == self.account_sid else self._api_keys.get(user)

    async def before(self, operation: str) -> None:
        self.asked.append(operation)
        waiting = self._mishaps.get(operation)
        if not waiting:
            return
        mishap = waiting[0]
        mishap.times -= 1
        if mishap.times <= 0:
            waiting.pop(0)
        await asyncio.sleep(mishap.delay_s)
        if mishap.status:
            raise Refused(mishap.status, mishap.code)

    async def create_call(self, given: Given) -> Json:
        if not given.one("Url") and not given.one("Twiml"):
            raise Refused(400, 21205, "neither Url nor Twiml")
        if given.one("From") not in self.numbers:
            raise Refused(400, 21210)
        call = SimulatedCall("CA" + secrets.token_hex(16), given.one("To"), given.one("From"), given)
        self.calls[call.sid] = call
        return self._call_json(call)

    async def update_call(self, sid: str, given: Given) -> Json:
        call = self._found(sid)
        if "Url" in given and "Twiml" in given:
            raise Refused(400, 20001, "Url and Twiml are mutually exclusive")
        if call.status == "completed":
            raise Refused(400, 21220)
        call.updates.append(given)
        if given.one("Status"):
            call.status = given.one("Status")
        return self._call_json(call)

    async def fetch_call(self, sid: str, given: Given) -> Json:
        del given
        return self._call_json(self._found(sid))

    async def create_message(self, given: Given) -> Json:
        if not given.one("From") and not given.one("MessagingServiceSid"):
            raise Refused(400, 21603)
        if not parameters.is_number(given.one("To")):
            raise Refused(400, 21211)
        if given.one("From") and given.one("From") not in self.numbers:
            raise Refused(400, 21606)
        sid = "SM" + secrets.token_hex(16)
        self.messages.append({"sid": sid} | {name: given.one(name) for name in given})
        return {"sid": sid, "account_sid": self.account_sid, "status": "queued", "error_code": None}

    def _found(self, sid: str) -> SimulatedCall:
        if sid not in self.calls:
            raise Refused(404, 20404)
        return self.calls[sid]

    def _call_json(self, call: SimulatedCall) -> Json:
        return {
            "sid": call.sid,
            "account_sid": self.account_sid,
            "to": call.to,
            "from": call.from_,
            "status": call.status,
            "direction": "outbound-api",
        }
