"""The desk at which a request for a call is judged: the rules of numbers, the day's caps, room, money.

What the store does not know it can't forbid: without it nobody is dialled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot.config import Settings
from bot.numbering.dial_rules import DialRules
from bot.server.directory.live_calls import LiveCalls
from bot.server.outbound.call_request import CallRequest
from bot.server.outbound.not_placed import NotPlaced
from bot.server.shared.caller_quota import HashNumber
from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.delivery.write_behind import WriteBehind
from bot.store.sql.dial_book import Caps, Dial, DialState, Wanted

STORE_S = 5.0
"""Seconds for which the store is waited for: nobody is on the line yet."""
_CAPS = {
    "per_number": "the number was dialled as often within 24 hours as it may be (BOT_DIAL_PER_NUMBER)",
    "per_day": "as many calls were made within 24 hours as may be (BOT_DIAL_PER_DAY)",
}
_T = TypeVar("_T")


@dataclass
class DialDesk:
    """Says no, by raising NotPlaced, or enters the call in the book of what was dialled."""

    calls: LiveCalls
    write_behind: WriteBehind[CallStore] | None
    hash_number: HashNumber
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def settings_of(self, request: CallRequest) -> Settings:
        """The settings of the call, with what the request says over them."""
        settings = self.calls.profiles.named(request.profile)
        if settings is None:
            raise NotPlaced("unknown_profile", "there is no such profile in BOT_PROFILES")
        if not settings.dial_from:
            raise NotPlaced("not_set_up", "no calls are made: BOT_DIAL_FROM is not set")
        return settings

    def judge(self, request: CallRequest, settings: Settings) -> None:
        """Judge the number where and when it is, and whether there is room for the call."""
        rules = DialRules(settings.dial_allow, self._own_numbers(), settings.dial_hours)
        refused = rules.refusal(request.to, self.now())
        if refused is not None:
            raise NotPlaced(refused.code, refused.sentence, not_before=refused.not_before)
        if self.calls.departure.draining:
            raise NotPlaced("draining", "this server is being stopped; ask again in a moment")
        if self.calls.spent_today.used_up:
            midnight = (self.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            raise NotPlaced("spend_limit", "the day's money is used up (BOT_MAX_DAILY_USD)", not_before=midnight)

    def _own_numbers(self) -> frozenset[str]:
        """Numbers at which the bot itself answers, or from which it calls."""
        profiles = self.calls.profiles
        answered = [number for each in profiles for number in profiles.numbers(each.profile)]
        return frozenset([*answered, profiles.base.dial_from, *(each.dial_from for each in profiles)]) - {""}

    async def known(self, key: str) -> Dial | None:
        """The call of this idempotency key, if there was one."""
        return await self._ask(lambda store: store.find_dial(key))

    async def enter(self, key: str, request: CallRequest, settings: Settings) -> Dial | None:
        """Enter the call; else the entry that was there first. Raises NotPlaced when a cap is reached."""
        wanted = Wanted(key, request.digest, self.hash_number(request.to))
        caps = Caps(settings.dial_per_number, self.calls.settings.dial_per_day)
        reserved = await self._ask(lambda store: store.reserve_dial(wanted, caps))
        if reserved.cap is not None:
            raise NotPlaced(reserved.cap, _CAPS[reserved.cap], not_before=reserved.free_at)
        return reserved.before

    async def settle(self, key: str, state: DialState, call_sid: str = "") -> None:
        """Write down what became of it. A store that is away by now finds the call in doubt later."""
        try:
            await self._ask(lambda store: store.settle_dial(key, state, call_sid))
        except NotPlaced:
            return

    async def release(self, key: str) -> None:
        """It was not placed."""
        try:
            await self._ask(lambda store: store.release_dial(key))
        except NotPlaced:
            return

    async def _ask(self, question: Callable[[CallStore], Awaitable[_T]]) -> _T:
        if self.write_behind is None:
            raise NotPlaced("no_store", "there is no call store, without which nobody knows who was dialled already")
        try:
            return await self.write_behind.ask(question, STORE_S)
        except StoreAway:
            why = "the call store does not answer, without which nobody knows who was dialled already"
            raise NotPlaced("no_store", why) from None
