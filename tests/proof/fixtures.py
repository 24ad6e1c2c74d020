"""`python -m tests.proof.fixtures`: write the recorded calls of tests/fixtures.

The eight situations, one that ends for its money, and one whose session is replaced in the middle of an answer. The recorded calls are the core's behaviour as it was judged right; write them anew only with a change that means to
change it, and read the difference.
"""

from __future__ import annotations

import gzip
import random
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.records.fixture import VERSION, Header, Line, write_fixture
from bot.testing.agent import Spoken
from bot.testing.scheduler import LogLine
from tests.proof import farewell, patience, replacing
from tests.proof.situations import FIRST, LATER, LONG, SITUATIONS, Network, Situation, replace_items, run

DIRECTORY = Path(__file__).parents[1] / "fixtures"
ENDED_FOR_MONEY = DIRECTORY / "ended-for-its-money.call.jsonl.gz"
SECOND_TRY = DIRECTORY / "answered-at-the-second-try.call.jsonl.gz"
SESSION_REPLACED = DIRECTORY / "session-replaced.call.jsonl.gz"
DATE = "2026-11-22T12:00:00+00:00"
NETWORK = Network("40 ms", 40, 10)


def path_of(situation: Situation) -> Path:
    return DIRECTORY / f"{situation.name.replace(',', '').replace(' ', '-')}.call.jsonl.gz"


def main() -> None:
    DIRECTORY.mkdir(exist_ok=True)
    for situation in SITUATIONS:
        outcome = run(_small(situation), NETWORK, random.Random(situation.name))
        assert not outcome.faults, outcome.faults
        _write(path_of(situation), CallSettings(greeting="Hello."), outcome.call.log)
    ended = farewell.run(farewell.RECORDED)
    assert not ended.faults, ended.faults
    _write(ENDED_FOR_MONEY, ended.core.settings, ended.call.log)
    second = patience.run()
    assert isinstance(second.core, Call)
    _write(SECOND_TRY, second.core.settings, second.log)
    replaced = replacing.run(replacing.RECORDED)
    assert not replaced.faults, replaced.faults
    _write(SESSION_REPLACED, replaced.core.settings, replaced.call.log)


def _write(path: Path, settings: CallSettings, log: list[LogLine]) -> None:
    lines = [Line(line.us, line.way, msgspec.Raw(line.text.encode()), line.socket) for line in log]
    with tempfile.NamedTemporaryFile() as plain:
        write_fixture(plain.name, Header(VERSION, DATE, settings), lines)
        packed = gzip.compress(Path(plain.name).read_bytes(), mtime=0)
    path.write_bytes(packed)
    print(path.name, len(packed))


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
