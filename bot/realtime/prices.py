"""The price table: `prices.json` beside this file, and an operator's file of the same shape over it.

A model in the operator's file takes the place of ours whole. The shape:

    {"date": "2026-11-22",
     "realtime": {"gpt-realtime-2.1": {"text_in": 4, "text_cached": 0.4, "text_out": 24, "audio_in": 32, ...},
                  "grok-voice-latest": {"second": 0.0013}},
     "transcription": {"gpt-transcribe": {"minute": 0.0045}, "by-tokens": {"text_in": 1, "text_out": 5, "audio_in": 3}},
     "text": {"gpt-5.6-luna": {"text_in": 0.2, "text_cached": 0.02, "text_out": 1.2}}}
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bot.models import of_family
from bot.realtime.usage import PerMinute, PerToken, Prices

BUILT_IN = Path(__file__).with_name("prices.json")
MAX_BYTES = 1_000_000
MAX_USD = 100_000
"""A price above this is a slip."""

_SECTIONS = ("realtime", "transcription", "text")
_KEYS = ("about", "date", *_SECTIONS)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TOKEN_KEYS = PerToken.__struct_fields__
_MUST = {
    "realtime": ("text_in", "text_out", "audio_in", "audio_out"),
    "transcription": ("text_in", "text_out", "audio_in"),
    "text": ("text_in", "text_out"),
}
"""Prices a model can't do without. Without a price, a cached kind costs what the fresh one does, any other nothing."""
_TIME = {"realtime": ("second", 60), "transcription": ("minute", 1), "text": ("", 0)}
"""The unit that has a price where time is billed, and how many of them a minute has."""
_FULL = {"text_cached": "text_in", "audio_cached": "audio_in", "image_cached": "image_in"}
_NANO = 1_000_000_000
_PER_MILLION = 1_000_000


class BadPrices(Exception):
    """A price file cannot be used. `problems` has a sentence for each thing that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PriceTable(msgspec.Struct, frozen=True):
    """Prices by model. `date` is that of the built-in prices; `own_date` that of the operator's, empty when untold."""

    date: str
    realtime: dict[str, Prices]
    transcription: dict[str, Prices]
    text: dict[str, Prices] = {}
    own_date: str = ""
    own: frozenset[str] = frozenset()
    """The models whose prices are the operator's."""

    def model(self, name: str) -> Prices | None:
        """The prices of a Realtime model, or of its family; None when they are not known."""
        return of_family(self.realtime, name)

    def transcriber(self, name: str) -> Prices | None:
        """The prices of a transcription model, or of its family; None when they are not known."""
        return of_family(self.transcription, name)

    def text_model(self, name: str) -> PerToken | None:
        """The prices of a text model, or of its family; None when they are not known."""
        found = of_family(self.text, name)
        return found if isinstance(found, PerToken) else None


def load(own: Path | None = None) -> PriceTable:
    """The table, with the prices in the file `own` over ours. Raises BadPrices."""
    table = _table(BUILT_IN)
    if own is None:
        return table
    theirs = _table(own)
    return PriceTable(
        date=table.date,
        realtime={**table.realtime, **theirs.realtime},
        transcription={**table.transcription, **theirs.transcription},
        text={**table.text, **theirs.text},
        own_date=theirs.date,
        own=frozenset({*theirs.realtime, *theirs.transcription, *theirs.text}),
    )


def _table(path: Path) -> PriceTable:
    told = _mapping(path)
    reader = _Reader(path)
    reader.known(told, _KEYS, "")
    date = told.get("date", "")
    if not isinstance(date, str) or (date and not _DATE.fullmatch(date)):
        reader.say("date must be a day such as 2026-11-22")
    realtime, transcription, text = (reader.section(name, told.get(name, {})) for name in _SECTIONS)
    if not realtime and not transcription and not text and not reader.problems:
        reader.say("there is no model; put prices under realtime, transcription or text")
    if reader.problems:
        raise BadPrices(reader.problems)
    return PriceTable(date, realtime, transcription, text)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise BadPrices([f"The price file {path} cannot be read ({reason}); mend it or BOT_PRICES."]) from None
    if len(raw) > MAX_BYTES:
        raise BadPrices([f"The price file {path} is over a million bytes long; mend BOT_PRICES."])
    try:
        told = msgspec.json.Decoder(float_hook=Decimal).decode(raw)
    except (ValueError, RecursionError) as error:
        raise BadPrices([f"The price file {path} is not JSON ({error}); mend it there."]) from None
    if not isinstance(told, dict):
        raise BadPrices([f"The price file {path} must hold an object with realtime and transcription."])
    return told


class _Reader:
    """Reads one file and notes all that is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.problems: list[str] = []
        self._path = path

    def say(self, problem: str) -> None:
        self.problems.append(f"In the price file {self._path}, {problem}.")

    def known(self, told: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
        """Every key is one of `names`: a misspelt price would count as none."""
        for name in told.keys() - set(names):
            near = difflib.get_close_matches(name, names, n=1, cutoff=0)[0]
            self.say(f"{where}{name} is no key; rename it to {near}, the nearest there is, or take it away")

    def section(self, name: str, told: Any) -> dict[str, Prices]:
        if not isinstance(told, dict):
            self.say(f"{name} must be an object of models")
            return {}
        found = {model: self.model(name, model, prices) for model, prices in told.items()}
        return {model: prices for model, prices in found.items() if prices is not None}

    def model(self, section: str, model: str, told: Any) -> Prices | None:
        where = f"{section}.{model}"
        if not isinstance(told, dict):
            self.say(f"{where} must be an object of prices")
            return None
        time, per_minute = _TIME[section]
        if time in told:
            self.known(told, (time,), f"{where}.")
            return PerMinute(self.nano(told[time], f"{where}.{time}", 1) * per_minute)
        self.known(told, _TOKEN_KEYS, f"{where}.")
        for name in _MUST[section]:
            if name not in told:
                minute = ", or minute alone" if section == "transcription" else ""
                self.say(f"{where} has no {name}; give its price{minute}")
        prices = {name: self.nano(told[name], f"{where}.{name}", _PER_MILLION) for name in _TOKEN_KEYS if name in told}
        for cached, fresh in _FULL.items():
            prices.setdefault(cached, prices.get(fresh, 0))
        return PerToken(**prices)

    def nano(self, told: Any, where: str, per: int) -> int:
        """Dollars for `per` of something as billionths for one, which must come out whole."""
        decimals = 3 if per == _PER_MILLION else 9
        if type(told) not in {int, Decimal} or not 0 <= told <= MAX_USD or told * _NANO % per:
            self.say(f"{where} must be US dollars, a number from 0 to {MAX_USD} with at most {decimals} decimals")
            return 0
        return int(told * _NANO / per)
