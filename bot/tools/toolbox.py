"""The toolbox: all tools of this server, from all their sources, behind one way to run them."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable, Collection, Sequence
from functools import partial

import structlog

from bot.call.settings import ToolRules
from bot.realtime.session import FunctionTool
from bot.tools.contract import BUILT_IN, BadTool, Result, Source, Spec, ToolContext, ToolError
from bot.tools.secret_digits import scrubbed

FAILED = "{name} failed, and may or may not have done what was asked. Tell the caller that it did not work."
TOO_LONG = "{name} took too long and was stopped; it may or may not have done what was asked. Tell the caller so."

_log = structlog.get_logger()


class Toolbox:
    """Opened once a process. A run never raises: whatever goes wrong is a sentence for the model."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._sources = tuple(sources)
        self._found: dict[str, tuple[Spec, Source]] = {}

    async def open(self) -> None:
        """Ask each source for its tools. Raises BadTool for the first that can't be used, once all were asked.

        It may be done again, and calls that go on meanwhile find the tools they knew.
        """
        wrong: BadTool | None = None
        found: dict[str, tuple[Spec, Source]] = {}
        for source in self._sources:
            try:
                await source.open()
                for spec in source.specs():
                    check_name(spec.function.name, found)
                    found[spec.function.name] = spec, source
            except BadTool as error:
                wrong = wrong or error
        self._found = found
        if wrong is not None:
            raise wrong

    async def close(self) -> None:
        for source in self._sources:
            await source.close()

    def specs(self) -> tuple[Spec, ...]:
        return tuple(spec for spec, _ in self._found.values())

    def functions(self) -> tuple[FunctionTool, ...]:
        """The tools as a session is told of them."""
        return tuple(spec.function for spec in self.specs())

    def rules(self) -> tuple[ToolRules, ...]:
        """The rules for each tool, as a call is told of them."""
        return tuple(spec.rules for spec in self.specs())

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result:
        """Run a tool within its time. Cancelled when the caller is."""
        log = _log.bind(call_sid=context.call_sid, tool=name)
        spec, source = self._found[name]
        timeout = asyncio.timeout(spec.rules.timeout_s)
        try:
            async with timeout:
                result = await source.run(name, arguments, context)
                return result._replace(output=scrubbed(result.output, context.secret))
        except ToolError as error:
            ran = getattr(error, "ran", True)  # a class of the operator's may not have called ours
            log.warning("tool_refused", ran=ran)  # its sentence may hold what the caller said
            words = _words(partial(str, error), FAILED.format(name=name))
            return failed(scrubbed(words, context.secret), ran=ran)
        except Exception:  # noqa: BLE001  a tool's defect is the tool's: the call goes on
            if timeout.expired():
                log.warning("tool_timeout")
                return failed(TOO_LONG.format(name=name))
            trace = scrubbed(_words(traceback.format_exc, "it has no traceback"), context.secret)
            log.error("tool_failed", exception=trace)  # noqa: TRY400  the trace is there, without what is secret
            return failed(FAILED.format(name=name))


def _words(of: Callable[[], str], otherwise: str) -> str:
    """The words of an error, whose own may fail."""
    try:
        return of()
    except Exception:  # noqa: BLE001
        return otherwise


def check_name(name: str, found: Collection[str]) -> None:
    """Raises BadTool for a name that the bot itself or a tool `found` before has."""
    if name in BUILT_IN:
        raise BadTool(f"The tool {name} has the name of a function of the bot itself; rename it.")
    if name in found:
        raise BadTool(f"Two tools are called {name}; rename one of them.")


def failed(sentence: str, *, ran: bool = True) -> Result:
    """The result that tells the model what went wrong."""
    return Result(json.dumps({"error": sentence}), ok=False, ran=ran)
