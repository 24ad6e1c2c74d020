"""Costs of a stored call: each response and transcription, each kind of token with its price, and the sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console

from bot.call.facts import UsageFact
from bot.realtime.prices import PriceTable
from bot.realtime.usage import PerMinute, PerToken, Prices
from bot.store.results import CallSummary, StoredCall
from bot.views.stored.columns import Columns, say, usd

_NAMES = ("status", "what", "model")
_TOKENS = {"in": "_in", "cached": "_cached", "out": "_out"}
_MONEY = {"money": "bold"}
_UNPRICED = "no price"
_MILLION = 1_000_000


class _Kind(NamedTuple):
    """One kind of a model's tokens, or its seconds, in the whole call."""

    model: str
    kind: str
    amount: str
    price: str = ""
    money: str = ""


def show_costs(call: StoredCall, console: Console, prices: PriceTable | None = None) -> None:
    """Print the tables, or nothing for a call that used nothing. `prices` are those of today."""
    usages = [kept.usage for kept in call.usages]
    if not usages and not call.summary.nano_usd:
        return
    say(console, "", "What it cost", style="bold")
    if usages:
        _each(usages, console)
        say(console, "")
        _kinds(usages, prices, console)
        say(console, "")
    for line in _sums(call.summary):
        say(console, line)


def _each(usages: Sequence[UsageFact], console: Console) -> None:
    heads = ("what", "status", "model", *_TOKENS, "seconds", "money")
    Columns(heads, [_row(usage) for usage in usages], frozenset(heads[3:]), _NAMES, _MONEY).show(console)


def _row(usage: UsageFact) -> Sequence[str]:
    tokens = [sum(n for kind, n in usage.tokens.items() if kind.endswith(end)) for end in _TOKENS.values()]
    return (
        f"{usage.kind} {usage.ref}".strip(),
        usage.status,
        usage.model,
        *(str(n or "") for n in tokens),
        f"{usage.seconds:.1f}" if usage.seconds else "",
        usd(usage.nano_usd) if usage.priced else _UNPRICED,
    )


# ---- kinds and prices ------------------------------------------------------------------------------------------------


def _kinds(usages: Sequence[UsageFact], prices: PriceTable | None, console: Console) -> None:
    """A price stands only where it gives, to the billionth, what was stored: others may have held at the time."""
    rows: list[_Kind] = []
    for kind, model in dict.fromkeys((usage.kind, usage.model) for usage in usages):
        of_model = [usage for usage in usages if (usage.kind, usage.model) == (kind, model)]
        rows += _of_model(model, of_model, _today(prices, kind, model))
    heads = ("model", "kind", "amount", "price", "money")
    Columns(heads, rows, frozenset(heads[2:]), ("model",), _MONEY).show(console)


def _today(prices: PriceTable | None, kind: str, model: str) -> Prices | None:
    if prices is None:
        return None
    look_up = {"response": prices.model, "transcription": prices.transcriber, "result": prices.text_model}
    return look_up[kind](model)


def _of_model(model: str, usages: Sequence[UsageFact], price: Prices | None) -> Iterator[_Kind]:
    counts: dict[str, int] = {}
    for usage in usages:
        for kind, number in usage.tokens.items():
            counts[kind] = counts.get(kind, 0) + number
    stored = sum(usage.nano_usd for usage in usages)
    if isinstance(price, PerToken) and _cost(counts, price) != stored:
        price = None
    for kind, number in counts.items():
        if number:
            yield _kind(model, kind, number, price)
    seconds = sum(usage.seconds for usage in usages)
    if seconds:
        by_time = isinstance(price, PerMinute) or not counts
        minute = f"{usd(price.nano_usd)} a minute" if isinstance(price, PerMinute) else ""
        yield _Kind(model, "seconds", f"{seconds:.1f}", minute, usd(stored) if by_time else "")


def _kind(model: str, kind: str, number: int, price: Prices | None) -> _Kind:
    name = kind.replace("_", " ")
    if not isinstance(price, PerToken):
        return _Kind(model, name, str(number))
    each: int = getattr(price, kind, 0)
    return _Kind(model, name, str(number), f"{usd(each * _MILLION)} a million", usd(number * each))


def _cost(counts: dict[str, int], price: PerToken) -> int:
    return sum(number * getattr(price, kind, 0) for kind, number in counts.items())


# ---- the sums --------------------------------------------------------------------------------------------------------


def _sums(call: CallSummary) -> Iterator[str]:
    """The parts that cost something, and all of it."""
    parts = (
        ("the model", call.model_nano_usd),
        ("the transcription", call.transcription_nano_usd),
        ("the telephone line", call.line_nano_usd),
        ("the result", call.result_nano_usd),
    )
    for name, nano in parts:
        if nano:
            yield f"{name:<18}  {usd(nano):>9}"
    yield f"{'all of it':<18}  {usd(call.nano_usd):>9}"
