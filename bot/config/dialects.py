"""Settings that BOT_DIALECT requires or rules out (openai-realtime 1.4 and 1.5).

Each is right by itself, so they are taken one by one; together they would be refused by the server on the first call.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.config.settings_table import Settings
from bot.config.values.value_checks import VOICES
from bot.models import OPENAI, XAI, Does, ModelFamily, family, of_family

_HOSTS = {"openai": ("api.openai.com",), "azure": (".azure.com", ".azure.us"), "xai": ("api.x.ai",)}
"""The dialects' own servers, by the end of the host's name. Any other host may be a gateway for any dialect."""
_URLS = {
    "openai": "wss://api.openai.com/v1/realtime",
    "azure": "wss://RESOURCE.openai.azure.com/openai/v1/realtime",
    "xai": "wss://api.x.ai/v1/realtime",
}
_NAMES = {"openai": "OpenAI", "azure": "Azure", "xai": "xAI"}
_UNKNOWN_TO_XAI = (
    "BOT_MAX_OUTPUT_TOKENS",
    "BOT_TRANSCRIPTION_MODEL",
    "BOT_NOISE_REDUCTION",
)


_NOT_DEPLOYED = (
    "BOT_TRANSCRIPTION_MODEL is {0}: Azure writes down no turn unless a deployment has that very name; deploy it, name "
    "one that is there, or set off."
)


def contradictions(settings: Settings) -> list[str]:
    """A sentence for each setting with which no session of this dialect can be had."""
    found = _about_the_url(settings)
    if settings.dialect == "openai":
        found += _about_openais_models(settings)
    return found + _about_xai(settings) if settings.dialect == "xai" else found


def warnings(settings: Settings) -> list[str]:
    """A sentence for each setting that the dialect does not know, or takes otherwise."""
    if settings.dialect == "azure" and settings.transcriber:
        return [_NOT_DEPLOYED.format(settings.transcriber)]
    if settings.dialect != "xai":
        return []
    found = [f"{name} has no effect: BOT_DIALECT is xai." for name in _UNKNOWN_TO_XAI if name in settings.origins]
    if settings.announcement_audio is not None:
        found.append("BOT_ANNOUNCEMENT_AUDIO can't be interrupted, but xAI answers what is said meanwhile after it.")
    return found


def _about_the_url(settings: Settings) -> list[str]:
    mine, parts = settings.dialect, urlsplit(settings.openai_realtime_url)
    host = parts.hostname or ""
    owner = next((name for name, ends in _HOSTS.items() if host.endswith(ends)), mine)
    if owner != mine and "BOT_DIALECT" in settings.origins:
        whose = _NAMES[owner]
        return [f"OPENAI_REALTIME_URL is {whose}'s, and BOT_DIALECT is {mine}: make it {_URLS[mine]} or the like."]
    if owner != mine:
        return [f"OPENAI_REALTIME_URL is {_NAMES[owner]}'s: set BOT_DIALECT={owner}."]
    path = urlsplit(_URLS[mine]).path
    if not host.endswith(_HOSTS[mine]) or parts.path == path:
        return []
    why = "others are the retired preview" if mine == "azure" else "nothing else there talks"
    return [f"OPENAI_REALTIME_URL must have the path {path} with {_NAMES[mine]}; {why}."]


def _about_openais_models(settings: Settings) -> list[str]:
    """Faults in the names of models. One of which nothing is known may be a newer model's, or a gateway's."""
    model, transcriber = settings.openai_realtime_model, settings.transcriber
    found = [
        f"{name} is {given}, and OpenAI writes it {given.lower()}: mend it."
        for name, given in (("OPENAI_REALTIME_MODEL", model), ("BOT_TRANSCRIPTION_MODEL", transcriber))
        if family(given) is None and family(given.lower()) is not None
    ]
    if not _does(model, "talks", OPENAI):
        found.append(
            f"OPENAI_REALTIME_MODEL is {model}, which does not talk in a Realtime session: set gpt-realtime-2.1."
        )
    if transcriber and not _does(transcriber, "writes", OPENAI):
        found.append(f"BOT_TRANSCRIPTION_MODEL is {transcriber}, which does not write down speech: set gpt-transcribe.")
    return found


def _does(model: str, wanted: Does, table: Mapping[str, ModelFamily]) -> bool:
    """True when the model does `wanted`, or when nothing is known of it."""
    known = of_family(table, model)
    return family(model) is None if known is None else known.does == wanted


def _about_xai(settings: Settings) -> list[str]:
    model, voice = settings.openai_realtime_model, settings.chosen_voice
    faults = {
        f"OPENAI_REALTIME_MODEL is {model}: set one of xAI's, such as grok-voice-latest": not _does(
            model, "talks", XAI
        ),
        f"BOT_VOICE is {voice}: set one of xAI's, such as eve, ara, rex, sal or leo": voice in VOICES,
        "BOT_SPEED must be from 0.7 to 1.5": settings.speed is not None and settings.speed < _SLOWEST,
        "BOT_TURN_DETECTION must be server_vad": settings.turn_detection != "server_vad",
        "BOT_VAD_THRESHOLD must be from 0.1 to 0.9": not _QUIETEST <= settings.vad_threshold <= _LOUDEST,
        "BOT_MCP must be unset, since its server tells of no remote tools": bool(settings.mcp),
        "BOT_BARGE_IN must be on, since its server can't be told to wait": settings.barge_in != "on",
    }
    return [f"{fault} (BOT_DIALECT is xai)." for fault, holds in faults.items() if holds]


_SLOWEST, _QUIETEST, _LOUDEST = 0.7, 0.1, 0.9
