"""Loading of Settings from an environment, or of all that is wrong with it, in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from bot.config import variable_names
from bot.config.env_file import BadEnvFile, EnvFile, read_text, read_variables, reason
from bot.config.settings_table import Settings, variables
from bot.config.values import pasted
from bot.config.values.paths import SECRET_LIKE
from bot.config.variable import Origin, Variable

_MAX_ECHO = 60
_END_SHOWN = 4
_ROTATED = ("TWILIO_AUTH_TOKEN", "BOT_WEBHOOK_SECRET")
"""Secrets of which two may be given, with a comma between them."""
_FRACTION = re.compile(r"-?[0-9]*[.,][0-9]+")
_LONG_SECRET = 16
"""The least length of a secret whose end is shown."""


class SettingsError(Exception):
    """The settings cannot be used. `problems` has a sentence for each, naming the variable and the mend.

    `rest` has what was right, when any of it can be judged; `wrong` has the setting that each problem is about, also
    when it was misspelt.
    """

    def __init__(self, problems: list[str], rest: Settings | None = None, wrong: Sequence[str] = ()) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.rest = rest
        self.wrong = wrong

    def about(self, needed: Collection[str]) -> list[str]:
        """The problems with the settings in `needed`; all of them where nothing can be used without them."""
        if self.rest is None:
            return self.problems
        return [told for told, name in zip(self.problems, self.wrong, strict=True) if name in needed]


class _Given(NamedTuple):
    """The texts that were given, where from, and what is wrong so far; each by variable."""

    texts: dict[str, str]
    origins: dict[str, Origin]
    problems: dict[str, str]


def load_settings(environ: Mapping[str, str], env_file: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ`, before those in `env_file`. An empty value is an unset one; spaces around it are cut.

    Secrets and BOT_INSTRUCTIONS may stand in a file instead, named by NAME_FILE. Raises SettingsError with every
    problem there is, in the order of the table, without any secret in it.
    """
    known, all_names = variables(), settable_names()
    merged = {**(env_file or {}), **environ}
    given = _collect(known, merged, lambda name: "environment" if name in environ else "env file", all_names)
    repeated = env_file.repeated if isinstance(env_file, EnvFile) else {}
    told = {
        "misspelt": variable_names.misspelt(merged, all_names),
        "environ": {name: text for name, text in merged.items() if name not in all_names},
        "notices": tuple(sentence for name, sentence in repeated.items() if name in all_names),
    }
    settings, faults = _validated(known, given, told)
    problems = {**faults, **given.problems}
    if problems:
        order = [name for name in (*known, *sorted(problems.keys() - known.keys())) if name in problems]
        meant = (variable_names.meant(name, all_names) or name for name in order)
        wrong = [name if name in known else name.removesuffix("_FILE") for name in meant]
        raise SettingsError([problems[name] for name in order], settings, wrong)
    assert settings is not None
    return settings


def settable_names() -> frozenset[str]:
    """Every name that may be given: the variables, and those that name a file with the value of one."""
    return frozenset(each for one in variables().values() for each in (one.name, *[f"{one.name}_FILE"] * one.from_file))


def over(base: Settings, texts: Mapping[str, str], source: str) -> tuple[Settings, dict[str, str]]:
    """`base` with `texts` over it, checked as the environment is; and a sentence for each of them that is wrong.

    An empty text is a setting that is put back to its default.
    """
    known, all_names = variables(), settable_names()
    given = _collect(known, texts, lambda _: source, all_names)
    named = {name for name in known if texts.keys() & {name, f"{name}_FILE"}}
    plain = {name: origin.text for name, origin in base.origins.items() if not known[name].secret and name not in named}
    found, faults = _validated(known, given._replace(texts=plain | given.texts), {"environ": base.environ})
    faults |= given.problems
    problems = {name: faults[name] for name in (*known, *texts) if name in faults and (name in named or name in texts)}
    if found is None:  # a default is wrong, which is told of the environment
        return base, problems
    fields = {field.alias: name for name, field in Settings.model_fields.items()}
    origins = {name: origin for name, origin in base.origins.items() if name not in named} | given.origins
    changed = {fields[name]: getattr(found, fields[name]) for name in named}
    return base.model_copy(update={**changed, "origins": origins}), problems


def read_env_file(path: Path) -> EnvFile:
    """The variables in `path`, a file of NAME=value lines as docker and systemd take them. Raises SettingsError."""
    try:
        return read_variables(path)
    except BadEnvFile as error:
        raise SettingsError(error.problems) from None


def _validated(
    known: Mapping[str, Variable], given: _Given, told: Mapping[str, object]
) -> tuple[Settings | None, dict[str, str]]:
    """The settings without those that are wrong, and a sentence for each of these."""
    texts, problems = dict(given.texts), dict[str, str]()
    secrets = [part for name in texts if known[name].secret for part in texts[name].split(",") if part]
    while True:
        try:
            return Settings.model_validate({**texts, "origins": given.origins}, context=told), problems
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
        wrong = {_variable_of(str(fault["loc"][0])): fault for fault in reversed(faults)}
        for name, fault in wrong.items():
            why = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else None
            text, origin = texts.get(name, known[name].default), given.origins.get(name)
            variable = known[name]
            if fault["type"] == "int_parsing" and _FRACTION.fullmatch(text):
                variable = variable._replace(must=variable.must.replace("a number", "a whole number", 1))
            problems[name] = _sentence(variable, text, origin, why, secrets)
        if not wrong.keys() <= texts.keys():  # even a default: the directory we are in may not be looked at
            return None, problems
        texts = {name: text for name, text in texts.items() if name not in wrong}


def _variable_of(place: str) -> str:
    """Pydantic names a default that is wrong by its field, and a value that is by its variable."""
    field = Settings.model_fields.get(place)
    return (field.alias if field else None) or place


def _collect(
    known: Mapping[str, Variable],
    merged: Mapping[str, str],
    source_of: Callable[[str], str],
    all_names: Collection[str],
) -> _Given:
    given = _Given({}, {}, variable_names.unknown(merged, all_names))
    for name, variable in known.items():
        text, file = merged.get(name, "").strip(), merged.get(f"{name}_FILE", "").strip() if variable.from_file else ""
        source = source_of(name)
        if text and file:
            given.problems[name] = f"{name} and {name}_FILE are both set; unset one of them."
            continue
        if file:
            source = f"file {file}"
            try:
                text = _read(Path(file))
            except (OSError, ValueError) as error:
                given.problems[name] = _unusable(name, file, reason(error))
                continue
        if text:
            given.origins[name] = Origin(source, _shown(variable, text))
            if why := _mispasted(variable, text, all_names):
                given.problems[name] = _sentence(variable, text, given.origins[name], why, [])
            else:
                given.texts[name] = text
    return given


def _unusable(name: str, file: str, why: str) -> str:
    if SECRET_LIKE.fullmatch(file):  # the secret itself, most likely, which no sentence shall repeat
        return f"{name}_FILE must name a file, and holds a value; give the value to {name}, or mend the path."
    return f"{name}_FILE names a file that cannot be used, {file} ({why}); mend it or the path."


def _mispasted(variable: Variable, text: str, all_names: Collection[str]) -> str | None:
    """The fault of a value that was copied with more than itself, in words that follow the name."""
    if variable.form == "text":
        return None
    several = variable.name in _ROTATED and "," in text
    for part in (text, *(part.strip() for part in text.split(",") if several and part.strip())):
        found = pasted.left_around(part, all_names)
        if variable.form in {"word", "secret"}:
            found = found or pasted.left_on_a_word(part)
        if variable.form == "secret" and not (several and "," in part):
            found = found or pasted.of_another_kind(variable.name, part)
        if found:
            return found
    return None


def _shown(variable: Variable, text: str) -> str:
    """The value for people: without a secret, or the query of a URL, where many services want their key."""
    if variable.secret:
        return _hidden(variable, text)
    url, asked, _ = text.partition("?")
    return f"{url}?***" if asked and variable.form == "word" else text


def _hidden(variable: Variable, text: str) -> str:
    """A secret as it is shown: the end of each long one tells which it is."""
    if variable.form == "word":  # a URL with a password in it, whose end tells nothing of that
        return "***"
    parts = [part.strip() for part in text.split(",")]
    return ", ".join(f"***{part[-_END_SHOWN:]}" if len(part) >= _LONG_SECRET else "***" for part in parts)


def _read(path: Path) -> str:
    """The text of a file, without the blanks around it. Raises OSError, or ValueError in words."""
    text = read_text(path).strip()
    if not text:
        raise ValueError("it is empty")
    return text


def _sentence(variable: Variable, text: str, origin: Origin | None, why: str | None, secrets: list[str]) -> str:
    where = f" (in {origin.source.removeprefix('file ')})" if origin and origin.source.startswith("file ") else ""
    if why is not None:
        return f"{variable.name}{where} {why}."
    told = repr(text)
    looks_secret = text.startswith("sk-") or any(secret in text for secret in secrets)
    shown = "" if looks_secret or len(told) > _MAX_ECHO else f", not {told}"
    return f"{variable.name}{where} must be {variable.must}{shown}."
