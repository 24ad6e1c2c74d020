"""`python -m tests.proof.fixtures`: write the eight situations as recorded calls into tests/fixtures.

The recorded calls are the core's behaviour as it was judged right; write them anew only with a change that means to
change it, and read the difference.
"""

from __future__ import annotations

import gzip
import random
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from bot.call.settings import CallSettings
from bot.records.fixture import VERSION, Header, Line, write_fixture
from bot.testing.agent import Spoken
from tests.proof.situations import FIRST, LATER, LONG, SITUATIONS, Network, Situation, replace_items, run

DIRECTORY = Path(__file__).parents[1] / "fixtures"
DATE = "2026-11-22T12:00:00+00:00"
NETWORK = Network("40 ms", 40, 10)


def path_of(situation: Situation) -> Path:
    return DIRECTORY / f"{situation.name.replace(',', '').replace(' ', '-')}.call.jsonl.gz"


def main() -> None:
    DIRECTORY.mkdir(exist_ok=True)
    for situation in SITUATIONS:
        outcome = run(_small(situation), NETWORK, random.Random(situation.name))
        assert not outcome.faults, outcome.faults
        lines = [Line(line.us, line.way, msgspec.Raw(line.text.encode())) for line in outcome.call.log]
        with tempfile.NamedTemporaryFile() as plain:
            write_fixture(plain.name, Header(VERSION, DATE, CallSettings(greeting="Hello.")), lines)
            packed = gzip.compress(Path(plain.name).read_bytes(), mtime=0)
        path_of(situation).write_bytes(packed)
        print(path_of(situation).name, len(packed))


def _small(situation: Situation) -> Situation:
    """The same with a tone instead of noise, which packs well."""
    items = {item: _tone(item, number) for number, item in enumerate((LONG, FIRST, LATER))}
    replies = tuple(replace_items(reply, tuple(items[item] for item in reply.items)) for reply in situation.replies)
    return replace(situation, replies=replies)


def _tone(item: Spoken, number: int) -> Spoken:
    period = bytes((0x90 + number, 0x20, 0xA0, 0x30, 0x10 + number, 0xB0, 0x25, 0x95))
    return Spoken(period * (len(item.audio) // len(period)), item.transcript)


if __name__ == "__main__":
    main()
