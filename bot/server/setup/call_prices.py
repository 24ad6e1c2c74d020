"""From the operator's settings to prices and caps, and what a person should know about them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

from bot.call.settings import Money
from bot.config import Settings
from bot.realtime.prices import PriceTable, load

NANO = 1_000_000_000


def call_money(settings: Settings, *, outgoing: bool = False) -> Money:
    """Prices and caps of a call. Raises BadPrices."""
    minute_usd = settings.dial_usd_per_minute if outgoing else None
    table = price_table(settings.prices)
    return Money(
        model=table.model(settings.openai_realtime_model),
        transcription=table.transcriber(settings.transcriber),
        line_minute=nano_usd(settings.twilio_usd_per_minute if minute_usd is None else minute_usd),
        call_cap=nano_usd(settings.max_call_usd),
        daily_cap=nano_usd(settings.max_daily_usd),
    )


@cache
def price_table(own: Path | None) -> PriceTable:
    """The built-in prices, with those in the file `own` over them, read once. Raises BadPrices."""
    return load(own)


def nano_usd(usd: Decimal) -> int:
    """A setting has at most nine decimals, so this is exact."""
    return int(usd * NANO)


def unpriced(settings: Settings) -> list[str]:
    """The chosen models whose price is not known. Raises BadPrices."""
    money, model, transcriber = call_money(settings), settings.openai_realtime_model, settings.transcriber
    found = [model] if money.model is None else []
    if transcriber and money.transcription is None:
        found.append(transcriber)
    if settings.result_schema is not None and price_table(settings.prices).text_model(settings.result_model) is None:
        found.append(settings.result_model)
    return found


def half_blind(settings: Settings) -> list[str]:
    """A warning for each chosen model whose cost a cap that is set will not see. Raises BadPrices."""
    limits = {"BOT_MAX_CALL_USD": settings.max_call_usd, "BOT_MAX_DAILY_USD": settings.max_daily_usd}
    names = " and ".join(name for name, usd in limits.items() if usd)
    return [f"{names} can't count what {model} costs: it has no price." for model in unpriced(settings) if names]


def price_lines(settings: Settings) -> list[str]:
    """Lines for `bot check`: the date of the prices, and the chosen models that have none. Raises BadPrices."""
    table = price_table(settings.prices)
    result_model = "" if settings.result_schema is None else settings.result_model
    chosen = [name for name in (settings.openai_realtime_model, settings.transcriber, result_model) if name]
    missing = unpriced(settings)
    own_date = f" of {table.own_date}" if table.own_date else ""
    lines = [f"Prices are of {table.date}{f'; BOT_PRICES{own_date} comes before them' if table.own else ''}."]
    for name in chosen:
        cost = "no price: what it costs counts as nothing. BOT_PRICES can give one" if name in missing else "a price"
        lines.append(f"{name} has {cost}.")
    return lines
