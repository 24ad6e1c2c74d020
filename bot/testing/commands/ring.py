"""`bot call`: the simulated phone dials any running bot with any WAV file, and tells what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from bot.testing.commands.ring_view import RingView
from bot.testing.commands.saved_call import SoundFile
from bot.testing.dialling.dial import DialResult, Ending, dial, new_call_sid, new_stream_sid
from bot.testing.dialling.mends import stream_mend, webhook_mend
from bot.testing.handset.callers_of_commands import demo_script, file_script
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import Script
from bot.testing.handset.twilio_texts import StreamIds

LOOK_S = 0.1
"""Seconds between two looks at what the phone hears, which is then told."""


class Ring:
    """One call to a running bot, which may be carried on over any number of streams. Its `result` grows as it goes."""

    def __init__(
        self, url: str, *, audio: bytes | None, auth_token: str, account_sid: str, limit_s: float, console: Console
    ) -> None:
        """`audio` is mu-law that the caller says; without it they talk as the demo's caller does."""
        self.result = DialResult()
        self.call_sid = new_call_sid()
        self._url = url
        self._auth_token, self._account_sid, self._limit_s = auth_token, account_sid, limit_s
        self._script = demo_script() if audio is None else file_script(audio)
        self._view = RingView(console, self.result)

    async def run(self) -> None:
        """Call and follow the call to its end. When this is cancelled the caller hangs up."""
        phones = self._phones(self._script)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        watching = asyncio.create_task(self._watch(began_s), name="watching the call")
        try:
            await dial(
                self._url,
                next(phones),
                auth_token=self._auth_token,
                more_phones=phones,
                limit_s=self._limit_s,
                result=self.result,
            )
        except asyncio.CancelledError:
            if self.result.call is not None:
                self.result.call.ending = "caller_hung_up"
            raise
        finally:
            watching.cancel()
            now_us = int((loop.time() - began_s) * 1e6)
            self._hang_up(now_us)
            self._view.close(now_us)

    def save(self, file: SoundFile) -> None:
        """Keep what was said and heard. Raises OSError."""
        file.write([leg.phone for leg in self.result.legs])

    def story(self) -> Iterator[str]:
        """The course of the call, a line each, for a person."""
        result = self.result
        if result.answered_us is not None:
            yield f"webhook answered after {result.answered_us / 1000:.0f} ms"
        if result.opened_us is not None:
            yield f"stream open after {result.opened_us / 1000:.0f} ms"
        if result.first_audio_us is not None:
            yield f"first sound of the bot after {result.first_audio_us / 1000:.0f} ms"
        if result.opened_us is not None:
            streams = f" over {len(result.legs)} streams" if len(result.legs) > 1 else ""
            cuts = sum(len(leg.phone.clears) for leg in result.legs)
            yield f"heard {self._heard_s:.1f} s of the bot{streams}, interrupted it {_times(cuts)}"
        yield f"the call {self.call_sid} is over: {_ENDINGS[result.ending]}"

    def failure(self) -> str:
        """The reason why this was no good call, with the likely mend; empty when it was one."""
        result = self.result
        for leg in result.legs:
            if leg.error is not None:
                return stream_mend(leg.url, leg.error, self._url)
        if result.error is not None:
            return webhook_mend(self._url, result.error)
        if not result.legs:
            return f"The bot took the call and opened no stream{_said(result)}; {self._look}."
        if not self._heard_s:
            return f"Nothing was ever heard of the bot{_said(result)}; {self._look}, often OPENAI_API_KEY or the model."
        return ""

    @property
    def _look(self) -> str:
        return f"its log has a line with {self.call_sid} that says why"

    @property
    def _heard_s(self) -> float:
        return sum(leg.phone.playout.heard_total_bytes(leg.phone.ended_us or 0) for leg in self.result.legs) / 8000

    def _phones(self, script: Script) -> Iterator[SimulatedPhone]:
        """The same caller at the same phone, for each stream of the call."""
        while True:
            yield SimulatedPhone(StreamIds(self._account_sid, self.call_sid, new_stream_sid()), script=script)

    def _hang_up(self, now_us: int) -> None:
        for leg in self.result.legs:
            if leg.phone.opened_us is not None and not leg.phone.ended:
                leg.phone.hang_up(now_us)
                leg.phone.due(now_us)

    async def _watch(self, began_s: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._view.look(int((loop.time() - began_s) * 1e6))
            await asyncio.sleep(LOOK_S)


_ENDINGS: dict[Ending, str] = {
    "hangup": "<Hangup> was the answer",
    "reject": "<Reject> was the answer, as of a bot that is full or does not let this caller in",
    "end_of_document": "nothing followed",
    "caller_hung_up": "caller_hung_up",
    "failed": "it failed",
    "": "it went no further",
}
"""Ends of a call as the phone knows them; the bot's own reason stands in its log and its records."""


def _said(result: DialResult) -> str:
    if result.said:
        return f', and said "{result.said[-1]}"'
    return " and rejected it" if result.ending == "reject" else ""


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")


def same_file(one: Path | None, other: Path | None) -> bool:
    """True when both name one file."""
    return one is not None and other is not None and one.resolve() == other.resolve()
