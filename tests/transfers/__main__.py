"""`python -m tests.transfers`: every transfer, what the caller and the person heard, at which ms, and how it ended.

Times count from the caller's webhook, and run as they do on a telephone. `write` puts them into the manual's data,
`bot/explain/transfer_outcomes.json`; `python -m bot.docs` makes its table of that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import structlog

import bot.explain
from bot.testing.virtual.client_event_schema import check_client_event
from tests.transfers.put_through_over_sockets import Outcome, Sound, run
from tests.transfers.transfer_rows import ROWS, Row

KEPT = Path(bot.explain.__file__).with_name("transfer_outcomes.json")
AT_ONCE = 5
"""Rows that run beside each other: more would wait for each other's processor."""


async def outcomes(directory: Path) -> list[Outcome]:
    """Every row, in the order of the list."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> Outcome:
        async with turns:
            return await run(row, directory, 1.0)

    return await asyncio.gather(*map(one, ROWS))


def in_words(sounds: list[Sound]) -> str:
    return ", ".join(map(str, sounds)) or "nothing"


def told(row: Row, outcome: Outcome) -> dict[str, str]:
    """The row as the manual has it: times to the tenth of a second, for the rest is the machine's."""

    def rounded(sounds: list[Sound]) -> str:
        return ", ".join(f"{one.name} {one.from_ms / 1000:.1f} to {one.until_ms / 1000:.1f}" for one in sounds) or "-"

    return {
        "mode": row.mode,
        "person": row.person_does,
        "caller": row.caller_does,
        "caller_hears": rounded(outcome.caller),
        "person_hears": rounded(outcome.person),
        "ended": row.ended,
    }


def main() -> int:
    argparse.ArgumentParser("python -m tests.transfers", description=__doc__).parse_args()
    check_client_event('{"type":"response.create"}')  # its first use takes half a second
    with tempfile.TemporaryDirectory() as directory, structlog.testing.capture_logs():
        found = asyncio.run(outcomes(Path(directory)))
    bad = 0
    for row, outcome in zip(ROWS, found, strict=True):
        wrong = outcome.against(row)
        bad += bool(wrong)
        print(
            f"{row.name}\n  the caller heard {in_words(outcome.caller)}\n  the person heard {in_words(outcome.person)}"
        )
        print(f"  ended as {outcome.ended}{f', NOT OK: {wrong}' if wrong else ''}")
    print(f"{len(ROWS)} transfers: {f'{bad} are NOT OK' if bad else 'every one is ok'}")
    if sys.argv[1:] == ["write"] and not bad:
        rows = [told(row, outcome) for row, outcome in zip(ROWS, found, strict=True)]
        KEPT.write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
