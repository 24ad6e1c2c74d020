"""The table of settings: one field for each environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from bot.config import checks

INSTRUCTIONS = (
    "You are a friendly assistant on the telephone. Speak in short, plain sentences, one thought at a time, and ask "
    "one question at a time. When you did not understand, say so. When the caller is done, say goodbye, then end the "
    "call."
)


class Origin(NamedTuple):
    """Where a value was found, and its text as given; `***` for a secret."""

    source: str
    text: str


class Variable(NamedTuple):
    """What is known of a variable besides its value. `must` ends the sentence "NAME must be"."""

    name: str
    must: str
    about: str
    default: str
    from_file: bool
    secret: bool


def _var(name: str, must: str, about: str, default: str = "", *, unset: Any = None, from_file: bool = False) -> Any:
    """A field for the variable `name`. `default` is written as an operator would write it; empty: `unset` holds."""
    value: Any = default or unset
    return Field(
        default=value,
        validate_default=bool(default),
        alias=name,
        description=about,
        json_schema_extra={"must": must, "default": default, "from_file": from_file},
    )


class Settings(BaseModel):
    """All settings, checked. Times are in the unit the name ends with; `_s` is seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    openai_api_key: checks.Secret = _var(
        "OPENAI_API_KEY",
        "an API key of OpenAI",
        "The key the Realtime session is opened and billed with.",
        unset=SecretStr(""),
        from_file=True,
    )
    openai_realtime_url: checks.RealtimeUrl = _var(
        "OPENAI_REALTIME_URL",
        "a wss URL",
        "Where Realtime sessions are opened; ws:// only on loopback.",
        "wss://api.openai.com/v1/realtime",
    )
    openai_realtime_model: checks.Model = _var(
        "OPENAI_REALTIME_MODEL",
        "the name of a model",
        "The model that talks.",
        "gpt-realtime-2.1",
    )
    twilio_account_sid: checks.AccountSid = _var(
        "TWILIO_ACCOUNT_SID",
        "AC and 32 hexadecimal digits",
        "The account whose calls are answered; no other's are.",
        unset="",
    )
    twilio_auth_token: checks.AuthTokens = _var(
        "TWILIO_AUTH_TOKEN",
        "an auth token, or two with a comma between them",
        "What Twilio signs its requests with. While rotating: the new one and the old one.",
        unset=SecretStr(""),
        from_file=True,
    )
    public_url: checks.PublicUrl = _var(
        "PUBLIC_URL",
        "an https URL",
        "The address Twilio reaches this server at, path prefix included; http:// only on loopback.",
        unset="",
    )
    host: checks.Line = _var("HOST", "a host name or address", "The address the server listens on.", "0.0.0.0")  # noqa: S104  a container's door
    port: Annotated[int, Field(ge=1, le=65535)] = _var(
        "PORT", "a number from 1 to 65535", "The port the server listens on.", "8080"
    )
    web_concurrency: Annotated[int, Field(ge=1, le=64)] = _var(
        "WEB_CONCURRENCY",
        "a number from 1 to 64",
        "How many processes answer calls on the port. Heroku sets it unasked.",
        "1",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], checks.AnyCase] = _var(
        "LOG_LEVEL",
        "one of debug, info, warning, error",
        "How much is logged; libraries stop at info.",
        "info",
    )
    log_format: Annotated[Literal["json", "console"], checks.AnyCase] = _var(
        "LOG_FORMAT",
        "one of json, console",
        "One JSON object per line, or lines for people.",
        "json",
    )
    admin_token: checks.Secret = _var(
        "ADMIN_TOKEN",
        "one word of visible ASCII characters",
        "The bearer token that /metrics asks for; unset: it answers this machine only.",
        unset=SecretStr(""),
        from_file=True,
    )
    instructions: str = _var(
        "BOT_INSTRUCTIONS",
        "a text",
        "Who the bot is and what it shall do.",
        INSTRUCTIONS,
        from_file=True,
    )
    greeting: checks.TextOrOff = _var(
        "BOT_GREETING",
        "a text, or off",
        "What the bot says first; off: the caller speaks first.",
        "Hello! How can I help you today?",
    )
    greeting_audio: checks.File | None = _var(
        "BOT_GREETING_AUDIO",
        "a WAV file that exists",
        "BOT_GREETING as a recording: played at once, costs no tokens; unset: the model says it.",
    )
    voice: checks.Voice = _var(
        "BOT_VOICE",
        f"one of {', '.join(checks.VOICES)}, or the id of a custom voice",
        "The voice the bot speaks with.",
        "marin",
    )
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = _var(
        "BOT_SPEED",
        "a number from 0.25 to 1.5",
        "How fast it speaks; unset: the model's own 1.0.",
    )
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = _var(
        "BOT_LANGUAGE",
        "two small letters (ISO 639-1), such as en",
        "The language callers speak, a hint for the transcription; unset: it finds out.",
        unset="",
    )
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] = _var(
        "BOT_REASONING_EFFORT",
        "one of minimal, low, medium, high, xhigh",
        "How long the model thinks while the caller waits; only sent to models that take it.",
        "minimal",
    )
    max_output_tokens: Annotated[Annotated[int, Field(ge=1, le=4096)] | None, checks.InfIsNone] = _var(
        "BOT_MAX_OUTPUT_TOKENS",
        "a number from 1 to 4096, or inf",
        "The longest reply; 20 tokens are a second of speech.",
        "inf",
    )
    transcription_model: checks.ModelOrOff = _var(
        "BOT_TRANSCRIPTION_MODEL",
        "the name of a model, or off",
        "What writes down the caller's words; billed apart.",
        "gpt-transcribe",
    )
    noise_reduction: Annotated[Literal["near_field", "far_field", ""], checks.OffIsEmpty] = _var(
        "BOT_NOISE_REDUCTION",
        "one of near_field, far_field, off",
        "Filters the caller's audio before anything hears it.",
        "off",
    )
    turn_detection: Literal["server_vad", "semantic_vad"] = _var(
        "BOT_TURN_DETECTION",
        "one of server_vad, semantic_vad",
        "How the end of a turn is found: by silence or by sense.",
        "server_vad",
    )
    vad_threshold: Annotated[float, Field(ge=0, le=1)] = _var(
        "BOT_VAD_THRESHOLD",
        "a number from 0 to 1",
        "server_vad: how loud speech is; higher for noisy lines.",
        "0.5",
    )
    vad_silence_ms: Annotated[int, Field(ge=0, le=10_000)] = _var(
        "BOT_VAD_SILENCE_MS",
        "a number from 0 to 10000",
        "server_vad: the silence that ends a turn, in ms.",
        "500",
    )
    vad_prefix_ms: Annotated[int, Field(ge=0, le=10_000)] = _var(
        "BOT_VAD_PREFIX_MS",
        "a number from 0 to 10000",
        "server_vad: the audio kept from before speech was noticed, in ms.",
        "300",
    )
    vad_eagerness: Literal["low", "medium", "high", "auto"] = _var(
        "BOT_VAD_EAGERNESS",
        "one of low, medium, high, auto",
        "semantic_vad: how soon a turn is taken to be over.",
        "auto",
    )
    barge_in: Literal["on", "after_greeting", "off"] = _var(
        "BOT_BARGE_IN",
        "one of on, after_greeting, off",
        "When the caller may interrupt the bot.",
        "on",
    )
    max_calls: Annotated[int, Field(ge=1, le=100_000)] = _var(
        "BOT_MAX_CALLS",
        "a number from 1 to 100000",
        "Calls at a time; one more hears the busy tone.",
        "100",
    )
    warm_sessions: Annotated[int, Field(ge=0, le=1000)] = _var(
        "BOT_WARM_SESSIONS",
        "a number from 0 to 1000",
        "Idle sessions kept ready for the next calls, over all processes; an open session costs nothing by itself.",
        "0",
    )
    drain_s: Annotated[float, Field(ge=0, le=3600)] = _var(
        "BOT_DRAIN_SECONDS",
        "a number from 0 to 3600",
        "How long calls may go on after SIGTERM; less than the platform waits before it kills.",
        "25",
    )
    max_call_s: Annotated[float, Field(ge=1, le=3600)] = _var(
        "BOT_MAX_CALL_SECONDS",
        "a number from 1 to 3600",
        "The longest call; a Realtime session lasts at most an hour.",
        "3600",
    )
    idle_s: Annotated[float, Field(ge=0, le=3600)] = _var(
        "BOT_IDLE_SECONDS",
        "a number from 0 to 3600",
        "Silence on both sides that ends a call; 0: none does.",
        "0",
    )
    response_s: Annotated[float, Field(ge=1, le=120)] = _var(
        "BOT_RESPONSE_SECONDS",
        "a number from 1 to 120",
        "How long the model may take to begin a reply.",
        "8",
    )
    record: Annotated[tuple[Literal["fixture"], ...], checks.CommaList] = _var(
        "BOT_RECORD",
        "fixture, or empty",
        "What is kept of each call; fixture: its messages, masked, for replay.",
        unset=(),
    )
    record_dir: checks.NewDirectory = _var(
        "BOT_RECORD_DIR",
        "a directory",
        "Where recordings are written; made when it is not there.",
        "recordings",
    )
    twiml_dir: checks.Directory | None = _var(
        "BOT_TWIML_DIR",
        "a directory that exists",
        "Your own files in place of those in twiml/; what it lacks is taken from there.",
    )

    origins: Mapping[str, Origin] = Field(default_factory=dict, repr=False)
    """Where each variable that was given came from. The only field that is no variable."""

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """The auth tokens to accept, the one to sign with first."""
        return checks.split_tokens(self.twilio_auth_token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for those who mask."""
        key, token = self.openai_api_key.get_secret_value(), self.admin_token.get_secret_value()
        return tuple(secret for secret in (key, *self.auth_tokens, token) if secret)


def variables() -> dict[str, Variable]:
    """Every variable by name, in the order of the table."""
    found = {}
    for field in Settings.model_fields.values():
        if field.alias:
            found[field.alias] = _variable(field.alias, field)
    return found


def _variable(name: str, field: FieldInfo) -> Variable:
    extra: Any = field.json_schema_extra
    return Variable(
        name=name,
        must=extra["must"],
        about=field.description or "",
        default=extra["default"],
        from_file=extra["from_file"],
        secret=isinstance(field.default, SecretStr),
    )
