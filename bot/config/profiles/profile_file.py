"""The file of profiles, TOML: a table for each, with the numbers it answers and its settings as texts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_origin

from bot.config.env_file import read_toml, reason
from bot.config.loading import SettingsError, settable_names
from bot.config.profiles.called_numbers import plain_number
from bot.config.settings_table import OF_THE_SERVER, Settings, variables
from bot.config.variable_names import meant

NUMBERS, DEFAULT = "numbers", "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MAX_ECHO = 60


class ProfileFile(NamedTuple):
    """Content of the file, by profile; and a sentence for each thing in it that is wrong."""

    path: Path
    default: str
    numbers: dict[str, tuple[str, ...]]
    texts: dict[str, dict[str, str]]
    problems: list[str]


def read_profiles(path: Path) -> ProfileFile:
    """The file of BOT_PROFILES. Raises SettingsError when it can't be read at all."""
    try:
        found = read_toml(path)
    except (OSError, ValueError) as error:
        why = f"BOT_PROFILES: {path} can't be read ({reason(error)}); mend it."
        raise SettingsError([why], wrong=["BOT_PROFILES"]) from None
    file = ProfileFile(path, "", {}, {}, [])
    for name, table in found.items():
        if name == DEFAULT and not isinstance(table, dict):
            continue
        if not isinstance(table, dict):
            file.problems.append(_no_table(path, name))
        elif not _NAME.fullmatch(name) or name == DEFAULT:
            rule = "begins with a small letter or a digit, goes on with those, - and _, 40 at most, and is not default"
            file.problems.append(f"BOT_PROFILES: {_told(name)} in {path} is no name for a profile: one {rule}.")
        else:
            _read_profile(file, name, table)
    default = found.get(DEFAULT, "")
    problems = [*file.problems, *_twice(file), *_default(path, default, found)]
    return file._replace(default=default if isinstance(default, str) else "", problems=problems)


def _no_table(path: Path, name: str) -> str:
    if meant(name, settable_names()) or name in {NUMBERS, *variables()}:
        return f"BOT_PROFILES: {name} stands in {path} before any profile; put it under the [name] of one."
    near = f"{DEFAULT}, or" if difflib.get_close_matches(name, [DEFAULT], 1) else ""
    return f"BOT_PROFILES: {_told(name)} in {path} is no profile; write {near} [{name}] and its settings.".replace(
        "  ", " "
    )


def _default(path: Path, default: Any, found: Mapping[str, Any]) -> list[str]:
    names = [name for name, table in found.items() if isinstance(table, dict)]
    if not default and isinstance(default, str):
        return (
            []
            if DEFAULT not in found
            else [f"BOT_PROFILES: default in {path} is empty; name a profile, or take it away."]
        )
    if default in names or isinstance(default, dict):
        return []
    near = difflib.get_close_matches(str(default), names, 1, 0.0) if isinstance(default, str) else []
    hint = f"; the nearest is {near[0]}" if near else ""
    return [f"BOT_PROFILES: default in {path} must be the name of a profile in it, not {_told(default)}{hint}."]


def _twice(file: ProfileFile) -> list[str]:
    """A call has one profile: each number is in one of them."""
    problems, owner = [], dict[str, str]()
    for name, numbers in file.numbers.items():
        for number in numbers:
            first = owner.setdefault(number, name)
            if first != name:
                problems.append(
                    f"BOT_PROFILES: {number} is in the profiles {first} and {name} in {file.path}; leave it in one."
                )
    return problems


def _read_profile(file: ProfileFile, name: str, table: Mapping[str, Any]) -> None:
    where, texts = f"Profile {name} in {file.path}:", dict[str, str]()
    file.texts[name], file.numbers[name] = texts, ()
    for key, value in table.items():
        if key == NUMBERS:
            file.numbers[name] = _numbers(file, where, value)
        elif isinstance(value, dict) and key not in settable_names():
            file.problems.append(f"{where} {_told(key)} is a table in it; if it is a profile, begin it with [{key}].")
        elif (strange := _strange(key)) is not None:
            file.problems.append(f"{where} {strange}")
        elif (text := _text(key, value)) is None:
            must = variables()[key].must if key in variables() else "the path of a file"
            file.problems.append(f"{where} {key} must be {must}, in quotation marks, not {_kind(value)}.")
        else:
            texts[key] = text


def _strange(key: str) -> str | None:
    """The fault of a key that is no setting of a call."""
    known = settable_names()
    if key in known:
        if key.removesuffix("_FILE") not in OF_THE_SERVER:
            return None
        return f"{key} holds for the whole server and can't be changed for a call: set it in the environment."
    near = meant(key, known) or meant(f"BOT_{key}", known) or _near(key)
    if near is None:
        return f"{_told(key)} is no setting; take it away (`bot check` lists those there are)."
    return f"{_told(key)} is no setting; rename it to {near}, the nearest there is, or take it away."


def _near(key: str) -> str | None:
    return next(iter(difflib.get_close_matches(key.lower(), [NUMBERS], 1)), None)


def _text(key: str, value: Any) -> str | None:
    """The value as it would stand in the environment; None for what can't."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return f"{value}"
    if isinstance(value, list) and _is_list(key) and all(isinstance(one, str) and "," not in one for one in value):
        return ",".join(value)
    return None


def _is_list(key: str) -> bool:
    fields = (field for field in Settings.model_fields.values() if field.alias == key)
    return any(get_origin(field.annotation) is tuple for field in fields)


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", list: "a list", dict: "a table"}
    return next((told for kind, told in kinds.items() if isinstance(value, kind)), "a date or time")


def _numbers(file: ProfileFile, where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        file.problems.append(f'{where} numbers must be a list of texts, such as ["+15555550100", "sip:desk"].')
        return ()
    plain = tuple(map(plain_number, value))
    for place, number in enumerate(plain, 1):
        if not number:
            file.problems.append(
                f"{where} entry {place} of numbers must be a telephone number in full, such as +15555550100, or a SIP "
                "address, such as sip:desk@example.com."
            )
    return tuple(dict.fromkeys(number for number in plain if number))


def _told(value: Any) -> str:
    """Text that somebody wrote, in quotation marks where it is no plain word; cut."""
    text = str(value)
    text = text if re.fullmatch(r"[\w.-]+", text) else repr(text)
    return text if len(text) <= _MAX_ECHO else f"{text[:_MAX_ECHO]}..."
