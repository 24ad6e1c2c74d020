"""The day's money: added up over the calls of this process, and told to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime

from bot.call.outputs import EndReason
from bot.call.rules.spend_cap import ALL_SPENT, level
from bot.observe.guarded import guarded
from bot.server.calls.live_call import LiveCall
from bot.server.directory.call_directory import CallDirectory

LOOK_S = 5.0
"""Seconds between two looks at the day's money."""


def utc_today() -> date:
    return datetime.now(UTC).date()


class SpentToday:
    """Billionths of a dollar spent since midnight UTC, by all instances, as well as this process can know it.

    They are the store's last word and what this process has spent since: a store that is away must not lift the day's
    cap. A cap of 0 is none, and then calls are told only what the store has.
    """

    def __init__(self, directory: CallDirectory, cap_nano_usd: int, today: Callable[[], date] = utc_today) -> None:
        self.on_spend: list[Callable[[int], None]] = []
        """Called every few seconds with what was spent today."""
        self._directory = directory
        self._cap = cap_nano_usd
        self._today = today
        self._ended_nano_usd = 0
        """Spent in this process by the calls that are over."""
        self._beside_calls = 0
        """Spent today in this process on what is no call: the store knows nothing of it."""
        self._date = today()
        self._count_from(0)

    def _count_from(self, stored_nano_usd: int) -> None:
        self._stored, self._own_before = stored_nano_usd, self._own()

    def _see_the_date(self) -> None:
        if self._today() != self._date:
            self._date, self._beside_calls = self._today(), 0
            self._count_from(0)

    def _own(self) -> int:
        """As the store counts: sessions as they are used, lines when their calls end."""
        return self._ended_nano_usd + sum(live.used_nano_usd for live in self._directory)

    @property
    def nano_usd(self) -> int:
        """The spending of this process alone, until the store has told."""
        self._see_the_date()
        return self._stored + self._own() - self._own_before + self._beside_calls

    @property
    def used_up(self) -> bool:
        return bool(self._cap) and level(self.nano_usd, self._cap) >= ALL_SPENT

    def add_up(self, live: LiveCall, _: EndReason | None = None) -> None:
        self._ended_nano_usd += live.used_nano_usd + live.line_nano_usd

    def add_beside_calls(self, nano_usd: int) -> None:
        """Count what was spent on something that is no call. Other processes do not know of it."""
        self._see_the_date()
        self._beside_calls += nano_usd

    def stored(self, nano_usd: int, day: date | None = None) -> None:
        """Take the store's word for the spending of `day`, UTC, ours included. Told after midnight, it is void."""
        self._see_the_date()
        if day in {None, self._date}:
            self._count_from(nano_usd)
        self._tell_all()

    def tell(self, live: LiveCall) -> None:
        """A call that begins is told; to add it up is work for every call there is, so only where there is a cap."""
        if self._cap:
            live.bridge.daily_spend(self.nano_usd)

    async def watch(self) -> None:
        """Tell the calls every few seconds, for ever, also while the store tells nothing."""
        while True:
            with guarded():
                self._tell_all()
            await asyncio.sleep(LOOK_S)

    def _tell_all(self) -> None:
        nano_usd = self.nano_usd
        for live in self._directory:
            live.bridge.daily_spend(nano_usd)
        for tell in self.on_spend:
            tell(nano_usd)
