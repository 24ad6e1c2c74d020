"""A live call: its sockets, the task it runs in, and what it began with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.call.machines import OperatorStage
from bot.call.outputs import EndReason
from bot.call.states import State
from bot.config import Settings
from bot.server.calls.bridge import Bridge
from bot.server.shared.outcomes import BOUNDS, FAILED, RESUMABLE, Outcome
from bot.server.shared.resumption import NOBODY, Parties, Past

YET_TO_BE_TOLD: dict[EndReason, Outcome] = {"caller_hung_up": "stopped", "transferred": "transferring"}
"""Ends of a stream of which Twilio has yet to say what came of them."""


@dataclass(eq=False)
class LiveCall:
    """One call and the task it runs in."""

    call_sid: str
    bridge: Bridge
    past: Past
    settings: Settings
    """The settings of this call: the environment's, over them its profile's, over them what is its own."""
    parties: Parties = NOBODY
    offset_us: int = 0
    """Age of the call when this leg of it began."""
    nonce: bytes = b""
    """Nonce of the newest token for its stream."""
    caller_gone: bool = False
    """True once Twilio has said that the caller is gone."""
    unanswered: str = ""
    """Twilio's word for why nobody took a call that the bot made: no_answer, busy or failed."""
    played_again: bool = False
    """True of no call: it was over by the store, and somebody has played its webhook again."""
    task: asyncio.Task[None] = field(init=False)

    @property
    def used_nano_usd(self) -> int:
        """Cost of this leg of the call, without the line."""
        spending = self.bridge.call.spending
        return spending.model_nano_usd + spending.transcription_nano_usd

    @property
    def line_nano_usd(self) -> int:
        """Cost of the call's line, all legs together: counted with the first."""
        return 0 if self.past.leg else self.bridge.call.spending.line_nano_usd

    @property
    def outcome(self) -> Outcome | None:
        """End of the call as what follows depends on it; None while it goes on, here or in another process.

        A caller who heard why the call ends was hung up on by the bot; with one who is gone nothing is carried on.
        """
        reason: EndReason | None = self.bridge.call.ended
        outcome: Outcome | None = YET_TO_BE_TOLD.get(reason, reason) if reason else None
        if self.caller_gone and outcome in RESUMABLE:
            return "caller_hung_up"
        if self.past.outgoing and outcome in FAILED and self.bridge.call.answered_by not in {"human", "uncertain"}:
            return "bot_hung_up"  # no apology to a machine, nor to whom nobody has heard yet
        return "bot_hung_up" if outcome in BOUNDS and self.bridge.call.goodbye.heard else outcome

    @property
    def answered_by(self) -> str:
        """Outcome of a call that the bot made, as far as is known; empty while that is open, and of every other."""
        if not self.past.outgoing:
            return ""
        found = self.bridge.call.answered_by or self.unanswered
        if found or self.bridge.call.ended in {None, "line_lost"}:  # another instance may have it
            return found
        return "uncertain" if self.bridge.attached else "failed"

    @property
    def awaits_stream(self) -> bool:
        """True while the session is here and the stream has yet to come."""
        return self.bridge.awaits_stream

    @property
    def in_pause(self) -> bool:
        """True while nobody speaks and nothing is expected, as far as the bot knows."""
        call = self.bridge.call
        return call.state is State.LISTENING and call.operator[0] is not OperatorStage.SPEAKING
