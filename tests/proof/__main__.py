"""`python -m tests.proof [CUTS]`: the error distribution of barge-in, CUTS calls of each situation over each network."""

from __future__ import annotations

import sys

from tests.proof.barge_in import HEADER, NETWORKS, tallies


def main() -> int:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(HEADER, flush=True)
    bad = total = 0
    for found in tallies(n):
        print(found.row(), flush=True)
        total += len(found.seen) + len(found.blind)
        bad += not found.good
    print(f"{total} cuts over {len(NETWORKS)} networks: {f'{bad} rows are BAD' if bad else 'every row is good'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
