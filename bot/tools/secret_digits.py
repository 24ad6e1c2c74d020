"""Digits that the caller keys in for one tool alone: its function gets them, and nothing else that is kept or sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, get_args, get_origin

from bot.call.settings import SecretRules

SHOWN = "***"
VALID = "The digits were entered and are valid."
"""Result of a tool that returned nothing."""
KEYED_IN = (
    "The caller keys digits in on the telephone for this, which you never learn. Ask them to, and to end with the hash "
    "key, before you call it; star calls it off. Never ask for these digits by voice."
)
FORMAT = "secret-digits"
"""The format of the property in a JSON schema that stands for such digits."""
LONG = 6
_BETWEEN = r"[^0-9A-Za-z]{0,3}"
"""Characters that may be written between digits, as in card numbers."""


class SecretDigits:
    """A parameter of this type is keyed in by the caller. Only `reveal` tells the digits; printed, they are hidden."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def reveal(self) -> str:
        """The digits. What is done with them is the tool's to answer for."""
        return self._digits

    def __len__(self) -> int:
        return len(self._digits)

    def __repr__(self) -> str:
        return f"SecretDigits({SHOWN})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secret digits are not written anywhere")


@dataclass(frozen=True)
class Digits:
    """Bounds of secret digits: `Annotated[SecretDigits, Digits(13, 19)]`. `tries` counts for the whole call."""

    least: int = 1
    most: int = 32
    tries: int = 3


def secret_of(hint: Any) -> SecretRules | None:
    """The rules for a parameter of this type; None for one that the model fills in."""
    if hint is SecretDigits:
        return SecretRules()
    if get_origin(hint) is not Annotated or get_args(hint)[0] is not SecretDigits:
        return None
    digits = next((one for one in get_args(hint)[1:] if isinstance(one, Digits)), Digits())
    return SecretRules(digits.least, digits.most, digits.tries)


def without_secret(schema: dict[str, Any]) -> tuple[dict[str, Any], str, SecretRules | None]:
    """A JSON schema as the model is shown it, the name of what the caller keys in instead, and the rules for that.

    Raises ValueError for more than one.
    """
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    names = [name for name, one in properties.items() if isinstance(one, dict) and one.get("format") == FORMAT]
    if len(names) > 1:
        raise ValueError("takes secret digits twice; the caller keys one number in at a time")
    if not names:
        return schema, "", None
    name = names[0]
    keyed = properties[name]
    shown = {**schema, "properties": {key: one for key, one in properties.items() if key != name}}
    if isinstance(schema.get("required"), list):
        shown["required"] = [one for one in schema["required"] if one != name]
    default = SecretRules()
    least, most = (
        int(keyed.get(key, other)) for key, other in (("minLength", default.least), ("maxLength", default.most))
    )
    return shown, name, SecretRules(least, most, default.tries)


def scrubbed(text: str, secret: SecretDigits | None) -> str:
    """`text` without the digits, however they are set apart: a tool may have put them into what it says."""
    if not secret:
        return text
    digits = _BETWEEN.join(secret.reveal())
    whole = len(secret) < LONG  # few digits are part of many numbers
    return re.sub(rf"(?<![0-9]){digits}(?![0-9])" if whole else digits, SHOWN, text)
