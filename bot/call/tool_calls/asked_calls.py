"""Function calls of one call, in the order in which the model made them, with what has come of each.

They belong to the call, not to a session: a tool runs on while its session is lost, and the next session is told what
was asked and what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from bot.call.machines import FUNCTION_CALL, CallStage, Move
from bot.call.rule import NEVER_US
from bot.call.settings import ToolRules

T = TypeVar("T")

REMEMBERED = 64


@dataclass
class FunctionCall:
    """One function call. `turn` counts the caller's turns before it; `rules` are of a tool that somebody else runs.

    `kind`: the model asks us for a function; or for the approval of a remote tool, which is `approved` or not; or the
    server has called a remote tool itself (bot.call.tool_calls).
    """

    call_id: str
    name: str
    arguments: str
    response_id: str
    turn: int
    rules: ToolRules | None = None
    stage: CallStage = CallStage.HELD
    due_us: int = NEVER_US
    """Time at which it is waited for no more."""
    too_late: str = ""
    """Words for the model if it comes to that."""
    told_meanwhile: bool = False
    """The caller was told that it takes a while."""
    output: str = ""
    kind: Literal["function", "approval", "remote"] = "function"
    approved: bool = False

    @property
    def by_person(self) -> bool:
        """No response of the model's made it, but a key of the caller's, or the operator."""
        return self.response_id == self.call_id

    @property
    def open(self) -> bool:
        """It has no output yet."""
        return self.stage in {CallStage.HELD, CallStage.RUNNING}

    def parsed(self, shape: type[T]) -> T | None:
        """The arguments in this shape; None when the model sent no such JSON."""
        try:
            return msgspec.json.decode(self.arguments, type=shape)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None

    def move(self, move: Move) -> None:
        self.stage = FUNCTION_CALL[self.stage, move]


class AskedCalls:
    """The newest of them by `call_id`; one that is open is never forgotten."""

    def __init__(self, used: Iterable[str] = ()) -> None:
        self._calls: dict[str, FunctionCall] = {}
        self._open: list[FunctionCall] = []
        """Those that were open when that was asked last, and the newer ones."""
        self.used = tuple(used)
        """Names of tools that have run in this call; only those matter that run once."""

    def __iter__(self) -> Iterator[FunctionCall]:
        return iter(self._calls.values())

    def __bool__(self) -> bool:
        return bool(self._calls)

    def get(self, call_id: str) -> FunctionCall | None:
        return self._calls.get(call_id)

    def add(self, call: FunctionCall) -> None:
        self._calls[call.call_id] = call
        self._open.append(call)
        if len(self._calls) > REMEMBERED:
            old = next((one for one in self._calls.values() if not one.open), None)
            if old is not None:
                del self._calls[old.call_id]

    def drop_approved(self, call_id: str, name: str) -> None:
        """The call of a remote tool is there that was approved: the request is forgotten, by its id or by its name."""
        given = [one for one in self._calls.values() if one.approved and (one.call_id == call_id or one.name == name)]
        for call in sorted(given, key=lambda one: one.call_id != call_id)[:1]:
            del self._calls[call.call_id]

    @property
    def open(self) -> list[FunctionCall]:
        """Those without an output. One that has an output is never without again, so it is not looked at any more."""
        self._open = [call for call in self._open if call.open and self._calls.get(call.call_id) is call]
        return self._open.copy()

    def open_of(self, response_id: str) -> bool:
        """Some call of this response has no output yet."""
        return any(call.response_id == response_id for call in self.open)

    @property
    def due_us(self) -> int:
        """Time at which the first of them is waited for no more."""
        return min([call.due_us for call in self.open], default=NEVER_US)

    # ---- the rules of a tool ----

    def objection(self, call: FunctionCall) -> str:
        """A sentence for the model if the tool's rules refuse this call."""
        rules = call.rules
        if rules is None:
            return ""
        if rules.once and call.name in self.used:
            return f"{call.name} was already used in this phone call and may be used only once. Go by its first result."
        for other in self.open:
            if other is call or other.name != call.name or (rules.duplicates == "allow" and not rules.once):
                continue
            if rules.once or rules.duplicates == "refuse_name" or _same(other.arguments, call.arguments):
                if other.stage is CallStage.HELD:
                    return f"{call.name} already waits for the caller to press a key. Do not call it again."
                return f"{call.name} is already running; its result will come by itself. Do not call it again."
        return ""

    def started(self, call: FunctionCall) -> None:
        if call.rules is not None and call.rules.once and call.name not in self.used:
            self.used += (call.name,)

    def not_run(self, call: FunctionCall) -> None:
        """The tool refused the arguments: nothing was done."""
        self.used = tuple(name for name in self.used if name != call.name)


def _same(one: str, other: str) -> bool:
    """The same arguments, in whatever order and spacing; both are JSON objects."""
    return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
