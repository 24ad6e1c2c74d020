"""The desk that says if a destination may be promised: by the list, its hours, the call's transfers, the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from bot.config import Settings
from bot.config.destinations.destination import MAX_WORDS, Destination
from bot.hooks.signed_post import HookFailed, SignedPost
from bot.server.shared.transfers import MOST, Transfers

CHECK_S = 2.0
"""Seconds that the operator's server may take to say if a destination is free: the caller waits meanwhile."""
UNKNOWN = "There is no such destination."
TOO_OFTEN = "The caller can't be transferred again in this call."
UNTOLD = "It can't be told at the moment if {name} is free, so they can't be transferred there."
TAKEN = "{name} is not free at the moment."
HUNG_UP = "The caller has hung up meanwhile. Tell the colleague so, say goodbye and end the call."
CLOSED = "{name} is closed now. It opens again {opens}."

_log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class TransferDesk:
    """Answers for the calls of a process."""

    transfers: Transfers
    now: Callable[[], datetime] = utc_now
    _posts: dict[tuple[str, str], SignedPost] | None = None

    async def refusal(self, settings: Settings, call_sid: str, name: str) -> str:
        """The sentence for the model on why the caller can't be transferred to `name`; empty when they can.

        `settings` are those of the call.
        """
        destination = next((one for one in settings.destinations if one.name == name), None)
        if destination is None:
            return UNKNOWN
        if await self.transfers.number(call_sid) >= MOST:
            return TOO_OFTEN
        if not destination.hours.open_at(self.now()):
            opens = destination.hours.opens_next(self.now())
            return destination.closed or CLOSED.format(name=name, opens=opens)
        return await self._asked(settings, call_sid, destination) if settings.transfer_check_url else ""

    async def caller_gone(self, call_sid: str, _: str) -> str:
        """The sentence for the model on why a person can't be put through to the caller; empty when they still wait."""
        transfer = await self.transfers.find(call_sid)
        return "" if transfer is not None and not transfer.result else HUNG_UP

    async def _asked(self, settings: Settings, call_sid: str, destination: Destination) -> str:
        body = {
            "type": "transfer.check",
            "timestamp": self.now().isoformat(),
            "data": {"call_sid": call_sid, "destination": destination.name},
        }
        try:
            answer = await self._post(settings).send(body)
            told: Any = answer.json
        except HookFailed as error:
            _log.warning("transfer_check_failed", call_sid=call_sid, destination=destination.name, why=str(error))
            return UNTOLD.format(name=destination.name)
        if not isinstance(told, dict) or not isinstance(told.get("free"), bool):
            why = 'the answer has no "free" that is true or false'
            _log.warning("transfer_check_failed", call_sid=call_sid, destination=destination.name, why=why)
            return UNTOLD.format(name=destination.name)
        if told["free"]:
            return ""
        say = told.get("say")
        return say[:MAX_WORDS] if isinstance(say, str) and say else TAKEN.format(name=destination.name)

    def _post(self, settings: Settings) -> SignedPost:
        """The way to the operator's server; its connections are kept."""
        if self._posts is None:
            self._posts = {}
        where = settings.transfer_check_url, settings.webhook_secret.get_secret_value()
        if where not in self._posts:
            self._posts[where] = SignedPost(*where, CHECK_S)
        return self._posts[where]

    async def close(self) -> None:
        """Close the connections."""
        for post in (self._posts or {}).values():
            await post.close()
