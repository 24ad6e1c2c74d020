"""The schema oracle: what a client event may be by the `openai` package's own types, unknown keys refused everywhere.

The package accepts far more at run time than the server does; here every depth is closed and scalars are strict.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
from pydantic import ConfigDict, TypeAdapter, ValidationError


class BadClientEvent(ValueError):
    """A client event the types do not allow: which one, and where."""


def check_client_event(text: str) -> None:
    """Raises BadClientEvent unless `text` is a client event by the types; ImportError without the openai package."""
    adapters = _adapters()
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadClientEvent(f"no JSON: {error}") from None
    kind = message.get("type") if isinstance(message, dict) else None
    adapter = adapters.get(kind) if isinstance(kind, str) else None
    if adapter is None:
        raise BadClientEvent(f"no client event: {kind!r}")
    if faults := faults_by(adapter, message):
        raise BadClientEvent(f"{kind}: {faults}")


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    # The package is of the test extra and takes a second to import: whoever never checks never pays.
    from openai.types.realtime.realtime_client_event_param import RealtimeClientEventParam  # noqa: PLC0415

    adapters: dict[str, TypeAdapter[Any]] = {}
    for event in get_args(RealtimeClientEventParam):
        (kind,) = get_args(get_type_hints(event)["type"])
        adapters[kind] = closed(event)
    # Known to the types, but only over WebRTC and SIP (openai-realtime 3.1).
    adapters.pop("output_audio_buffer.clear", None)
    return adapters


def closed(kind: Any) -> TypeAdapter[Any]:
    """The adapter of one of the package's types, with unknown keys refused at every depth and strict scalars."""
    # In a list: pydantic takes a config for what holds a TypedDict, and hands it down, but not for one itself.
    return TypeAdapter(list[kind], config=ConfigDict(extra="forbid", strict=True))


def faults_by(adapter: TypeAdapter[Any], value: Any) -> str:
    """What is wrong with `value` by an adapter that `closed` made; empty when nothing is."""
    try:
        _exhaust(adapter.validate_python([value]))
    except ValidationError as error:
        return _in_words(error)
    return ""


def _exhaust(value: Any) -> None:
    """Go through all of it: pydantic checks what is typed Iterable only as it is read."""
    if isinstance(value, dict):
        for one in value.values():
            _exhaust(one)
    elif isinstance(value, list | Iterator):
        for one in value:
            _exhaust(one)


def _in_words(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in found[:5])
