"""A conversation told to a session that was not there: what was heard, in spoken order, as items (openai-realtime 3.1).

The caller's words are the caller's: they stand in role user and nowhere else. The bot's are as far as they were heard.
Items can't be made of the bot's audio, and text items can't be truncated (openai-realtime 3.1 and 11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from bot.realtime.items import Role, message

BUDGET_CHARS = 24_000
"""Some 6,000 tokens, half an hour of speech. Beyond, the oldest turns are left out."""
MOST_TURNS = 200
"""However short they are: each is a message."""
CARRY_ON_ITEM = "carry_on"
CARRY_ON = (
    "This phone call was moved to a new connection while it was going on. What was said so far stands above. Carry on "
    "exactly where it stopped: answer what the caller has said and nobody has answered yet, or finish the sentence "
    "that was broken off. Do not greet, do not introduce yourself again and do not mention the connection."
)


class PastTurn(msgspec.Struct, frozen=True):
    """A turn from before the call's present core. `text` is what was said, or heard, of it; empty: not known."""

    number: int
    who: Literal["caller", "bot"]
    text: str = ""


class Heard(Protocol):
    """A turn as far as it was heard: bot.call.transcript.transcript.Turn is one. `number` names it within the call."""

    @property
    def number(self) -> int: ...
    @property
    def who(self) -> Literal["caller", "bot"]: ...
    @property
    def text(self) -> str | None: ...


def conversation_items(
    turns: Sequence[Heard], budget_chars: int = BUDGET_CHARS, audio: Mapping[int, str] | None = None
) -> list[dict[str, Any]]:
    """The items that tell `turns`, which are in spoken order.

    `audio` is the caller's speech by number of turn, base64 in the session's input format: it stands for words that are
    not known. The newest turns whose texts fit into `budget_chars` are told, whole, and no more than MOST_TURNS; a turn
    of which nothing is known is left out.
    """
    told: list[dict[str, Any]] = []
    left = budget_chars
    for turn in reversed(turns):
        left -= len(turn.text or "")
        if left < 0 or len(told) == MOST_TURNS:
            break
        role: Role = "user" if turn.who == "caller" else "assistant"
        sound = audio.get(turn.number, "") if audio and turn.who == "caller" else ""
        if turn.text or sound:
            told.append(message(said_as(turn.number), role, text=turn.text or "", audio=sound))
    return told[::-1]


def carry_on_item(told: str = "") -> dict[str, Any]:
    """The one instruction to a session that takes over a conversation; `told`: why, if not for its connection."""
    return message(CARRY_ON_ITEM, "system", text=told or CARRY_ON)


def said_as(number: int) -> str:
    """The id of the item that tells turn `number`."""
    return f"said_{number}"


def heard_as(number: int) -> str:
    """The id of the item that takes its place when less of it was heard than was told."""
    return f"heard_{number}"
