"""Reasons why a server could not start, or a call not be what was meant, found before anything has begun.

`bot check` and `bot serve` ask here, so neither is content where the other is not. What is tried is left as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.after_call.result_schema import BadSchema, load_schema
from bot.config import Settings, SettingsError, missing_for_call, warnings_about
from bot.config.profiles import load_profiles, of_profile
from bot.config.values.value_checks import is_loopback
from bot.doctor.writable_places import FULL, NoSharedDirectory, try_directory, try_file, try_shared
from bot.realtime.prices import BadPrices
from bot.server.setup.call_prices import price_table
from bot.server.setup.listen_address import CannotListen, try_address
from bot.server.setup.played_recordings import unplayable
from bot.store.urls import StoreError, store_url
from bot.twilio.twiml import TwimlError, twiml_files


class Judgement(NamedTuple):
    """Sentences. With a problem or something missing the server does not start; a warning is for a person to weigh."""

    problems: list[str]
    missing: list[str]
    warnings: list[str]

    @property
    def ready(self) -> bool:
        return not self.problems and not self.missing


def judge(settings: Settings) -> Judgement:
    """Settings that are each right by themselves, together, with the files and places they name, and each profile."""
    found = _judge_alone(settings)
    try:
        profiles = load_profiles(settings)
    except SettingsError as error:
        found.problems.extend(error.problems)
        return found
    known = Judgement(*map(list, found))
    for each in profiles:
        for ours, told, theirs in zip(known, found, _judge_alone(each), strict=True):
            told.extend(of_profile(each, sentence) for sentence in theirs if sentence not in ours)
    return found


def hindrances(settings: Settings) -> list[str]:
    """Sentences that keep a server from starting with these settings, its profiles apart."""
    found = _judge_alone(settings)
    return found.problems + found.missing


def _judge_alone(settings: Settings) -> Judgement:
    found = Judgement([], missing_for_call(settings), warnings_about(settings))
    _judge_files(settings, found)
    _judge_places(settings, found)
    _judge_address(settings, found)
    return found


def judge_rest(error: SettingsError) -> list[str]:
    """Sentences about all else that is wrong or missing, and has nothing to do with the settings of `error`."""
    if error.rest is None:
        return []
    judged = judge(error.rest)
    return [told for told in judged.problems + judged.missing if not _mentions(told, error.wrong)]


def _mentions(sentence: str, names: Collection[str]) -> bool:
    return any(re.search(rf"\b{re.escape(name)}(?:_FILE)?\b", sentence) for name in names)


def _judge_files(settings: Settings, found: Judgement) -> None:
    try:
        twiml_files(settings.twiml_dir, settings.language)
    except TwimlError as error:
        found.problems.append(str(error))
    except OSError as error:
        found.problems.append(
            f"BOT_TWIML_DIR: {error.filename} can't be read ({error.strerror}); "
            "let this user read it, or mend the path."
        )
    try:
        price_table(settings.prices)
    except BadPrices as error:
        found.problems.extend(error.problems)
    found.problems.extend(unplayable(settings))
    _judge_schema(settings, found)
    _judge_servers(settings, found)
    if settings.tools:
        _judge_tools(settings, found)


def _judge_tools(settings: Settings, found: Judgement) -> None:
    from bot.tools import BadTool, toolboxes  # noqa: PLC0415  a third of the time of `bot check`, and few have tools

    try:
        toolboxes.check(settings)
    except BadTool as error:
        found.problems.append(str(error))


def _judge_schema(settings: Settings, found: Judgement) -> None:
    if settings.result_schema is None:
        return
    try:
        schema = load_schema(settings.result_schema)
    except BadSchema as error:
        found.problems.append(str(error))
        return
    if not schema.exact:
        found.warnings.append(
            f"BOT_RESULT_SCHEMA is one that a model can't be held to exactly ({schema.loose}): an answer that is "
            "otherwise is asked for again."
        )


def _judge_servers(settings: Settings, found: Judgement) -> None:
    """The model's side asks the servers of BOT_MCP: from elsewhere it can't reach this machine's loopback."""
    if is_loopback(urlsplit(settings.openai_realtime_url).hostname or ""):
        return
    for server in settings.mcp:
        if is_loopback(urlsplit(server.url).hostname or ""):
            found.warnings.append(
                f"BOT_MCP has a server [{server.name}] on this machine alone, and it is asked from where "
                "OPENAI_REALTIME_URL is: its tools will be missing."
            )


def _judge_places(settings: Settings, found: Judgement) -> None:
    """A place that somebody has asked for must do. Without one that nobody named calls are answered, not recorded."""
    if settings.record:
        _try(found, "BOT_RECORD_DIR", settings.record_dir, try_directory, asked=True)
    try:
        path = store_url(settings).path
    except StoreError as error:
        found.problems.append(str(error))
        path = None
    if path is not None and settings.database_url.get_secret_value():
        _try(found, "DATABASE_URL", path, _try_store, asked=True)
    elif path is not None:
        _try(found, "BOT_RECORD_DIR", path, _try_store, asked="BOT_RECORD_DIR" in settings.origins)
    if settings.web_concurrency > 1:
        try:
            try_shared()
        except NoSharedDirectory as error:
            found.problems.append(f"WEB_CONCURRENCY is {settings.web_concurrency}, and {error}.")


def _try_store(path: Path) -> None:
    try_directory(path.parent)
    try_file(path)


def _try(found: Judgement, name: str, path: Path, attempt: Callable[[Path], None], *, asked: bool) -> None:
    if any(told.startswith(f"{name}:") for told in found.problems):
        return  # one sentence about a place will do
    try:
        attempt(path)
    except OSError as error:
        told = f"{name}: nothing can be written at {path} ({error.strerror or error})"
        if asked and error.errno not in FULL:
            found.problems.append(f"{told}; mend the path, or let this user write there.")
        else:
            found.warnings.append(f"{told}: calls are answered, not recorded.")


def _judge_address(settings: Settings, found: Judgement) -> None:
    try:
        try_address(settings.host, settings.port)
    except CannotListen as error:
        if not error.taken:  # by ourselves, most likely, when a running server is checked
            found.problems.append(str(error))
