"""Models told by the whole of a name, and what follows from that at each place that asks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.config import load_settings, missing_for_call, warnings_about, warnings_about_the_model
from bot.models import OPENAI, XAI, family, takes_reasoning
from bot.realtime.prices import load
from bot.realtime.session import SessionSettings, session_object
from bot.server.setup.call_settings import session_settings
from tests.config.test_loading import AZURE, REAL, XAI_URL

TODAY = date(2026, 11, 28)
TALKING = [
    name for name, known in OPENAI.items() if known.does == "talks" and (known.shutdown or "9") > TODAY.isoformat()
]
RETIRED = {"gpt-4o-realtime-preview": "2026-05-12", "gpt-4o-mini-realtime-preview-2024-12-17": "2026-05-12"}
ENDING = {
    "gpt-realtime": "2027-01-20",
    "gpt-realtime-2025-08-28": "2027-01-20",
    "gpt-realtime-mini": "2027-01-20",
    "gpt-realtime-mini-2025-12-15": "2027-01-20",
}
ENDING_WRITERS = dict.fromkeys(
    ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-transcribe-diarize"), "2027-02-26"
)
SILENT = [name for name, known in OPENAI.items() if known.does == "neither"]
WRITING = [name for name, known in OPENAI.items() if known.does == "writes"]
STRANGERS = [
    "gpt-realtime-3",
    "gpt-realtime-2.2",
    "gpt-realtime-20",
    "gpt-realtime-2-turbo",
    "gpt-realtime-2025",
    "my-bot",
    "",
]


@pytest.mark.parametrize("name", [*OPENAI, *XAI])
@pytest.mark.parametrize("day", ["-2025-08-28", "-2027-01-01", "-2126-12-31"])
def test_a_dated_snapshot_is_of_its_family(name: str, day: str) -> None:
    assert family(name + day) is family(name) is not None


@pytest.mark.parametrize("name", STRANGERS)
def test_a_name_that_begins_like_a_model_is_not_one(name: str) -> None:
    assert family(name) is None
    assert not takes_reasoning(name)


@pytest.mark.parametrize("day", ["", "-2025-08-28", "-2026-05-07"])
@pytest.mark.parametrize("name", TALKING)
def test_a_model_is_sent_an_effort_if_its_family_takes_one_and_costs_what_that_costs(name: str, day: str) -> None:
    reasons = name in {"gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini"}
    session = session_object(SessionSettings(model=name + day, reasoning_effort="low"), server_owns_turns=True)
    assert ("reasoning" in session) is reasons
    assert load().model(name + day) == load().model(name) is not None
    told = warnings_about(load_settings({**REAL, "OPENAI_REALTIME_MODEL": name + day, "BOT_REASONING_EFFORT": "low"}))
    assert (f"BOT_REASONING_EFFORT has no effect: {name}{day} does not take it." in told) is not reasons


def test_a_dated_gpt_realtime_is_not_taken_for_a_gpt_realtime_2() -> None:
    """Its session.update was refused for `reasoning`, and every call lost."""
    settings = load_settings({**REAL, "OPENAI_REALTIME_MODEL": "gpt-realtime-2025-08-28"})
    assert "reasoning" not in session_object(session_settings(settings), server_owns_turns=True)
    assert missing_for_call(settings, TODAY) == []


@pytest.mark.parametrize("name", STRANGERS[:-1])
def test_of_a_model_that_is_not_known_an_effort_that_was_chosen_is_pointed_out(name: str) -> None:
    told = warnings_about(load_settings({**REAL, "OPENAI_REALTIME_MODEL": name, "BOT_REASONING_EFFORT": "low"}))
    assert told == [f"BOT_REASONING_EFFORT has no effect: {name} is not known to take it."]


@pytest.mark.parametrize(
    ("setting", "name", "day"),
    [
        *(("OPENAI_REALTIME_MODEL", *one) for one in {**ENDING, **RETIRED}.items()),
        *(("BOT_TRANSCRIPTION_MODEL", *one) for one in ENDING_WRITERS.items()),
    ],
)
def test_a_model_with_a_last_day_is_a_warning_before_it_and_no_call_works_from_then_on(
    setting: str, name: str, day: str
) -> None:
    settings, last = load_settings({**REAL, setting: name}), date.fromisoformat(day) - timedelta(days=1)
    (warning,) = warnings_about(settings, last)
    assert warning.startswith(f"{setting} is {name}, which OpenAI shuts down on {day}; change to gpt-")
    assert missing_for_call(settings, last) == []
    for today in (last + timedelta(days=1), last + timedelta(days=900)):
        (missing,) = missing_for_call(settings, today)
        assert missing.startswith(f"{setting} is {name}, which OpenAI retired on {day}: set gpt-")
        assert warnings_about(settings, today) == []


@pytest.mark.parametrize("name", [*ENDING, *RETIRED])
def test_the_deployments_of_azure_live_by_another_calendar(name: str) -> None:
    deployed = load_settings({**AZURE, "OPENAI_REALTIME_MODEL": name, "BOT_TRANSCRIPTION_MODEL": "off"})
    assert warnings_about(deployed) == missing_for_call(deployed) == []


def test_without_a_day_that_of_the_machine_is_meant() -> None:
    """No machine's calendar is before the end of the previews."""
    settings = load_settings({**REAL, "OPENAI_REALTIME_MODEL": "gpt-4o-realtime-preview"})
    assert [one.split()[0] for one in missing_for_call(settings)] == ["OPENAI_REALTIME_MODEL"]


@pytest.mark.parametrize(
    "name", [*WRITING, *SILENT, "grok-voice-latest", "gpt-transcribe-2026-07-01", "gpt-4o-2024-08-06"]
)
def test_a_model_that_can_not_talk_there_is_named_before_the_first_call(name: str) -> None:
    assert missing_for_call(load_settings({**REAL, "OPENAI_REALTIME_MODEL": name}), TODAY) == [
        f"OPENAI_REALTIME_MODEL is {name}, which does not talk in a Realtime session: set gpt-realtime-2.1."
    ]


@pytest.mark.parametrize("name", [*TALKING, "gpt-realtime-translate", "grok-transcribe"])
def test_a_model_that_can_not_write_down_is_named_before_the_first_call(name: str) -> None:
    assert missing_for_call(load_settings({**REAL, "BOT_TRANSCRIPTION_MODEL": name}), TODAY) == [
        f"BOT_TRANSCRIPTION_MODEL is {name}, which does not write down speech: set gpt-transcribe."
    ]


@pytest.mark.parametrize("name", [*OPENAI, "grok-transcribe", "gpt-realtime-2025-08-28"])
def test_with_xai_only_one_of_its_talking_models_will_do(name: str) -> None:
    given = {**REAL, "BOT_DIALECT": "xai", "OPENAI_REALTIME_URL": XAI_URL, "OPENAI_REALTIME_MODEL": name}
    (told,) = missing_for_call(load_settings(given))
    assert told.startswith(f"OPENAI_REALTIME_MODEL is {name}: set one of xAI's")


@pytest.mark.parametrize("given", [{}, {"BOT_TRANSCRIPTION_MODEL": "gpt-realtime-whisper"}])
def test_with_azure_a_transcription_model_wants_a_deployment_of_its_name(given: dict[str, str]) -> None:
    settings = load_settings({**AZURE, **given})
    name = settings.transcription_model
    (told,) = warnings_about_the_model(settings)
    assert told.startswith(f"BOT_TRANSCRIPTION_MODEL is {name}: Azure writes down no turn unless a deployment has")
    assert warnings_about(settings) == [told]
