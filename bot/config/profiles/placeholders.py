"""Placeholders in the operator's own texts: `{{name}}`, or `{{name|what stands there otherwise}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.config.settings_table import Settings

VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PLACEHOLDER = re.compile(r"( ?)\{\{\s*([A-Za-z][A-Za-z0-9_]{0,39})\s*(?:\|([^{}]*))?\}\}")
TEXTS = {"BOT_INSTRUCTIONS": "instructions", "BOT_GREETING": "greeting"}
"""The settings that may have placeholders, and their fields."""


def filled(text: str, variables: Mapping[str, str]) -> str:
    """`text` with the values in place, each as it is: what stands in one is no placeholder.

    Where there is no value, or an empty one, stands what the placeholder says itself, or nothing, without the space
    before it.
    """

    def value(found: re.Match[str]) -> str:
        space, name, otherwise = found.groups()
        said = variables.get(name, "").strip() or (otherwise or "").strip()
        return f"{space}{said}" if said else ""

    return _PLACEHOLDER.sub(value, text)


def with_placeholders(settings: Settings) -> list[str]:
    """The settings whose texts have placeholders."""
    return [name for name, field in TEXTS.items() if _PLACEHOLDER.search(getattr(settings, field))]


def personal(settings: Settings, variables: Mapping[str, str], extra: str = "") -> Settings:
    """The settings of one call: its placeholders filled, and `extra` instructions behind the operator's own."""
    texts = {name: filled(getattr(settings, field), variables) for name, field in TEXTS.items()}
    if extra:
        texts["BOT_INSTRUCTIONS"] = f"{texts['BOT_INSTRUCTIONS']}\n\n{extra}"
    return settings.changed({name: text for name, text in texts.items() if text != getattr(settings, TEXTS[name])})


def unfilled(settings: Settings) -> Settings:
    """The settings of a call that no lookup was made about; without a lookup, texts stand as they are."""
    return personal(settings, {}) if settings.lookup_url and not settings.changes else settings
