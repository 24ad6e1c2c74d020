"""Outcomes of calls, and what each of them means for what follows."""

from __future__ import annotations

from typing import Literal, TypeGuard, get_args

from bot.call.outputs import EndReason

Outcome = EndReason | Literal["stopped", "transferring"]
"""End of a call, as far as what follows depends on it. `stopped`: its stream was, as when the caller hangs up, and
Twilio has yet to say whether they did. `transferring`: a person is rung, who may not answer."""
OUTCOMES: tuple[Outcome, ...] = (*get_args(EndReason), "stopped", "transferring")
RESUMABLE: frozenset[Outcome] = frozenset({"line_lost", "drained", "stopped", "transferring"})
"""Ends after which the call is carried on if the caller is still there."""
BOUNDS: frozenset[Outcome] = frozenset({"spend_limit", "time_limit", "idle"})
"""Ends that the bot says goodbye before; where it could not, a sentence follows."""
FAILED: frozenset[Outcome] = frozenset({"model_unavailable", "internal_error"})
"""Ends after which the caller gets what the operator has chosen for a call that can't go on."""
ASKED_AFTER: frozenset[Outcome] = BOUNDS | FAILED | {"bot_hung_up", "drained", "refused", "line_lost", "transferring"}
"""Ends after which Twilio asks what is next: the stream was closed by us, or broke."""


def is_final(reason: str) -> TypeGuard[EndReason]:
    """True if nothing carries a call on that has ended so by the store; an end that only the store has is not final."""
    return reason in OUTCOMES and reason not in RESUMABLE | {"transferred"}  # of whom nobody may have heard since
