"""The settings as people read them: the tables of the manual, the example file, the effective values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bot.config.settings_table import Settings, variables
from bot.config.variable import Variable

_SHOWN_CHARS = 70
FIRST = (
    *("BOT_INSTRUCTIONS", "BOT_GREETING", "BOT_VOICE", "BOT_LANGUAGE", "BOT_VAD_THRESHOLD", "BOT_BARGE_IN"),
    *("BOT_FALLBACK", "BOT_MAX_CALLS", "BOT_MAX_DAILY_USD", "BOT_RECORD"),
)
"""Settings that people change first, once a call has been answered."""
_EXAMPLE_HEAD = """\
# Every setting of the bot with its default. Copy this file to .env, uncomment what you change, and start with
# `bot serve --env-file .env`: no file is read without that option.
"""


class Shown(NamedTuple):
    """One line of `bot check`. `source` is `default`, `environment`, `env file` or `file PATH`."""

    name: str
    value: str
    source: str


def effective(settings: Settings) -> list[Shown]:
    """Every setting with its value as text, secrets masked, and where it came from."""
    lines = []
    for name, variable in variables().items():
        origin = settings.origins.get(name)
        source, text = origin or ("default", variable.default)
        lines.append(Shown(name, _short(text) or "(not set)", source))
    return lines


def settings_table() -> str:
    """Every setting, in Markdown."""
    return _table(variables().values())


def first_settings_table() -> str:
    """The few that the README shows."""
    return _table(variables()[name] for name in FIRST)


def _table(shown: Iterable[Variable]) -> str:
    rows = ["| variable | default | what it does | what it may be |", "|---|---|---|---|"]
    rows += [
        f"| {_named(variable)} | {_default(variable)} | {variable.about} | {variable.must} |".replace("  ", " ")
        for variable in shown
    ]
    return "\n".join(rows) + "\n"


def env_example() -> str:
    """The text of `.env.example`: every variable, commented out, with its default."""
    blocks = [_EXAMPLE_HEAD]
    for variable in variables().values():
        file = f" {variable.name}_FILE may name a file that holds it." if variable.from_file else ""
        value = f'"{variable.default}"' if " " in variable.default else variable.default
        blocks.append(f"# {variable.about}{file}\n# It is {variable.must}.\n# {variable.name}={value}\n")
    return "\n".join(blocks)


def _named(variable: Variable) -> str:
    return f"`{variable.name}`" + (f", `{variable.name}_FILE`" if variable.from_file else "")


def _default(variable: Variable) -> str:
    if len(variable.default) > _SHOWN_CHARS:
        return "(a text)"
    return f"`{variable.default}`" if variable.default else ""


def _short(text: str) -> str:
    """`text` on one line, cut, with what a terminal would obey made visible."""
    line = " ".join(text.split())
    line = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in line)
    return line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]}... ({len(text)} characters)"
