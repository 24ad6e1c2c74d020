"""Lists of callers: numbers, beginnings of numbers, and those who show none."""

from __future__ import annotations

import re

WITHHELD = "withheld"
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_WRITTEN = re.compile(r"[\s().\-/]")


def parse_callers(text: object) -> object:
    """The entries of a comma-separated list, to be matched. Raises ValueError, which names the first wrong one."""
    if not isinstance(text, str):
        return text
    return tuple(_entry(number, part.strip()) for number, part in enumerate(text.split(","), 1) if part.strip())


def _entry(number: int, text: str) -> str:
    if text.lower() == WITHHELD:
        return WITHHELD
    plain = _WRITTEN.sub("", text)
    if not _PREFIX.fullmatch(plain):
        raise ValueError(
            f"must hold numbers or beginnings of numbers with their country code, such as +49 or +15550100, or "
            f"{WITHHELD}; mend entry {number} of the list"
        )
    return plain


def among(number: str, callers: tuple[str, ...]) -> bool:
    """Whether `callers` name this E.164 number, by itself or by a beginning of it. `number` empty: none is shown."""
    return WITHHELD in callers if not number else number.startswith(tuple(one for one in callers if one != WITHHELD))
