"""The price table: ours, an operator's over it, and what is wrong with a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.docs import source
from bot.models import family
from bot.realtime.prices import BUILT_IN, BadPrices, load
from bot.realtime.usage import PerMinute, PerToken

TABLE = load()
MINIMAL = {"text_in": 1, "text_out": 2, "audio_in": 3, "audio_out": 4}


def written(tmp_path: Path, told: Any) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(BadPrices) as caught:
        load(path)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.replace(str(path), "FILE") for problem in caught.value.problems]


# text in / cached / out, audio in / cached / out, image in / cached: openai-realtime 2.4, in billionths of a dollar a token
FULL_PRICES = PerToken(4_000, 400, 24_000, 32_000, 400, 64_000, 5_000, 500)
FULL = ((4_000, 400, 24_000), (32_000, 400, 64_000), (5_000, 500))
OLD = ((4_000, 400, 16_000), (32_000, 400, 64_000), (5_000, 500))
MINI = ((600, 60, 2_400), (10_000, 300, 20_000), (800, 80))


@pytest.mark.parametrize(
    ("model", "prices"),
    [
        ("gpt-realtime-2.1", FULL),
        ("gpt-realtime-2", FULL),
        ("gpt-realtime-2.1-mini", MINI),
        ("gpt-realtime-1.5", OLD),
        ("gpt-realtime", OLD),
        ("gpt-realtime-mini", MINI),
    ],
)
def test_the_prices_are_those_of_the_reference(model: str, prices: Any) -> None:
    (text_in, text_cached, text_out), (audio_in, audio_cached, audio_out), (image_in, image_cached) = prices
    assert TABLE.model(model) == PerToken(
        text_in, text_cached, text_out, audio_in, audio_cached, audio_out, image_in, image_cached
    )


@pytest.mark.parametrize(
    ("model", "nano_usd"),
    [("gpt-transcribe", 4_500_000), ("gpt-live-transcribe", 17_000_000), ("gpt-realtime-whisper", 17_000_000)],
)
def test_transcription_costs_by_the_minute(model: str, nano_usd: int) -> None:
    assert TABLE.transcriber(model) == PerMinute(nano_usd)


def test_prices_nobody_could_establish_are_absent() -> None:
    dying = {"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15"}
    assert all((known := family(model)) and known.shutdown for model in dying)
    assert [model for model in dying if TABLE.transcriber(model)] == []


def test_a_dated_snapshot_costs_what_its_family_costs() -> None:
    assert TABLE.model("gpt-realtime-2025-08-28") == TABLE.model("gpt-realtime")
    assert TABLE.model("gpt-realtime-mini-2025-12-15") == TABLE.model("gpt-realtime-mini")
    assert TABLE.transcriber("gpt-transcribe-2026-07-01") == TABLE.transcriber("gpt-transcribe")


@pytest.mark.parametrize("model", ["gpt-realtime-2.2", "gpt-realtime-nano", "gpt-realtime-2.1-2026", "my-azure", ""])
def test_no_other_name_is_taken_for_a_model_it_begins_like(model: str) -> None:
    assert TABLE.model(model) is None


def test_a_model_is_found_where_it_belongs() -> None:
    assert TABLE.transcriber("gpt-realtime-2.1") is None
    assert TABLE.model("gpt-transcribe") is None


def test_the_built_in_file_says_of_when_it_is() -> None:
    assert TABLE.date == json.loads(BUILT_IN.read_text())["date"] == "2026-11-22"
    assert (TABLE.own, TABLE.own_date) == (frozenset(), "")


# ---- an operator's own ----


def test_a_file_of_ones_own_replaces_models_whole_and_adds_others(tmp_path: Path) -> None:
    told = {
        "about": "what Azure bills us",
        "date": "2027-01-01",
        "realtime": {"gpt-realtime-2.1": MINIMAL, "mine": {**MINIMAL, "audio_cached": 0.125, "image_in": 7}},
        "transcription": {"gpt-transcribe": {"minute": 0.000000001}, "by-token": {**MINIMAL, "text_cached": 0.5}},
    }
    table = load(written(tmp_path, told))
    assert table.model("gpt-realtime-2.1") == PerToken(1_000, 1_000, 2_000, 3_000, 3_000, 4_000, 0, 0)
    assert table.model("mine") == PerToken(1_000, 1_000, 2_000, 3_000, 125, 4_000, 7_000, 7_000)
    assert table.model("gpt-realtime-2.1-mini") == TABLE.model("gpt-realtime-2.1-mini")
    assert table.transcriber("gpt-transcribe") == PerMinute(1)
    assert table.transcriber("by-token") == PerToken(1_000, 500, 2_000, 3_000, 3_000, 4_000, 0, 0)
    assert (table.date, table.own_date) == ("2026-11-22", "2027-01-01")
    assert table.own == {"gpt-realtime-2.1", "mine", "gpt-transcribe", "by-token"}


def test_the_example_of_the_manual_is_a_price_file(tmp_path: Path) -> None:
    found = re.findall(r"```json\n(.*?)```", source("money"), re.DOTALL)
    (example,) = [block for block in found if '"realtime"' in block]
    table = load(written(tmp_path, example))
    assert table.model("my-deployment") == msgspec.structs.replace(FULL_PRICES, image_in=0, image_cached=0)
    assert (table.own_date, table.transcriber("gpt-transcribe")) == ("2027-01-01", PerMinute(4_500_000))


def test_decimals_are_taken_at_their_word(tmp_path: Path) -> None:
    prices = {"text_in": 0.1, "text_out": 0.07, "audio_in": 0.003, "audio_out": 1e1}
    table = load(written(tmp_path, {"realtime": {"m": prices}}))
    assert table.model("m") == PerToken(100, 100, 70, 3, 3, 10_000)


MISSING = ("text_out", "audio_in", "audio_out")
AMOUNT = "must be US dollars, a number from 0 to 100000 with at most"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("{", ["The price file FILE is not JSON (Input data was truncated); mend it there."]),
        ("[]", ["The price file FILE must hold an object with realtime and transcription."]),
        ("{}", ["In the price file FILE, there is no model; put prices under realtime, transcription or text."]),
        (
            {"realtme": {}, "date": 3},
            [
                "In the price file FILE, realtme is no key; rename it to realtime, the nearest there is, or take it away.",
                "In the price file FILE, date must be a day such as 2026-11-22.",
            ],
        ),
        ({"date": "May"}, ["In the price file FILE, date must be a day such as 2026-11-22."]),
        ({"realtime": []}, ["In the price file FILE, realtime must be an object of models."]),
        ({"realtime": {"m": 3}}, ["In the price file FILE, realtime.m must be an object of prices."]),
        (
            {"realtime": {"m": {"minute": 1}}},
            [
                "In the price file FILE, realtime.m.minute is no key; rename it to image_in, the nearest there is, or take it away.",
                *(
                    f"In the price file FILE, realtime.m has no {name}; give its price."
                    for name in ("text_in", "text_out", "audio_in", "audio_out")
                ),
            ],
        ),
        (
            {"transcription": {"m": {"text_in": 1, "text_out": 1}}},
            ["In the price file FILE, transcription.m has no audio_in; give its price, or minute alone."],
        ),
        (
            {"transcription": {"m": {"minute": 1, "text_in": 1}}},
            [
                "In the price file FILE, transcription.m.text_in is no key; rename it to minute, the nearest there is, or take it away."
            ],
        ),
        *(
            (
                {"realtime": {"m": {**MINIMAL, "text_in": price}}},
                [f"In the price file FILE, realtime.m.text_in {AMOUNT} 3 decimals."],
            )
            for price in (-1, 100_001, 0.0001, 1e-30, "4", True, None, [])
        ),
        *(
            (
                {"transcription": {"m": {"minute": price}}},
                [f"In the price file FILE, transcription.m.minute {AMOUNT} 9 decimals."],
            )
            for price in (-0.1, 1e-10, "0.1")
        ),
        (
            '{"realtime": {"m": {"text_in": 1e999}}}',
            [
                *(f"In the price file FILE, realtime.m has no {name}; give its price." for name in MISSING),
                f"In the price file FILE, realtime.m.text_in {AMOUNT} 3 decimals.",
            ],
        ),
    ],
)
def test_each_thing_that_is_wrong_with_a_file_is_a_sentence(tmp_path: Path, told: Any, found: list[str]) -> None:
    path = written(tmp_path, told)
    assert problems(path) == found


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["The price file FILE cannot be read (Is a directory); mend it or BOT_PRICES."]
    big = written(tmp_path, " " * 1_000_001)
    assert problems(big) == ["The price file FILE is over a million bytes long; mend BOT_PRICES."]
