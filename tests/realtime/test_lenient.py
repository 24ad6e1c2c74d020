"""Lenient reading: a struct of every kind of field, and everything that may stand in it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.realtime.lenient import Missing, read


class Inner(msgspec.Struct, frozen=True):
    size: int
    unit: str = "ms"


class Outer(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(max_length=8)]
    count: int = 0
    word: str | None = None
    part: Inner | None = None
    labels: dict[str, str] | None = None
    anything: Any = None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ('{"name":"n"}', Outer("n")),
        ('{"name":"n","count":null,"word":[],"part":"x","labels":{"a":1},"anything":[1]}', Outer("n", anything=[1])),
        ('{"name":7,"word":404}', Outer("7", word="404")),
        ('{"name":"n","count":120.5}', Outer("n", count=120)),
        ('{"name":"n","count":-0.5}', Outer("n", count=-1)),
        ('{"name":"n","count":1e999}', Outer("n")),
        ('{"name":"n","count":' + "9" * 5_000 + "}", Outer("n")),
        ('{"name":"n","part":{"size":2,"unit":null}}', Outer("n", part=Inner(2))),
        ('{"name":"n","part":{"size":"x","unit":"s"},"count":3}', Outer("n", count=3)),
        ('{"name":"n","new":{"deep":[1,{"a":2}]}}', Outer("n")),
    ],
)
def test_what_is_not_needed_may_be_anything(told: str, expected: Outer) -> None:
    assert read(Outer, told) == read(Outer, told.encode()) == expected


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("{}", "name is not there"),
        ('{"name":null}', "name is null that cannot be used"),
        ('{"name":true}', "name is a truth value that cannot be used"),
        ('{"name":{}}', "name is an object that cannot be used"),
        ('{"name":"123456789"}', "name is a text that cannot be used: Expected `str` of length <= 8"),
        ("[]", "it is a list, not an object"),
        ('"x"', "it is a text, not an object"),
    ],
)
def test_what_is_needed_and_is_not_there_is_named(told: str, why: str) -> None:
    with pytest.raises(Missing) as missing:
        read(Outer, told)
    assert str(missing.value).startswith(why)
    assert "123456789" not in str(missing.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["size", "unit", "a"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*Outer.__struct_fields__, "new"]), JSON))
def test_whatever_is_told_is_read_or_named(told: dict[str, Any]) -> None:
    text = msgspec.json.encode(told)
    name = told.get("name")
    digits = name if isinstance(name, str) else msgspec.json.encode(name).decode()
    if isinstance(name, bool | list | dict | None) or len(digits) > 8:
        with pytest.raises(Missing, match=r"^name "):
            read(Outer, text)
    else:
        found = read(Outer, text)
        assert msgspec.convert(msgspec.to_builtins(found), Outer) == found
