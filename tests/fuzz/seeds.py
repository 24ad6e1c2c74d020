"""Seeds of the fuzzer: the messages of the recorded calls, and a few by hand."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

from bot.recording.fixture import Fixture, FixtureLine, encode_header, encode_line, read_fixture
from bot.twilio.token import seal
from bot.websocket.framing import Framer, plain_text
from tests.server.simulated_server import PUBLIC_URL, form

FIXTURES = Path(__file__).parent.parent / "fixtures"
KEY = b"k" * 32
NOW_S = int(time.time())
LINES = 200
"""Lines taken of a call; nine in ten of the caller's frames are left out first."""


def fixtures() -> list[Fixture]:
    return [read_fixture(path) for path in sorted(FIXTURES.glob("*.call.jsonl.gz"))]


def messages(way: str) -> list[bytes]:
    """One message of each kind that came that way, of each call, and none that is mostly audio."""
    found: dict[tuple[str, bytes], bytes] = {}
    for one in fixtures():
        for line in one.lines:
            text = bytes(line.message)
            if line.way == way and len(text) < 4_000:
                found.setdefault((one.path, text[:40]), text)
    return list(found.values())


def calls() -> list[bytes]:
    """The inputs of each call as the lines of its fixture."""
    return [b"".join(encode_line(line) for line in _thinned(one.lines)) for one in fixtures()]


def _thinned(lines: Sequence[FixtureLine]) -> list[FixtureLine]:
    inputs = [line for line in lines if line.way in {"phone>bot", "model>bot", "note"} and len(line.message) < 20_000]
    kept = (line for at, line in enumerate(inputs) if b'"event":"media"' not in bytes(line.message)[:20] or not at % 10)
    return list(islice(kept, LINES))


def files() -> list[bytes]:
    """Beginnings of fixtures, not compressed."""
    return [encode_header(one.header) + b"".join(encode_line(line) for line in one.lines[:20]) for one in fixtures()]


def frames() -> list[bytes]:
    """Bytes that a phone may write to its socket; the first one says how they are cut into reads."""
    framer, rng = Framer(), random.Random(0)
    texts = b"".join(framer.text(text) for text in messages("phone>bot")[:8])
    by_hand = (
        b"\x89\x80\x00\x00\x00\x00\x8a\x80\x00\x00\x00\x00",
        b"\x88\x82\x00\x00\x00\x00\x03\xe8",
        b"\x01\x82\x00\x00\x00\x00hi\x89\x80\x00\x00\x00\x00\x80\x82\x00\x00\x00\x00yo",
        b"\x82\x83\x00\x00\x00\x00abc",
        b"\x81\xff" + (10 << 20).to_bytes(8, "big") + b"\x00\x00\x00\x00abc",
        plain_text(b"no mask"),
    )
    return [bytes((rng.randrange(256),)) + one for one in (texts, texts[:700], *by_hand)]


def tokens() -> list[bytes]:
    return [seal("CA" + "1" * 32, NOW_S, b"n" * 16, KEY).encode(), b"", b"A" * 100]


def forms() -> list[bytes]:
    """A webhook: its path with the query, its signature and its body, a line each."""
    body = urlencode(form("CA" + "1" * 32)).encode()
    path = PUBLIC_URL.encode() + b"/voice"
    return [path + b"\nabc=\n" + body, path + b"?a=1&b=%20\n\n" + body + b"&a=&a=2"]
