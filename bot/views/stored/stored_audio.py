"""Sound of a stored call, from its recordings, else its fixtures; and what its fixtures tell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from bot.recording.fixture import BadFixture, read_fixture
from bot.store.results import StoredCall
from bot.store.rows import FileKept
from bot.store.upkeep.files_on_disk import PACKED, is_here
from bot.views.call_legs import joined, joined_sounds, later
from bot.views.call_sound import BadSound, CallSound, sound_of_recording, sound_of_timeline
from bot.views.timeline import timeline
from bot.views.timeline_parts import Timeline

_NAMED = ".call."
"""Separator between the name that the files of one stream share and what tells them apart."""


@dataclass(frozen=True, slots=True)
class Audible:
    """`told` is the fixtures' story; `sound` is from `recording` where that is given. `problems` are sentences.

    A call that was carried on has files of each stream: what is here of them is put together, and no one file is all.
    """

    told: Timeline | None
    sound: CallSound | None
    recording: Path | None
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Leg:
    """Files that one stream of a call left on this machine, read, in the call's time."""

    told: Timeline | None = None
    sound: CallSound | None = None
    recording: Path | None = None


def audible(call: StoredCall) -> Audible:
    """Sound and story in this machine's files of `call`. A file that is gone is no problem; an unreadable one is."""
    problems: list[str] = []
    legs = [_leg(call, files, problems) for files in _by_stream(call)]
    sound = joined_sounds(leg.sound for leg in legs if leg.sound is not None)
    heard = [leg for leg in legs if leg.sound is not None]
    alone = heard[0].recording if len(heard) == 1 else None
    return Audible(joined([leg.told for leg in legs if leg.told is not None]), sound, alone, tuple(problems))


def _by_stream(call: StoredCall) -> list[list[FileKept]]:
    """The files that are here, those of each stream together, in the order in which they were made."""
    streams: defaultdict[str, list[FileKept]] = defaultdict(list)
    for file in sorted(call.files, key=lambda file: file.at):
        if file.kind != "export" and _here(file.path) is not None:
            streams[Path(file.path).name.partition(_NAMED)[0]].append(file)
    return list(streams.values())


def _here(path: str) -> Path | None:
    """The file, as it was written or packed since; None when it is not on this machine."""
    return next((name for name in (Path(path), Path(path + PACKED)) if is_here(name)), None)


def _leg(call: StoredCall, files: list[FileKept], problems: list[str]) -> _Leg:
    leg = _Leg()
    fixtures, recordings = ([one for one in files if one.kind == kind] for kind in ("fixture", "recording"))
    for file in fixtures[-1:]:
        leg.told = _told(file, problems)
    for file in recordings[-1:]:
        leg.sound = _recorded(call, file, leg.told, problems)
        leg.recording = None if leg.sound is None else Path(file.path)
    if leg.sound is None and leg.told is not None:
        leg.sound = sound_of_timeline(leg.told)
    return leg


def _told(file: FileKept, problems: list[str]) -> Timeline | None:
    path = _here(file.path)
    assert path is not None
    try:
        recorded = read_fixture(path)
    except BadFixture as error:
        problems.append(f"{error}.")
    except OSError as error:
        problems.append(f"{path} can't be read: {error.strerror}.")
    else:
        if not any(line.way == "phone>bot" for line in recorded.lines):
            return None  # of a session whose stream went to another process
        went_on_for_us = round(recorded.header.settings.elapsed_s * 1_000_000)
        return later(timeline(recorded), went_on_for_us)
    return None


def _recorded(call: StoredCall, file: FileKept, told: Timeline | None, problems: list[str]) -> CallSound | None:
    try:
        sound = sound_of_recording(file.path)
    except BadSound as error:
        problems.append(f"{error}.")
    except OSError as error:
        problems.append(f"{file.path} can't be read: {error.strerror}.")
    else:
        return replace(sound, start_us=_began_us(call, file, told, sound.end_us))
    return None


def _began_us(call: StoredCall, file: FileKept, told: Timeline | None, length_us: int) -> int:
    """Begin of a recording on the call's clock: nobody wrote that down, but it ends with its stream's last message.

    The fixture knows when that was; without one it was, for the last stream, shortly before the end of the call. A
    recording began before it was known to the store.
    """
    known_us = round((file.at - call.summary.started_at).total_seconds() * 1_000_000)
    end_us = told.duration_us if told else round(call.summary.seconds * 1_000_000)
    if call.summary.ended_at is None and told is None:
        end_us = known_us + length_us
    return max(0, min(known_us, end_us - length_us))
