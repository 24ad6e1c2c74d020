"""Settings: what is taken, what is refused and in which words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import (
    Settings,
    SettingsError,
    effective,
    env_example,
    load_settings,
    missing_for_call,
    read_env_file,
    settings_table,
    warnings_about,
)
from bot.config.settings_table import variables
from bot.docs import source
from bot.realtime.session import takes_reasoning

ROOT = Path(__file__).parents[2]
KEY = "sk-proj-0123456789abcdefghij"
TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
OLD_TOKEN = "fedcba9876543210fedcba9876543210"
ADMIN = "let-me-watch-all-of-it"
API_SECRET = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PASSWORD = "correct-horse"
DATABASE = f"postgres://bot:{PASSWORD}@db.example.com/calls?sslmode=require"
HOOK_KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PII_KEY = "0123456789abcdef" * 4
SID = "AC0123456789abcdef0123456789abcdef"
REAL = {
    "OPENAI_API_KEY": KEY,
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "PUBLIC_URL": "https://bot.heardline.dev",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = load_settings({})
    assert settings.openai_realtime_url == "wss://api.openai.com/v1/realtime"
    assert settings.openai_realtime_model == "gpt-realtime-2.1"
    assert (settings.voice, settings.reasoning_effort, settings.barge_in) == ("marin", "minimal", "on")
    assert (settings.max_calls, settings.max_call_s, settings.idle_s, settings.response_s) == (100, 3600, 30, 8)
    assert (settings.max_lag_ms, settings.no_progress_s, settings.calls_per_number, settings.calls_per_minute) == (
        100,
        300,
        0,
        0,
    )
    assert (settings.allow_callers, settings.deny_callers, settings.overflow_url) == ((), (), "")
    assert (settings.speed, settings.max_output_tokens, settings.language) == (None, None, "")
    assert (settings.record, settings.twiml_dir, settings.record_dir) == ((), None, Path("recordings"))
    assert settings.transcription_model == "gpt-transcribe"
    assert settings.secrets == settings.auth_tokens == ()
    assert warnings_about(settings) == []


def test_every_setting_is_read_from_its_variable(tmp_path: Path) -> None:
    recording = tmp_path / "greeting.wav"
    recording.touch()
    servers = tmp_path / "servers.toml"
    servers.write_text('[library]\nurl = "https://mcp.operator.net/mcp"\n')
    destinations = tmp_path / "transfer.toml"
    destinations.write_text('[sales]\nnumber = "+15555550124"\n')
    given = {
        **REAL,
        "OPENAI_REALTIME_URL": "ws://127.0.0.1:9000/v1/realtime",
        "OPENAI_REALTIME_MODEL": "gpt-realtime-2.1-mini",
        "BOT_DIALECT": "azure",
        "BOT_MODEL_AUDIO": "pcm",
        "TWILIO_AUTH_TOKEN": f"{TOKEN}, {OLD_TOKEN}",
        "TWILIO_API_KEY": "SK0123456789abcdef0123456789abcdef",
        "TWILIO_API_SECRET": API_SECRET,
        "TWILIO_API_URL": "https://api.dublin.ie1.twilio.com/",
        "PUBLIC_URL": "https://bot.example.com/one/",
        "HOST": "::1",
        "PORT": "9999",
        "WEB_CONCURRENCY": "3",
        "DATABASE_URL": DATABASE,
        "BOT_PII_KEY": PII_KEY,
        "BOT_KEEP_RECORDINGS_DAYS": "7",
        "BOT_KEEP_FIXTURES_DAYS": "8",
        "BOT_KEEP_TRANSCRIPTS_DAYS": "9",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "console",
        "ADMIN_TOKEN": ADMIN,
        "BOT_INSTRUCTIONS": "Be brief.\nBe kind.",
        "BOT_GREETING": "Good morning.",
        "BOT_GREETING_AUDIO": str(recording),
        "BOT_ANNOUNCEMENT": "This call is recorded.",
        "BOT_ANNOUNCEMENT_AUDIO": str(recording),
        "BOT_VOICE": "voice_abc-1",
        "BOT_SPEED": "1.2",
        "BOT_LANGUAGE": "de",
        "BOT_REASONING_EFFORT": "xhigh",
        "BOT_MAX_OUTPUT_TOKENS": "4096",
        "BOT_TRANSCRIPTION_MODEL": "gpt-live-transcribe",
        "BOT_NOISE_REDUCTION": "near_field",
        "BOT_TURN_DETECTION": "semantic_vad",
        "BOT_VAD_THRESHOLD": "0.9",
        "BOT_VAD_SILENCE_MS": "700",
        "BOT_VAD_PREFIX_MS": "200",
        "BOT_VAD_EAGERNESS": "high",
        "BOT_BARGE_IN": "after_greeting",
        "BOT_KEYPAD_PAUSE_SECONDS": "1.5",
        "BOT_KEYPAD_SECONDS": "20",
        "BOT_KEYPAD_DIGITS": "16",
        "BOT_KEYPAD_FINISH": "off",
        "BOT_KEYPAD_SHORTCUTS": "0=transfer:reception",
        "BOT_SEND_DIGITS": "on",
        "BOT_MAX_CALLS": "7",
        "BOT_OVERFLOW_URL": "https://elsewhere.example.com/busy",
        "BOT_MAX_LAG_MS": "50",
        "BOT_CALLS_PER_NUMBER": "2",
        "BOT_CALLS_PER_MINUTE": "5",
        "BOT_ALLOW_CALLERS": "+49, +1 (555) 010-0",
        "BOT_DENY_CALLERS": "+1900,withheld",
        "BOT_WARM_SESSIONS": "2",
        "BOT_DRAIN_SECONDS": "9",
        "BOT_MAX_CALL_SECONDS": "600",
        "BOT_MAX_CALL_USD": "0.50",
        "BOT_MAX_DAILY_USD": "20",
        "BOT_TWILIO_USD_PER_MINUTE": "0.0125",
        "BOT_PRICES": str(recording),
        "BOT_IDLE_SECONDS": "45",
        "BOT_NO_PROGRESS_SECONDS": "120",
        "BOT_RESPONSE_SECONDS": "4.5",
        "BOT_FILLER_SECONDS": "1.5",
        "BOT_FILLER_FILE": str(recording),
        "BOT_DIAL_FROM": "+12025550100",
        "BOT_DIAL_ALLOW": "+1202, +49",
        "BOT_DIAL_HOURS": "09:00-20:00",
        "BOT_DIAL_PER_NUMBER": "2",
        "BOT_DIAL_PER_DAY": "50",
        "BOT_DIAL_RING_SECONDS": "25",
        "BOT_DIAL_NAME": "Acme Dental",
        "BOT_DIAL_GREETING": "Hello, this is Acme.",
        "BOT_DIAL_MESSAGE": "Please call us back.",
        "BOT_DIAL_DETECTION": "off",
        "BOT_DIAL_USD_PER_MINUTE": "0.014",
        "BOT_SMS_FROM": "+12025550100",
        "BOT_SMS_ALLOW": "caller, +49",
        "BOT_SMS_MAX_CHARS": "160",
        "BOT_FALLBACK": "+15555550123",
        "BOT_TRANSFER": str(destinations),
        "BOT_TRANSFER_NUMBERS": "service=+15555550125",
        "BOT_TRANSFER_CHECK_URL": "https://hooks.operator.net/free",
        "BOT_WEBHOOK_URL": "https://hooks.operator.net/calls",
        "BOT_WEBHOOK_SECRET": f"whsec_{HOOK_KEY}",
        "BOT_LOOKUP_URL": "https://hooks.operator.net/lookup",
        "BOT_PROFILES": str(recording),
        "BOT_RESULT_SCHEMA": str(recording),
        "BOT_RESULT_MODEL": "gpt-6-luna",
        "BOT_RESULT_URL": "https://gateway.operator.net/v1/responses",
        "BOT_TOOLS": "shop.tools",
        "BOT_TOOLS_URL": "https://tools.operator.net/heardline",
        "BOT_MCP": str(servers),
        "BOT_RECORD": "fixture",
        "BOT_RECORD_DIR": str(tmp_path / "calls"),
        "BOT_TWIML_DIR": str(tmp_path),
    }
    assert given.keys() == variables().keys()
    settings = load_settings(given)
    assert settings.auth_tokens == (TOKEN, OLD_TOKEN)
    assert settings.secrets == (KEY, TOKEN, OLD_TOKEN, API_SECRET, ADMIN, PASSWORD, PII_KEY, HOOK_KEY)
    assert settings.public_url == "https://bot.example.com/one"
    default = load_settings({})
    same = {name for name in Settings.model_fields if getattr(settings, name) == getattr(default, name)}
    assert same == set()
    assert {shown.source for shown in effective(settings)} == {"environment"}


@pytest.mark.parametrize("name", variables())
@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_an_empty_value_is_an_unset_one(name: str, blank: str) -> None:
    assert load_settings({name: blank}) == load_settings({})


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("PORT", " 80 ", "port", 80),
        ("BOT_GREETING", "off", "greeting", ""),
        ("BOT_TRANSCRIPTION_MODEL", "OFF", "transcription_model", ""),
        ("BOT_NOISE_REDUCTION", "off", "noise_reduction", ""),
        ("BOT_MAX_OUTPUT_TOKENS", "inf", "max_output_tokens", None),
        ("BOT_RECORD", " fixture ,", "record", ("fixture",)),
        ("BOT_RECORD", "audio,fixture", "record", ("audio", "fixture")),
        ("BOT_SPEED", "0.25", "speed", 0.25),
        ("PUBLIC_URL", "http://localhost:8080", "public_url", "http://localhost:8080"),
        ("PUBLIC_URL", "http://[::1]:8080/a", "public_url", "http://[::1]:8080/a"),
        ("PUBLIC_URL", "https://bot.example.com:8443/a/b%20c/", "public_url", "https://bot.example.com:8443/a/b%20c"),
        ("OPENAI_REALTIME_MODEL", "gpt-realtime", "openai_realtime_model", "gpt-realtime"),
        ("BOT_DIALECT", "xai", "dialect", "xai"),
        ("BOT_MODEL_AUDIO", "pcma", "model_audio", "pcma"),
    ],
)
def test_spellings_that_are_taken(name: str, text: str, field: str, value: object) -> None:
    assert getattr(load_settings({name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("PORT", "eighty", "PORT must be a number from 1 to 65535, not 'eighty'."),
        ("PORT", "0", "PORT must be a number from 1 to 65535, not '0'."),
        ("PORT", "65536", "PORT must be a number from 1 to 65535, not '65536'."),
        ("LOG_LEVEL", "trace", "LOG_LEVEL must be one of debug, info, warning, error, not 'trace'."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of json, console, not 'xml'."),
        ("HOST", "a\nb", "HOST must be one line without control characters."),
        ("BOT_SPEED", "1.6", "BOT_SPEED must be a number from 0.25 to 1.5, not '1.6'."),
        ("BOT_SPEED", "0.2", "BOT_SPEED must be a number from 0.25 to 1.5, not '0.2'."),
        ("BOT_SPEED", "nan", "BOT_SPEED must be a number from 0.25 to 1.5, not 'nan'."),
        ("BOT_MAX_CALL_USD", "-1", "BOT_MAX_CALL_USD must be a number of US dollars from 0 to 1000000, not '-1'."),
        ("BOT_MAX_DAILY_USD", "$5", "BOT_MAX_DAILY_USD must be a number of US dollars from 0 to 1000000, not '$5'."),
        ("BOT_MAX_DAILY_USD", "nan", "BOT_MAX_DAILY_USD must be a number of US dollars from 0 to 1000000, not 'nan'."),
        (
            "BOT_TWILIO_USD_PER_MINUTE",
            "0.0000000001",
            "BOT_TWILIO_USD_PER_MINUTE must be a number of US dollars from 0 to 1000000, not '0.0000000001'.",
        ),
        (
            "BOT_PRICES",
            "/nowhere.json",
            "BOT_PRICES must be a file that exists; put it there, or mend the path (looked at /nowhere.json).",
        ),
        *(
            (
                "BOT_FALLBACK",
                wrong,
                "BOT_FALLBACK must be apology, voicemail, or a telephone number in full, such as +15555550123.",
            )
            for wrong in ("Apology", "5555550123", "+0155555501", "+123456", "+1555555012345678", "+1 555 555 0123")
        ),
        ("BOT_LANGUAGE", "EN", "BOT_LANGUAGE must be two small letters (ISO 639-1), such as en, not 'EN'."),
        ("BOT_MAX_OUTPUT_TOKENS", "4097", "BOT_MAX_OUTPUT_TOKENS must be a number from 1 to 4096, or inf, not '4097'."),
        ("BOT_VAD_THRESHOLD", "1.1", "BOT_VAD_THRESHOLD must be a number from 0 to 1, not '1.1'."),
        ("BOT_VAD_SILENCE_MS", "-1", "BOT_VAD_SILENCE_MS must be a number from 0 to 10000, not '-1'."),
        ("BOT_BARGE_IN", "yes", "BOT_BARGE_IN must be one of on, after_greeting, off, not 'yes'."),
        ("BOT_MAX_CALLS", "0", "BOT_MAX_CALLS must be a number from 1 to 100000, not '0'."),
        ("BOT_MAX_LAG_MS", "-1", "BOT_MAX_LAG_MS must be a number from 0 to 10000, not '-1'."),
        ("BOT_CALLS_PER_NUMBER", "-1", "BOT_CALLS_PER_NUMBER must be a number from 0 to 100000, not '-1'."),
        (
            "BOT_DENY_CALLERS",
            "+49,0049",
            "BOT_DENY_CALLERS must hold numbers or beginnings of numbers with their country code, such as +49 or +15550100, or withheld; mend entry 2 of the list.",
        ),
        (
            "BOT_OVERFLOW_URL",
            "http://elsewhere.example.com/",
            "BOT_OVERFLOW_URL must start with https:// (http:// is for loopback only).",
        ),
        ("BOT_MAX_CALL_SECONDS", "14401", "BOT_MAX_CALL_SECONDS must be a number from 1 to 14400, not '14401'."),
        (
            "BOT_RECORD",
            "fixture,video",
            "BOT_RECORD must be fixture, audio, both with a comma between them, or empty, not 'fixture,video'.",
        ),
        ("BOT_TURN_DETECTION", "none", "BOT_TURN_DETECTION must be one of server_vad, semantic_vad, not 'none'."),
        (
            "OPENAI_REALTIME_MODEL",
            "gpt realtime",
            "OPENAI_REALTIME_MODEL must be the name of a model: letters, digits, dots, colons and dashes.",
        ),
        (
            "BOT_VOICE",
            "Marine",
            "BOT_VOICE must be one of alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin, cedar, or the id of a custom voice (voice_...); the nearest is marin.",
        ),
        ("BOT_DIALECT", "google", "BOT_DIALECT must be one of openai, azure, xai, not 'google'."),
        ("BOT_MODEL_AUDIO", "opus", "BOT_MODEL_AUDIO must be one of pcmu, pcma, pcm, not 'opus'."),
        (
            "TWILIO_ACCOUNT_SID",
            "SK0123456789abcdef0123456789abcdef",
            "TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits; copy the Account SID from the Twilio console.",
        ),
        (
            "BOT_TWIML_DIR",
            "/does/not/exist",
            "BOT_TWIML_DIR must be a directory that exists; make it, or mend the path (looked at /does/not/exist).",
        ),
        (
            "BOT_RECORD_DIR",
            __file__,
            "BOT_RECORD_DIR must be a directory, or a path where one can be made; a file is in its place.",
        ),
        ("BOT_VOCE", "ash", "BOT_VOCE is no setting; rename it to BOT_VOICE, the nearest there is, or unset it."),
        ("BOT_X", "", "BOT_X is no setting; unset it (`bot check` lists those there are)."),
        (
            "BOT_INSTRUCTION_FILE",
            "x",
            "BOT_INSTRUCTION_FILE is no setting; rename it to BOT_INSTRUCTIONS_FILE, the nearest there is, or unset it.",
        ),
        (
            "BOT_GREETING_FILE",
            "x",
            "BOT_GREETING_FILE is no setting; rename it to BOT_GREETING, the nearest there is, or unset it.",
        ),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_with_its_mend(name: str, text: str, problem: str) -> None:
    assert problems({name: text}) == [problem]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("bot.example.com", "must be an absolute URL that starts with https://"),
        ("ftp://bot.example.com", "must be an absolute URL that starts with https://"),
        ("https://", "must be an absolute URL that starts with https://"),
        ("https:///voice", "must be an absolute URL that starts with https://"),
        ("http://bot.example.com", "must start with https:// (http:// is for loopback only)"),
        ("http://127.0.0.1.example.com", "must start with https:// (http:// is for loopback only)"),
        ("http://192.168.1.2", "must start with https:// (http:// is for loopback only)"),
        ("https://me:pw@bot.example.com", "must not hold a user name or password; take away what stands before the @"),
        ("https://bot.example.com?x=1", "must end with its path; take away the query or fragment"),
        ("https://bot.example.com/#rc=2", "must end with its path; take away the query or fragment"),
        ("https://bot.example.com/?", "must end with its path; take away the query or fragment"),
        ("https://bot.example.com:99999", "must have a valid host, and a port from 1 to 65535 if any"),
        ("https://bot.example.com:x", "must have a valid host, and a port from 1 to 65535 if any"),
        ("https://[::1", "must have a valid host, and a port from 1 to 65535 if any"),
        ("https://bot.example.com:0", "must have a port from 1 to 65535, or none"),
        ("https://bot.example.com:/", "must have a port from 1 to 65535, or none"),
        ("https://bot.example.com/a b", "must hold only characters that a URL may have; percent-encode the others"),
        ("https://bücher.example", "must hold only characters that a URL may have; percent-encode the others"),
        ('https://bot.example.com/"a', "must hold only characters that a URL may have; percent-encode the others"),
        ("https://bot.example.com/a//b", "must have a plain path prefix, without //, /./ or /../"),
        ("https://bot.example.com/../b", "must have a plain path prefix, without //, /./ or /../"),
        (
            "https://my_bot.example.com",
            "must have no underscore in its host name: Twilio refuses such names (twilio-voice.md, 1.6)",
        ),
    ],
)
def test_a_public_url_that_twilio_could_not_use_is_refused(url: str, why: str) -> None:
    assert problems({"PUBLIC_URL": url}) == [f"PUBLIC_URL {why}."]


@pytest.mark.parametrize("url", ["https://api.openai.com/v1/realtime", "ws://sim.example/v1", "wss://h/v1?model=x"])
def test_a_realtime_url_is_wss_without_a_query(url: str) -> None:
    assert len(problems({"OPENAI_REALTIME_URL": url})) == 1


@given(st.text(max_size=60))
def test_any_public_url_is_taken_or_refused_and_nothing_else(text: str) -> None:
    try:
        taken = load_settings({"PUBLIC_URL": text}).public_url
    except SettingsError as error:
        taken, told = None, error.problems
    assert taken == text.strip().rstrip("/") if taken is not None else len(told) == 1


def test_all_problems_come_at_once_in_the_order_of_the_table() -> None:
    found = problems({"BOT_NONE": "1", "BOT_SPEED": "x", "PORT": "x", "OPENAI_API_KEY": "a b", "BOT_ALSO": "1"})
    assert [one.split()[0] for one in found] == ["OPENAI_API_KEY", "PORT", "BOT_SPEED", "BOT_ALSO", "BOT_NONE"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OPENAI_API_KEY", KEY + " two"),
        ("OPENAI_API_KEY", KEY + "\u00e9"),
        ("TWILIO_AUTH_TOKEN", f"{TOKEN},{OLD_TOKEN},{TOKEN}"),
        ("TWILIO_AUTH_TOKEN", f"{TOKEN},"),
        ("TWILIO_AUTH_TOKEN", f"{TOKEN} {OLD_TOKEN}"),
        ("PORT", KEY),
        ("BOT_SPEED", TOKEN),
        ("BOT_LANGUAGE", f"{TOKEN}{OLD_TOKEN}"),
        ("BOT_VOICE", KEY),
        ("PUBLIC_URL", f"https://me:{TOKEN}@h.example"),
        ("TWILIO_ACCOUNT_SID", TOKEN),
        ("BOT_TWIML_DIR", TOKEN),
        ("DATABASE_URL", f"mysql://bot:{TOKEN}@db.example.com/calls"),
        ("DATABASE_URL", f"postgres://bot:{TOKEN}@db.example.com/calls?{TOKEN}=1"),
        ("DATABASE_URL", f"postgres://bot:a#{TOKEN}@db.example.com/calls"),
        ("BOT_PII_KEY", TOKEN),
    ],
)
def test_no_problem_repeats_a_secret_even_one_in_the_wrong_place(name: str, text: str) -> None:
    told = "\n".join(problems({"OPENAI_API_KEY": KEY, "TWILIO_AUTH_TOKEN": TOKEN, name: text}))
    assert name in told
    assert not any(secret in told for secret in (KEY, TOKEN, OLD_TOKEN))


def test_an_api_key_in_the_wrong_place_is_not_repeated_when_it_is_nowhere_else() -> None:
    assert problems({"PORT": KEY}) == ["PORT must be a number from 1 to 65535."]


def test_neither_the_settings_nor_what_is_shown_of_them_holds_a_secret() -> None:
    settings = load_settings({**REAL, "TWILIO_AUTH_TOKEN": f"{TOKEN},{OLD_TOKEN}"})
    told = f"{settings!r} {settings} {effective(settings)} {settings.model_dump()}"
    assert not any(secret in told for secret in (KEY, TOKEN, OLD_TOKEN))
    shown = {line.name: line.value for line in effective(settings)}
    assert shown["OPENAI_API_KEY"] == f"***{KEY[-4:]}"
    assert shown["TWILIO_AUTH_TOKEN"] == f"***{TOKEN[-4:]}, ***{OLD_TOKEN[-4:]}"


@pytest.mark.parametrize(("secret", "shown"), [("a" * 15, "***"), ("a" * 12 + "wxyz", "***wxyz")])
def test_of_a_short_secret_not_even_the_end_is_shown(secret: str, shown: str) -> None:
    assert effective(load_settings({"OPENAI_API_KEY": secret}))[0].value == shown


def test_of_the_database_no_part_is_shown_since_a_password_may_be_anywhere_in_it() -> None:
    shown = {line.name: line.value for line in effective(load_settings({"DATABASE_URL": DATABASE}))}
    assert shown["DATABASE_URL"] == "***"


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"\ufeff{KEY}\r\n", encoding="utf-8")
    settings = load_settings({"OPENAI_API_KEY_FILE": str(file)})
    assert settings.openai_api_key.get_secret_value() == KEY
    assert effective(settings)[0] == ("OPENAI_API_KEY", f"***{KEY[-4:]}", f"file {file}")


def test_instructions_may_stand_in_a_file_of_several_lines(tmp_path: Path) -> None:
    file = tmp_path / "who.txt"
    file.write_text("Be brief.\n\nBe kind.\n")
    assert load_settings({"BOT_INSTRUCTIONS_FILE": str(file)}).instructions == "Be brief.\n\nBe kind."


@pytest.mark.parametrize(
    ("content", "why"),
    [(b" \n", "it is empty"), (b"\xe9t\xe9", "it is not UTF-8"), (b"x" * 1_000_001, "it is over a million bytes long")],
)
def test_a_file_that_cannot_be_used_is_named_by_its_variable(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    told = problems({"OPENAI_API_KEY_FILE": str(file)})
    assert told == [f"OPENAI_API_KEY_FILE names a file that cannot be used, {file} ({why}); mend it or the path."]


def test_a_file_that_is_not_there_is_named_by_its_variable() -> None:
    told = problems({"TWILIO_AUTH_TOKEN_FILE": "/does/not/exist"})
    assert told == [
        "TWILIO_AUTH_TOKEN_FILE names a file that cannot be used, /does/not/exist (No such file or directory); mend it or the path."
    ]


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "TWILIO_AUTH_TOKEN", "BOT_INSTRUCTIONS"])
def test_a_value_and_a_file_for_the_same_setting_are_one_too_many(name: str) -> None:
    told = problems({name: KEY, f"{name}_FILE": "/does/not/exist"})
    assert told == [f"{name} and {name}_FILE are both set; unset one of them."]


def test_the_environment_goes_before_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text('# mine\nexport BOT_VOICE=ash\nPORT=1234\nBOT_GREETING="Good day, $NAME"\nUNRELATED=1\n')
    settings = load_settings({"PORT": "4321"}, read_env_file(file))
    assert (settings.voice, settings.port, settings.greeting) == ("ash", 4321, "Good day, $NAME")
    sources = {shown.name: shown.source for shown in effective(settings)}
    assert (sources["BOT_VOICE"], sources["PORT"], sources["HOST"]) == ("env file", "environment", "default")


def test_an_env_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere of --env-file cannot be found"):
        read_env_file(tmp_path / "nowhere")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"binary of --env-file cannot be read"):
        read_env_file(binary)


@pytest.mark.parametrize("name", REAL)
def test_what_a_real_call_needs_is_named_when_it_is_missing(name: str) -> None:
    given = {key: value for key, value in REAL.items() if key != name}
    assert [one.split()[0] for one in missing_for_call(load_settings(given))] == [name]


def test_nothing_is_missing_when_all_four_are_there() -> None:
    assert missing_for_call(load_settings(REAL)) == []
    assert missing_for_call(load_settings({**REAL, "DATABASE_URL": "sqlite:///calls.sqlite"})) == []
    assert missing_for_call(load_settings({**REAL, "DATABASE_URL": DATABASE, "BOT_PII_KEY": PII_KEY})) == []
    assert warnings_about(load_settings(REAL)) == []


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        ({"OPENAI_REALTIME_MODEL": "gpt-realtime", "BOT_REASONING_EFFORT": ""}, "OPENAI_REALTIME_MODEL is gpt-realtime, which OpenAI shuts down on 2027-01-20; change to gpt-realtime-2.1 or gpt-realtime-2.1-mini before."),
        ({"BOT_TRANSCRIPTION_MODEL": "whisper-1"}, "BOT_TRANSCRIPTION_MODEL is whisper-1, which OpenAI shuts down on 2027-02-26; change to gpt-transcribe before."),
        ({"PUBLIC_URL": "http://localhost:8080"}, "PUBLIC_URL is on loopback: only a simulated phone on this machine can call it."),
        ({"PUBLIC_URL": "https://h.heardline.dev:8443"}, "PUBLIC_URL has a port: Twilio promises to open media streams on port 443 only."),
        ({"TWILIO_AUTH_TOKEN": "short"}, "TWILIO_AUTH_TOKEN is not 32 hexadecimal digits: an API key's secret cannot verify signatures."),
        ({"OPENAI_REALTIME_MODEL": "gpt-realtime-1.5", "BOT_REASONING_EFFORT": "low"}, "BOT_REASONING_EFFORT has no effect: gpt-realtime-1.5 does not take it."),
        ({"BOT_FILLER_FILE": __file__, "BOT_FILLER_SECONDS": "0"}, "BOT_FILLER_FILE has no effect: BOT_FILLER_SECONDS is 0."),
        ({"BOT_VAD_SILENCE_MS": "300", "BOT_TURN_DETECTION": "semantic_vad"}, "BOT_VAD_SILENCE_MS has no effect: BOT_TURN_DETECTION is not server_vad."),
        ({"BOT_VAD_EAGERNESS": "low"}, "BOT_VAD_EAGERNESS has no effect: BOT_TURN_DETECTION is not semantic_vad."),
        ({"BOT_RECORD_DIR": "calls", "DATABASE_URL": "sqlite:///a.db"}, "BOT_RECORD_DIR has no effect: BOT_RECORD is empty, and DATABASE_URL names another place for the calls."),
    ],
)  # fmt: skip
def test_a_setting_that_may_not_do_what_its_owner_thinks_is_pointed_out(environ: dict[str, str], warning: str) -> None:
    assert warnings_about(load_settings(environ), date(2026, 11, 28)) == [warning]


@pytest.mark.parametrize("model", ["gpt-realtime-2.1", "gpt-realtime-2", "gpt-realtime-1.5", "gpt-realtime"])
def test_the_advice_on_reasoning_agrees_with_what_is_sent(model: str) -> None:
    told = warnings_about(load_settings({"OPENAI_REALTIME_MODEL": model, "BOT_REASONING_EFFORT": "low"}))
    assert any("BOT_REASONING_EFFORT" in one for one in told) != takes_reasoning(model)


XAI_URL = "wss://api.x.ai/v1/realtime"
AZURE_URL = "wss://mine.openai.azure.com/openai/v1/realtime"
XAI = {**REAL, "BOT_DIALECT": "xai", "OPENAI_REALTIME_URL": XAI_URL, "OPENAI_REALTIME_MODEL": "grok-voice-latest"}
AZURE = {**REAL, "BOT_DIALECT": "azure", "OPENAI_REALTIME_URL": AZURE_URL, "OPENAI_REALTIME_MODEL": "my-deployment"}


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({**REAL, "BOT_DIALECT": "azure"}, "OPENAI_REALTIME_URL is OpenAI's, and BOT_DIALECT is azure: make it wss://RESOURCE.openai.azure.com/openai/v1/realtime or the like."),
        ({**XAI, "OPENAI_REALTIME_URL": ""}, "OPENAI_REALTIME_URL is OpenAI's, and BOT_DIALECT is xai: make it wss://api.x.ai/v1/realtime or the like."),
        ({**XAI, "OPENAI_REALTIME_URL": AZURE_URL}, "OPENAI_REALTIME_URL is Azure's, and BOT_DIALECT is xai: make it wss://api.x.ai/v1/realtime or the like."),
        ({**REAL, "OPENAI_REALTIME_URL": AZURE_URL}, "OPENAI_REALTIME_URL is Azure's: set BOT_DIALECT=azure."),
        ({**REAL, "OPENAI_REALTIME_URL": XAI_URL}, "OPENAI_REALTIME_URL is xAI's: set BOT_DIALECT=xai."),
        ({**AZURE, "OPENAI_REALTIME_URL": "wss://mine.openai.azure.com/openai/realtime"}, "OPENAI_REALTIME_URL must have the path /openai/v1/realtime with Azure; others are the retired preview."),
        ({**XAI, "OPENAI_REALTIME_MODEL": ""}, "OPENAI_REALTIME_MODEL is gpt-realtime-2.1: set one of xAI's, such as grok-voice-latest (BOT_DIALECT is xai)."),
        ({**XAI, "BOT_VOICE": "marin"}, "BOT_VOICE is marin: set one of xAI's, such as eve, ara, rex, sal or leo (BOT_DIALECT is xai)."),
        ({**XAI, "BOT_SPEED": "0.6"}, "BOT_SPEED must be from 0.7 to 1.5 (BOT_DIALECT is xai)."),
        ({**XAI, "BOT_TURN_DETECTION": "semantic_vad"}, "BOT_TURN_DETECTION must be server_vad (BOT_DIALECT is xai)."),
        ({**XAI, "BOT_VAD_THRESHOLD": "0.95"}, "BOT_VAD_THRESHOLD must be from 0.1 to 0.9 (BOT_DIALECT is xai)."),
        ({**XAI, "BOT_VAD_THRESHOLD": "0"}, "BOT_VAD_THRESHOLD must be from 0.1 to 0.9 (BOT_DIALECT is xai)."),
        ({**XAI, "BOT_BARGE_IN": "off"}, "BOT_BARGE_IN must be on, since its server can't be told to wait (BOT_DIALECT is xai)."),
    ],
)  # fmt: skip
def test_what_a_dialect_can_not_do_is_named_before_the_first_call(environ: dict[str, str], problem: str) -> None:
    assert missing_for_call(load_settings(environ)) == [problem]


@pytest.mark.parametrize(
    "environ",
    [
        XAI,
        {**XAI, "BOT_VOICE": "Eve", "BOT_SPEED": "0.7", "BOT_VAD_THRESHOLD": "0.1"},
        {**XAI, "OPENAI_REALTIME_URL": "wss://gateway.example.com/v1/realtime"},
        {**AZURE, "BOT_TRANSCRIPTION_MODEL": "off"},
    ],
)
def test_what_a_dialect_can_do_is_taken_without_a_word(environ: dict[str, str]) -> None:
    assert missing_for_call(load_settings(environ)) == warnings_about(load_settings(environ)) == []


def test_a_setting_that_xai_does_not_know_is_pointed_out(tmp_path: Path) -> None:
    (notice := tmp_path / "notice.wav").touch()
    given = {"BOT_TRANSCRIPTION_MODEL": "gpt-transcribe", "BOT_MAX_OUTPUT_TOKENS": "99"}
    told = warnings_about(load_settings({**XAI, **given, "BOT_NOISE_REDUCTION": "near_field"}))
    assert told == [
        f"{name} has no effect: BOT_DIALECT is xai."
        for name in ("BOT_MAX_OUTPUT_TOKENS", "BOT_TRANSCRIPTION_MODEL", "BOT_NOISE_REDUCTION")
    ]
    announced = {"BOT_ANNOUNCEMENT": "Hear.", "BOT_ANNOUNCEMENT_AUDIO": str(notice), "BOT_RECORD": "audio"}
    assert warnings_about(load_settings({**XAI, **announced})) == [
        "BOT_ANNOUNCEMENT_AUDIO can't be interrupted, but xAI answers what is said meanwhile after it."
    ]


def test_a_voice_of_xai_is_one_only_with_xai() -> None:
    assert load_settings({"BOT_DIALECT": "xai", "BOT_VOICE": "eve"}).chosen_voice == "eve"
    assert load_settings({"BOT_DIALECT": "xai"}).chosen_voice == ""
    assert load_settings({}).chosen_voice == "marin"
    assert len(problems({"BOT_VOICE": "eve"})) == 1


def test_xai_writes_down_the_callers_words_by_itself() -> None:
    assert load_settings({"BOT_DIALECT": "xai"}).transcriber == ""
    assert load_settings({}).transcriber == "gpt-transcribe"


def test_with_postgres_the_key_of_the_numbers_is_missing_when_it_is_not_given() -> None:
    assert missing_for_call(load_settings({**REAL, "DATABASE_URL": DATABASE})) == [
        "BOT_PII_KEY is not set, and DATABASE_URL is Postgres: make one with `openssl rand -hex 32`, keep it, and give it to every instance."
    ]


def test_a_short_password_of_the_database_is_not_masked_since_it_may_be_any_word() -> None:
    assert load_settings({"DATABASE_URL": "postgres://bot:calls@db.example.com/calls"}).secrets == ()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).port = 1  # type: ignore[misc]


def test_nothing_but_the_given_mapping_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_VOICE", "ash")
    monkeypatch.setenv("BOT_NONSENSE", "1")
    assert load_settings({}).voice == "marin"


def test_what_is_shown_is_one_short_printable_line() -> None:
    settings = load_settings({"BOT_GREETING": "a\n\x1b[31m\u202e" + "b" * 200})
    shown = {line.name: line.value for line in effective(settings)}["BOT_GREETING"]
    assert shown.startswith("a \\u001b[31m\\u202ebbb")
    assert shown.endswith("... (208 characters)")
    assert shown.isprintable()


def test_the_manual_holds_the_table() -> None:
    table = source("settings").partition("<!-- settings:begin -->\n")[2].partition("<!-- settings:end -->")[0]
    assert table == settings_table(), "run `python -m bot.docs`"


def test_the_example_file_is_up_to_date() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == env_example(), "run `python -m bot.docs`"


def test_every_line_of_the_example_file_may_be_uncommented(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in env_example().splitlines() if line.startswith("# ") and "=" in line]
    file = tmp_path / "all.env"
    file.write_text("\n".join(line for line in lines if line.partition("=")[0] in variables()))
    given = read_env_file(file)
    assert given.keys() == variables().keys()
    settings, default = load_settings({}, given), load_settings({})
    assert settings.model_copy(update={"origins": {}}) == default


def test_an_announcement_is_both_its_words_and_its_recording(tmp_path: Path) -> None:
    """Callers must not be recorded without the notice that somebody has written for them."""
    notice = tmp_path / "notice.wav"
    notice.touch()
    words, audio = {"BOT_ANNOUNCEMENT": "Recorded."}, {"BOT_ANNOUNCEMENT_AUDIO": str(notice)}
    assert missing_for_call(load_settings({**REAL, **words, **audio})) == []
    (without_audio,) = missing_for_call(load_settings({**REAL, **words}))
    assert without_audio.startswith("BOT_ANNOUNCEMENT_AUDIO is not set: ")
    (without_words,) = missing_for_call(load_settings({**REAL, **audio}))
    assert without_words.startswith("BOT_ANNOUNCEMENT is not set: ")


def test_an_announcement_without_a_recording_is_pointed_out(tmp_path: Path) -> None:
    notice = tmp_path / "notice.wav"
    notice.touch()
    announced = {**REAL, "BOT_ANNOUNCEMENT": "Recorded.", "BOT_ANNOUNCEMENT_AUDIO": str(notice)}
    assert warnings_about(load_settings(announced)) == [
        "BOT_ANNOUNCEMENT_AUDIO is played although BOT_RECORD is empty: no call is recorded."
    ]
    assert warnings_about(load_settings({**announced, "BOT_RECORD": "audio"})) == []


@pytest.mark.parametrize(
    ("given", "lacking"), [("TWILIO_API_KEY", "TWILIO_API_SECRET"), ("TWILIO_API_SECRET", "TWILIO_API_KEY")]
)
def test_half_an_api_key_hangs_nobody_up(given: str, lacking: str) -> None:
    both = {"TWILIO_API_KEY": "SK" + "0123456789abcdef" * 2, "TWILIO_API_SECRET": API_SECRET}
    (told,) = missing_for_call(load_settings({**REAL, given: both[given]}))
    assert told.startswith(f"{given} is set and {lacking} is not: ")
    assert missing_for_call(load_settings(REAL | both)) == []
