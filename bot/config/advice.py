"""Advice about settings that are each valid: what is missing for a call, what has no effect."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from bot.config import dialects
from bot.config.profiles.placeholders import with_placeholders
from bot.config.settings_table import Settings, variables
from bot.config.values.database_url import database_kind
from bot.config.values.reachable import is_example, out_of_reach, unreachable
from bot.models import family, takes_reasoning

_MENDS = {
    "OPENAI_API_KEY": "make a key on platform.openai.com under API keys",
    "TWILIO_ACCOUNT_SID": "copy the Account SID from the Twilio console",
    "TWILIO_AUTH_TOKEN": "copy the Auth Token from the Twilio console",
    "PUBLIC_URL": "give the https address at which Twilio reaches this server",
}
_NO_KEY = (
    "BOT_PII_KEY is not set, and DATABASE_URL is Postgres: make one with `openssl rand -hex 32`, keep it, and give it "
    "to every instance."
)
_TWILIO_TOKEN = re.compile("[0-9a-f]{32}")


def missing_for_call(settings: Settings, today: date | None = None) -> list[str]:
    """A sentence for each setting without which, or with which, no real call works. Empty: `bot serve` can start.

    `today` is that of the machine unless it is given.
    """
    given = {
        "OPENAI_API_KEY": settings.openai_api_key.get_secret_value(),
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_AUTH_TOKEN": settings.auth_tokens,
        "PUBLIC_URL": settings.public_url,
    }
    missing = [_missing(settings, name) for name, value in given.items() if not value]
    if _on_postgres(settings) and not settings.pii_key.get_secret_value():
        missing.append(_NO_KEY)
    return [
        *missing,
        *unreachable(settings.public_url),
        *out_of_reach("BOT_OVERFLOW_URL", settings.overflow_url),
        *_half_announced(settings),
        *_half_a_key(settings),
        *_shortcuts_to_nobody(settings),
        *_unsigned(settings),
        *_about_results(settings),
        *dialects.contradictions(settings),
        *_retired(settings, today),
    ]


def warnings_about(settings: Settings, today: date | None = None) -> list[str]:
    """A sentence for each setting that works but may not do what its owner thinks."""
    return [
        *settings.notices,
        *_about_names(settings),
        *warnings_about_the_model(settings, today),
        *_about_addresses(settings),
        *_about_quotes(settings),
        *_about_placeholders(settings),
        *_about_recording(settings),
        *_without_effect(settings),
        *_about_dialling(settings),
    ]


def warnings_about_the_model(settings: Settings, today: date | None = None) -> list[str]:
    """Warnings about what the chosen model will not take or do, which every call would meet."""
    return [*_to_be_retired(settings, today), *_about_effort(settings), *dialects.warnings(settings)]


def _missing(settings: Settings, name: str) -> str:
    for meant in (name, f"{name}_FILE"):
        if written := settings.misspelt.get(meant):
            return f"{name} is not set, but {written} is: rename it to {meant}."
    return f"{name} is not set: {_MENDS[name]}."


def _half_a_key(settings: Settings) -> list[str]:
    """An API key without its secret, or the other way round: calls would be neither hung up nor placed."""
    given = {
        "TWILIO_API_KEY": bool(settings.twilio_api_key),
        "TWILIO_API_SECRET": bool(settings.twilio_api_secret.get_secret_value()),
    }
    if len(set(given.values())) == 1:
        return []
    there, lacking = sorted(given, key=lambda name: not given[name])
    return [f"{there} is set and {lacking} is not: set both, or neither to sign in with TWILIO_AUTH_TOKEN."]


def _half_announced(settings: Settings) -> list[str]:
    """A notice that somebody relies on must not be missing without a word, nor unknown to the model."""
    if settings.announcement and settings.announcement_audio is None:
        return ["BOT_ANNOUNCEMENT_AUDIO is not set: record the words of BOT_ANNOUNCEMENT as a WAV file and name it."]
    if settings.announcement_audio is not None and not settings.announcement:
        return ["BOT_ANNOUNCEMENT is not set: write down what BOT_ANNOUNCEMENT_AUDIO says."]
    return []


def _shortcuts_to_nobody(settings: Settings) -> list[str]:
    """A caller who presses a key is to be put through to somebody who is there."""
    known = {one.name for one in settings.destinations}
    return [
        f"BOT_KEYPAD_SHORTCUTS transfers to {one.destination}, who is no destination of BOT_TRANSFER or "
        "BOT_TRANSFER_NUMBERS: add them there, or take the key away."
        for one in settings.key_shortcuts
        if one.does == "transfer" and one.destination not in known
    ]


def _unsigned(settings: Settings) -> list[str]:
    """Nothing goes to the operator's servers that they can't know to be ours."""
    if not settings.signed_urls or settings.webhook_secret.get_secret_value():
        return []
    if written := settings.misspelt.get("BOT_WEBHOOK_SECRET"):
        return [f"BOT_WEBHOOK_SECRET is not set, but {written} is: rename it to BOT_WEBHOOK_SECRET."]
    return [
        f"BOT_WEBHOOK_SECRET is not set, and {name} is: make one with `openssl rand -base64 32`, and give it to that "
        "server too."
        for name in list(settings.signed_urls)[:1]
    ]


def _about_results(settings: Settings) -> list[str]:
    """Sentences on what keeps every request for a call's result from being answered."""
    if settings.result_schema is None:
        return []
    found, model, known = [], settings.result_model, family(settings.result_model)
    if not settings.responses_url:
        found.append("BOT_RESULT_URL is not set, and OPENAI_REALTIME_URL does not end with /realtime: name it.")
    if settings.dialect != "openai" and "BOT_RESULT_MODEL" not in settings.origins:
        found.append(
            f"BOT_RESULT_MODEL is not set: name a text model of your own, as BOT_DIALECT is {settings.dialect}."
        )
    elif known is not None and known.does != "answers":
        found.append(f"BOT_RESULT_MODEL is {model}, which answers no text: set gpt-5.6-luna.")
    return found


def _on_postgres(settings: Settings) -> bool:
    return database_kind(settings.database_url.get_secret_value()) == "postgresql"


def _about_recording(settings: Settings) -> list[str]:
    if settings.announcement_audio is not None and not settings.record:
        return ["BOT_ANNOUNCEMENT_AUDIO is played although BOT_RECORD is empty: no call is recorded."]
    return []


def _about_effort(settings: Settings) -> list[str]:
    model = settings.openai_realtime_model
    if takes_reasoning(model) or "BOT_REASONING_EFFORT" not in settings.origins:
        return []
    why = "is not known to take it" if family(model) is None else "does not take it"
    return [f"BOT_REASONING_EFFORT has no effect: {model} {why}."]


def _about_names(settings: Settings) -> list[str]:
    """Misspelt names of settings that a call can do without; for others `_missing` speaks."""
    return misspelt_among(settings, variables().keys() - _MENDS.keys())


def misspelt_among(settings: Settings, names: Collection[str]) -> list[str]:
    """A sentence for each of the settings `names` that is not given, while one with a name much like it is."""
    return [
        f"{written} is no setting and is not read: rename it to {meant} if that is meant."
        for meant, written in settings.misspelt.items()
        if meant.removesuffix("_FILE") in names
    ]


def _about_quotes(settings: Settings) -> list[str]:
    """Words may stand between quotation marks on purpose, but hardly all of them."""
    texts = {"BOT_INSTRUCTIONS": settings.instructions, "BOT_GREETING": settings.greeting}
    texts["BOT_ANNOUNCEMENT"] = settings.announcement
    return [
        f"{name} stands between quotation marks, which are a part of it; take them away if they are not meant."
        for name, text in texts.items()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`"
    ]


def _about_placeholders(settings: Settings) -> list[str]:
    """Placeholders that nothing fills in, or that would be filled in where a recording is played."""
    found = []
    for name in with_placeholders(settings) if not settings.changes else ():
        if not settings.lookup_url:
            found.append(
                f"{name} has a placeholder in {{{{ }}}}, and BOT_LOOKUP_URL is not set: it is said as it stands."
            )
        elif name == "BOT_GREETING" and settings.greeting_audio is not None:
            found.append("BOT_GREETING has a placeholder, and BOT_GREETING_AUDIO says the same to everybody.")
    return found


def _last_days(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """Setting, model, the day it is shut down, and what takes its place. Azure has another calendar."""
    if settings.dialect != "openai":
        return
    named = {
        "OPENAI_REALTIME_MODEL": (settings.openai_realtime_model, "gpt-realtime-2.1 or gpt-realtime-2.1-mini"),
        "BOT_TRANSCRIPTION_MODEL": (settings.transcriber, "gpt-transcribe"),
    }
    if settings.result_schema is not None:
        named["BOT_RESULT_MODEL"] = (settings.result_model, "gpt-5.6-luna")
    for name, (model, instead) in named.items():
        if (known := family(model)) and known.shutdown:
            yield name, model, known.shutdown, instead


def _to_be_retired(settings: Settings, today: date | None) -> list[str]:
    return [
        f"{name} is {model}, which OpenAI shuts down on {day}; change to {instead} before."
        for name, model, day, instead in _last_days(settings)
        if day > (today or _today()).isoformat()
    ]


def _retired(settings: Settings, today: date | None) -> list[str]:
    return [
        f"{name} is {model}, which OpenAI retired on {day}: set {instead}."
        for name, model, day, instead in _last_days(settings)
        if day <= (today or _today()).isoformat()
    ]


def _today() -> date:
    return datetime.now(UTC).date()


def _about_addresses(settings: Settings) -> list[str]:
    found = []
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http":
        found.append("PUBLIC_URL is on loopback: only a simulated phone on this machine can call it.")
    elif parts.port not in {None, 443}:
        found.append("PUBLIC_URL has a port: Twilio promises to open media streams on port 443 only.")
    for name, url in (("PUBLIC_URL", settings.public_url), ("BOT_OVERFLOW_URL", settings.overflow_url)):
        if is_example(url):
            found.append(f"{name} is the address of an example: put in the one at which Twilio reaches this server.")
    found += [
        f"{name} is the address of an example: put in that of your own server."
        for name, url in settings.signed_urls.items()
        if is_example(url)
    ]
    found += [
        f"{name} is the address of an example: unset it, or put in the one that is meant."
        for name, url in (("TWILIO_API_URL", settings.twilio_api_url), ("BOT_RESULT_URL", settings.result_url))
        if is_example(url)
    ]
    if not all(_TWILIO_TOKEN.fullmatch(token) for token in settings.auth_tokens):
        found.append("TWILIO_AUTH_TOKEN is not 32 hexadecimal digits: an API key's secret cannot verify signatures.")
    return found


def _about_dialling(settings: Settings) -> list[str]:
    """Sentences on what keeps the bot from calling anybody. Of profiles, each may have its part."""
    if not settings.dial_from or settings.profiles is not None:
        return []
    found = []
    if not settings.dial_allow:
        found.append("BOT_DIAL_FROM is set and BOT_DIAL_ALLOW is not: nobody may be dialled; list who may.")
    if not settings.admin_token.get_secret_value():
        found.append("BOT_DIAL_FROM is set and ADMIN_TOKEN is not: nobody can ask for a call; set it.")
    return found


def _without_effect(settings: Settings) -> list[str]:
    detection = settings.turn_detection
    idle = {
        **(_waiting_for_another(settings) if settings.profiles is None else {}),
        "BOT_FILLER_FILE": (not settings.filler_s, "BOT_FILLER_SECONDS is 0"),
        "BOT_RESULT_MODEL": (settings.result_schema is None, "BOT_RESULT_SCHEMA is not set"),
        "BOT_RESULT_URL": (settings.result_schema is None, "BOT_RESULT_SCHEMA is not set"),
        "BOT_VAD_THRESHOLD": (detection != "server_vad", "BOT_TURN_DETECTION is not server_vad"),
        "BOT_VAD_SILENCE_MS": (detection != "server_vad", "BOT_TURN_DETECTION is not server_vad"),
        "BOT_VAD_PREFIX_MS": (detection != "server_vad", "BOT_TURN_DETECTION is not server_vad"),
        "BOT_VAD_EAGERNESS": (detection != "semantic_vad", "BOT_TURN_DETECTION is not semantic_vad"),
        "BOT_KEYPAD_PAUSE_SECONDS": (settings.key_pause_s > settings.key_longest_s, "BOT_KEYPAD_SECONDS is shorter"),
        "BOT_RECORD_DIR": (
            not settings.record and bool(settings.database_url.get_secret_value()),
            "BOT_RECORD is empty, and DATABASE_URL names another place for the calls",
        ),
    }
    return [
        f"{name} has no effect: {why}." for name, (without, why) in idle.items() if without and name in settings.origins
    ]


def _waiting_for_another(settings: Settings) -> dict[str, tuple[bool, str]]:
    """Settings that do nothing without another, which a profile may have."""
    dialling = [name for name in variables() if name.startswith("BOT_DIAL_") and name != "BOT_DIAL_FROM"]
    texting = ["BOT_SMS_ALLOW", "BOT_SMS_MAX_CHARS"]
    return {
        "BOT_WEBHOOK_SECRET": (not settings.signed_urls, "no URL is set that it would sign for"),
        "BOT_TRANSFER_CHECK_URL": (not settings.destinations, "neither BOT_TRANSFER nor BOT_TRANSFER_NUMBERS is set"),
        **dict.fromkeys(dialling, (not settings.dial_from, "BOT_DIAL_FROM is not set")),
        **dict.fromkeys(texting, (not settings.sms_from, "BOT_SMS_FROM is not set")),
    }
