"""The lookup of one call: asked at its webhook, beside the dial, and answered within two seconds or not at all."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, get_args

import structlog

from bot.config import Settings
from bot.config.profiles import Profiles
from bot.config.profiles.placeholders import personal
from bot.config.values.caller_lists import withheld
from bot.hooks.signed_post import HookFailed, SignedPost
from bot.server.lookup.lookup_answer import BadAnswer, LookupAnswer, Refused, read_answer
from bot.server.lookup.transfer_names import why_not

LOOKUP_S = 2.0
"""Seconds that the operator's server may take; then the call is as if it had said nothing."""

LookupResult = Literal["answered", "refused", "transferred", "no_answer", "bad_answer"]
RESULTS = get_args(LookupResult)

_log = structlog.get_logger()


class Asked(NamedTuple):
    """A call as its signed webhook tells of it: all of this is the caller's or Twilio's word."""

    call_sid: str
    caller: str
    called: str
    stir: str = ""


class Decision(NamedTuple):
    """Decision about a call: with none of the rest, it is answered with these settings."""

    settings: Settings
    refuse: Literal["", "busy", "reject", "say"] = ""
    say: str = ""
    transfer: str = ""
    """The name of a destination, one of the operator's list."""


@dataclass(eq=False)
class CallLookup:
    """Asks the operator's server about the calls of a process. A webhook that is told twice is asked about once."""

    profiles: Profiles
    post: SignedPost
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    results: Counter[str] = field(default_factory=Counter)
    """Lookups by LookupResult."""
    took_s: list[float] = field(default_factory=list)
    """Seconds that each lookup took, since they were last looked at."""
    _going_on: dict[str, asyncio.Task[Decision]] = field(default_factory=dict)

    def goes_on(self, call_sid: str) -> bool:
        return call_sid in self._going_on

    async def ask(self, asked: Asked, chosen: Settings) -> Decision:
        """The decision about a call whose settings would else be `chosen`. Never fails, also when we are closed."""
        task = self._going_on.get(asked.call_sid)
        if task is None:
            task = asyncio.create_task(self._decide(asked, chosen), name=f"lookup {asked.call_sid}")
            self._going_on[asked.call_sid] = task
            task.add_done_callback(lambda _: self._going_on.pop(asked.call_sid, None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # the server stops
                return Decision(personal(chosen, {}))
            raise

    async def _decide(self, asked: Asked, chosen: Settings) -> Decision:
        began_s = time.monotonic()
        try:
            told = (await self.post.send(_body(asked, chosen, self.now()), f"lookup_{asked.call_sid}")).json
            decision = self._applied(read_answer(told), chosen)
        except HookFailed as error:
            bad = 200 <= error.status < 300
            return self._failed(asked, chosen, "bad_answer" if bad else "no_answer", str(error), began_s)
        except BadAnswer as error:
            return self._failed(asked, chosen, "bad_answer", f"the answer {error}", began_s)
        took_s = self._count(_result(decision), began_s)
        profile = decision.settings.profile
        _log.info("lookup_answered", call_sid=asked.call_sid, profile=profile, ms=round(took_s * 1000))
        return decision

    def _failed(self, asked: Asked, chosen: Settings, result: LookupResult, why: str, began_s: float) -> Decision:
        """The default: the call is taken as its number says."""
        took_s = self._count(result, began_s)
        _log.warning("lookup_failed", call_sid=asked.call_sid, why=why, ms=round(took_s * 1000))
        return Decision(personal(chosen, {}))

    def _count(self, result: LookupResult, began_s: float) -> float:
        took_s = time.monotonic() - began_s
        self.results[result] += 1
        self.took_s.append(took_s)
        return took_s

    def _applied(self, answer: LookupAnswer, chosen: Settings) -> Decision:
        """The decision by an answer. Raises BadAnswer for a profile or destination that is none."""
        settings = chosen
        if answer.profile is not None:
            named = self.profiles.named(answer.profile)
            if named is None or not answer.profile:
                raise BadAnswer(f"names no profile{_nearest(answer.profile, self.profiles)}")
            settings = named
        settings = personal(settings, answer.texts, (answer.instructions or "").strip())
        if answer.transfer is not None:
            if why := why_not(settings, answer.transfer, self.now()):
                raise BadAnswer(why)
            return Decision(settings, transfer=answer.transfer)
        if isinstance(answer.refuse, Refused):
            return Decision(settings, "say", answer.refuse.say)
        return Decision(settings, answer.refuse or "")

    async def close(self) -> None:
        """Let go of what is still asked, and close the connections."""
        tasks = list(self._going_on.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.post.close()


def call_lookup(settings: Settings, profiles: Profiles) -> CallLookup | None:
    """The way to BOT_LOOKUP_URL, where it is set."""
    if not settings.lookup_url:
        return None
    secret = settings.webhook_secret.get_secret_value()
    return CallLookup(profiles, SignedPost(settings.lookup_url, secret, LOOKUP_S))


def _result(decision: Decision) -> LookupResult:
    return "refused" if decision.refuse else "transferred" if decision.transfer else "answered"


def _body(asked: Asked, chosen: Settings, now: datetime) -> dict[str, Any]:
    return {
        "type": "call.lookup",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "call_sid": asked.call_sid,
            "from": None if withheld(asked.caller) else asked.caller,
            "to": asked.called,
            "stir": asked.stir or None,
            "profile": chosen.profile or None,
        },
    }


def _nearest(name: str, profiles: Profiles) -> str:
    near = difflib.get_close_matches(name, [each.profile for each in profiles], 1)
    return f" (the nearest there is: {near[0]})" if near else ""
