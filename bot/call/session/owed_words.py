"""Words that a session owes, and since when: it hangs when one is overdue and it says nothing at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class OwedWords:
    """Since when each is owed, on the call's clock; None: it is not. Kept by bot.call.rules.session_liveness."""

    said_us: int = 0
    """Time of the last event."""
    answer_us: int | None = None
    """The answer, with no sign of it so far."""
    made_us: int | None = None
    """More of the response that is being made."""
    end_us: int | None = None
    """The end of a response that was cancelled."""
    listen_us: int = 0
    """Time to listen again to the caller's audio for the end of their speech."""
    over_us: int | None = None
    """Time at which it was heard there; None while it was not."""
    not_before_us: int = 0
    """Until then it is given time, since the clock stood still."""
