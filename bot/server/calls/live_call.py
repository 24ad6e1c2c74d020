"""A live call: its sockets, the task it runs in, and what it began with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.call.outputs import EndReason
from bot.call.states import State
from bot.server.calls.bridge import Bridge
from bot.server.shared.outcomes import BOUNDS, RESUMABLE, Outcome
from bot.server.shared.resumption import NOBODY, Parties, Past


@dataclass(eq=False)
class LiveCall:
    """One call and the task it runs in."""

    call_sid: str
    bridge: Bridge
    past: Past
    parties: Parties = NOBODY
    offset_us: int = 0
    """How long the call had been going on when this leg of it began."""
    nonce: bytes = b""
    """That of the newest token for its stream."""
    over: bool = False
    """Whether Twilio has said that the caller is gone."""
    played_again: bool = False
    """Whether the call is none: it was over by the store, and somebody has played its webhook again."""
    task: asyncio.Task[None] = field(init=False)

    @property
    def used_nano_usd(self) -> int:
        """What this leg of the call has cost, without the line."""
        spending = self.bridge.call.spending
        return spending.model_nano_usd + spending.transcription_nano_usd

    @property
    def line_nano_usd(self) -> int:
        """What the call's line has cost, all legs together: counted with the first."""
        return 0 if self.past.leg else self.bridge.call.spending.line_nano_usd

    @property
    def outcome(self) -> Outcome | None:
        """What is left to say and do depends on this; None while the call goes on, here or in another process.

        Who heard why the call was ended was hung up on by the bot, and nobody is there to carry it on with who is gone.
        """
        reason: EndReason | None = self.bridge.call.ended
        outcome: Outcome | None = "stopped" if reason == "caller_hung_up" else reason
        if self.over and outcome in RESUMABLE:
            return "caller_hung_up"
        return "bot_hung_up" if outcome in BOUNDS and self.bridge.call.farewell.heard else outcome

    @property
    def awaits_stream(self) -> bool:
        """Whether the session is here and the stream has yet to come."""
        return not self.bridge.attached and self.bridge.call.ended is None

    @property
    def in_pause(self) -> bool:
        """Whether nobody speaks and nothing is expected, as far as the bot knows."""
        return self.bridge.call.state is State.LISTENING
