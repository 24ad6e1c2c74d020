"""Lenient reading of a server's message, for the fields that are needed.

A field without a default must be there and of its type. Any other that is null, or of another type, counts as not told:
its surprise must not cost what stands beside it. A number where a text is wanted is its digits; a broken number where a
whole one is wanted is rounded down. What is no field of ours is not even decoded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.structs import FieldInfo

_Kind = TypeVar("_Kind", bound=msgspec.Struct)

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAMES = {b"n": "null", b"t": "a truth value", b"f": "a truth value", b'"': "a text", b"[": "a list", b"{": "an object"}


class Missing(Exception):
    """A field that is needed is not there, or not of its type; the message says which, in words."""


def read(kind: type[_Kind], told: bytes | str | msgspec.Raw, path: str = "") -> _Kind:
    """`told`, JSON, as a `kind`. Raises Missing; DecodeError where it is no JSON."""
    try:
        members = _OBJECT.decode(told)
    except msgspec.ValidationError:
        raise Missing(f"{path or 'it'} is {_name(told)}, not an object") from None
    return kind(**dict(_fields(kind, members, f"{path}." if path else "")))


def _fields(kind: type[msgspec.Struct], members: dict[str, msgspec.Raw], where: str) -> Iterator[tuple[str, Any]]:
    """The fields that can be used."""
    for field in _known(kind):
        try:
            yield field.name, _value(field.type, members.get(field.encode_name), where + field.encode_name)
        except Missing:
            if field.required:
                raise


def _value(wanted: Any, told: msgspec.Raw | None, path: str) -> Any:
    """The value of a field as a `wanted`. Raises Missing."""
    if told is None:
        raise Missing(f"{path} is not there")
    inner = _inner(wanted)
    if inner is not None and _name(told) != "null":
        return read(inner, told, path)
    try:
        return _decoder(wanted).decode(told)
    except msgspec.DecodeError as error:
        for other in _meant(told):
            try:
                return msgspec.convert(other, wanted)
            except msgspec.ValidationError:
                continue
        raise Missing(f"{path} is {_name(told)} that cannot be used: {error}") from None


@cache
def _known(kind: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(kind)


@cache
def _decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


@cache
def _inner(wanted: Any) -> type[msgspec.Struct] | None:
    """The struct that `wanted` is, or may be."""
    parts = (wanted, *get_args(wanted))
    return next((one for one in parts if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


def _meant(told: msgspec.Raw) -> Iterator[int | str]:
    """Other readings of a number that is not of the wanted type: rounded down, then its digits."""
    if _name(told) != "a number":
        return
    digits = bytes(told).decode()
    if math.isfinite(number := float(digits)):
        yield math.floor(number)
    yield digits


def _name(told: bytes | str | msgspec.Raw) -> str:
    text = told.encode() if isinstance(told, str) else bytes(told)
    return _NAMES.get(text.lstrip()[:1], "a number")
