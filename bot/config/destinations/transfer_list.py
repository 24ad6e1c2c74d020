"""BOT_TRANSFER, a TOML file with a table for each destination, and BOT_TRANSFER_NUMBERS, the short list.

    [sales]
    number = "+15555550123"
    about = "Prices, offers and orders."
    hours = ["Mon-Fri 09:00-17:30", "Sat 10:00-14:00"]
    zone = "Europe/Berlin"

Every ValueError is in words that follow the variable's name.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from bot.config.destinations.destination import Destination, numbered, parse_destination
from bot.config.values.toml_file import read_tables

MOST = 100


def parse_numbers(text: object, info: ValidationInfo) -> object:
    """The destinations of a short list, `name=+15555550123` with commas between. BOT_TRANSFER is checked before."""
    if not isinstance(text, str):
        return text
    others = {destination.name for destination in info.data.get("transfer", ())}
    found: dict[str, Destination] = {}
    for place, part in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        name, equals, number = part.partition("=")
        name = name.strip()
        if not equals:
            raise ValueError(f"must be a list of name=number, such as sales=+15555550123; mend entry {place}")
        if name in found or name in others:
            where = "BOT_TRANSFER has too" if name in others else "it has before"
            raise ValueError(f"has an entry {place} with a name that {where}; take one of them away")
        try:
            found[name] = numbered(name, number)
        except ValueError as error:
            raise ValueError(f"has an entry {place} that {error}") from None
    return _bounded(tuple(found.values()))


def read_transfers(path: object) -> object:
    """The destinations of the TOML file at `path`."""
    if not isinstance(path, str):
        return path
    destinations = []
    for name, table in read_tables(path, "destination").items():
        try:
            destinations.append(parse_destination(name, table))
        except ValueError as error:
            raise ValueError(f"has a destination [{name}] that {error}") from None
    if not destinations:
        raise ValueError("must have a destination, such as [sales] with a number")
    return _bounded(tuple(destinations))


def _bounded(destinations: tuple[Destination, ...]) -> tuple[Destination, ...]:
    if len(destinations) > MOST:
        raise ValueError(f"must have at most {MOST} destinations")
    return destinations


TransferFile = Annotated[tuple[Destination, ...], BeforeValidator(read_transfers)]
TransferNumbers = Annotated[tuple[Destination, ...], BeforeValidator(parse_numbers)]
