"""The contract between a tool, where it comes from, and the call that runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from bot.call.settings import ToolRules
from bot.realtime.session import FunctionTool
from bot.tools.secret_digits import SecretDigits

T = TypeVar("T")


class ToolStore(Protocol):
    """The database of calls, as tools may ask it. What a question is given is a `bot.store.call_store.CallStore`."""

    async def ask(self, question: Callable[[Any], Awaitable[T]], within_s: float) -> T: ...


@dataclass(frozen=True)
class ToolContext:
    """The call a tool is run for. A parameter of this type is given it, and is no parameter for the model.

    `caller` is the caller's number, empty when it was withheld. `store` is the database of calls, None without one.
    `secret` is what the caller keyed in for this tool alone, if it takes such digits.
    """

    call_sid: str = ""
    caller: str = ""
    language: str = ""
    store: ToolStore | None = None
    secret: SecretDigits | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Silent:
    """A result of which nothing is to be said: the model knows it and waits."""

    result: Any = None


class Result(NamedTuple):
    """The end of one run. `output` is what the model is told: JSON, or a sentence in it.

    `respond` false: nothing is to be said because of it. `ok` false: it failed. `ran` false: it refused its
    arguments.
    """

    output: str
    respond: bool = True
    ok: bool = True
    ran: bool = True


class Spec(NamedTuple):
    """A tool as the model is told of it, and the rules for it."""

    function: FunctionTool
    rules: ToolRules


class Source(Protocol):
    """A source of tools: a module, a server."""

    async def open(self) -> None:
        """Learn which tools there are. Raises BadTool with a sentence."""

    def specs(self) -> tuple[Spec, ...]: ...

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result:
        """Run a tool of this source. Raises whatever the tool raises; ToolError's sentence is for the model."""

    async def close(self) -> None: ...


BUILT_IN = frozenset({"end_call", "cancel_tool", "transfer_call", "send_digits"})
"""Names of functions of the call itself, which no tool may have."""


class BadTool(Exception):
    """A tool, or a source of tools, that can't be used; the message is a sentence for the operator."""


class ToolError(Exception):
    """A tool did not do what it was asked; the message is a sentence that the model can act on.

    `ran` false: nothing was done at all, as when arguments were refused.
    """

    def __init__(self, sentence: str, *, ran: bool = True) -> None:
        super().__init__(sentence)
        self.ran = ran
