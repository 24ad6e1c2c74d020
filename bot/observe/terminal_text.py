"""Text of strangers in a terminal: it shows, and never acts."""

from __future__ import annotations

import unicodedata

_ACTING = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
"""Unicode categories: controls, formats (bidi among them), surrogates, unassigned, private, line separators."""
_SHORT_NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BLANKS = dict.fromkeys([0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
"""Spaces of other widths show as nothing that a reader could tell from a plain one."""


def visible(text: str, keep: str = "") -> str:
    """`text` on one line, with everything that acts instead of showing (escape codes, bidi overrides) spelled out.

    The letters in `keep` stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter if letter in keep or _shows(letter) else _spelled(letter) for letter in text.translate(_BLANKS)
    )


def _shows(letter: str) -> bool:
    """Joiners count as letters of the scripts and emoji that need them."""
    return letter in "\u200c\u200d" or unicodedata.category(letter) not in _ACTING


def _spelled(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return _SHORT_NAMES.get(letter, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
