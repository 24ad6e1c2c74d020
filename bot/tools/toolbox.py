"""The toolbox: all tools of this server, from all their sources, behind one way to run them."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Sequence

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
        self._source_of: dict[str, Source] = {}
        self._specs: dict[str, Spec] = {}

    async def open(self) -> None:
        """Ask each source for its tools. Raises BadTool."""
        for source in self._sources:
            await source.open()
            for spec in source.specs():
                name = spec.function.name
                if name in BUILT_IN:
                    raise BadTool(f"The tool {name} has the name of a function of the bot itself; rename it.")
                if name in self._specs:
                    raise BadTool(f"Two tools are called {name}; rename one of them.")
                self._specs[name], self._source_of[name] = spec, source

    async def close(self) -> None:
        for source in self._sources:
            await source.close()

    def specs(self) -> tuple[Spec, ...]:
        return tuple(self._specs.values())

    def functions(self) -> tuple[FunctionTool, ...]:
        """The tools as a session is told of them."""
        return tuple(spec.function for spec in self._specs.values())

    def rules(self) -> tuple[ToolRules, ...]:
        """The rules for each tool, as a call is told of them."""
        return tuple(spec.rules for spec in self._specs.values())

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result:
        """Run a tool within its time. Cancelled when the caller is."""
        log = _log.bind(call_sid=context.call_sid, tool=name)
        timeout = asyncio.timeout(self._specs[name].rules.timeout_s)
        try:
            async with timeout:
                result = await self._source_of[name].run(name, arguments, context)
                return result._replace(output=scrubbed(result.output, context.secret))
        except ToolError as error:
            log.warning("tool_refused", ran=error.ran)  # its sentence may hold what the caller said
            return failed(scrubbed(str(error), context.secret), ran=error.ran)
        except Exception:  # noqa: BLE001  a tool's defect is the tool's: the call goes on
            if timeout.expired():
                log.warning("tool_timeout")
                return failed(TOO_LONG.format(name=name))
            trace = scrubbed(traceback.format_exc(), context.secret)
            log.error("tool_failed", exception=trace)  # noqa: TRY400  the trace is there, without what is secret
            return failed(FAILED.format(name=name))


def failed(sentence: str, *, ran: bool = True) -> Result:
    """The result that tells the model what went wrong."""
    return Result(json.dumps({"error": sentence}), ok=False, ran=ran)
