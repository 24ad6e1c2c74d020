"""Script of a simulated caller: steps that wait for what the caller hears, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.audio.payload import BYTES_PER_MS
from bot.twilio.playout import Playout, Run


@dataclass(frozen=True)
class Heard:
    """`ms` of the bot's utterance number `utterance` (from 1) have been played, or all of it if it was shorter.

    Without a number: of the first utterance that began after the step before.
    """

    ms: int
    utterance: int | None = None


@dataclass(frozen=True)
class BotSilent:
    """Nothing has been played for `ms`, nor said by the caller; `replied`: and the bot spoke after the step before."""

    ms: int
    replied: bool = True


@dataclass(frozen=True)
class Elapsed:
    """`ms` have passed since the step before, and since the end of what it said; the first counts from `start`."""

    ms: int


@dataclass(frozen=True)
class Say:
    audio: bytes = field(repr=False)


@dataclass(frozen=True)
class Press:
    digit: str


@dataclass(frozen=True)
class HangUp:
    abrupt: bool = False


When = Heard | BotSilent | Elapsed
Action = Say | Press | HangUp


@dataclass(frozen=True)
class Step:
    when: When
    action: Action


class Script:
    """Steps in order. `utterance_gap_ms`: a pause this long, or a clear, ends an utterance of the bot."""

    def __init__(self, steps: Sequence[Step] = (), *, utterance_gap_ms: int = 400) -> None:
        self._steps = list(steps)
        self._gap_us = utterance_gap_ms * 1000
        self._since_us = 0
        self._at = 0

    @property
    def finished(self) -> bool:
        return self._at == len(self._steps)

    def open(self, now_us: int) -> None:
        self._since_us = now_us

    def next_us(self, playout: Playout, spoken_us: int | None) -> int | None:
        """Time of the next step as far as is known now. `spoken_us`: when the caller's own words end."""
        if self.finished:
            return None
        quiet_us = max(self._since_us, spoken_us or 0)
        at_us = self._met_us(self._steps[self._at].when, playout, quiet_us)
        return None if at_us is None else max(at_us, self._since_us)

    def take(self, now_us: int) -> Action:
        """The action of the step that is due."""
        step = self._steps[self._at]
        self._at += 1
        self._since_us = now_us
        return step.action

    def _met_us(self, when: When, playout: Playout, quiet_us: int) -> int | None:
        if isinstance(when, Elapsed):
            return quiet_us + when.ms * 1000
        if isinstance(when, BotSilent):
            last = playout.runs[-1] if playout.runs else None
            if when.replied and (last is None or last.start_us < self._since_us):
                return None
            return max(quiet_us, last.end_us if last else 0) + when.ms * 1000
        return self._heard_us(when, playout)

    def _heard_us(self, when: Heard, playout: Playout) -> int | None:
        spoken = utterances(playout.runs, self._gap_us)
        if when.utterance is None:
            wanted = next((runs for runs in spoken if runs[0].start_us >= self._since_us), None)
        else:
            wanted = spoken[when.utterance - 1] if when.utterance <= len(spoken) else None
        if wanted is None:
            return None
        left = when.ms * BYTES_PER_MS
        for run in wanted:
            if left <= run.n_bytes:
                return playout.clock.after(run.start_us, left)
            left -= run.n_bytes
        return wanted[-1].end_us + self._gap_us


def utterances(runs: Sequence[Run], gap_us: int) -> list[list[Run]]:
    """The runs grouped to utterances: a gap of `gap_us` or a clear begins a new one."""
    groups: list[list[Run]] = []
    for run in runs:
        if groups and not groups[-1][-1].cut and run.start_us - groups[-1][-1].end_us < gap_us:
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups
