"""One trial: a session in writing, what it costs, and its bounds.

Its money counts for the day's cap, and it may cost what one call may. Functions that the model calls are told and not
run: what they answer is the operator's to say, and what was left unanswered when the caller goes on was not run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from bot.call.prompts.greeting import greeting_response
from bot.call.settings import Money
from bot.console.trial.text_session import Answered, Called, Happened, TextSession, Written
from bot.realtime.connection import ConnectError, Endpoint
from bot.realtime.failures import Failure
from bot.realtime.items import result_of
from bot.realtime.session import FunctionTool, SessionSettings, text_session_object
from bot.realtime.usage import charge_response
from bot.server.directory.spent_today import SpentToday

OPEN_S = 10.0
ANSWER_S = 60.0
"""Seconds that an answer may take."""
SETTLE_S = 2.0
"""Seconds in which an answer that nobody waits for any more has to say what it cost."""
MOST_ANSWERS = 60
NOT_RUN = "The function was not run, and nothing has come of it."

Tell = Callable[[dict[str, Any]], None]


class Trial:
    """`tell` gets what the page shall know; after `over` there is nothing more."""

    def __init__(self, endpoint: Endpoint, money: Money, spent: SpentToday, tell: Tell) -> None:
        self.answers = 0
        self.nano_usd = 0
        self._endpoint, self._money, self._spent, self._tell = endpoint, money, spent, tell
        self._session: TextSession | None = None
        self._answering: asyncio.TimerHandle | None = None
        """Gives up the answer that is being made."""
        self._answer_over = asyncio.Event()
        self._unanswered: dict[str, str] = {}
        """Names of the functions that were called and not answered yet, by call."""
        self._owed = False
        """A function has answered, and the model has not been asked to go on."""
        self._unpriced = self._over = False

    @property
    def answering(self) -> bool:
        """True while an answer is being made."""
        return self._answering is not None

    async def begin(self, chosen: SessionSettings, functions: Sequence[FunctionTool], greeting: str) -> None:
        """Open the session, and have the caller greeted where calls begin so."""
        if self._refused():
            return
        self._session = TextSession(self._endpoint, text_session_object(chosen, functions), self._happened)
        try:
            await self._session.open(OPEN_S)
        except ConnectError as error:
            self._end(f"No session is to be had: {_sentence(error.failure)}")
            return
        self._tell({"type": "begun"})
        if greeting:
            self._respond(greeting_response(greeting, chosen.instructions))

    async def close(self) -> None:
        """End it. An answer that is being made is called off, and what it has cost is counted."""
        self._over = True
        if self._session is None:
            return
        if self.answering and self._session.call_off():
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await self._answer_over.wait()
        self._rest()
        await self._session.close()

    # ---- what the operator says and does ----

    def say(self, text: str) -> None:
        """The caller says this."""
        if self._ready() and not self.answering:
            for call_id in list(self._unanswered):
                self._give(call_id, result_of(NOT_RUN))
            self._now.say(text)
            self._owed = False
            self._respond()

    def give(self, call_id: str, output: str) -> None:
        """The function answers this."""
        if self._ready() and call_id in self._unanswered:
            self._give(call_id, output)
            self._go_on()

    def _give(self, call_id: str, output: str) -> None:
        name = self._unanswered.pop(call_id)
        self._owed = True
        self._now.give(call_id, output)
        self._tell({"type": "given", "callId": call_id, "name": name, "output": output})

    def _go_on(self) -> None:
        """Once all functions have answered, the model is asked what it says to that."""
        if self._owed and not self._unanswered and not self.answering:
            self._owed = False
            self._respond()

    def _respond(self, response: dict[str, Any] | None = None) -> None:
        if not self._refused():
            self.answers += 1
            self._answer_over.clear()
            self._answering = asyncio.get_running_loop().call_later(ANSWER_S, self._late)
            self._now.respond(response)
            self._tell({"type": "asked"})

    def _late(self) -> None:
        self._end(f"The model has not answered within {ANSWER_S:g} s.")

    def _ready(self) -> bool:
        return self._session is not None and not self._over

    @property
    def _now(self) -> TextSession:
        assert self._session is not None
        return self._session

    # ---- what the model says and does ----

    def _happened(self, what: Happened) -> None:
        if isinstance(what, Answered):
            self._answered(what)
        elif self._over:
            return
        elif isinstance(what, Written):
            self._tell({"type": "written", "text": what.text})
        elif isinstance(what, Called):
            self._unanswered[what.call_id] = what.name
            self._tell({"type": "called", "callId": what.call_id, "name": what.name, "arguments": what.arguments})
        else:
            self._end(f"The session was lost: {_sentence(what.failure)}")

    def _answered(self, what: Answered) -> None:
        self._rest()
        self._answer_over.set()
        nano_usd = charge_response(what.usage, self._money.model)
        self._unpriced |= nano_usd is None
        self.nano_usd += nano_usd or 0
        self._spent.add_beside_calls(nano_usd or 0)
        if not self._over:
            self._tell({"type": "answered", "why": what.why, "waits": len(self._unanswered), **self._cost()})
            self._go_on()

    def _cost(self) -> dict[str, Any]:
        return {
            "usd": self.nano_usd / 1e9,
            "priced": not self._unpriced,
            "answers": self.answers,
            "todayUsd": self._spent.nano_usd / 1e9,
            "dailyUsd": self._money.daily_cap / 1e9,
        }

    def _rest(self) -> None:
        """No answer is awaited."""
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None

    # ---- bounds ----

    def _refused(self) -> bool:
        why = self._why_no_more()
        if why:
            self._end(why)
        return bool(why)

    def _why_no_more(self) -> str:
        if self._spent.used_up:
            return "The money for today is spent (BOT_MAX_DAILY_USD)."
        if self._money.call_cap and self.nano_usd >= self._money.call_cap:
            return "The trial has cost what one call may (BOT_MAX_CALL_USD)."
        return f"A trial has at most {MOST_ANSWERS} answers." if self.answers >= MOST_ANSWERS else ""

    def _end(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._tell({"type": "over", "why": why})


def _sentence(failure: Failure) -> str:
    return f"{failure.reason.rstrip('.') or failure.kind.replace('_', ' ')}."
