"""Feeds a recorded call to the core again and compares all that it answers. No loop, no sockets, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from bot.call.inputs import Note
from bot.call.outputs import PHONE_MESSAGES, End, EndReason, Output, Report
from bot.call.rule import NEVER_US
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.recording.fixture import INPUTS, TOLD_SINCE, BadFixture, Fixture, FixtureLine, Way
from bot.recording.fixture_masking import Masker
from bot.recording.told_outputs import TOLD, comparable, told_as
from bot.recording.wording import difference_in_words, in_words
from bot.twilio import stream


class Replayable(Protocol):
    """The call that replays: `bot.call.call.Call`, or anything that behaves like it."""

    def receive(self, item: stream.Inbound | events.ServerEvent | Note, now_us: int) -> list[Output]: ...


Factory = Callable[[CallSettings], Replayable]


@dataclass(slots=True)
class ReplayResult:
    """`difference` is the first one, in words, and empty when every answer was the same; nothing is fed after it.

    `outputs` counts messages to either side. `reports` and `ended` are what the replayed call told besides, with the
    `us` of the input it answered.
    """

    path: str
    inputs: int = 0
    outputs: int = 0
    seconds: float = 0.0
    difference: str = ""
    truncated: bool = False
    ended: EndReason | None = None
    reports: list[tuple[int, Report]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.difference

    def __str__(self) -> str:
        if self.difference:
            return f"{self.path}: {self.difference}"
        cut = ", the file ends early" if self.truncated else ""
        return (
            f"{self.path}: {self.outputs} messages to {self.inputs} inputs in {self.seconds:.1f} s of call, same{cut}"
        )


@dataclass(slots=True)
class _Sent:
    way: Way
    message: Any
    encoded: bytes

    @classmethod
    def of(cls, way: Way, message: Any) -> _Sent:
        return cls(way, message, msgspec.json.encode(message))


def replay(fixture: Fixture, factory: Factory | None = None) -> ReplayResult:
    """Replay `fixture` until its end or the first difference. Raises BadFixture when an input is no message at all.

    Each recorded output must stand between the input that caused it and the next one, as the recorder writes it.
    """
    return _Replay(fixture, factory or _the_call).run()


class _Replay:
    def __init__(self, fixture: Fixture, factory: Factory) -> None:
        self._fixture = fixture
        self._call = factory(fixture.header.settings)
        self._mask = Masker().message if fixture.header.masked else _as_is
        self._holds_told = fixture.header.heardline_fixture >= TOLD_SINCE
        self._sent: deque[_Sent] = deque()
        self._result = ReplayResult(fixture.path, truncated=fixture.truncated)

    def run(self) -> ReplayResult:
        result, lines = self._result, self._fixture.lines
        result.seconds = lines[-1].us / 1e6 if lines else 0.0
        for index, line in enumerate(lines):
            if line.way in INPUTS:
                result.difference = self._nothing_left(index) or self._feed(index, line)
            else:
                result.difference = self._compare(index, line)
            if result.difference:
                return result
        if not self._fixture.truncated:  # a crash may have cut the answers to the last input
            result.difference = self._nothing_left(len(lines))
        return result

    def _feed(self, index: int, line: FixtureLine) -> str:
        item = self._parse(index, line)
        self._result.inputs += 1
        try:
            outputs = self._call.receive(item, line.us)
        except Exception as error:
            error.add_note(f"while replaying {self._fixture.where(index)}")
            raise
        self._sent.extend(self._messages(outputs, line.us))
        return ""

    def _parse(self, index: int, line: FixtureLine) -> stream.Inbound | events.ServerEvent | Note:
        if line.us >= NEVER_US:
            raise BadFixture(f"{self._fixture.where(index)}: no call lasts so long")
        text = bytes(line.message)
        try:
            if line.way == "phone>bot":
                return stream.parse(text)
            return events.parse(text) if line.way == "model>bot" else _note.decode(text)
        except (stream.BadMessage, events.BadEvent, ValueError, RecursionError) as error:
            raise BadFixture(f"{self._fixture.where(index)}: not an input of a call ({error})") from None

    def _messages(self, outputs: list[Output], now_us: int) -> Iterator[_Sent]:
        for output in outputs:
            if isinstance(output, Report):
                self._result.reports.append((now_us, output))
            elif isinstance(output, End):
                self._result.ended = self._result.ended or output.reason
            if isinstance(output, TOLD):
                if self._holds_told:
                    yield _Sent.of("told", self._mask(told_as(output)))
            else:
                way: Way = "bot>phone" if isinstance(output, PHONE_MESSAGES) else "bot>model"
                yield _Sent.of(way, self._mask(msgspec.to_builtins(output)))

    def _compare(self, index: int, line: FixtureLine) -> str:
        if not self._sent:
            return self._say(index, "nothing", in_words(_decoded(line)))
        sent = self._sent.popleft()
        self._result.outputs += sent.way != "told"
        if sent.way == line.way and sent.encoded == bytes(line.message):
            return ""
        message, recorded = sent.message, _decoded(line)
        if sent.way == line.way == "told" and isinstance(recorded, dict):
            message, recorded = comparable(message, recorded), comparable(recorded, message)
        if sent.way == line.way and _canonical(message) == _canonical(recorded):
            return ""
        return self._say(index, *difference_in_words(message, recorded))

    def _nothing_left(self, index: int) -> str:
        if not self._sent:
            return ""
        return self._say(index, in_words(self._sent[0].message), "nothing more to this input")

    def _say(self, index: int, sent: str, recorded: str) -> str:
        lines = self._fixture.lines
        at = lines[min(index, len(lines) - 1)].us / 1e6
        return f"at {at:.3f} s, line {index + 2}: the call sent {sent}, the fixture has {recorded}"


_note: msgspec.json.Decoder[Note] = msgspec.json.Decoder(Note)


def _as_is(message: Any) -> Any:
    return message


def _decoded(line: FixtureLine) -> Any:
    return msgspec.json.decode(line.message)


def _canonical(message: Any) -> bytes:
    """The bytes of a message whatever the order of its keys: for fixtures that a person has edited."""
    return msgspec.json.encode(message, order="sorted")


def _the_call(settings: CallSettings) -> Replayable:
    from bot.call.call import Call  # noqa: PLC0415  a replay of something else needs no core

    return Call(settings)
