"""`bot check`: what is wrong, missing or odd, then the settings as they are in effect."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.config import Settings, SettingsError, Shown, effective
from bot.config.profiles import load_profiles, of_profile
from bot.doctor.readiness import Judgement, judge
from bot.doctor.store_reach import reach
from bot.realtime.prices import BadPrices
from bot.server.setup.call_prices import half_blind, price_lines
from bot.server.setup.listen_address import is_taken

_PLACES = ("DATABASE_URL", "BOT_RECORD_DIR")
"""Settings of places: while one of them can't be used there is nothing to say about the calls on record."""


class CheckReport(NamedTuple):
    """The findings. `judged` decides; `fine` holds sentences about prices and the call store."""

    judged: Judgement
    fine: list[str]
    shown: list[Shown]
    profiles: list[ShownProfile]


class ShownProfile(NamedTuple):
    """A profile: who has it, and where it differs from the environment."""

    name: str
    numbers: tuple[str, ...]
    default: bool
    shown: list[Shown]


def examine(settings: Settings) -> CheckReport:
    """Judge as `bot serve` does, and look at the prices and the call store besides."""
    judged, fine = judge(settings), []
    if is_taken(settings.host, settings.port):
        judged.warnings.append(f"PORT {settings.port} is taken: by a server that runs already, or by another program.")
    with suppress(BadPrices):  # among the problems already
        fine += price_lines(settings)
        judged.warnings.extend(half_blind(settings))
    with suppress(BadPrices, SettingsError):
        for each in load_profiles(settings):
            own = [told for told in half_blind(each) if told not in judged.warnings]
            judged.warnings.extend(of_profile(each, told) for told in own)
    if not any(told.startswith(_PLACES) for told in judged.problems):
        reached = reach(settings)
        fine += reached.fine
        judged.warnings.extend(reached.warnings)
    return CheckReport(judged, fine, effective(settings), _profiles(settings))


def _profiles(settings: Settings) -> list[ShownProfile]:
    """Each profile; none while any of them is wrong."""
    try:
        profiles = load_profiles(settings)
    except SettingsError:
        return []
    ours = {one.name: one.value for one in effective(settings)}
    return [
        ShownProfile(
            each.profile,
            profiles.numbers(each.profile),
            profiles.default is each,
            [one for one in effective(each) if one.value != ours[one.name]],
        )
        for each in profiles
    ]


def show(report: CheckReport, console: Console) -> None:
    """Print all but the problems, what matters first: a table on a terminal, a line for each setting in a pipe."""
    judged = report.judged
    if judged.missing:
        _line(console, "Missing for a real call:")
        for sentence in judged.missing:
            _line(console, f"  {sentence}")
    for sentence in judged.warnings:
        _line(console, f"Warning: {sentence}")
    for sentence in report.fine:
        _line(console, sentence)
    if console.is_terminal:
        console.print(_table(report.shown))
    else:
        for name, value, source in report.shown:
            _line(console, f"{name}={value} ({source})")
    for profile in report.profiles:
        _show_profile(profile, console)
    _line(console, _verdict(judged))


def _show_profile(profile: ShownProfile, console: Console) -> None:
    whose = ["every number that no profile has"] if profile.default else []
    whose = [*profile.numbers, *whose] or ["calls it is asked for by name"]
    _line(console, f"Profile {profile.name}, for {', '.join(whose)}:")
    if not profile.shown:
        _line(console, "  nothing differs")
    for name, value, _ in profile.shown:
        _line(console, f"  {name}={value}")


def _verdict(judged: Judgement) -> str:
    to_mend = len(judged.problems) + len(judged.missing)
    if to_mend:
        return f"A real call can't work yet: {to_mend} thing{'s' * (to_mend > 1)} to mend, told first."
    return "Nothing is missing for a real call."


def _table(shown: list[Shown]) -> Table:
    table = Table("setting", "value", "source", header_style="bold")
    for name, value, source in shown:
        # Text, not markup: a value may hold square brackets.
        table.add_row(name, Text(value), Text(source), style="dim" if source == "default" else "")
    return table


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
