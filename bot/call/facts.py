"""Facts that a call tells about itself for its record. The core puts facts out beside its messages; no peer sees them.

A fact that comes again with the same `number` replaces the one before: a caller's words arrive late.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Wait = Literal["greeting_heard", "byte_sent", "byte_heard", "clear"]
"""What a caller waited for: the greeting, from the webhook; the first byte of an answer, handed to the transport and
heard, from the caller's real end of speech; silence, from `speech_started` to `clear`."""


class TurnFact(msgspec.Struct, frozen=True):
    """A finished turn. `number` names it; spoken order is that of `began_us`.

    `text` None: not known (yet). `cut`: the caller stopped hearing it, by estimate, where `text` ends; `unheard` is the
    rest. Times are the call's microseconds, None: not known. Of a bot's turn `began_us` is when its first byte was
    heard; one of which nothing was heard stands at the moment at which it was given up.
    """

    number: int
    who: Literal["caller", "bot"]
    item_id: str
    text: str | None = None
    unheard: str = ""
    cut: bool = False
    began_us: int | None = None
    ended_us: int | None = None


class UsageFact(msgspec.Struct, frozen=True):
    """Use and cost of one response, one transcription, or one request for the call's result. `ref` is the response's
    or the item's id.

    `tokens` counts by kind, named as `bot.realtime.usage` names them; cached ones are counted apart, not twice.
    `seconds` is what is billed by time. Money is in billionths of a US dollar; `priced` false: no price is
    known, and it counts as nothing.
    """

    number: int
    kind: Literal["response", "transcription", "result"]
    ref: str
    model: str
    status: str = ""
    tokens: dict[str, int] = {}
    seconds: float = 0.0
    nano_usd: int = 0
    priced: bool = True


class WaitFact(msgspec.Struct, frozen=True):
    """One wait of the caller, in microseconds. `turn` is the number of the bot's turn it was for."""

    what: Wait
    us: int
    turn: int | None = None


Fact = TurnFact | UsageFact | WaitFact
