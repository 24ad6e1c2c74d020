"""The recorded calls of tests/fixtures still give the same bytes, and notice what changes."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.call.call import Call
from bot.call.facts import TurnFact, UsageFact, WaitFact
from bot.call.outputs import End, Output, Report
from bot.call.prompts.greeting import RECORDED_ITEM
from bot.call.settings import CallSettings
from bot.realtime.events import AppendAudio, CancelResponse, CreateItem, CreateResponse, UpdateSession
from bot.recording.fixture import read_fixture
from bot.recording.replay import replay
from bot.testing import assert_replays
from tests.proof.fixtures import DIRECTORY, fixture_of, main, recorded_calls

FIXTURES = sorted(DIRECTORY.glob("*.call.jsonl*"))
MADE = recorded_calls()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_it_replays_to_identical_bytes(path: Path) -> None:
    assert assert_replays(path).outputs > 10


@pytest.mark.parametrize("name", MADE)
def test_the_command_writes_each_of_them_just_so_again(name: str) -> None:
    """After a change that is meant: `python -m tests.proof.fixtures`, and read what git says."""
    assert gzip.decompress((DIRECTORY / name).read_bytes()) == fixture_of(MADE[name]())


def test_the_command_says_what_it_wrote_and_leaves_alone_what_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "idle.call.jsonl.gz"
    monkeypatch.setattr("tests.proof.fixtures.recorded_calls", lambda: {name: MADE[name]})
    main(tmp_path / "new")
    main(tmp_path / "new")
    assert capsys.readouterr().out == f"{name}: written\n{name}: as before\n"
    assert (tmp_path / "new" / name).read_bytes()[:2] == b"\x1f\x8b"


class Mistaken:
    """The core with a mistake in what it answers."""

    def __init__(self, mistake: Callable[[list[Output]], list[Output]], settings: CallSettings) -> None:
        self._call = Call(settings)
        self._mistake = mistake

    def receive(self, item: Any, now_us: int) -> list[Output]:
        return self._mistake(self._call.receive(item, now_us))


def _without(kind: type) -> Callable[[list[Output]], list[Output]]:
    return lambda outputs: [one for one in outputs if not isinstance(one, kind)]


def _changed(kind: type, **fields: Any) -> Callable[[list[Output]], list[Output]]:
    def change(outputs: list[Output]) -> list[Output]:
        return [msgspec.structs.replace(one, **fields) if isinstance(one, kind) else one for one in outputs]

    return change


def _greets_first(outputs: list[Output]) -> list[Output]:
    """`response.create` goes before the settings it is to be spoken with."""
    return sorted(outputs, key=lambda one: 0 if isinstance(one, CreateResponse) else 1)


def _tells_last(outputs: list[Output]) -> list[Output]:
    return sorted(outputs, key=lambda one: isinstance(one, Report))


def _greeting_before_announcement(outputs: list[Output]) -> list[Output]:
    """The model is told of the two recordings in the other order than they are heard in."""
    first = [one for one in outputs if isinstance(one, CreateItem) and one.item.get("id") == RECORDED_ITEM]
    return [*first, *(one for one in outputs if one not in first)]


def _hears_before_it_greets(outputs: list[Output]) -> list[Output]:
    """The outputs in the order in which the caller's audio goes to the model before the greeting is asked for."""
    return sorted(outputs, key=lambda one: 0 if isinstance(one, AppendAudio) else 1)


MISTAKES = {
    "the order of the greeting": _greets_first,
    "the order of announcement and greeting": _greeting_before_announcement,
    "the order of what was said and the greeting": _hears_before_it_greets,
    "a cancel that is dropped": _without(CancelResponse),
    "settings that are not sent": _without(UpdateSession),
    "a report that is missing": _without(Report),
    "what a report says": _changed(Report, details={}),
    "how grave a report is": _changed(Report, level="error"),
    "when a report comes": _tells_last,
    "the words of a turn": _changed(TurnFact, text="something else"),
    "what of a turn was not heard": _changed(TurnFact, unheard="something else"),
    "what was used": _changed(UsageFact, tokens={}),
    "what the caller waited for": _changed(WaitFact, us=1),
    "why the call ended": _changed(End, reason="drained"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_noticed(what: str) -> None:
    def factory(settings: CallSettings) -> Mistaken:
        return Mistaken(MISTAKES[what], settings)

    assert not all(replay(read_fixture(path), factory).ok for path in FIXTURES)


@pytest.mark.parametrize("what", ["what a report says", "the words of a turn", "why the call ended"])
def test_what_a_call_tells_of_itself_is_compared_in_every_one_of_them(what: str) -> None:
    for path in FIXTURES:
        assert not replay(read_fixture(path), lambda settings: Mistaken(MISTAKES[what], settings)).ok, path.name


@pytest.mark.slow
def test_a_hundred_seconds_of_call_replay_in_under_a_second() -> None:
    began, played = time.perf_counter(), 0.0
    while played < 100:
        for path in FIXTURES:
            played += replay(read_fixture(path)).seconds
    assert (time.perf_counter() - began) * 100 / played < 1
