"""Inputs made of inputs: bytes flipped, pieces moved, tokens put in, and for JSON one value exchanged for a strange one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

MOST_BYTES = 200_000
TOKENS = (
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u0000", b"\\ud800", b"null", b"true", b"-1", b"1e999"),
    *(b"9" * 40, b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\x1b[2J", "\u202e".encode(), b"[" * 5_000, b"=", b"&", b"%"),
    *(b"\x81\x80", b"\x89\xfe", b"\x00\x80", b"\x88\x82", b"\x81\xff\x00\x00\x00\x00\x00\xa0\x00\x00", b"\n"),
)
STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**31, 2**53 + 1, 10**30, 1e308, -0.0, "", "x" * 600, "x" * 70_000, "\x00", "\x1b[31m"),
    *("\u202e", "<script>", "=" * 8, "AAA", "A" * 12, [], {}, [[]], {"": ""}),
)


def mutated(one: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """`one` with one to eight changes, at most MOST_BYTES long."""
    for _ in range(1 << rng.randrange(4)):
        one = rng.choice(_WAYS)(one, others, rng)
    return one[:MOST_BYTES]


def _flip(one: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    changed = bytearray(one or b"\x00")
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _drop(one: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(one) + 1)
    return one[:at] + one[at + rng.randrange(1, 64) :]


def _repeat(one: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(one) + 1)
    return one[:at] + one[at : at + rng.randrange(1, 64)] * rng.randrange(2, 5) + one[at:]


def _token(one: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(one) + 1)
    return one[:at] + rng.choice(TOKENS) + one[at + rng.randrange(3) :]


def _splice(one: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    other = rng.choice(others)
    return one[: rng.randrange(len(one) + 1)] + other[rng.randrange(len(other) + 1) :]


def _lines(one: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Messages moved, doubled, left out, or taken from another sequence."""
    lines = one.split(b"\n")
    more = rng.choice(others).split(b"\n")
    at = rng.randrange(len(lines))
    what = rng.randrange(4)
    if what == 0:
        lines.insert(at, rng.choice(more))
    elif what == 1:
        lines.insert(at, lines.pop(rng.randrange(len(lines))))
    elif what == 2:
        lines[at:at] = lines[at : at + rng.randrange(1, 20)]
    else:
        del lines[at]
    return b"\n".join(lines)


def _json(one: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    """One value of one message."""
    lines = one.split(b"\n")
    at = rng.randrange(len(lines))
    start = lines[at].find(b"{")
    try:
        message = json.loads(lines[at][max(start, 0) :])
    except (ValueError, RecursionError):
        return one
    changed = json.dumps(_exchanged(message, rng), separators=(",", ":")).encode()
    lines[at] = lines[at][: max(start, 0)] + changed
    return b"\n".join(lines)


def _exchanged(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        return {**value, key: _exchanged(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], _exchanged(value[at], rng), *value[at + 1 :]]
    return rng.choice(STRANGE)


_WAYS = (_flip, _drop, _repeat, _token, _splice, _lines, _lines, _json, _json, _json)
