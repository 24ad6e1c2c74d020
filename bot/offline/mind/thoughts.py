"""What the mind is given of a turn, and what it gives back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from bot.offline.mind.session_functions import Call

Json = dict[str, Any]


class Heard(msgspec.Struct, frozen=True):
    """A turn as it was understood. `level_db` is the caller's level, under the loudest there is; None: no sound came.

    `understood_ms`: from the end of the turn to its words. `notes` are system items, `outputs` results of functions.
    `exactly`: the words that the response was asked to say. `must_call`: the function that has to be called.
    """

    words: str = ""
    level_db: float | None = None
    understood_ms: int = 0
    first: bool = False
    interrupted: bool = False
    exactly: str = ""
    notes: Sequence[str] = ()
    outputs: Sequence[str] = ()
    functions: Sequence[Json] = ()
    must_call: str = ""

    @property
    def spoken(self) -> list[str]:
        """The words alone, small; "p.m." is one of them."""
        small = re.sub(r"\b([ap])\.\s?m\b", r"\1m", self.words.lower().replace("-", " "))
        return re.findall(r"[a-z0-9']+", small)


class Thought(msgspec.Struct, frozen=True):
    """Sentences to say, in order, and a function to call behind them; `echo`: then the caller's own sound."""

    sentences: Sequence[str] = ()
    call: Call | None = None
    echo: bool = False
