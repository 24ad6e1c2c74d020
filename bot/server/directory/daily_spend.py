"""The day's money: added up over the calls of this process, and told to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

from bot.call.outputs import EndReason
from bot.call.rules.spend_cap import ALL_SPENT, level
from bot.observe.guarded import guarded
from bot.server.calls.live_call import LiveCall
from bot.server.directory.call_directory import CallDirectory
from bot.server.shared.spent_today import LOOK_S, SpentToday


class DailySpend:
    """What is spent today. A cap of 0 is none, and then calls are told only what the store has."""

    def __init__(self, directory: CallDirectory, cap_nano_usd: int) -> None:
        self.on_spend: list[Callable[[int], None]] = []
        """Called every few seconds with what was spent today."""
        self._directory = directory
        self._cap = cap_nano_usd
        self._ended_nano_usd = 0
        """What the calls that are over have spent in this process."""
        self._day = SpentToday(self._own)

    @property
    def nano_usd(self) -> int:
        return self._day.nano_usd

    @property
    def used_up(self) -> bool:
        """Whether the day's money is."""
        return bool(self._cap) and level(self.nano_usd, self._cap) >= ALL_SPENT

    def add_up(self, live: LiveCall, _: EndReason | None = None) -> None:
        """The call is over here."""
        self._ended_nano_usd += live.used_nano_usd + live.line_nano_usd

    def _own(self) -> int:
        """As the store counts: sessions as they are used, lines when their calls end."""
        return self._ended_nano_usd + sum(live.used_nano_usd for live in self._directory)

    def stored(self, nano_usd: int, day: date | None = None) -> None:
        """So much has been spent on `day`, UTC, by the store; what is told of yesterday counts no more."""
        self._day.stored(nano_usd, day)
        self._tell_all()

    def tell(self, live: LiveCall) -> None:
        """A call that begins is told; to add it up is work for every call there is, so only where there is a cap."""
        if self._cap:
            live.bridge.daily_spend(self.nano_usd)

    async def watch(self) -> None:
        """Tell the calls now and then, for ever, also while the store tells nothing."""
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
