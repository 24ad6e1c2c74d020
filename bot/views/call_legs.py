"""A call that was carried on left files of each stream: put together, they are one call on one clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from bot.audio.payload import SILENCE_BYTE, US_PER_BYTE
from bot.views.call_sound import CallSound
from bot.views.timeline_parts import Timeline

_LASTS = frozenset({"took_us", "duration_us"})
_P = TypeVar("_P")


def later(told: Timeline, by_us: int) -> Timeline:
    """The timeline in the time of a call that had been going on for so long."""
    if not by_us:
        return told
    moved: dict[str, Any] = {
        part.name: [_moved(one, by_us) for one in value]
        for part in fields(told)
        if isinstance(value := getattr(told, part.name), list)
    }
    return replace(told, duration_us=told.duration_us + by_us, **moved)


def _moved(part: _P, by_us: int) -> _P:
    times: dict[str, Any] = {
        one.name: at_us + by_us
        for one in fields(part)  # type: ignore[arg-type]
        if _is_time(one.name) and (at_us := getattr(part, one.name)) is not None
    }
    return replace(part, **times)  # type: ignore[type-var]


def _is_time(name: str) -> bool:
    return (name == "us" or name.endswith("_us")) and name not in _LASTS


def joined(legs: Sequence[Timeline]) -> Timeline | None:
    """The timelines of a call's streams, in their order and in the call's time, as one; None when there are none."""
    if not legs:
        return None
    first, last = legs[0], legs[-1]
    parts: dict[str, Any] = {
        part.name: [one for leg in legs for one in getattr(leg, part.name)]
        for part in fields(last)
        if isinstance(getattr(last, part.name), list)
    }
    parts["turns"].sort(key=lambda turn: turn.from_us)
    parts["events"].sort(key=lambda event: event.us)
    return replace(
        last,
        date=first.date,
        duration_us=max(leg.duration_us for leg in legs),
        truncated=any(leg.truncated for leg in legs),
        **parts,
    )


def joined_sounds(legs: Iterable[CallSound]) -> CallSound | None:
    """The sounds of a call's streams as one, with silence between; None when there are none."""
    sounds = sorted(legs, key=lambda sound: sound.start_us)
    if len(sounds) < 2:
        return sounds[0] if sounds else None
    start_us = sounds[0].start_us
    tracks = (bytearray(), bytearray())
    for sound in sounds:
        at = max(0, (sound.start_us - start_us) // US_PER_BYTE)
        for track, audio in zip(tracks, (sound.caller, sound.heard), strict=True):
            track.extend(bytes((SILENCE_BYTE,)) * (at - len(track)))
            track[at : at + len(audio)] = audio
    return CallSound(start_us, *(bytes(track) for track in tracks))
