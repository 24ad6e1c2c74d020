"""Many cuts in every situation over every network: the distribution of errors, and what the ledger must keep to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain

from bot.call.call import Call
from bot.call.ledger import Ledger, Mark, Run
from tests.proof.situations import SITUATIONS, Cut, Network, Situation, longer, run

NETWORKS = (
    Network("no delay"),
    Network("40 ms", 40, 10),
    Network("80 ms", 80, 10),
    Network("120 ms prebuffer", 40, 10, prebuffer_ms=120),
    Network("400 ms line stall", 40, 10, line_stall_ms=400),
    Network("400 ms playout stall", 40, 10, playout_stall_ms=400),
    Network("+200 ppm", 40, 10, drift_ppm=200),
    Network("-200 ppm", 40, 10, drift_ppm=-200),
    Network("echoes never", 40, 10, echoes="never"),
    Network("echoes at once", 40, 10, echoes="at_once"),
)
CLOSE_MS = 20
EXACT_MS = 2
SHARE = 0.99


@dataclass(frozen=True)
class Tally:
    """Cuts of one situation over one network. `blind`: cuts at which nobody on our side could know of a stall yet."""

    situation: str
    network: Network
    seen: tuple[Cut, ...]
    blind: tuple[Cut, ...]
    faults: tuple[str, ...]

    @property
    def errors(self) -> list[float]:
        return sorted(abs(cut.error_ms) for cut in self.seen)

    @property
    def within(self) -> float:
        """Share of the cuts seen that are within 20 ms, 2 ms where there is no delay."""
        bound = CLOSE_MS if self.network.delay_ms else EXACT_MS
        return sum(error <= bound for error in self.errors) / len(self.seen) if self.seen else 1.0

    @property
    def wrong_items(self) -> int:
        """Cuts told in another item than the one playing, further than 20 ms from the border between them."""
        return sum(cut.told_item != cut.true_item and not cut.near_border for cut in self.seen)

    @property
    def good(self) -> bool:
        return self.within >= SHARE and not self.wrong_items and not self.faults

    def row(self) -> str:
        errors = self.errors or [0.0]
        p50, p99 = errors[len(errors) // 2], errors[min(len(errors) - 1, int(len(errors) * 0.99))]
        blind = f"{len(self.blind)} (to {max(abs(cut.error_ms) for cut in self.blind):.0f} ms)" if self.blind else "-"
        return (
            f"{self.network.name:<22}{self.situation:<42}{len(self.seen):>6}{p50:>8.1f}{p99:>8.1f}{errors[-1]:>8.1f}"
            f"{self.within:>9.2%}  {blind:<16}{'good' if self.good else 'BAD ' + '; '.join(self.faults[:2])}"
        )


HEADER = f"{'network':<22}{'situation':<42}{'cuts':>6}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}{'within':>9}  blind"


def is_blind(cut: Cut, network: Network) -> bool:
    """Whether the stall could not be known when `clear` was written.

    A line stall can't be known by a `clear` that is held up in it. A playout stall shows in the second late echo: marks
    are a second apart, so within two of them, the stall, and one round trip.
    """
    if cut.stalled_ms_ago is None or cut.stalled_ms_ago < 0:
        return False
    if network.line_stall_ms:
        return cut.stalled_ms_ago <= network.line_stall_ms + network.jitter_ms
    return cut.stalled_ms_ago < 2_000 + network.playout_stall_ms + 2 * (network.delay_ms + network.jitter_ms) + 200


def tally(
    situation: Situation, network: Network, n: int, prepare: Callable[[Call], None] | None = None, seed: str = ""
) -> Tally:
    """`n` calls of one situation over one network; the same seed gives the same calls."""
    played = longer(situation) if network.line_stall_ms or network.playout_stall_ms else situation
    cuts: list[Cut] = []
    faults: list[str] = []
    for number in range(n):
        outcome = run(
            played, network, random.Random(f"{situation.name} {network.name} {number} {seed}"), prepare=prepare
        )
        cuts += outcome.cuts
        faults += outcome.faults
    blind = tuple(cut for cut in cuts if is_blind(cut, network))
    return Tally(situation.name, network, tuple(cut for cut in cuts if cut not in blind), blind, tuple(faults))


def tallies(n: int, networks: Iterable[Network] = NETWORKS) -> Iterable[Tally]:
    """Every situation over every network, on all processors."""
    jobs = [(situation, network, n) for network in networks for situation in SITUATIONS]
    with ProcessPoolExecutor() as pool:
        yield from pool.map(tally, *zip(*jobs, strict=True))


class DeafLedger(Ledger):
    """A control: it ignores what marks say of the clock. It must fail the set."""

    def _envelope(self, run: Run, late_us: int) -> None:
        """Nothing."""


class GullibleLedger(Ledger):
    """A control: it believes every echo. It must fail the set."""

    def _correct(self, mark: Mark, now_us: int) -> None:
        mark.run.offset_us = now_us - mark.run.start_us - mark.position * 125 - (self.round_trip_us or 0)


def with_ledger(kind: type[Ledger]) -> Callable[[Call], None]:
    def prepare(call: Call) -> None:
        call.speaking.ledger = kind()

    return prepare


def all_cuts(found: Iterable[Tally]) -> list[Cut]:
    return list(chain.from_iterable(one.seen for one in found))
