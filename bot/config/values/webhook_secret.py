"""The secret of BOT_WEBHOOK_SECRET as the Standard Webhooks specification writes it."""

from __future__ import annotations

import base64
import binascii

PREFIX = "whsec_"
_FEWEST, _MOST = 24, 64
"""Bytes of a key (Standard Webhooks, "Symmetric signatures")."""
_MAKE = "`openssl rand -base64 32` makes one"


def webhook_keys(text: str) -> tuple[bytes, ...]:
    """The keys in `text`: one, or while rotating the new one and the old one. Raises ValueError in words."""
    parts = [part.strip() for part in text.split(",")]
    if not text or len(parts) > 2:
        raise ValueError("must be one secret, or the new and the old one with a comma between them")
    return tuple(_key(part.removeprefix(PREFIX)) for part in parts)


def _key(text: str) -> bytes:
    """Receivers decode the secret with libraries of many kinds, some of which skip what is no base64: we refuse it."""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be base64, with or without {PREFIX} before it; {_MAKE}") from None
    if not _FEWEST <= len(key) <= _MOST:
        raise ValueError(f"must be {_FEWEST} to {_MOST} random bytes in base64; {_MAKE}")
    return key
