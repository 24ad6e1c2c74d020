"""Connection overrides: what the fragment of a webhook's URL asks of Twilio (twilio-voice 1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["ct", "rt", "4xx", "5xx"]
MAX_MS = 15_000
_RANGES = {"ct": (100, 10_000), "rt": (100, MAX_MS), "tt": (100, MAX_MS), "rc": (0, 5)}
_RETRIED = frozenset({"4xx", "5xx", "ct", "rt", "all"})
_OTHERS = frozenset({"sni", "e"})


class BadOverrideError(Exception):
    """Twilio would not take this fragment (11240 and following)."""


@dataclass(frozen=True)
class Overrides:
    """Milliseconds, how often a request is tried again, and after which faults."""

    connect_ms: int = 5_000
    read_ms: int = MAX_MS
    total_ms: int = MAX_MS
    retries: int = 1
    retried: frozenset[str] = frozenset({"ct"})

    def retries_after(self, fault: Fault | None) -> bool:
        return fault is not None and bool(self.retried & {fault, "all"})


def overrides(url: str) -> Overrides:
    """Overrides in the fragment of `url`; Twilio's defaults where it says nothing. Raises BadOverrideError."""
    found: dict[str, int] = {}
    retried = Overrides.retried
    for part in filter(None, urlsplit(url).fragment.split("&")):
        name, _, value = part.partition("=")
        if name in _RANGES:
            low, high = _RANGES[name]
            if not value.isdecimal() or not low <= int(value) <= high:
                raise BadOverrideError(f"{name} is from {low} to {high}, not {value}")
            found[name] = int(value)
        elif name == "rp":
            retried = frozenset(value.split(","))
            if not retried <= _RETRIED:
                raise BadOverrideError(f"rp is some of {', '.join(sorted(_RETRIED))}, not {value}")
        elif name not in _OTHERS:
            raise BadOverrideError(f"there is no {name}")
    plain = Overrides()
    return Overrides(
        found.get("ct", plain.connect_ms),
        found.get("rt", plain.read_ms),
        found.get("tt", plain.total_ms),
        found.get("rc", plain.retries),
        retried,
    )
