"""Calls that the bot makes, over sockets: the server, the model, Twilio's REST API, and a phone that is picked up."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from bot.server.bookkeeping.store_service import keeping, prepare
from bot.store.results import CallSummary
from bot.testing.agent import Pacing, Reply, Spoken, Turn, pattern
from bot.testing.dialling.dial import DialResult, dial, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.twilio.calls.person import Person
from bot.testing.twilio.calls.simulated_call import SimulatedCall
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, ServerUnderTest, standing, until
from tests.waiting import GIVE_UP_S

OURS, THEIRS = "+12025550100", "+12025550142"
ADMIN = "let-me-dial-whom-I-may"
HELLO = pattern(600, "hello?")
GREETING = pattern(1_500, "greeting")
ANSWER = pattern(400, "an answer")
MESSAGE_AUDIO = pattern(800, "message")
SCREEN_AUDIO = pattern(700, "who is calling")
QUICK = Pacing(speed=0, first_audio_ms=10)
MESSAGE = "This is Acme, please call back."


class Caller:
    """The bot's model: it says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn.instructions)
        if "asks who is calling" in turn.instructions:
            return Reply([Spoken(SCREEN_AUDIO, "Acme, about a table.")], pacing=QUICK)
        if "Begin the call now" in turn.instructions:
            return Reply([Spoken(GREETING, "This is Acme.")], pacing=QUICK)
        if (turn.metadata or {}).get("purpose") == "goodbye":
            return Reply([Spoken(MESSAGE_AUDIO, MESSAGE)], pacing=QUICK)
        return Reply([Spoken(ANSWER, "Yes.")], pacing=QUICK)


@dataclass
class Outbound:
    """A server, and the Twilio that it asks to ring."""

    desk: ServerUnderTest
    twilio: SimulatedTwilio
    results: list[DialResult] = field(default_factory=list)

    async def ask(self, *, key: str = "", token: str = ADMIN, raw: bytes | None = None, **body: Any) -> tuple[int, Any]:
        """POST /calls: status and JSON."""
        headers = {"Idempotency-Key": key or secrets.token_hex(8), "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        given = {"data": raw} if raw is not None else {"json": {"to": THEIRS, **body}}
        headers = headers if raw is not None else {k: v for k, v in headers.items() if k != "Content-Type"}
        async with self.desk.http.post(f"{self.desk.origin}/calls", headers=headers, **given) as answer:
            text = await answer.text()
            return answer.status, await answer.json() if "json" in answer.content_type else text

    async def placed(self, **body: Any) -> SimulatedCall:
        status, told = await self.ask(**body)
        assert status == 201, told
        return self.twilio.calls[told["id"]]

    async def told(self, call_sid: str) -> tuple[int, Any]:
        """GET /calls/SID."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        async with self.desk.http.get(f"{self.desk.origin}/calls/{call_sid}", headers=headers) as answer:
            return answer.status, await answer.json()

    def url(self, call: SimulatedCall, name: str = "Url") -> str:
        return urldefrag(call.given.one(name)).url

    async def post(
        self, call: SimulatedCall, name: str, *, status: str = "in-progress", **more: str
    ) -> tuple[int, str]:
        """One of Twilio's webhooks about the call, at the address that the bot gave for it."""
        parts = urlsplit(self.url(call, name))
        fields = {
            "CallSid": call.sid, "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "Direction": "outbound-api",
            "CallStatus": status, "From": call.from_, "To": call.to, "Caller": call.from_, "Called": call.to, **more,
        }  # fmt: skip
        return await self.desk.post(f"{parts.path}?{parts.query}", list(fields.items()))

    async def progress(self, call: SimulatedCall, status: str) -> None:
        assert (await self.post(call, "StatusCallback", status=status))[0] == 204

    async def verdict(self, call: SimulatedCall, by: str) -> None:
        assert (await self.post(call, "AsyncAmdStatusCallback", AnsweredBy=by, MachineDetectionDuration="3000"))[
            0
        ] == 204

    def phone(self, call: SimulatedCall, **knobs: Any) -> SimulatedPhone:
        return SimulatedPhone(StreamIds(ACCOUNT, call.sid, new_stream_sid()), **knobs)

    async def pick_up(self, call: SimulatedCall, phone: SimulatedPhone, *, limit_s: float = GIVE_UP_S) -> DialResult:
        """The callee picks up: Twilio asks what to do, and does it to the end."""
        result = await dial(
            self.url(call), phone, auth_token=AUTH_TOKEN, via=self.desk.origin, from_number=call.from_,
            to_number=call.to, limit_s=limit_s,
        )  # fmt: skip
        assert result.violations == []
        await self.progress(call, "completed")
        return result

    async def stored(self, call_sid: str) -> CallSummary:
        """The call's record, once it has ended."""
        assert self.desk.kept is not None
        write_behind = self.desk.kept.write_behind
        await write_behind.flush(5)
        found = await write_behind.ask(lambda store: store.call(call_sid), 5)
        assert found is not None
        return found.summary


@contextlib.asynccontextmanager
async def outbound(
    tmp_path: Path, agent: Any = None, behaviour: Any = None, *, people: dict[str, Person] | None = None, **env: str
) -> AsyncIterator[Outbound]:
    """A server that may dial Washington at any time."""

    @contextlib.asynccontextmanager
    async def keep(settings: Any) -> AsyncIterator[Any]:
        await prepare(settings)
        async with keeping(settings) as kept:
            yield kept

    account = SimulatedTwilio(
        auth_token=AUTH_TOKEN, account_sid=ACCOUNT, numbers=[OURS], people=people, pace=1.0, by_hand=people is None
    )
    async with account as twilio:
        chosen = {
            "TWILIO_API_URL": twilio.url, "ADMIN_TOKEN": ADMIN, "BOT_DIAL_FROM": OURS, "BOT_DIAL_ALLOW": "+1202",
            "BOT_DIAL_HOURS": "00:00-24:00", "DATABASE_URL": f"sqlite:///{tmp_path}/calls.sqlite",
            "BOT_RECORD_DIR": str(tmp_path), **env,
        }  # fmt: skip
        async with standing(keep=keep, agent=agent or Caller(), behaviour=behaviour, **chosen) as desk:
            twilio.network.via = desk.origin
            yield Outbound(desk, twilio)


async def ended(desk: ServerUnderTest, number: int = 1) -> None:
    await until(lambda: len(desk.logged("call_ended")) >= number)
