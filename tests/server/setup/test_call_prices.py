"""Caps over real sockets: the goodbye, the sentence in its place, the day that is over, and prices at the start."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bot.config import load_settings
from bot.realtime.prices import BadPrices
from bot.realtime.usage import PerToken
from bot.server.setup.call_prices import call_money, half_blind, price_lines, unpriced
from bot.testing.agent import Failure, Reply, Spoken, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.signed_webhook import parse_document
from tests.server.http.operators.test_metrics_route import found
from tests.server.simulated_server import GREETING, QUICK, ServerUnderTest, a_phone, heard, standing, until

BYE = Reply([Spoken(pattern(300, "bye"), "Goodbye.")], pacing=QUICK)
NEXT_TO_NOTHING = {"BOT_MAX_CALL_USD": "0.000001"}
LIMIT = "We have to end the call here. Thank you for calling. Goodbye."
SPENT = "Sorry, we can take no more calls today. Please call again tomorrow. Goodbye."
USD = 1_000_000_000


def told_of_money(desk: ServerUnderTest) -> list[str]:
    """Events that the log has of the spend limit."""
    return [entry["event"] for entry in desk.logs if entry["event"].startswith("spend_limit")]


# ---- a call's own cap ----


async def test_the_greeting_is_heard_then_the_goodbye_and_nothing_more_is_said() -> None:
    async with standing(GREETING, BYE, **NEXT_TO_NOTHING) as desk:
        phone = a_phone()
        result = await desk.dial(phone)
        assert heard(phone) == GREETING.items[0].audio + BYE.items[0].audio
        assert (result.ending, result.hung_up_by, result.said) == ("hangup", "bot", [])
        await desk.quiet()
        assert desk.reasons == ["spend_limit"]
        (ended,) = desk.logged("call_ended")
        assert 0 < ended["usd"] < 0.1
        assert [entry["cap"] for entry in desk.logged("spend_limit_reached")] == ["call"]


@pytest.mark.parametrize("failure", [Failure("failed"), Failure("silent"), Failure("closes")], ids=lambda one: one.kind)
async def test_where_no_goodbye_comes_a_sentence_takes_its_place(failure: Failure) -> None:
    async with standing(GREETING, Reply(failure=failure), **NEXT_TO_NOTHING, BOT_RESPONSE_SECONDS="1") as desk:
        phone = a_phone()
        result = await desk.dial(phone)
        assert heard(phone) == GREETING.items[0].audio
        assert (result.said, result.ending) == ([LIMIT], "hangup")
        await desk.quiet()
        assert desk.reasons == ["spend_limit"]


async def test_other_calls_have_caps_of_their_own() -> None:
    async with standing(GREETING, BYE, BOT_MAX_CALL_USD="1", BOT_TWILIO_USD_PER_MINUTE="0.5") as desk:
        await desk.works()
        await desk.works()
        assert [0.5 < entry["usd"] < 0.51 for entry in desk.logged("call_ended")] == [True, True]
        assert told_of_money(desk) == []


# ---- the day's ----


async def test_a_new_call_hears_that_the_day_s_money_is_used_up_and_costs_nothing() -> None:
    async with standing(BOT_MAX_DAILY_USD="2") as desk:
        desk.calls.spent_today.stored(round(1.59 * USD))
        await desk.works()
        assert told_of_money(desk) == []
        desk.calls.spent_today.stored(2 * USD - 1)
        await desk.works()
        assert told_of_money(desk) == ["spend_limit_near"]
        desk.calls.spent_today.stored(2 * USD)
        call_sid = new_call_sid()
        for _ in range(2):  # Twilio may ask again
            status, document = await desk.voice(call_sid)
            assert (status, [one.text for one in parse_document(document).iter("Say")]) == (200, [SPENT])
        assert (len(desk.model.sessions), len(desk.calls.directory), desk.calls.registry.counts().live) == (2, 0, 0)
        assert (await found(desk))["webhooks_refused_total", "spend_limit"] == 2
        assert [entry["why"] for entry in desk.logged("call_refused")] == ["spend_limit"] * 2
        desk.calls.spent_today.stored(0)  # the next day
        await desk.works()
        assert told_of_money(desk) == ["spend_limit_near"]


async def test_a_call_that_was_let_in_is_answered_and_hears_a_goodbye() -> None:
    async with standing(GREETING, BYE, BOT_MAX_DAILY_USD="2") as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        desk.calls.spent_today.stored(3 * USD)
        assert "<Stream" in (await desk.voice(call_sid))[1]
        desk.bridge(call_sid).shutdown("drained")
        await desk.quiet()
        assert "<Hangup/>" in (await desk.voice(call_sid))[1]


async def test_a_live_call_is_told_when_a_step_is_reached_and_not_at_every_look(tmp_path: Path) -> None:
    env = {"BOT_MAX_DAILY_USD": "2", "BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(tmp_path)}
    async with standing(GREETING, BYE, **env) as desk:
        desk.calls.spent_today.stored(1)
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(heard(phone)) >= len(GREETING.items[0].audio))
        for spent in (1.0, 1.59, 1.6, 1.7, 1.8):
            desk.calls.spent_today.stored(round(spent * USD))
        await until(lambda: desk.logged("spend_limit_near"))
        for spent in (2.0, 2.5, 3.0):
            desk.calls.spent_today.stored(round(spent * USD))
        result = await calling
        assert heard(phone) == GREETING.items[0].audio + BYE.items[0].audio
        assert result.said == []
        await desk.quiet()
        assert desk.reasons == ["spend_limit"]
        assert len(desk.logged("spend_limit_near")) == 1
        assert [entry["cap"] for entry in desk.logged("spend_limit_reached")] == ["day"]
    notes = [one for one in recorded(tmp_path) if one.get("note") == "daily_spend"]
    assert [one["nano_usd"] for one in notes] == [round(1.6 * USD), 2 * USD]


def recorded(directory: Path) -> list[dict[str, Any]]:
    (path,) = directory.glob("*.call.jsonl*")
    raw = path.read_bytes()
    text = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    return [json.loads(line)["message"] for line in text.splitlines()[1:]]


async def test_a_call_that_begins_late_in_the_day_is_told_at_once() -> None:
    async with standing(BOT_MAX_DAILY_USD="2") as desk:
        desk.calls.spent_today.stored(round(1.9 * USD))
        async with desk.stream() as hand:
            await until(lambda: desk.logged("spend_limit_near"))
            assert hand.bridge.call.spending.level == 1
            assert told_of_money(desk) == ["spend_limit_near"]


async def test_without_the_cap_nobody_is_told_anything() -> None:
    async with standing() as desk:
        desk.calls.spent_today.stored(10**15)
        await desk.works()
        assert told_of_money(desk) == []
        call_sid = new_call_sid()
        await desk.token(call_sid)
        desk.bridge(call_sid).shutdown("drained")


# ---- prices ----


def test_the_prices_of_the_chosen_models_reach_the_call() -> None:
    env = {"BOT_MAX_CALL_USD": "0.1", "BOT_MAX_DAILY_USD": "0.3", "BOT_TWILIO_USD_PER_MINUTE": "0.0125"}
    money = call_money(load_settings(env))
    assert money.model is not None
    assert (money.model.audio_out, money.transcription) != (0, None)
    assert (money.call_cap, money.daily_cap, money.line_minute) == (100_000_000, 300_000_000, 12_500_000)
    assert call_money(load_settings({"BOT_TRANSCRIPTION_MODEL": "off"})).transcription is None


def test_an_operator_s_prices_go_before_ours(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"realtime": {"mine": {"text_in": 1, "text_out": 1, "audio_in": 1, "audio_out": 1}}}')
    settings = load_settings({"BOT_PRICES": str(path), "OPENAI_REALTIME_MODEL": "mine"})
    assert call_money(settings).model == PerToken(1_000, 1_000, 1_000, 1_000, 1_000, 1_000)
    assert price_lines(settings) == [
        "Prices are of 2026-11-22; BOT_PRICES comes before them.",
        "mine has a price.",
        "gpt-transcribe has a price.",
    ]


def test_what_has_no_price_is_named_and_is_a_warning_where_a_cap_relies_on_it() -> None:
    env = {"OPENAI_REALTIME_MODEL": "gpt-9", "BOT_TRANSCRIPTION_MODEL": "whisper-1"}
    settings = load_settings(env)
    assert unpriced(settings) == ["gpt-9", "whisper-1"]
    assert price_lines(settings)[1:] == [
        f"{model} has no price: what it costs counts as nothing. BOT_PRICES can give one."
        for model in unpriced(settings)
    ]
    assert half_blind(settings) == []
    capped = load_settings({**env, "BOT_MAX_CALL_USD": "1", "BOT_MAX_DAILY_USD": "1"})
    assert half_blind(capped) == [
        f"BOT_MAX_CALL_USD and BOT_MAX_DAILY_USD can't count what {model} costs: it has no price."
        for model in ("gpt-9", "whisper-1")
    ]
    assert half_blind(load_settings({"BOT_MAX_DAILY_USD": "1"})) == []


async def test_it_is_in_the_log_of_the_start() -> None:
    async with standing(OPENAI_REALTIME_MODEL="gpt-realtime-9", BOT_MAX_CALL_USD="1") as desk:
        (entry,) = desk.logged("no_price")
        assert entry["why"] == "BOT_MAX_CALL_USD can't count what gpt-realtime-9 costs: it has no price."


async def test_a_wrong_price_file_keeps_the_server_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"realtime": 3}')
    with pytest.raises(BadPrices, match="realtime must be an object of models"):
        async with standing(BOT_PRICES=str(path)):
            pass
