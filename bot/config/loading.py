"""From an environment to Settings, or to all that is wrong with it, in one go."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError

from bot.config.settings import Settings, variables
from bot.config.variable import Origin, Variable

_MAX_FILE_BYTES = 1_000_000
_MAX_ECHO = 60


class SettingsError(Exception):
    """The settings cannot be used. `problems` has a sentence for each, naming the variable and the mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(environ: Mapping[str, str], env_file: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ`, before those in `env_file`. An empty value is an unset one; spaces around it are cut.

    Secrets and BOT_INSTRUCTIONS may stand in a file instead, named by NAME_FILE. Raises SettingsError with every
    problem there is, in the order of the table, without any secret in it.
    """
    known = variables()
    given, origins, problems = _collect(known, environ, env_file or {})
    try:
        settings = Settings.model_validate({**given, "origins": origins})
    except ValidationError as error:
        secrets = [part for name in given if known[name].secret for part in given[name].split(",") if part]
        for fault in error.errors(include_url=False, include_input=False):
            name = str(fault["loc"][0])
            why = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else None
            problems.setdefault(name, _sentence(known[name], given[name], why, secrets))
    order = [*known, *sorted(problems.keys() - known.keys())]
    if problems:
        raise SettingsError([problems[name] for name in order if name in problems])
    return settings


def read_env_file(path: Path) -> dict[str, str]:
    """The variables in `path`, a file of NAME=value lines as docker and systemd take them. Raises SettingsError."""
    if not path.is_file():
        raise SettingsError([f"The file {path} of --env-file cannot be found; mend the path."])
    try:
        found = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"The file {path} of --env-file cannot be read ({_reason(error)}); mend it."]) from None
    return {name: value for name, value in found.items() if value is not None}


def _collect(
    known: Mapping[str, Variable], environ: Mapping[str, str], env_file: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, Origin], dict[str, str]]:
    """The texts that were given, where from, and what is wrong so far by variable."""
    merged = {**env_file, **environ}
    given: dict[str, str] = {}
    origins: dict[str, Origin] = {}
    problems = _unknown(known, merged)
    for name, variable in known.items():
        text, file = merged.get(name, "").strip(), merged.get(f"{name}_FILE", "").strip() if variable.from_file else ""
        source = "environment" if name in environ else "env file"
        if text and file:
            problems[name] = f"{name} and {name}_FILE are both set; unset one of them."
            continue
        if file:
            source = f"file {file}"
            try:
                text = _read(Path(file))
            except (OSError, ValueError) as error:
                problems[name] = (
                    f"{name}_FILE names a file that cannot be used ({_reason(error)}); mend it or the path."
                )
                continue
        if text:
            given[name] = text
            origins[name] = Origin(source, "***" if variable.secret else text)
    return given, origins, problems


def _unknown(known: Mapping[str, Variable], merged: Mapping[str, str]) -> dict[str, str]:
    names = [*known, *(f"{name}_FILE" for name, variable in known.items() if variable.from_file)]
    problems = {}
    for name in merged:
        if name.startswith("BOT_") and name not in names:
            near = difflib.get_close_matches(
                name, [known for known in names if known.startswith("BOT_")], n=1, cutoff=0
            )
            problems[name] = f"{name} is no setting; rename it to {near[0]}, the nearest there is, or unset it."
    return problems


def _read(path: Path) -> str:
    """The text of a file, without the blanks around it. Raises OSError, or ValueError in words."""
    with path.open("rb") as file:
        raw = file.read(_MAX_FILE_BYTES + 1)
    if len(raw) > _MAX_FILE_BYTES:
        raise ValueError("it is over a million bytes long")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not text:
        raise ValueError("it is empty")
    return text


def _sentence(variable: Variable, text: str, why: str | None, secrets: list[str]) -> str:
    if why is not None:
        return f"{variable.name} {why}."
    told = repr(text)
    looks_secret = text.startswith("sk-") or any(secret in text for secret in secrets)
    shown = "" if looks_secret or len(told) > _MAX_ECHO else f", not {told}"
    return f"{variable.name} must be {variable.must}{shown}."


def _reason(error: Exception) -> str:
    return (error.strerror or "unreadable") if isinstance(error, OSError) else str(error)
