"""The answer to a lookup: what the operator's server may say of a call, within bounds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from bot.config.profiles.placeholders import VARIABLE

MAX_VALUE = 2_000
"""Letters of one variable."""
MAX_EXTRA = 20_000
"""Letters of extra instructions."""
MAX_SAID = 1_000
"""Letters of a refusal: over a minute of speech."""
MAX_VARIABLES = 100

Name = Annotated[str, Meta(pattern=f"^{VARIABLE.pattern}$")]
Value = Annotated[str, Meta(max_length=MAX_VALUE)] | int | float | None
Refusal = Literal["busy", "reject"]


class BadAnswer(Exception):
    """An answer that can't be used. Its text follows "the answer" and holds nothing of it but names of fields."""


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller hears this sentence and the call is over."""

    say: Annotated[str, Meta(min_length=1, max_length=MAX_SAID)]


class LookupAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it may be left out: then the call is as it would be without a lookup.

    `variables` fill the placeholders of instructions and greeting, `instructions` stand behind the operator's own.
    """

    variables: Annotated[dict[Name, Value], Meta(max_length=MAX_VARIABLES)] = {}
    profile: str | None = None
    instructions: Annotated[str, Meta(max_length=MAX_EXTRA)] | None = None
    refuse: Refusal | Refused | None = None
    transfer: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The variables as texts."""
        return {name: "" if value is None else str(value) for name, value in self.variables.items()}


def read_answer(told: Any) -> LookupAnswer:
    """The answer in decoded JSON; nothing at all is an empty one. Raises BadAnswer."""
    try:
        answer = msgspec.convert({} if told is None else told, LookupAnswer)
    except msgspec.ValidationError as error:
        raise BadAnswer(f"is not as it should be: {error}") from None
    if answer.refuse is not None and answer.transfer is not None:
        raise BadAnswer("refuses the call and transfers it; it must be one of them")
    return answer
