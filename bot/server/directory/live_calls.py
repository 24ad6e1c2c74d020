"""The calls of this process: a directory of them, and what each of those who deal with calls needs of it."""

from __future__ import annotations

import time

from bot.config import Settings
from bot.server.calls.past_calls import PastCalls
from bot.server.directory.call_admission import CallAdmission
from bot.server.directory.call_directory import CallDirectory
from bot.server.directory.call_endings import CallEndings
from bot.server.directory.call_starter import CallStarter
from bot.server.directory.daily_spend import DailySpend
from bot.server.directory.departure import Departure
from bot.server.directory.needless_sessions import NeedlessSessions
from bot.server.directory.stream_tokens import StreamTokens
from bot.server.setup.call_prices import nano_usd
from bot.server.setup.caller_access import Load
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.caller_quota import HashNumber, storeless_hash
from bot.server.shared.store_lookup import StoreLookup


class LiveCalls:
    """The parts, put together; none of them knows this whole.

    `registry` is shared with other processes, or this one's own. `shelf` is the way to the store and `hash_number`
    the store's own, if there is one.
    """

    def __init__(
        self,
        settings: Settings,
        registry: CallRegistry | None = None,
        shelf: StoreLookup | None = None,
        hash_number: HashNumber | None = None,
    ) -> None:
        self.settings = settings
        self.shelf = shelf
        self.registry = registry or CallRegistry(time.time)
        self.directory = CallDirectory()
        self.pasts = PastCalls()
        self.departure = Departure(self.directory)
        self.day = DailySpend(self.directory, nano_usd(settings.max_daily_usd))
        self.tokens = StreamTokens(settings, self.directory, self.registry, shelf)
        self.elsewhere = NeedlessSessions(self.directory, self.registry, shelf)
        self.endings = CallEndings(self.directory, self.registry, self.pasts)
        self.starter = CallStarter(
            settings, self.directory, self.registry, self.pasts, self.endings, self.elsewhere, self.day
        )
        hash_number = hash_number or storeless_hash(settings)
        load = Load(settings.max_lag_ms)
        self.admission = CallAdmission(settings, self.registry, self.departure, self.day, load, hash_number)
