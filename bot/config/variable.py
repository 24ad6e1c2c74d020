"""A variable of the environment: how the table of settings declares one, and what is known of it besides its value."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo

Form = Literal["plain", "word", "secret", "text"]
"""The looks of a value: a key or token (secret), an id or address (word), words for people or the model (text)."""


class Origin(NamedTuple):
    """The source of a value, and its text as given; of a secret no more than its end."""

    source: str
    text: str


class Variable(NamedTuple):
    """Description of a variable. `must` ends the sentence "NAME must be"."""

    name: str
    must: str
    about: str
    default: str
    from_file: bool
    secret: bool
    form: Form


def var(
    name: str,
    must: str,
    about: str,
    default: str = "",
    *,
    unset: Any = None,
    from_file: bool = False,
    form: Form = "plain",
) -> Any:
    """A field for the variable `name`. `default` is written as an operator would write it; empty: `unset` holds."""
    value: Any = default or unset
    return Field(
        default=value,
        validate_default=bool(default),
        alias=name,
        description=about,
        json_schema_extra={"must": must, "default": default, "from_file": from_file, "form": form},
    )


def described(name: str, field: FieldInfo) -> Variable:
    """The description that `var` stored in a field."""
    extra: Any = field.json_schema_extra
    return Variable(
        name=name,
        must=extra["must"],
        about=field.description or "",
        default=extra["default"],
        from_file=extra["from_file"],
        secret=isinstance(field.default, SecretStr),
        form=extra["form"],
    )
