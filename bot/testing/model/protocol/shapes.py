"""Small checks from which the shapes of what a client sends are built: unknown keys refused at every depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.testing.model.protocol.refusal import Refused, missing, unknown, wrong_type, wrong_value

Check = Callable[[Any, str], None]
"""Looks at a value and the name of its parameter; raises Refused."""


def text(value: Any, param: str) -> None:
    if not isinstance(value, str):
        raise wrong_type(param, "a string")


def boolean(value: Any, param: str) -> None:
    if not isinstance(value, bool):
        raise wrong_type(param, "a boolean")


def listing(value: Any, param: str) -> None:
    if not isinstance(value, list):
        raise wrong_type(param, "an array")


def mapping(value: Any, param: str) -> None:
    if not isinstance(value, dict):
        raise wrong_type(param, "an object")


def anything(_value: Any, _param: str) -> None:
    pass


def integer(least: int, most: int | None = None) -> Check:
    def check(value: Any, param: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(param, "an integer")
        if value < least:
            raise Refused("integer_below_min_value", f"Invalid '{param}'. Expected a value >= {least}.", param)
        if most is not None and value > most:
            raise Refused("integer_above_max_value", f"Invalid '{param}'. Expected a value <= {most}.", param)

    return check


def number(least: float, most: float) -> Check:
    def check(value: Any, param: str) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(param, "a number")
        if not least <= value <= most:
            raise wrong_value(param, f"a number from {least} to {most}")

    return check


def one_of(*choices: object) -> Check:
    def check(value: Any, param: str) -> None:
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            raise wrong_value(param, "one of: " + ", ".join(map(repr, choices)))

    return check


def short_text(most: int) -> Check:
    def check(value: Any, param: str) -> None:
        text(value, param)
        if len(value) > most:
            raise Refused("string_above_max_length", f"Invalid '{param}': string too long, maximum {most}.", param)

    return check


def nullable(inner: Check) -> Check:
    def check(value: Any, param: str) -> None:
        if value is not None:
            inner(value, param)

    return check


def either(first: Check, second: Check) -> Check:
    def check(value: Any, param: str) -> None:
        try:
            first(value, param)
        except Refused:
            second(value, param)

    return check


def every(inner: Check) -> Check:
    def check(value: Any, param: str) -> None:
        listing(value, param)
        for at, one in enumerate(value):
            inner(one, f"{param}[{at}]")

    return check


def obj(fields: Mapping[str, Check], *required: str) -> Check:
    """An object with these keys and no others."""

    def check(value: Any, param: str) -> None:
        mapping(value, param)
        dot = f"{param}." if param else ""
        for key, one in value.items():
            if key not in fields:
                raise unknown(dot + key)
            fields[key](one, dot + key)
        for key in required:
            if key not in value:
                raise missing(dot + key)

    return check


def tagged(kinds: Mapping[Any, Check], tag: str = "type") -> Check:
    """An object whose shape its `tag` chooses."""

    def check(value: Any, param: str) -> None:
        mapping(value, param)
        dot = f"{param}." if param else ""
        if tag not in value:
            raise missing(dot + tag)
        one_of(*kinds)(value[tag], dot + tag)
        kinds[value[tag]](value, param)

    return check
