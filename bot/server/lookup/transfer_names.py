"""Names that a lookup may transfer a call to: those of the operator's own list, which alone has numbers."""

from __future__ import annotations

from datetime import datetime

from bot.config import Settings


def why_not(settings: Settings, name: str, now: datetime) -> str:
    """The reason why a call can't be transferred to `name`, in words that follow "the answer"; empty when it can."""
    destination = next((one for one in settings.destinations if one.name == name), None)
    if destination is None:
        return "names nobody to whom callers may be transferred"
    return "" if destination.hours.open_at(now) else f"transfers to {name}, which is closed now"
