"""The end of a session that nears its hour: when the next one is dialled, and when it may take over."""

from __future__ import annotations

from typing import NamedTuple

AHEAD_US, CALM_US, LAST_US = 300_000_000, 60_000_000, 20_000_000


class Plan(NamedTuple):
    """The end of a session: when the next one is dialled, and from when on it may take over not only in a pause.

    From `calm_us` any moment will do at which no answer is being made and the caller does not speak, from `last_us` any
    at all.
    """

    dial_us: int
    calm_us: int
    last_us: int


def plan(now_us: int, within_us: int) -> Plan:
    """The plan for a session that ends `within_us` from now; a short one has no more than shares of its time."""
    ends_us = now_us + within_us
    return Plan(
        ends_us - min(AHEAD_US, within_us // 2),
        ends_us - min(CALM_US, within_us // 8),
        ends_us - min(LAST_US, within_us // 16),
    )
