"""Keys that the caller pressed, as a turn of theirs: data, told in no other role than the user's."""

from __future__ import annotations

import re

TEXT = "[keys pressed: {}]"
SHOWN = 2
"""So many keys stay in a record: a choice in a menu, the end of a number."""
_PRESSED = re.compile(r"(?<=\[keys pressed: )[0-9*#A-D]+(?=\])")


def pressed(keys: str) -> str:
    """The words of the turn."""
    return TEXT.format(keys)


def masked(text: str) -> str:
    """The same for a record, which keeps no number that was keyed in: as long as it was."""
    return _PRESSED.sub(lambda found: "*" * (len(found[0]) - SHOWN) + found[0][-SHOWN:], text)
