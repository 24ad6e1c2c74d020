"""Usages as servers tell them, and what a person with a pencil makes of them.

Prices of gpt-realtime-2.1 in billionths of a dollar a token: text 4,000 / 400 / 24,000 (fresh, cached, out), audio
32,000 / 400 / 64,000, image 5,000 / 500.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bot.realtime.usage import PerMinute, PerToken, Prices

PRICES = PerToken(
    text_in=4_000,
    text_cached=400,
    text_out=24_000,
    audio_in=32_000,
    audio_cached=400,
    audio_out=64_000,
    image_in=5_000,
    image_cached=500,
)
ODD = PerToken(3, 5, 7, 11, 13, 17, 19, 23)
"""Eight primes in the order of PerToken's fields: no two kinds can be taken for each other."""
TRANSCRIBE = PerMinute(4_500_000)
GROK = PerMinute(78_000_000)
XAI: dict[str, Any] = {
    "input_tokens": 7,
    "input_token_details": {"text_tokens": 7, "audio_tokens": 0, "grok_tokens": 0},
    "output_tokens": 83,
    "output_token_details": {"text_tokens": 7, "audio_tokens": 76, "grok_tokens": 0},
    "total_tokens": 90,
    "output_audio_seconds": 1.5115,
    "billable_audio_seconds": 1,
}
WRITING = PerToken(text_in=1_250, text_out=5_000, audio_in=3_000, audio_cached=700, audio_out=9)


class Case(NamedTuple):
    """`nano_usd` None: no price is known. `faults` as counted."""

    name: str
    usage: Any
    nano_usd: int | None
    faults: int = 0
    prices: Prices | None = PRICES
    kind: str = "response"


def whole(**changes: Any) -> dict[str, Any]:
    """A usage in the shape of openai-realtime 7, complete."""
    return {
        "total_tokens": 1_800,
        "input_tokens": 1_500,
        "output_tokens": 300,
        "input_token_details": {
            "text_tokens": 500,
            "audio_tokens": 1_000,
            "image_tokens": 0,
            "cached_tokens": 900,
            "cached_tokens_details": {"text_tokens": 400, "audio_tokens": 500, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 60, "audio_tokens": 240},
        **changes,
    }


def inward(**details: Any) -> dict[str, Any]:
    return {"input_token_details": details}


CASES = (
    # 100 text at 4,000 + 400 cached at 400 + 500 audio at 32,000 + 500 cached at 400 + 60 at 24,000 + 240 at 64,000
    Case("complete", whole(), 400_000 + 160_000 + 16_000_000 + 200_000 + 1_440_000 + 15_360_000),
    # 3*1 + 5*2 + 7*3 + 11*4 + 13*5 + 17*6 + 19*7 + 23*8
    Case(
        "every kind once",
        {
            "input_token_details": {
                "text_tokens": 1 + 2,
                "audio_tokens": 4 + 5,
                "image_tokens": 7 + 8,
                "cached_tokens": 15,
                "cached_tokens_details": {"text_tokens": 2, "audio_tokens": 5, "image_tokens": 8},
            },
            "output_token_details": {"text_tokens": 3, "audio_tokens": 6},
        },
        562,
        prices=ODD,
    ),
    Case("null", None, 0),
    Case("null with no price", None, 0, prices=None),
    Case("empty", {}, 0),
    Case(
        "all zero, as of a cancelled response",
        whole(
            input_tokens=0,
            output_tokens=0,
            input_token_details={"text_tokens": 0, "audio_tokens": 0, "cached_tokens": 0},
            output_token_details={"text_tokens": 0, "audio_tokens": 0},
        ),
        0,
    ),
    Case("no price", whole(), None, prices=None),
    # nothing is cached: 500 at 4,000 + 1,000 at 32,000
    Case("cached is not told", inward(text_tokens=500, audio_tokens=1_000), 2_000_000 + 32_000_000),
    Case("cached is null", inward(text_tokens=500, cached_tokens=None, cached_tokens_details=None), 2_000_000),
    # 900 over 500 and 1,000: 300 and 600 -> 200 at 4,000 + 300 at 400 + 400 at 32,000 + 600 at 400
    Case(
        "cached without its kinds is spread in proportion",
        inward(text_tokens=500, audio_tokens=1_000, cached_tokens=900),
        800_000 + 120_000 + 12_800_000 + 240_000,
    ),
    # 10 over 3 text, 4 audio, 5 image: 2 of 3, then 8 * 4 // 9 = 3 of 4, then 5 of 5
    Case(
        "what does not divide goes to the last kind that has room",
        inward(text_tokens=3, audio_tokens=4, image_tokens=5, cached_tokens=10),
        1 * 3 + 2 * 5 + 1 * 11 + 3 * 13 + 0 * 19 + 5 * 23,
        prices=ODD,
    ),
    Case("all of it cached", inward(text_tokens=7, audio_tokens=9, cached_tokens=16), 7 * 400 + 9 * 400),
    Case("one of one is cached", inward(text_tokens=1, cached_tokens=1), 400),
    Case("cached beyond the input", inward(text_tokens=10, audio_tokens=20, cached_tokens=31), 30 * 400, 1),
    Case(
        "cached beyond its kind, thrice",
        inward(
            text_tokens=10,
            audio_tokens=20,
            image_tokens=30,
            cached_tokens_details={"text_tokens": 11, "audio_tokens": 21, "image_tokens": 31},
        ),
        10 * 400 + 20 * 400 + 30 * 500,
        3,
    ),
    Case(
        "kinds of cached go before their sum",
        inward(text_tokens=10, audio_tokens=20, cached_tokens=30, cached_tokens_details={"audio_tokens": 5}),
        10 * 4_000 + 15 * 32_000 + 5 * 400,
    ),
    # ---- totals ----
    Case("only totals: the dearest kind", {"input_tokens": 100, "output_tokens": 10}, 100 * 32_000 + 10 * 64_000),
    Case(
        "what a total has beyond the kinds is the kind that is not told",
        {
            "input_tokens": 100,
            "output_tokens": 50,
            **inward(text_tokens=60),
            "output_token_details": {"text_tokens": 20},
        },
        60 * 4_000 + 40 * 32_000 + 20 * 24_000 + 30 * 64_000,
    ),
    Case(
        "and text where audio is told, as a model's thoughts may be",
        {"output_tokens": 100, "output_token_details": {"text_tokens": 10, "audio_tokens": 70}},
        30 * 24_000 + 70 * 64_000,
    ),
    Case(
        "a total with an image",
        {"input_tokens": 12, **inward(text_tokens=3, image_tokens=5)},
        12_000 + 4 * 32_000 + 25_000,
    ),
    Case("a total below its kinds", {"input_tokens": 5, **inward(text_tokens=10, audio_tokens=1)}, 40_000 + 32_000),
    # ---- nonsense ----
    *(
        Case(f"{odd!r} for a number", inward(text_tokens=odd, audio_tokens=2), 64_000, 1)
        for odd in (-1, 10_000_001, True, 1.5, "12", [], {})
    ),
    Case("the most that is believed", inward(text_tokens=10_000_000), 40_000_000_000),
    Case(
        "four wrong numbers",
        {"input_tokens": "x", "output_tokens": -5, **inward(cached_tokens=[], image_tokens=2.0)},
        0,
        4,
    ),
    *(Case(f"{odd!r} for the whole", odd, 0, 1) for odd in (7, "usage", [1], True)),
    Case("no objects within", {"input_token_details": 3, "output_token_details": [], "input_tokens": 2}, 64_000, 2),
    Case("no object for the cached kinds", inward(text_tokens=4, cached_tokens=2, cached_tokens_details=1), 8_800, 1),
    Case("keys nobody knows", {"input_tokens": 1, "cost": -4, **inward(video_tokens=-1, audio_tokens=1)}, 32_000),
    # ---- transcription ----
    Case(
        "by tokens",
        {
            "type": "tokens",
            "input_tokens": 16,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 16},
            "output_tokens": 5,
            "total_tokens": 21,
        },
        16 * 3_000 + 5 * 5_000,
        prices=WRITING,
        kind="transcription",
    ),
    Case(
        "by tokens, prompt and kinds told",
        {"type": "tokens", **inward(text_tokens=8, audio_tokens=16), "output_token_details": {"text_tokens": 5}},
        8 * 1_250 + 16 * 3_000 + 5 * 5_000,
        prices=WRITING,
        kind="transcription",
    ),
    # 16 tokens of 100 ms are 1.6 s of a minute at 4,500,000; cached ones last as long
    Case(
        "tokens at a price per minute",
        {"type": "tokens", **inward(audio_tokens=16, cached_tokens=6), "output_tokens": 5},
        120_000,
        prices=TRANSCRIBE,
        kind="transcription",
    ),
    Case("by time", {"type": "duration", "seconds": 60}, 4_500_000, prices=TRANSCRIBE, kind="transcription"),
    # 1.63 s of 60 s: 122,250
    Case(
        "by parts of a second", {"type": "duration", "seconds": 1.63}, 122_250, prices=TRANSCRIBE, kind="transcription"
    ),
    # 1 ms at 90,000 a minute is 1.5, at 29,999 it is 0.49998, at 30,000 just 0.5
    Case(
        "half is rounded up", {"type": "duration", "seconds": 0.001}, 2, prices=PerMinute(90_000), kind="transcription"
    ),
    Case(
        "less than half is not",
        {"type": "duration", "seconds": 0.001},
        0,
        prices=PerMinute(29_999),
        kind="transcription",
    ),
    Case("just half is", {"type": "duration", "seconds": 0.001}, 1, prices=PerMinute(30_000), kind="transcription"),
    Case("no time", {"type": "duration", "seconds": 0}, 0, prices=TRANSCRIBE, kind="transcription"),
    Case(
        "the longest time", {"type": "duration", "seconds": 7200}, 540_000_000, prices=TRANSCRIBE, kind="transcription"
    ),
    Case("time at a price per token", {"type": "duration", "seconds": 2}, None, prices=WRITING, kind="transcription"),
    Case("time with no price", {"type": "duration", "seconds": 2}, None, prices=None, kind="transcription"),
    *(
        Case(f"{odd!r} seconds", {"type": "duration", "seconds": odd}, 0, 1, prices=TRANSCRIBE, kind="transcription")
        for odd in (-1, 7200.5, True, "2", None, [])
    ),
    # xAI's, from openai-realtime W8: 7 and 76 tokens, 1.5 s of speech, 1 s of which is billed; 78,000,000 a minute
    Case("a response by time", XAI, 1_300_000, prices=GROK),
    Case("the same by tokens", XAI, 7 * 4_000 + 7 * 24_000 + 76 * 64_000),
    Case("the same without a price", XAI, None, prices=None),
    Case("by parts of a second of a response", {**XAI, "billable_audio_seconds": 0.5}, 650_000, prices=GROK),
    Case("tokens alone at a price of time", {"output_tokens": 5}, 0, prices=GROK),
    *(
        Case(f"{odd!r} billable seconds", {**XAI, "billable_audio_seconds": odd}, 0, 1, prices=GROK)
        for odd in (-1, 7200.5, True, "2", [])
    ),
    Case("a null transcription", None, 0, prices=TRANSCRIBE, kind="transcription"),
    Case("a transcription of no type", {"output_tokens": 2}, 10_000, prices=WRITING, kind="transcription"),
    Case("a transcription that is no object", [1], 0, 1, prices=WRITING, kind="transcription"),
)
