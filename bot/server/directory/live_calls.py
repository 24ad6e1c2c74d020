"""The calls of this process: a directory of them, and the parts that let them in, begin, count and end them."""

from __future__ import annotations

import time

from bot.config import Settings
from bot.config.profiles import Profiles, load_profiles
from bot.server.directory.call_admission import CallAdmission, Load
from bot.server.directory.call_directory import CallDirectory
from bot.server.directory.call_endings import CallEndings, PastCalls
from bot.server.directory.call_starter import CallStarter
from bot.server.directory.departure import Departure
from bot.server.directory.needless_sessions import NeedlessSessions
from bot.server.directory.spent_today import SpentToday
from bot.server.directory.stream_tokens import StreamTokens
from bot.server.directory.transfer_desk import TransferDesk
from bot.server.lookup.call_lookup import call_lookup
from bot.server.setup.call_prices import nano_usd
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.caller_quota import HashNumber, storeless_hash
from bot.server.shared.store_lookup import StoreLookup
from bot.server.shared.transfers import Transfers


class LiveCalls:
    """The parts, put together; none of them knows this whole.

    `registry` is shared with other processes, or this one's own. `store_lookup` and `hash_number` are the store's, if
    there is one. `settings` are the server's; a call has its own, by `profiles`, which are read unless given.
    """

    def __init__(
        self,
        settings: Settings,
        registry: CallRegistry | None = None,
        store_lookup: StoreLookup | None = None,
        hash_number: HashNumber | None = None,
        *,
        profiles: Profiles | None = None,
    ) -> None:
        self.settings = settings
        self.profiles = profiles or load_profiles(settings)
        self.store_lookup = store_lookup
        self.registry = registry or CallRegistry(time.time)
        self.directory = CallDirectory()
        self.past_calls = PastCalls()
        self.departure = Departure(self.directory)
        self.spent_today = SpentToday(self.directory, nano_usd(settings.max_daily_usd))
        self.tokens = StreamTokens(settings, self.directory, self.registry, store_lookup)
        self.needless_sessions = NeedlessSessions(self.directory, self.registry, store_lookup)
        self.lookup = call_lookup(settings, self.profiles)
        self.transfers = Transfers(self.registry.transfers, store_lookup)
        self.transfer_desk = TransferDesk(self.transfers)
        self.endings = CallEndings(self.directory, self.registry, self.past_calls, self.transfers)
        self.starter = CallStarter(
            settings,
            self.profiles,
            self.directory,
            self.registry,
            self.past_calls,
            self.endings,
            self.needless_sessions,
            self.spent_today,
            self.transfer_desk,
        )
        hash_number = hash_number or storeless_hash(settings)
        load = Load(settings.max_lag_ms)
        self.admission = CallAdmission(settings, self.registry, self.departure, self.spent_today, load, hash_number)
