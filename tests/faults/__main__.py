"""`python -m tests.faults`: every fault, what the caller heard, after how long, and how the call ended.

`python -m tests.faults soak [CALLS [HOURS]]`: CALLS short calls over sockets, HOURS calls of an hour in virtual time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from argparse import RawDescriptionHelpFormatter as RawText

import structlog

from bot.testing.virtual.client_event_schema import check_client_event
from tests.faults import soak
from tests.faults.matrix import SOCKETS, VIRTUAL, Fault
from tests.faults.outcome import Outcome, in_words
from tests.postgres import NoPostgres

HEADER = (
    f"{'side':<9}{'fault':<60}{'clock':<9}{'after ms':>9}  {'ended':<34}{'verdict':<8}heard, in ms from the webhook"
)


def row(fault: Fault, clock: str, outcome: Outcome) -> str:
    after = "-" if outcome.after_ms is None else f"{outcome.after_ms:.0f}"
    if outcome.waits_from_ms is None:
        after = "as ever"
    verdict, _, why = outcome.verdict.partition(" " if outcome.good else ": ")
    tail = f"  ({why})" if why else ""
    return f"{fault.side:<9}{fault.name:<60}{clock:<9}{after:>9}  {outcome.ended:<34}{verdict.rstrip(','):<8}{in_words(outcome.heard)}{tail}"


def table() -> int:
    check_client_event(
        '{"type":"response.create"}'
    )  # its first use takes half a second, which no caller shall wait for
    print(HEADER, flush=True)
    bad = n_rows = 0
    for one in VIRTUAL:
        outcome = one.run()
        print(row(one.fault, "virtual", outcome), flush=True)
        bad, n_rows = bad + (not outcome.good), n_rows + 1
    for several in SOCKETS:
        try:
            with structlog.testing.capture_logs():
                outcomes = asyncio.run(_listed(several.run))
        except NoPostgres as why:
            print(f"{several.faults[0].name}: left out, {why}", flush=True)
            continue
        for fault, outcome in zip(several.faults, outcomes, strict=True):
            print(row(fault, "sockets", outcome), flush=True)
            bad, n_rows = bad + (not outcome.good), n_rows + 1
    print(f"{n_rows} faults: {f'{bad} are NOT OK' if bad else 'every one is ok'}")
    return 1 if bad else 0


async def _listed(run: object) -> list[Outcome]:
    return await run()  # type: ignore[operator,no-any-return]


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__, formatter_class=RawText)
    parser.add_argument("what", nargs="?", choices=["table", "soak"], default="table")
    parser.add_argument("numbers", nargs="*", type=int, help="of soak: short calls, and calls of an hour")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)  # what a server records lies in its working directory
        if asked.what == "soak":
            return soak.main(asked.numbers)
        return table()


if __name__ == "__main__":
    sys.exit(main())
