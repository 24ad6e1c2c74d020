"""A variable of the environment: how the table of settings declares one, and what is known of it besides its value."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo


class Origin(NamedTuple):
    """Where a value was found, and its text as given; `***` for a secret."""

    source: str
    text: str


class Variable(NamedTuple):
    """What is known of a variable besides its value. `must` ends the sentence "NAME must be"."""

    name: str
    must: str
    about: str
    default: str
    from_file: bool
    secret: bool


def var(name: str, must: str, about: str, default: str = "", *, unset: Any = None, from_file: bool = False) -> Any:
    """A field for the variable `name`. `default` is written as an operator would write it; empty: `unset` holds."""
    value: Any = default or unset
    return Field(
        default=value,
        validate_default=bool(default),
        alias=name,
        description=about,
        json_schema_extra={"must": must, "default": default, "from_file": from_file},
    )


def described(name: str, field: FieldInfo) -> Variable:
    """What `var` was told of the variable that is this field."""
    extra: Any = field.json_schema_extra
    return Variable(
        name=name,
        must=extra["must"],
        about=field.description or "",
        default=extra["default"],
        from_file=extra["from_file"],
        secret=isinstance(field.default, SecretStr),
    )
