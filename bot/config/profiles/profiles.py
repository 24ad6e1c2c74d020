"""The profiles of a server: who answers which number, each as whole settings, and how they are read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from bot.config.loading import SettingsError, over
from bot.config.profiles.called_numbers import plain_number, user_of
from bot.config.profiles.profile_file import ProfileFile, read_profiles
from bot.config.settings_table import Settings

Judge = Callable[[Settings], list[str]]
"""Tells what keeps these settings from being served."""


class Profile(NamedTuple):
    """Settings by name: the environment's, and over them the profile's. `numbers` are as `plain_number` gives them."""

    settings: Settings
    numbers: tuple[str, ...] = ()


class Profiles:
    """The profiles as they were last read. Without any, every call has the environment's settings."""

    def __init__(self, base: Settings, named: Mapping[str, Profile] | None = None, default: str = "") -> None:
        """`default` names the profile of calls to a number that none has; empty: the environment's settings."""
        self.base = base
        """The settings of the server."""
        self.judge: Judge = _content
        """Judges what is read again."""
        self.on_reread: list[Callable[[], None]] = []
        """Called when the profiles have been read again."""
        self._named: Mapping[str, Profile] = {}
        self._take(named or {}, default)

    def _take(self, named: Mapping[str, Profile], default: str) -> None:
        self._named, self._default = named, default
        self._by_number = {number: one.settings for one in named.values() for number in one.numbers}

    def __iter__(self) -> Iterator[Settings]:
        """The settings of every profile."""
        return (one.settings for one in self._named.values())

    def numbers(self, name: str) -> tuple[str, ...]:
        return self._named[name].numbers

    @property
    def default(self) -> Settings:
        """The settings of a call to a number that no profile has."""
        return self._named[self._default].settings if self._default else self.base

    def of_number(self, called: str) -> Settings:
        """The settings for a call to this number or SIP address, as Twilio gives it."""
        plain = plain_number(called)
        return self._by_number.get(plain) or self._by_number.get(user_of(plain)) or self.default

    def named(self, name: str) -> Settings | None:
        """The settings of this profile, the server's own for an empty name; None when there is none."""
        if not name:
            return self.base
        return self._named[name].settings if name in self._named else None

    def again(self, name: str, changes: Mapping[str, str]) -> Settings:
        """The settings of a call that is carried on; the default's when its profile was taken away meanwhile."""
        return (self.named(name) or self.default).changed(changes)

    def fresh(self) -> Profiles:
        """The profiles as the file has them now, to be taken. It reads files. Raises SettingsError."""
        return load_profiles(self.base, self.judge)

    def take(self, fresh: Profiles) -> None:
        """Have these from now on; calls that go on keep the settings they began with."""
        self._take(fresh._named, fresh._default)
        for tell in self.on_reread:
            tell()


def _content(_: Settings) -> list[str]:
    return []


def load_profiles(base: Settings, judge: Judge = _content) -> Profiles:
    """The profiles in BOT_PROFILES; none when it is not set. Raises SettingsError with every problem there is.

    `judge` tells what keeps settings that are each right from being served.
    """
    if base.profiles is None:
        return Profiles(base)
    file = read_profiles(base.profiles)
    problems = [*file.problems]
    named = {name: _profile(base, file, name, problems) for name in file.texts}
    known = set(judge(base))
    for one in named.values() if not problems else ():
        problems += [of_profile(one.settings, told) for told in judge(one.settings) if told not in known]
    if problems:
        raise SettingsError(problems, base, ["BOT_PROFILES"] * len(problems))
    return Profiles(base, named, file.default)


def of_profile(settings: Settings, sentence: str) -> str:
    """A sentence about the settings of a profile, with its name."""
    return f"Profile {settings.profile}: {sentence}"


def _profile(base: Settings, file: ProfileFile, name: str, problems: list[str]) -> Profile:
    settings, faults = over(base, file.texts[name], f"profile {name}")
    problems += [f"Profile {name} in {file.path}: {told}" for told in faults.values()]
    return Profile(settings.of_profile(name), file.numbers[name])
