"""What `bot check` knows before the first call of webhooks and results: the URL, the secret, the schema, the model."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.config import load_settings, missing_for_call, warnings_about
from bot.doctor.check import examine
from bot.doctor.readiness import Judgement, judge
from tests.doctor.test_readiness import REAL

TODAY = date(2026, 11, 28)
CLOSED = '{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}'
LOOSE = '{"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}'


def judged(tmp_path: Path, schema: str, **environ: str) -> Judgement:
    path = tmp_path / "schema.json"
    path.write_text(schema)
    return judge(load_settings({**REAL, "BOT_RESULT_SCHEMA": str(path), **environ}))


def of_results(sentences: list[str]) -> list[str]:
    return [told for told in sentences if "BOT_RESULT" in told]


def test_a_schema_a_model_can_be_held_to_is_nothing_to_tell(tmp_path: Path) -> None:
    found = judged(tmp_path, CLOSED)
    assert found.ready
    assert of_results(found.warnings) == []


def test_a_schema_it_can_not_be_held_to_is_a_warning_that_says_where(tmp_path: Path) -> None:
    found = judged(tmp_path, LOOSE)
    assert found.ready
    (told,) = of_results(found.warnings)
    assert "a at its top is not required (give it the type null besides its own, and require it)" in told


@pytest.mark.parametrize("schema", ["{", "[]", '{"type": "object", "properties": {"a": {"type": "words"}}}'])
def test_a_schema_that_is_none_keeps_the_bot_from_starting(tmp_path: Path, schema: str) -> None:
    found = judged(tmp_path, schema)
    (told,) = of_results(found.problems)
    assert str(tmp_path / "schema.json") in told


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (
            {"OPENAI_REALTIME_URL": "ws://127.0.0.1:9/talk"},
            "BOT_RESULT_URL is not set, and OPENAI_REALTIME_URL does not",
        ),
        ({"BOT_RESULT_MODEL": "gpt-realtime-2.1"}, "BOT_RESULT_MODEL is gpt-realtime-2.1, which answers no text"),
        ({"BOT_RESULT_MODEL": "whisper-1"}, "BOT_RESULT_MODEL is whisper-1, which answers no text"),
        (
            {"BOT_DIALECT": "azure"},
            "BOT_RESULT_MODEL is not set: name a text model of your own, as BOT_DIALECT is azure",
        ),
    ],
)
def test_a_model_that_will_not_answer_keeps_the_bot_from_starting(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    (found,) = of_results(judged(tmp_path, CLOSED, **environ).missing)
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("url", "dialect", "asked"),
    [
        ("wss://api.openai.com/v1/realtime", "openai", "https://api.openai.com/v1/responses"),
        ("wss://r.openai.azure.com/openai/v1/realtime", "azure", "https://r.openai.azure.com/openai/v1/responses"),
        ("wss://api.x.ai/v1/realtime", "xai", "https://api.x.ai/v1/responses"),
        ("ws://127.0.0.1:9/v1/realtime", "openai", "http://127.0.0.1:9/v1/responses"),
        ("wss://gateway.operator.net/talk", "openai", ""),
    ],
)
def test_the_responses_api_is_beside_the_realtime_one(url: str, dialect: str, asked: str) -> None:
    environ = {"OPENAI_REALTIME_URL": url, "BOT_DIALECT": dialect}
    assert load_settings(environ).responses_url == asked
    own = "https://gateway.operator.net/v1/responses"
    assert load_settings({**environ, "BOT_RESULT_URL": own}).responses_url == own


def test_a_model_that_is_shut_down_or_will_be_is_told_only_where_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(CLOSED)
    soon = {**REAL, "BOT_RESULT_SCHEMA": str(path), "BOT_RESULT_MODEL": "gpt-4.1-mini-2025-04-14"}
    (told,) = of_results(warnings_about(load_settings(soon), TODAY))
    assert told == (
        "BOT_RESULT_MODEL is gpt-4.1-mini-2025-04-14, which OpenAI shuts down on 2027-01-14; change to gpt-5.6-luna before."
    )
    (over,) = of_results(missing_for_call(load_settings(soon), date(2027, 1, 14)))
    assert over == "BOT_RESULT_MODEL is gpt-4.1-mini-2025-04-14, which OpenAI retired on 2027-01-14: set gpt-5.6-luna."
    del soon["BOT_RESULT_SCHEMA"]
    assert of_results(warnings_about(load_settings(soon), TODAY)) == [
        "BOT_RESULT_MODEL has no effect: BOT_RESULT_SCHEMA is not set."
    ]


def test_a_text_model_without_a_price_is_told_and_a_cap_that_can_not_see_it(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(CLOSED)
    environ = {**REAL, "BOT_RESULT_SCHEMA": str(path), "BOT_MAX_DAILY_USD": "10"}
    assert "gpt-5.6-luna has a price." in examine(load_settings(environ)).fine
    report = examine(load_settings({**environ, "BOT_RESULT_MODEL": "my-own"}))
    assert any(told.startswith("my-own has no price") for told in report.fine)
    assert "BOT_MAX_DAILY_USD can't count what my-own costs: it has no price." in report.judged.warnings


def test_the_address_of_an_example_is_a_warning() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    environ = {**REAL, "BOT_WEBHOOK_URL": "https://example.com/hooks", "BOT_WEBHOOK_SECRET": secret}
    assert "BOT_WEBHOOK_URL is the address of an example: put in that of your own server." in warnings_about(
        load_settings(environ)
    )
