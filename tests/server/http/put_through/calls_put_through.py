"""Calls over sockets whose caller asks for a person, and the webhooks that Twilio makes of that, written by hand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from bot.call.handoff.transfer import TRANSFER_CALL
from bot.server.shared.transfers import Transfer
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.dialling.dial import new_call_sid
from tests.server.simulated_server import QUICK, Reach, ServerUnderTest, form, standing, until

CALLER, CALLED, SALES = "+15555550101", "+15555550100", "+15555550123"
SUMMARY = "Ann Lee wants a boat <now> & asks for the price."
ASKS = Reply((), [ToolCall(TRANSFER_CALL, json.dumps({"destination": "sales", "summary": SUMMARY}))], pacing=QUICK)
BACK = Reply([Spoken(pattern(300, "back"), "Nobody is there, sorry.")], pacing=QUICK)
LIST = {"BOT_TRANSFER_NUMBERS": f"sales={SALES}", "BOT_GREETING": "off"}


@contextlib.asynccontextmanager
async def desk_with_sales(*replies: Reply, **knobs: Any) -> AsyncIterator[ServerUnderTest]:
    """A desk whose model asks for the transfer at the caller's first turn, and loses no word about it."""
    async with standing(ASKS, Reply((), pacing=QUICK), *(replies or (BACK,)), **{**LIST, **knobs}) as desk:
        yield desk


@contextlib.asynccontextmanager
async def transferring(desk: ServerUnderTest) -> AsyncIterator[str]:
    """A call whose stream has ended for the transfer, and of which Twilio has yet to ask what follows."""
    call_sid = new_call_sid()
    async with desk.stream(call_sid) as hand:
        for index in range(20):
            await hand.socket.send_str(hand.frame(index, pattern(20, index)))
        for index in range(20, 60):
            await hand.socket.send_str(hand.frame(index))
        await until(lambda: hand.bridge.call.started)
        await hand.closed()
    await desk.quiet()
    yield call_sid


class Twilio:
    """The webhooks of one call by hand."""

    def __init__(self, desk: Reach, call_sid: str, leg: int = 0) -> None:
        self.desk, self.call_sid, self.leg = desk, call_sid, leg
        self.child = new_call_sid()

    async def next(self, *, there: bool = True, leg: int = 0) -> str:
        path = f"/voice/next?leg={leg}" if leg else "/voice/next"
        return await self._ask(path, form(self.call_sid, "in-progress" if there else "completed"))

    async def whisper(self) -> str:
        return await self._ask(f"/voice/whisper/{self.call_sid}?leg={self.leg}", self._of_child())

    async def key(self, digits: str = "1") -> str:
        path = f"/voice/whisper/{self.call_sid}/key?leg={self.leg}"
        return await self._ask(path, [*self._of_child(), ("Digits", digits)])

    async def dialled(
        self, status: str, *, bridged: bool | None = None, there: bool = True, seconds: int = 0, held: int = 0
    ) -> str:
        fields = form(self.call_sid, "in-progress" if there else "completed")
        fields += [("DialCallStatus", status), ("DialCallSid", self.child), ("DialCallDuration", str(seconds))]
        if bridged is not None:
            fields.append(("DialBridged", str(bridged).lower()))
        return await self._ask(f"/voice/dialled?leg={self.leg}" + (f"&held={held}" if held else ""), fields)

    async def gone(self) -> None:
        status, _ = await self.desk.post("/voice/status", form(self.call_sid, "completed"))
        assert status == 204

    def _of_child(self) -> list[tuple[str, str]]:
        return [*form(self.child, "in-progress"), ("ParentCallSid", self.call_sid)]

    async def _ask(self, path: str, fields: list[tuple[str, str]]) -> str:
        status, text = await self.desk.post(path, fields)
        assert status == 200, text
        return text


def known(desk: ServerUnderTest, call_sid: str) -> Transfer:
    found = desk.calls.registry.transfers.find(call_sid)
    assert found is not None
    return found
