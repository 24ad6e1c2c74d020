"""Hanging up on the model's wish: after its goodbye has been heard, and not at all if the caller starts to talk.

Nor before the caller has said or keyed anything, or in the greeting: nobody hangs up on somebody unheard.
"""

from __future__ import annotations

from typing import Any

from bot.call.session.session_state import CurrentSession
from bot.realtime.items import function_call_output

NOT_NOW = "The caller started to speak, so the call was not ended. Listen and go on with the conversation."
TOO_EARLY = "The caller has said nothing yet, so the call was not ended. Wait for what they say."
NO_SUCH_FUNCTION = "There is no such function."


class HangUp:
    """The one pending wish to hang up, if any."""

    def __init__(self, session: CurrentSession) -> None:
        self._session = session
        self._call_id: str | None = None

    @property
    def asked(self) -> bool:
        return self._call_id is not None

    def ask(self, call_id: str) -> None:
        """The model called `hang_up`."""
        self._call_id = call_id
        self._session.now.knows_hang_up = True

    def drop(self) -> dict[str, Any] | None:
        """The caller spoke: the item that tells the model so, None when it knows of no hang-up that was pending."""
        call_id, self._call_id = self._call_id, None
        return (
            None if call_id is None or not self._session.now.knows_hang_up else function_call_output(call_id, NOT_NOW)
        )
