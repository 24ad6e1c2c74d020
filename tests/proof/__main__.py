"""`python -m tests.proof [cuts CUTS]`: the errors of barge-in, CUTS calls of each situation over each network, in ms.

`python -m tests.proof sockets [CALLS]`: those over real sockets, CALLS calls of each situation at 80 ms +- 10.

`python -m tests.proof words [CUTS]`: those of the transcript's cut, CUTS calls of each with each lead of the text.

`python -m tests.proof moving [CALLS]`: calls that lose their process, CALLS for each way (tests/proof/moving.py).

`python -m tests.proof goodbyes [CALLS]`: goodbyes before a hang-up or a transfer, on lines of 0 to 80 ms.

`python -m tests.proof stopping`: calls in the middle of which the server is stopped (tests/proof/stopping.py).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from argparse import RawDescriptionHelpFormatter as RawText
from collections.abc import Callable

from tests.proof import heard_goodbyes, many_cuts, moving, sockets, stopping, words


def cuts(n: int) -> int:
    print(many_cuts.HEADER, flush=True)
    bad = total = 0
    for found in many_cuts.tallies(n):
        print(found.row(), flush=True)
        total += len(found.seen) + len(found.blind) if found.situation != "ALL" else 0
        bad += bool(found.missed)
    print(f"{total} cuts over {len(many_cuts.NETWORKS)} networks: {_verdict(bad)}")
    return 1 if bad else 0


def goodbyes(n: int) -> int:
    found = heard_goodbyes.tally(n)
    print(heard_goodbyes.HEADER)
    for row in heard_goodbyes.rows(found):
        print(row)
    bad = sum(not one.good for one in found)
    print(f"{len(found) - bad} of {len(found)} goodbyes were heard to their last byte: {_verdict(bad)}")
    return 1 if bad else 0


def texts(n: int) -> int:
    print(words.HEADER, flush=True)
    bad = total = 0
    for found in words.counts(n):
        print(found.row(), flush=True)
        total += len(found.misses)
        bad += not found.good
    print(f"{total} cuts of a transcript: {_verdict(bad)}")
    return 1 if bad else 0


def calls(n: int) -> int:
    print(moving.HEADER, flush=True)
    found = asyncio.run(moving.everything(n))
    for moved in found:
        print(moved.row(), flush=True)
    bad = sum(not moved.good for moved in found)
    print(_verdict(bad))
    return 1 if bad else 0


def over_sockets(n: int) -> int:
    found = many_cuts.Errors(asyncio.run(sockets.measured(n)))
    p95, p99 = found.quantile(0.95), found.quantile(0.99)
    print(
        f"{len(found.ms)} cuts: p50 {found.quantile(0.5):.1f}, p95 {p95:.1f}, p99 {p99:.1f}, bias {found.bias:.1f} ms"
    )
    bad = p95 > 15 or p99 > 18
    print("BAD: p95 is to be at most 15, p99 18" if bad else "good")
    return int(bad)


def stops() -> int:
    print(stopping.HEADER, flush=True)
    found = asyncio.run(stopping.everything())
    for met in found:
        print(met.row(), flush=True)
    bad = sum(not met.good for met in found)
    print(_verdict(bad))
    return 1 if bad else 0


def _verdict(bad: int) -> str:
    return f"{bad} rows are BAD" if bad else "every row is good"


PROOFS: dict[str, tuple[Callable[[int], int], int]] = {
    "cuts": (cuts, 300),
    "sockets": (over_sockets, 20),
    "words": (texts, 300),
    "moving": (calls, 20),
    "goodbyes": (goodbyes, 100),
    "stopping": (lambda _: stops(), 1),
}
"""Each proof, and the number of its calls unless told otherwise."""


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.proof", description=__doc__, formatter_class=RawText)
    parser.add_argument("proof", nargs="?", choices=PROOFS, default="cuts")
    parser.add_argument("calls", nargs="?", type=int, help="calls of each kind; stopping has one of each")
    asked = parser.parse_args()
    proof, usual = PROOFS[asked.proof]
    return proof(usual if asked.calls is None else asked.calls)


if __name__ == "__main__":
    sys.exit(main())
