"""Usage of a response or a transcription, and its cost (openai-realtime 7 and W8).

Money is a whole number of billionths of a US dollar. One dollar per million tokens is a thousand of them a token, so
tokens are counted up without rounding; only time billed by the minute is rounded, once, to the nearest.

What a server tells is not trusted: a number that is negative, absurd or no number counts as not told, cached tokens
beyond the input are cut to it, and each such fault is counted. Nothing here raises for what a server sent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

MAX_TOKENS = 10_000_000
"""Most tokens that one number may tell: contexts hold 128,000."""
MAX_SECONDS = 7_200
"""Most seconds that one transcription may tell: a session lasts an hour."""
MS_PER_AUDIO_TOKEN = 100
"""A caller's audio is a token every 100 ms (openai-realtime 2.4)."""
MS_PER_MINUTE = 60_000


class Tokens(msgspec.Struct, frozen=True):
    """Tokens by kind. Cached input is counted apart: `*_in` is what was read afresh."""

    text_in: int = 0
    text_cached: int = 0
    text_out: int = 0
    audio_in: int = 0
    audio_cached: int = 0
    audio_out: int = 0
    image_in: int = 0
    image_cached: int = 0


class Duration(msgspec.Struct, frozen=True):
    """Audio billed by its length."""

    ms: int = 0


class PerToken(msgspec.Struct, frozen=True, tag_field="per", tag="token"):
    """The price of one token of each kind of Tokens, in billionths of a US dollar."""

    text_in: int = 0
    text_cached: int = 0
    text_out: int = 0
    audio_in: int = 0
    audio_cached: int = 0
    audio_out: int = 0
    image_in: int = 0
    image_cached: int = 0


class PerMinute(msgspec.Struct, frozen=True, tag_field="per", tag="minute"):
    """The price of a minute of audio, in billionths of a US dollar."""

    nano_usd: int = 0


Used = Tokens | Duration
Prices = PerToken | PerMinute


class Reading(NamedTuple):
    """`used` None: nothing was told. `faults` counts what was told and cannot be.

    `billable`: the time for which xAI bills a response, which it tells beside the tokens.
    """

    used: Used | None
    faults: int = 0
    billable: Duration | None = None


class Kinds(NamedTuple):
    """One number for each kind of token."""

    text: int
    audio: int
    image: int


# ---- what was used ----


def read_response(usage: Any) -> Reading:
    """The usage of a `response.done`: every field optional, the whole of it perhaps null.

    What a total has beyond its kinds is of the kind that was not told: audio, or text where audio was told. Cached
    tokens that come without their kinds are spread over the input in proportion.
    """
    told = _Told()
    if usage is None:
        return Reading(None)
    whole = told.mapping(usage)
    inward, outward = told.mapping(whole.get("input_token_details")), told.mapping(whole.get("output_token_details"))
    read = told.kinds(inward, whole.get("input_tokens"))
    cached = told.cached(inward, read)
    made = told.kinds(outward, whole.get("output_tokens"))
    used = Tokens(
        text_in=read.text - cached.text,
        text_cached=cached.text,
        text_out=made.text,
        audio_in=read.audio - cached.audio,
        audio_cached=cached.audio,
        audio_out=made.audio,
        image_in=read.image - cached.image,
        image_cached=cached.image,
    )
    billable = told.seconds(whole.get("billable_audio_seconds"))
    return Reading(used, told.faults, billable)


def read_transcription(usage: Any) -> Reading:
    """The `usage` of a finished transcription: `tokens`, whose output is text, or `duration` in seconds."""
    if not isinstance(usage, dict) or usage.get("type") != "duration":
        reading = read_response(usage)
        return Reading(_written(reading.used), reading.faults)
    told = _Told()
    used = told.seconds(usage.get("seconds"))
    return Reading(used, int(used is None))


def _written(used: Used | None) -> Used | None:
    """Output of a transcription that names no kind is text."""
    if not isinstance(used, Tokens):
        return used
    return msgspec.structs.replace(used, text_out=used.text_out + used.audio_out, audio_out=0)


class _Told:
    """Takes numbers out of what a server told."""

    def __init__(self) -> None:
        self.faults = 0

    def mapping(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.faults += value is not None
        return {}

    def number(self, value: Any) -> int | None:
        """A count of tokens; None when it was not told, or told wrongly."""
        if type(value) is int and 0 <= value <= MAX_TOKENS:
            return value
        self.faults += value is not None
        return None

    def seconds(self, value: Any) -> Duration | None:
        """A length of time; None when it was not told, or told wrongly."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_SECONDS:
            return Duration(round(value * 1000))
        self.faults += value is not None
        return None

    def at_most(self, value: int, most: int) -> int:
        self.faults += value > most
        return min(value, most)

    def kinds(self, details: dict[str, Any], total: Any) -> Kinds:
        text = self.number(details.get("text_tokens"))
        audio = self.number(details.get("audio_tokens"))
        image = self.number(details.get("image_tokens"))
        rest = max(0, (self.number(total) or 0) - (text or 0) - (audio or 0) - (image or 0))
        if audio is None:
            return Kinds(text or 0, rest, image or 0)
        return Kinds((text or 0) + rest, audio, image or 0)

    def cached(self, details: dict[str, Any], read: Kinds) -> Kinds:
        """The cached part of what was read, never more than that, kind by kind."""
        by_kind = self.mapping(details.get("cached_tokens_details"))
        if by_kind:
            text, audio, image = (self.number(by_kind.get(f"{kind}_tokens")) or 0 for kind in Kinds._fields)
            return Kinds(
                self.at_most(text, read.text), self.at_most(audio, read.audio), self.at_most(image, read.image)
            )
        return spread(self.at_most(self.number(details.get("cached_tokens")) or 0, sum(read)), read)


def spread(tokens: int, over: Kinds) -> Kinds:
    """`tokens` shared out in proportion to `over`, whole and never more than there are; at most as many as its sum."""
    left, shares = sum(over), []
    for most in over:
        share = tokens * most // left if left else 0
        shares.append(share)
        tokens -= share
        left -= most
    return Kinds(*shares)


# ---- what it costs ----


def cost(tokens: Tokens, prices: PerToken) -> int:
    """The cost of `tokens` in billionths of a US dollar, exact (openai-realtime 7)."""
    return (
        tokens.text_in * prices.text_in
        + tokens.text_cached * prices.text_cached
        + tokens.text_out * prices.text_out
        + tokens.audio_in * prices.audio_in
        + tokens.audio_cached * prices.audio_cached
        + tokens.audio_out * prices.audio_out
        + tokens.image_in * prices.image_in
        + tokens.image_cached * prices.image_cached
    )


def cost_of_time(ms: int, price: PerMinute) -> int:
    """The cost of `ms` of audio in billionths of a US dollar, to the nearest."""
    return (ms * price.nano_usd + MS_PER_MINUTE // 2) // MS_PER_MINUTE


def charge(used: Used | None, prices: Prices | None) -> int | None:
    """The cost in billionths of a dollar; None where no price is known.

    Tokens at a price per minute: their audio, a token every 100 ms. Time at a price per token has no known price, since
    nobody told how much text came of it.
    """
    if used is None:
        return 0
    if prices is None:
        return None
    if isinstance(prices, PerMinute):
        ms = used.ms if isinstance(used, Duration) else (used.audio_in + used.audio_cached) * MS_PER_AUDIO_TOKEN
        return cost_of_time(ms, prices)
    return cost(used, prices) if isinstance(used, Tokens) else None


def charge_response(reading: Reading, prices: Prices | None) -> int | None:
    """The cost of a response; where the price is one of time, of the time for which the server bills it."""
    return charge(reading.billable if isinstance(prices, PerMinute) else reading.used, prices)
