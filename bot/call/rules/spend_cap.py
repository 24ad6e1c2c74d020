"""Spend cap: the cost of the call so far, and how near that is to a cap (openai-realtime 7).

Money is in billionths of a US dollar. The line costs its price for every minute begun, as Twilio bills it. The caps are
the call's own and the day's, of which the shell tells how much all calls have spent.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bot.call.facts import UsageFact
from bot.call.inputs import DailySpend
from bot.call.outputs import EndReason
from bot.call.rule import Bound, Level
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.realtime.events import CallerTranscript, ResponseDone
from bot.realtime.usage import (
    Duration,
    Reading,
    Tokens,
    charge,
    charge_response,
    read_response,
    read_transcription,
)

NEAR_PERCENT = 80
MINUTE_US = 60_000_000

ALL_SPENT: Level = 2


def level(spent: int, cap: int) -> Level:
    """Level of `spent` against `cap`; a cap of 0 is none."""
    if not cap or spent * 100 < cap * NEAR_PERCENT:
        return 0
    return 1 if spent < cap else 2


class SpendCap(Bound):
    """Counts money up, and puts out a UsageFact for every response and every transcription."""

    reason: EndReason = "spend_limit"

    def __init__(self, settings: CallSettings, step: Step) -> None:
        self.model_nano_usd = 0
        self.transcription_nano_usd = 0
        self._money = settings.money
        self._before_us = round(settings.elapsed_s * 1_000_000)
        self._before_nano_usd = settings.spent_nano_usd
        self._models = {"response": settings.session.model, "transcription": settings.session.transcription_model}
        self._step = step
        self._number = 0
        self._day_nano_usd = 0
        self._answered = False
        self._rings = settings.outgoing is not None
        self._from_us = 0
        """Moment from which the line is paid for: of a call that we made, when it was answered."""
        self.due()

    @property
    def line_nano_usd(self) -> int:
        """Cost of the line: every minute begun since the call's first webhook, once a stream has come."""
        return self._minutes * self._money.line_minute if self._answered or self._before_us else 0

    @property
    def _minutes(self) -> int:
        return (self._step.now_us - self._from_us + self._before_us) // MINUTE_US + 1

    @property
    def nano_usd(self) -> int:
        """Cost of the call."""
        return self._before_nano_usd + self.model_nano_usd + self.transcription_nano_usd + self.line_nano_usd

    def answered(self) -> None:
        """The stream is here, so the line is paid for; the webhook, time 0, is when Twilio answered a call for us."""
        self._answered = True
        self._from_us = self._step.now_us if self._rings else 0
        self.due()

    def day(self, note: DailySpend) -> None:
        """Spending of all calls today."""
        self._day_nano_usd = note.nano_usd
        self._judge()

    def response(self, event: ResponseDone) -> None:
        """A response is over, cancelled or not."""
        response = event.response
        told = response.usage
        reading = read_response(event.usage if told in (None, {}) else told)  # xAI tells it beside (openai-realtime W8)
        nano_usd = charge_response(reading, self._money.model)
        self.model_nano_usd += self._tell("response", response.id, response.status, reading, nano_usd)
        self._judge()

    def transcription(self, event: CallerTranscript) -> None:
        """A turn of the caller was written down."""
        reading = read_transcription(event.usage)
        nano_usd = charge(reading.used, self._money.transcription)
        self.transcription_nano_usd += self._tell("transcription", event.item_id, "", reading, nano_usd)
        self._judge()

    def _tell(
        self, kind: Literal["response", "transcription"], ref: str, status: str, reading: Reading, nano_usd: int | None
    ) -> int:
        used = reading.used
        timed = used if isinstance(used, Duration) else reading.billable
        self._number += 1
        fact = UsageFact(
            self._number,
            kind,
            ref,
            self._models[kind],
            status,
            tokens=_counts(used) if isinstance(used, Tokens) else {},
            seconds=timed.ms / 1000 if timed is not None else 0.0,
            nano_usd=nano_usd or 0,
            priced=nano_usd is not None,
        )
        self._step.send(fact)
        if reading.faults:
            self._step.counts["usage_faults"] += reading.faults
            self._step.warn("usage_unclear", kind=kind, ref=ref, faults=reading.faults)
        return nano_usd or 0

    # ---- the caps ----

    def _judge(self) -> None:
        """Keep the level by the nearer of its caps."""
        if self._money.call_cap or self._money.daily_cap:
            self.level = max(self._call_level(), self._day_level())

    def _call_level(self) -> Level:
        return level(self.nano_usd, self._money.call_cap)

    def _day_level(self) -> Level:
        return level(self._day_nano_usd, self._money.daily_cap)

    def near(self) -> None:
        self._step.report("spend_limit_near", **self.described())

    def reached(self) -> None:
        self._step.warn("spend_limit_reached", **self.described())

    def described(self) -> dict[str, Any]:
        """For the log: what was spent, in dollars, and which cap is the nearer one."""
        cap = "day" if self._day_level() > self._call_level() else "call"
        return {"cap": cap, "call_usd": self.nano_usd / 1e9, "day_usd": self._day_nano_usd / 1e9}

    def due(self) -> None:
        """The line's next minute begins; where that can reach no cap it is never due."""
        self._judge()
        if self._money.line_minute and self._money.call_cap and (self._answered or self._before_us):
            self.due_us = self._from_us + self._minutes * MINUTE_US - self._before_us


def _counts(tokens: Tokens) -> dict[str, int]:
    return {kind: number for kind, number in msgspec.structs.asdict(tokens).items() if number}
