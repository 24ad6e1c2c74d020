"""Names that a lookup may transfer a call to: those of the operator's own list, which alone has numbers."""

from __future__ import annotations

from bot.config import Settings


def may_transfer(settings: Settings, name: str) -> bool:
    """True if the operator's list has a destination of this name."""
    return any(one.name == name for one in getattr(settings, "destinations", ()))
