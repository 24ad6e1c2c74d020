"""The table of settings: one field for each environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from bot.config.destinations.destination import Destination
from bot.config.destinations.transfer_list import TransferFile, TransferNumbers
from bot.config.remote_tools.mcp_file import McpFile
from bot.config.values import value_checks
from bot.config.values.webhook_secret import PREFIX
from bot.config.variable import Origin, Variable, described, var

INSTRUCTIONS = (
    "You are a friendly assistant on the telephone. Speak in short, plain sentences, one thought at a time, and ask "
    "one question at a time. When you did not understand, say so. When the caller is done, say goodbye, then end the "
    "call."
)


class Settings(BaseModel):
    """All settings, checked. Times are in the unit the name ends with; `_s` is seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    openai_api_key: value_checks.Secret = var(
        "OPENAI_API_KEY",
        "an API key of OpenAI",
        "The key the Realtime session is opened and billed with.",
        unset=SecretStr(""),
        from_file=True,
        form="secret",
    )
    openai_realtime_url: value_checks.RealtimeUrl = var(
        "OPENAI_REALTIME_URL",
        "a wss URL",
        "Where Realtime sessions are opened; ws:// only on loopback.",
        "wss://api.openai.com/v1/realtime",
        form="word",
    )
    openai_realtime_model: value_checks.Model = var(
        "OPENAI_REALTIME_MODEL",
        "the name of a model",
        "The model that talks.",
        "gpt-realtime-2.1",
        form="word",
    )
    dialect: Literal["openai", "azure", "xai"] = var(
        "BOT_DIALECT",
        "one of openai, azure, xai",
        "Whose server OPENAI_REALTIME_URL is; with azure OPENAI_REALTIME_MODEL is the deployment.",
        "openai",
    )
    model_audio: Literal["pcmu", "pcma", "pcm"] = var(
        "BOT_MODEL_AUDIO",
        "one of pcmu, pcma, pcm",
        "What the session hears and speaks: mu-law as the telephone does, A-law or 24 kHz PCM; mu-law costs nothing.",
        "pcmu",
    )
    twilio_account_sid: value_checks.AccountSid = var(
        "TWILIO_ACCOUNT_SID",
        "AC and 32 hexadecimal digits",
        "The account whose calls are answered; no other's are.",
        unset="",
        form="word",
    )
    twilio_auth_token: value_checks.AuthTokens = var(
        "TWILIO_AUTH_TOKEN",
        "an auth token, or two with a comma between them",
        "What Twilio signs its requests with. While rotating: the new one and the old one.",
        unset=SecretStr(""),
        from_file=True,
        form="secret",
    )
    twilio_api_key: value_checks.ApiKeySid = var(
        "TWILIO_API_KEY",
        "SK and 32 hexadecimal digits",
        "An API key that hangs up, dials and transfers in place of the auth token, which still checks signatures.",
        unset="",
        form="word",
    )
    twilio_api_secret: value_checks.Secret = var(
        "TWILIO_API_SECRET",
        "the secret of that API key",
        "The secret of TWILIO_API_KEY.",
        unset=SecretStr(""),
        from_file=True,
        form="secret",
    )
    twilio_api_url: value_checks.TwilioApiUrl = var(
        "TWILIO_API_URL",
        "an https URL",
        "Where Twilio's REST API is, as of a region such as https://api.dublin.ie1.twilio.com; http:// on loopback.",
        "https://api.twilio.com",
        form="word",
    )
    public_url: value_checks.PublicUrl = var(
        "PUBLIC_URL",
        "an https URL",
        "The address Twilio reaches this server at, path prefix included; http:// only on loopback.",
        unset="",
        form="word",
    )
    host: value_checks.Line = var("HOST", "a host name or address", "The address the server listens on.", "0.0.0.0")  # noqa: S104  a container's door
    port: Annotated[int, Field(ge=1, le=65535)] = var(
        "PORT", "a number from 1 to 65535", "The port the server listens on.", "8080"
    )
    web_concurrency: Annotated[int, Field(ge=1, le=64)] = var(
        "WEB_CONCURRENCY",
        "a number from 1 to 64",
        "How many processes answer calls on the port. Heroku sets it unasked.",
        "1",
    )
    database_url: value_checks.DatabaseUrl = var(
        "DATABASE_URL",
        "the URL of a PostgreSQL database, or sqlite:///FILE",
        "Where calls are recorded; unset: calls.sqlite in BOT_RECORD_DIR.",
        unset=SecretStr(""),
        from_file=True,
        form="word",
    )
    pii_key: value_checks.Key = var(
        "BOT_PII_KEY",
        "32 random bytes or more in hexadecimal or base64",
        "What callers' numbers are hashed with. Needed with Postgres; else made, in calls.key beside the database.",
        unset=SecretStr(""),
        from_file=True,
        form="secret",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], value_checks.AnyCase] = var(
        "LOG_LEVEL",
        "one of debug, info, warning, error",
        "How much is logged; libraries stop at info.",
        "info",
    )
    log_format: Annotated[Literal["json", "console"], value_checks.AnyCase] | None = var(
        "LOG_FORMAT",
        "one of json, console",
        "One JSON object per line, or lines for people; unset: console on a terminal, json elsewhere.",
    )
    admin_token: value_checks.AdminToken = var(
        "ADMIN_TOKEN",
        "one word of 16 visible ASCII characters or more",
        "The bearer token that /metrics asks for; unset: it answers this machine only.",
        unset=SecretStr(""),
        from_file=True,
        form="secret",
    )
    instructions: str = var(
        "BOT_INSTRUCTIONS",
        "a text",
        "Who the bot is and what it shall do.",
        INSTRUCTIONS,
        from_file=True,
        form="text",
    )
    greeting: value_checks.TextOrOff = var(
        "BOT_GREETING",
        "a text, or off",
        "What the bot says first; off: the caller speaks first.",
        "Hello! How can I help you today?",
        form="text",
    )
    greeting_audio: value_checks.File | None = var(
        "BOT_GREETING_AUDIO",
        "a WAV file that exists",
        "BOT_GREETING as a recording: played at once, costs no tokens; unset: the model says it.",
    )
    announcement: str = var(
        "BOT_ANNOUNCEMENT",
        "a text",
        "The words of BOT_ANNOUNCEMENT_AUDIO, for the model and the transcript.",
        unset="",
        form="text",
    )
    announcement_audio: value_checks.File | None = var(
        "BOT_ANNOUNCEMENT_AUDIO",
        "a WAV file that exists",
        "A notice that is played first and can't be interrupted; nobody is recorded before it was heard.",
    )
    voice: value_checks.Voice = var(
        "BOT_VOICE",
        f"one of {', '.join(value_checks.VOICES)}, or the id of a custom voice; with xai one of xAI's",
        "The voice the bot speaks with; with xai unset is xAI's own.",
        "marin",
    )
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = var(
        "BOT_SPEED",
        "a number from 0.25 to 1.5",
        "How fast it speaks; unset: the model's own 1.0.",
    )
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = var(
        "BOT_LANGUAGE",
        "two small letters (ISO 639-1), such as en",
        "The language callers speak, also that of fillers and of what Twilio says; unset: the model finds out.",
        unset="",
    )
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] = var(
        "BOT_REASONING_EFFORT",
        "one of minimal, low, medium, high, xhigh",
        "How long the model thinks while the caller waits; only sent to models known to take it.",
        "minimal",
    )
    max_output_tokens: Annotated[Annotated[int, Field(ge=1, le=4096)] | None, value_checks.InfIsNone] = var(
        "BOT_MAX_OUTPUT_TOKENS",
        "a number from 1 to 4096, or inf",
        "The longest reply; 20 tokens are a second of speech.",
        "inf",
    )
    transcription_model: value_checks.ModelOrOff = var(
        "BOT_TRANSCRIPTION_MODEL",
        "the name of a model, or off",
        "What writes down the caller's words; billed apart.",
        "gpt-transcribe",
    )
    noise_reduction: Annotated[Literal["near_field", "far_field", ""], value_checks.OffIsEmpty] = var(
        "BOT_NOISE_REDUCTION",
        "one of near_field, far_field, off",
        "Filters the caller's audio before anything hears it.",
        "off",
    )
    turn_detection: Literal["server_vad", "semantic_vad"] = var(
        "BOT_TURN_DETECTION",
        "one of server_vad, semantic_vad",
        "How the end of a turn is found: by silence or by sense.",
        "server_vad",
    )
    vad_threshold: Annotated[float, Field(ge=0, le=1)] = var(
        "BOT_VAD_THRESHOLD",
        "a number from 0 to 1",
        "server_vad: how loud speech is; higher for noisy lines.",
        "0.5",
    )
    vad_silence_ms: Annotated[int, Field(ge=0, le=10_000)] = var(
        "BOT_VAD_SILENCE_MS",
        "a number from 0 to 10000",
        "server_vad: the silence that ends a turn, in ms.",
        "500",
    )
    vad_prefix_ms: Annotated[int, Field(ge=0, le=10_000)] = var(
        "BOT_VAD_PREFIX_MS",
        "a number from 0 to 10000",
        "server_vad: the audio kept from before speech was noticed, in ms.",
        "300",
    )
    vad_eagerness: Literal["low", "medium", "high", "auto"] = var(
        "BOT_VAD_EAGERNESS",
        "one of low, medium, high, auto",
        "semantic_vad: how soon a turn is taken to be over.",
        "auto",
    )
    barge_in: Literal["on", "after_greeting", "off"] = var(
        "BOT_BARGE_IN",
        "one of on, after_greeting, off",
        "When the caller may interrupt the bot.",
        "on",
    )
    key_pause_s: Annotated[float, Field(ge=0.5, le=30)] = var(
        "BOT_KEYPAD_PAUSE_SECONDS",
        "a number from 0.5 to 30",
        "Keys that the caller presses belong together until none has come for so long.",
        "2",
    )
    key_longest_s: Annotated[float, Field(ge=1, le=300)] = var(
        "BOT_KEYPAD_SECONDS",
        "a number from 1 to 300",
        "The longest that further keys are waited for after the first.",
        "30",
    )
    most_keys: Annotated[int, Field(ge=1, le=64)] = var(
        "BOT_KEYPAD_DIGITS",
        "a number from 1 to 64",
        "So many keys at most belong together; with the last of them the model is told.",
        "32",
    )
    finish_key: Annotated[Literal["#", "*", ""], value_checks.OffIsEmpty] = var(
        "BOT_KEYPAD_FINISH",
        "one of #, *, off",
        "The key after which no further ones are waited for.",
        "#",
    )
    key_shortcuts: value_checks.Shortcuts = var(
        "BOT_KEYPAD_SHORTCUTS",
        "a list with commas such as 0=transfer:reception, 9=end_call",
        "Keys that, pressed alone, act as if the model had called that function; unset: none does.",
        unset=(),
    )
    send_digits: Literal["on", "off"] = var(
        "BOT_SEND_DIGITS",
        "one of on, off",
        "The model may press keys, as in a menu that it talks to; the stream is closed and opened again for them.",
        "off",
    )
    max_calls: Annotated[int, Field(ge=1, le=100_000)] = var(
        "BOT_MAX_CALLS",
        "a number from 1 to 100000",
        "Calls at a time; one more hears the busy tone.",
        "100",
    )
    overflow_url: value_checks.OverflowUrl = var(
        "BOT_OVERFLOW_URL",
        "an https URL on another host than PUBLIC_URL",
        "The TwiML that a call is sent to for which there is no room; unset: it hears the busy tone.",
        unset="",
        form="word",
    )
    max_lag_ms: Annotated[float, Field(ge=0, le=10_000)] = var(
        "BOT_MAX_LAG_MS",
        "a number from 0 to 10000",
        "How late a process's event loop may be before it takes no new calls, in ms; 0: however late.",
        "100",
    )
    calls_per_number: Annotated[int, Field(ge=0, le=100_000)] = var(
        "BOT_CALLS_PER_NUMBER",
        "a number from 0 to 100000",
        "Calls at a time from one number; one more hears the busy tone; 0: no limit.",
        "0",
    )
    calls_per_minute: Annotated[int, Field(ge=0, le=100_000)] = var(
        "BOT_CALLS_PER_MINUTE",
        "a number from 0 to 100000",
        "Calls taken from one number within a minute; one more hears the busy tone; 0: no limit.",
        "0",
    )
    allow_callers: value_checks.Callers = var(
        "BOT_ALLOW_CALLERS",
        "a list with commas of numbers, beginnings of numbers such as +49, and withheld",
        "Whose calls are taken; unset: everybody's.",
        unset=(),
    )
    deny_callers: value_checks.Callers = var(
        "BOT_DENY_CALLERS",
        "a list with commas of numbers, beginnings of numbers such as +1900, and withheld",
        "Whose calls are rejected, even if BOT_ALLOW_CALLERS names them.",
        unset=(),
    )
    warm_sessions: Annotated[int, Field(ge=0, le=1000)] = var(
        "BOT_WARM_SESSIONS",
        "a number from 0 to 1000",
        "Idle sessions kept ready for the next calls; each process has its share, rounded up; idle ones cost nothing.",
        "0",
    )
    drain_s: Annotated[float, Field(ge=0, le=3600)] = var(
        "BOT_DRAIN_SECONDS",
        "a number from 0 to 3600",
        "How long calls may go on after SIGTERM; less than the platform waits before it kills.",
        "25",
    )
    max_call_s: Annotated[float, Field(ge=1, le=14400)] = var(
        "BOT_MAX_CALL_SECONDS",
        "a number from 1 to 14400",
        "The longest call: 30 s before it the model is told to wrap up, at it the bot says goodbye.",
        "3600",
    )
    max_call_usd: value_checks.Usd = var(
        "BOT_MAX_CALL_USD",
        "a number of US dollars from 0 to 1000000",
        "What a call may cost; then the bot says goodbye; 0: no limit.",
        "0",
    )
    max_daily_usd: value_checks.Usd = var(
        "BOT_MAX_DAILY_USD",
        "a number of US dollars from 0 to 1000000",
        "What all calls on one call store may cost in a day (UTC); then calls end and none is taken; 0: no limit.",
        "0",
    )
    twilio_usd_per_minute: value_checks.Usd = var(
        "BOT_TWILIO_USD_PER_MINUTE",
        "a number of US dollars from 0 to 1000000",
        "What a minute of the line costs; every minute begun counts towards both limits.",
        "0",
    )
    prices: value_checks.File | None = var(
        "BOT_PRICES",
        "a JSON file that exists",
        "Prices of models that are new, or not as in bot/realtime/prices.json.",
    )
    idle_s: Annotated[float, Field(ge=0, le=3600)] = var(
        "BOT_IDLE_SECONDS",
        "a number from 0 to 3600",
        "After so much silence the bot asks whether the caller is there, twice, then says goodbye; 0: never.",
        "30",
    )
    no_progress_s: Annotated[float, Field(ge=0, le=3600)] = var(
        "BOT_NO_PROGRESS_SECONDS",
        "a number from 0 to 3600",
        "After so long without new words of the caller (hold music, a machine) the bot says goodbye; 0: never.",
        "300",
    )
    response_s: Annotated[float, Field(ge=1, le=120)] = var(
        "BOT_RESPONSE_SECONDS",
        "a number from 1 to 120",
        "How long the model may take to begin a reply; then it is asked once more, then the caller hears an apology.",
        "8",
    )
    filler_s: Annotated[float, Field(ge=0, le=60)] = var(
        "BOT_FILLER_SECONDS",
        "a number from 0 to 60",
        "How long a caller who waits may hear nothing, before they hear a filler; 0: for ever.",
        "2",
    )
    filler_file: value_checks.File | None = var(
        "BOT_FILLER_FILE",
        "a WAV file that exists",
        "The filler, five seconds at most; unset: a short sentence in BOT_LANGUAGE, or a soft tone.",
    )
    dial_from: value_checks.NumberInFull = var(
        "BOT_DIAL_FROM",
        "a telephone number in full, such as +15555550100",
        "The account's number that calls are made from (`bot dial`, POST /calls); unset: none are.",
        unset="",
        form="word",
    )
    dial_allow: value_checks.Numbers = var(
        "BOT_DIAL_ALLOW",
        "a list with commas of numbers, and beginnings of numbers such as +49",
        "Who may be dialled; never emergency, short, premium, shared-cost and own numbers; unset: nobody.",
        unset=(),
    )
    dial_hours: value_checks.Hours = var(
        "BOT_DIAL_HOURS",
        "hours such as 08:00-21:00",
        "When people may be dialled, by the clock where they are; 00:00-24:00: at any time.",
        "08:00-21:00",
    )
    dial_per_number: Annotated[int, Field(ge=0, le=10_000)] = var(
        "BOT_DIAL_PER_NUMBER",
        "a number from 0 to 10000",
        "Calls made to one number within 24 hours; 0: no limit.",
        "3",
    )
    dial_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = var(
        "BOT_DIAL_PER_DAY",
        "a number from 0 to 1000000",
        "Calls made to all numbers within 24 hours; 0: no limit.",
        "100",
    )
    dial_ring_s: Annotated[int, Field(ge=5, le=120)] = var(
        "BOT_DIAL_RING_SECONDS",
        "a number from 5 to 120",
        "How long it rings before the callee counts as away; most voicemails answer within 30 s.",
        "30",
    )
    dial_name: value_checks.Line = var(
        "BOT_DIAL_NAME",
        "one line",
        "Who is calling, for a call screening that asks; unset: as the model finds it in the instructions.",
        unset="",
    )
    dial_greeting: str = var(
        "BOT_DIAL_GREETING",
        "a text",
        "What the bot says first when a person answers; unset: who it is and why it calls, in the model's own words.",
        unset="",
        form="text",
    )
    dial_message: str = var(
        "BOT_DIAL_MESSAGE",
        "a text",
        "What it leaves on a voicemail, after the beep; unset: nothing, it hangs up.",
        unset="",
        form="text",
    )
    dial_detection: Annotated[bool, value_checks.OnOff] = var(
        "BOT_DIAL_DETECTION",
        "on or off",
        "Has Twilio judge, too, whether a machine answers; billed by Twilio for each call.",
        "on",
    )
    dial_usd_per_minute: value_checks.Usd | None = var(
        "BOT_DIAL_USD_PER_MINUTE",
        "a number of US dollars from 0 to 1000000",
        "What a minute of a call costs that the bot makes, from the answer on; unset: BOT_TWILIO_USD_PER_MINUTE.",
    )
    sms_from: value_checks.NumberInFull = var(
        "BOT_SMS_FROM",
        "a telephone number in full, such as +15555550100",
        "The account's number that the model may send text messages from (`send_sms`); unset: it can't.",
        unset="",
        form="word",
    )
    sms_allow: value_checks.SmsReceivers = var(
        "BOT_SMS_ALLOW",
        "caller, numbers and beginnings of numbers such as +49, with commas between them",
        "Whom it may send them to; caller: to whom it talks with.",
        "caller",
    )
    sms_max_chars: Annotated[int, Field(ge=1, le=1600)] = var(
        "BOT_SMS_MAX_CHARS",
        "a number from 1 to 1600",
        "The longest text message; 160 plain characters, or 70 others, are billed as one.",
        "320",
    )
    fallback: value_checks.Fallback = var(
        "BOT_FALLBACK",
        "apology, voicemail, or a telephone number in full, such as +15555550123",
        "What a caller gets when the bot can't go on: a sentence and the end, a message to leave, or a person.",
        "apology",
    )
    transfer: TransferFile = var(
        "BOT_TRANSFER",
        "a TOML file with a table for each destination",
        "Who callers may be transferred to, by name: number or SIP address, hours, and how they are told of the call.",
        unset=(),
    )
    transfer_numbers: TransferNumbers = var(
        "BOT_TRANSFER_NUMBERS",
        "a list of name=number, such as sales=+15555550123, with commas between",
        "The same in short: who callers may be transferred to at any hour.",
        unset=(),
    )
    transfer_check_url: value_checks.HookUrl = var(
        "BOT_TRANSFER_CHECK_URL",
        "an https URL",
        "Asked by a signed POST if a destination is free, before it is promised to a caller; unset: nobody is.",
        unset="",
        form="word",
    )
    webhook_url: value_checks.HookUrl = var(
        "BOT_WEBHOOK_URL",
        "an https URL",
        "Where calls are reported to as they begin and end, by signed POSTs; http:// only on loopback.",
        unset="",
        form="word",
    )
    webhook_secret: value_checks.WebhookSecret = var(
        "BOT_WEBHOOK_SECRET",
        "24 to 64 random bytes in base64, with or without whsec_ before it, or two such with a comma between them",
        "What every request to your own servers is signed with (Standard Webhooks). While rotating: new and old.",
        unset=SecretStr(""),
        from_file=True,
        form="secret",
    )
    lookup_url: value_checks.HookUrl = var(
        "BOT_LOOKUP_URL",
        "an https URL",
        "Asked by a signed POST who calls, before a call is answered (`bot help lookup`); http:// only on loopback.",
        unset="",
        form="word",
    )
    profiles: value_checks.File | None = var(
        "BOT_PROFILES",
        "a TOML file that exists",
        "Other settings by the number that was called: several bots on one server (`bot help profiles`).",
    )
    result_schema: value_checks.File | None = var(
        "BOT_RESULT_SCHEMA",
        "a file with a JSON schema that exists",
        "What shall be known of each call: a model fills it in afterwards, beside a summary; unset: it is not asked.",
    )
    result_model: value_checks.Model = var(
        "BOT_RESULT_MODEL",
        "the name of a model",
        "The text model that fills in BOT_RESULT_SCHEMA; billed apart.",
        "gpt-5.6-luna",
        form="word",
    )
    result_url: value_checks.HookUrl = var(
        "BOT_RESULT_URL",
        "an https URL",
        "The Responses API that model is asked at; unset: the one beside OPENAI_REALTIME_URL.",
        unset="",
        form="word",
    )
    record: Annotated[tuple[Literal["fixture", "audio"], ...], value_checks.CommaList] = var(
        "BOT_RECORD",
        "fixture, audio, both with a comma between them, or empty",
        "What is kept of each call; fixture: its messages, masked, for replay; audio: a stereo WAV.",
        unset=(),
    )
    record_dir: value_checks.NewDirectory = var(
        "BOT_RECORD_DIR",
        "a directory",
        "Where recordings are written; made when it is not there.",
        "recordings",
    )
    keep_recordings_days: Annotated[int, Field(ge=0, le=36_500)] = var(
        "BOT_KEEP_RECORDINGS_DAYS",
        "a number from 0 to 36500",
        "Days until a recording is erased; 0: never.",
        "30",
    )
    keep_fixtures_days: Annotated[int, Field(ge=0, le=36_500)] = var(
        "BOT_KEEP_FIXTURES_DAYS",
        "a number from 0 to 36500",
        "Days until a fixture is erased; 0: never.",
        "30",
    )
    keep_transcripts_days: Annotated[int, Field(ge=0, le=36_500)] = var(
        "BOT_KEEP_TRANSCRIPTS_DAYS",
        "a number from 0 to 36500",
        "Days until a call's words are erased; its figures stay; 0: never.",
        "90",
    )
    tools: value_checks.Module = var(
        "BOT_TOOLS",
        "the name of a Python module, or the path of a Python file",
        "The module whose functions with the decorator @tool the model may call; unset: none.",
        unset="",
        form="word",
    )
    tools_url: value_checks.HookUrl = var(
        "BOT_TOOLS_URL",
        "an https URL",
        "Your server of tools: it is asked once which it has, then for each call, by signed POSTs.",
        unset="",
        form="word",
    )
    mcp: McpFile = var(
        "BOT_MCP",
        "a TOML file with a table for each server",
        "Remote MCP servers whose tools the model may use: where each is, its credentials, what the caller approves.",
        unset=(),
    )
    twiml_dir: value_checks.Directory | None = var(
        "BOT_TWIML_DIR",
        "a directory that exists",
        "Your own files in place of those in twiml/; what it lacks is taken from there.",
    )

    origins: Mapping[str, Origin] = Field(default_factory=dict, repr=False)
    """The source of each variable that was given. The only field that is no variable."""
    _misspelt: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _notices: tuple[str, ...] = PrivateAttr(default=())
    _profile: str = PrivateAttr(default="")
    _changes: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _environ: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Take what the loader knows besides the values."""
        self._misspelt = (context or {}).get("misspelt", {})
        self._notices = (context or {}).get("notices", ())
        self._environ = (context or {}).get("environ", {})

    def of_profile(self, name: str) -> Settings:
        """The same, as the settings of the profile `name`."""
        named = self.model_copy()
        named._profile = name  # noqa: SLF001  a copy of our own
        return named

    def changed(self, changes: Mapping[str, str]) -> Settings:
        """The same for a single call, with other texts in place of some: by variable, taken as they are."""
        if not changes:
            return self
        fields = {field.alias: name for name, field in Settings.model_fields.items()}
        single = self.model_copy(update={fields[name]: text for name, text in changes.items()})
        single._changes = {**self._changes, **changes}  # noqa: SLF001  a copy of our own
        return single

    @property
    def profile(self) -> str:
        """The name of the profile that these are the settings of; empty: the environment's alone."""
        return self._profile

    @property
    def changes(self) -> Mapping[str, str]:
        """The texts that hold for a single call, by variable."""
        return self._changes

    @property
    def misspelt(self) -> Mapping[str, str]:
        """Names written in place of a variable that was not given, none of them a setting's, by that variable."""
        return self._misspelt

    @property
    def environ(self) -> Mapping[str, str]:
        """All that was given and is no setting: where a profile's file of servers finds its credentials."""
        return self._environ

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about the file that settings were read from."""
        return self._notices

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """The auth tokens to accept, the one to sign with first."""
        return value_checks.split_tokens(self.twilio_auth_token)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Everybody a caller may be transferred to."""
        return (*self.transfer, *self.transfer_numbers)

    @property
    def signed_urls(self) -> dict[str, str]:
        """The operator's servers that are asked or told something, by setting; each request to them is signed."""
        urls = (
            ("BOT_WEBHOOK_URL", self.webhook_url),
            ("BOT_LOOKUP_URL", self.lookup_url),
            ("BOT_TOOLS_URL", self.tools_url),
            ("BOT_TRANSFER_CHECK_URL", self.transfer_check_url),
        )
        return {name: url for name, url in urls if url}

    @property
    def responses_url(self) -> str:
        """The Responses API to ask: as OpenAI, Azure and xAI have it, beside the Realtime one. Empty: not known."""
        scheme, _, rest = self.openai_realtime_url.partition("://")
        beside = f"{'https' if scheme == 'wss' else 'http'}://{rest.removesuffix('/realtime')}/responses"
        return self.result_url or (beside if rest.endswith("/realtime") else "")

    @property
    def transcriber(self) -> str:
        """The model that writes down the caller's words; empty: none, or xAI's own, which is not billed apart."""
        return "" if self.dialect == "xai" else self.transcription_model

    @property
    def chosen_voice(self) -> str:
        """The voice to ask for; empty: the server's own, where the default is none of its voices."""
        return "" if self.dialect == "xai" and "BOT_VOICE" not in self.origins else self.voice

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for those who mask. Short ones are not: they may be any word, or part of one."""
        key, token = self.openai_api_key.get_secret_value(), self.admin_token.get_secret_value()
        password, pii_key = value_checks.database_password(self.database_url), self.pii_key.get_secret_value()
        api_secret = self.twilio_api_secret.get_secret_value()
        queries = (url.partition("?")[2] for url in self.signed_urls.values())
        keys = (key.removeprefix(PREFIX) for key in value_checks.split_tokens(self.webhook_secret))
        remote = (value for server in self.mcp for _, value in server.credentials)
        all_of_them = (key, *self.auth_tokens, api_secret, token, password, pii_key, *keys, *queries, *remote)
        return tuple(secret for secret in all_of_them if len(secret) >= value_checks.MASKED_CHARS)


OF_THE_SERVER = frozenset(
    {
        *("OPENAI_API_KEY", "OPENAI_REALTIME_URL", "BOT_DIALECT", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        *("PUBLIC_URL", "HOST", "PORT", "WEB_CONCURRENCY", "DATABASE_URL", "BOT_PII_KEY", "LOG_LEVEL", "LOG_FORMAT"),
        *("ADMIN_TOKEN", "BOT_MAX_CALLS", "BOT_MAX_LAG_MS", "BOT_WARM_SESSIONS", "BOT_DRAIN_SECONDS"),
        *("BOT_MAX_DAILY_USD", "BOT_TWILIO_USD_PER_MINUTE", "BOT_PRICES", "BOT_RECORD_DIR"),
        *("BOT_KEEP_RECORDINGS_DAYS", "BOT_KEEP_FIXTURES_DAYS", "BOT_KEEP_TRANSCRIPTS_DAYS", "BOT_PROFILES"),
        *("BOT_DIAL_PER_DAY", "BOT_DIAL_USD_PER_MINUTE"),
        *("BOT_WEBHOOK_URL", "BOT_WEBHOOK_SECRET", "BOT_LOOKUP_URL"),
        *("TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_API_URL", "BOT_TRANSFER_CHECK_URL"),
        *("BOT_RESULT_SCHEMA", "BOT_RESULT_MODEL", "BOT_RESULT_URL"),
    }
)
"""The settings that hold for the whole server, and which no profile changes; all others are a call's own."""


def variables() -> dict[str, Variable]:
    """Every variable by name, in the order of the table."""
    fields = Settings.model_fields.values()
    return {field.alias: described(field.alias, field) for field in fields if field.alias}
