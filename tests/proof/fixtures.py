"""`python -m tests.proof.fixtures [DIRECTORY]`: write the recorded calls of tests/fixtures anew.

Each is run in virtual time, so the same core gives the same files. They are the core's behaviour as it was judged right:
write them anew only with a change that means to change it, and read the difference, which `bot replay` tells in words
before and git shows after (`git diff --stat`).
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from bot.call.settings import CallSettings
from bot.recording.fixture import VERSION, FixtureLine, Header, encode_header, encode_line
from bot.testing.agent import Spoken
from tests.proof.scenes import Recorded, scenes
from tests.proof.situations import FIRST, LATER, LONG, SITUATIONS, Network, Situation, replace_items, run

DIRECTORY = Path(__file__).parents[1] / "fixtures"
DATE = "2026-11-22T12:00:00+00:00"
NETWORK = Network("40 ms", 40, 10)


def recorded_calls() -> dict[str, Callable[[], Recorded]]:
    """Makers of the recorded calls, by the name of the file."""
    eight = {name_of(situation): _situation(situation) for situation in SITUATIONS}
    return {f"{name}.call.jsonl.gz": made for name, made in {**eight, **scenes()}.items()}


def name_of(situation: Situation) -> str:
    return situation.name.replace(",", "").replace(" ", "-")


def fixture_of(recorded: Recorded) -> bytes:
    """The text of the fixture. Nothing in it is masked: all of it was made up."""
    settings, log = recorded
    lines = (FixtureLine(line.us, line.way, msgspec.Raw(line.text.encode()), line.socket) for line in log)
    return encode_header(Header(VERSION, DATE, settings, masked=False)) + b"".join(map(encode_line, lines))


def main(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    for name, made in recorded_calls().items():
        path, text = directory / name, fixture_of(made())
        changed = not path.exists() or gzip.decompress(path.read_bytes()) != text
        if changed:  # the same text may be packed otherwise elsewhere
            path.write_bytes(gzip.compress(text, mtime=0))
        print(f"{name}: {'written' if changed else 'as before'}")


def _situation(situation: Situation) -> Callable[[], Recorded]:
    def made() -> Recorded:
        outcome = run(_small(situation), NETWORK, random.Random(situation.name))
        assert not outcome.faults, outcome.faults
        return CallSettings(greeting="Hello."), outcome.call.log

    return made


def _small(situation: Situation) -> Situation:
    """The same with a tone instead of noise, which packs well."""
    items = {item: _tone(item, number) for number, item in enumerate((LONG, FIRST, LATER))}
    replies = tuple(replace_items(reply, tuple(items[item] for item in reply.items)) for reply in situation.replies)
    return replace(situation, replies=replies)


def _tone(item: Spoken, number: int) -> Spoken:
    period = bytes((0x90 + number, 0x20, 0xA0, 0x30, 0x10 + number, 0xB0, 0x25, 0x95))
    return Spoken(period * (len(item.audio) // len(period)), item.transcript)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tests.proof.fixtures", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=DIRECTORY)
    main(parser.parse_args().directory)
