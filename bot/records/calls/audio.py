"""Where a stored call can still be heard: in its recording, else in its fixture; and what its fixture tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bot.records.fixture import BadFixture, read_fixture
from bot.records.parts import Timeline
from bot.records.replay import replay
from bot.records.sound import BadSound, Sound, sound_of_recording, sound_of_timeline
from bot.records.store.results import StoredCall
from bot.records.store.rows import FileKind
from bot.records.timeline import timeline


@dataclass(frozen=True, slots=True)
class Audible:
    """`told` is the fixture's story; `sound` is from `recording` where that is given. `problems` are sentences."""

    told: Timeline | None
    sound: Sound | None
    recording: Path | None
    problems: tuple[str, ...]


def audible(call: StoredCall) -> Audible:
    """What the files of `call` on this machine hold. A file that is gone is no problem; one that can't be read is."""
    problems: list[str] = []
    told = _told(call, problems)
    recording = _newest(call, "recording")
    sound = _recorded(call, recording, told, problems) if recording else None
    if sound is None:
        recording = None
        sound = sound_of_timeline(told) if told else None
    return Audible(told, sound, recording, tuple(problems))


def _told(call: StoredCall, problems: list[str]) -> Timeline | None:
    path = _newest(call, "fixture")
    if path is None:
        return None
    try:
        recorded = read_fixture(path)
    except BadFixture as error:
        problems.append(f"{error}.")
    except OSError as error:
        problems.append(f"{path} can't be read: {error.strerror}.")
    else:
        return timeline(recorded, replay(recorded))
    return None


def _recorded(call: StoredCall, path: Path, told: Timeline | None, problems: list[str]) -> Sound | None:
    try:
        sound = sound_of_recording(path)
    except BadSound as error:
        problems.append(f"{error}.")
    except OSError as error:
        problems.append(f"{path} can't be read: {error.strerror}.")
    else:
        return replace(sound, start_us=_began_us(call, path, told, sound.end_us))
    return None


def _began_us(call: StoredCall, path: Path, told: Timeline | None, length_us: int) -> int:
    """When the recording began on the call's clock: nobody wrote that down, but it ends with the call's last message.

    The fixture knows when that was; without one it was shortly before the end of the call. A recording began before it
    was known to the store.
    """
    (at,) = {file.at for file in call.files if file.path == str(path)}
    known_us = round((at - call.summary.started_at).total_seconds() * 1_000_000)
    end_us = told.duration_us if told else round(call.summary.seconds * 1_000_000)
    if call.summary.ended_at is None and told is None:
        end_us = known_us + length_us
    return max(0, min(known_us, end_us - length_us))


def _newest(call: StoredCall, kind: FileKind) -> Path | None:
    """The last such file of the call that is on this machine: a stream that was opened again began another."""
    here = [Path(file.path) for file in call.files if file.kind == kind and Path(file.path).is_file()]
    return here[-1] if here else None
