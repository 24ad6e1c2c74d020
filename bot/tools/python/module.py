"""The module that BOT_TOOLS names, as a source of tools."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import msgspec

from bot.call.settings import ToolRules
from bot.tools.contract import BadTool, Result, Spec, ToolContext
from bot.tools.python.decorator import MARK
from bot.tools.python.threads import ToolThreads
from bot.tools.python.tool_signature import Signature
from bot.tools.rules import check_rules
from bot.tools.secret_digits import VALID, SecretDigits
from bot.tools.told_results import result_of

_NOT_THEIRS = ("<frozen", str(Path(__file__).parent), importlib.__file__)
"""Beginnings of the files that an import goes through before it is in the operator's module."""


class ModuleTools:
    """Functions of one module that the decorator marked, in the order of their names."""

    def __init__(self, name: str) -> None:
        """`name`: of a module that can be imported from here, or the path of a Python file."""
        self._name = name
        self._functions: dict[str, Callable[..., Any]] = {}
        self._signatures: dict[str, Signature] = {}
        self._specs: tuple[Spec, ...] = ()
        self._threads = ToolThreads()

    async def open(self) -> None:
        self.load()

    def load(self) -> None:
        """Import the module and look at its tools. Raises BadTool."""
        found = [
            (getattr(value, MARK), value)
            for value in vars(_imported(self._name)).values()
            if isinstance(getattr(value, MARK, None), ToolRules)
        ]
        if not found:
            raise BadTool(f"BOT_TOOLS: {self._name} has no function with the decorator @tool; mark one, or unset it.")
        specs = []
        for rules, function in found:
            if self._functions.get(rules.name, function) is not function:
                raise BadTool(f"BOT_TOOLS: two tools of {self._name} are called {rules.name}; rename one of them.")
            if rules.name in self._functions:
                continue
            try:
                signature = Signature(function, rules.name)
                rules = msgspec.structs.replace(rules, secret=signature.secret)  # noqa: PLW2901
                check_rules(rules)
            except BadTool as error:
                raise of_module(error) from None
            self._functions[rules.name], self._signatures[rules.name] = function, signature
            specs.append(Spec(signature.told, rules))
        self._specs = tuple(specs)

    def specs(self) -> tuple[Spec, ...]:
        return self._specs

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result:
        """Run a tool. What its arguments and its result have of the operator's code runs where the tool does."""
        signature, function = self._signatures[name], self._functions[name]

        def call() -> Any:
            named = signature.arguments(arguments)
            if signature.context_name:
                named[signature.context_name] = context
            if signature.secret_name:
                named[signature.secret_name] = context.secret or SecretDigits("")
            return function(**named)

        def told(returned: Any) -> Result:
            return result_of(VALID if returned is None and signature.secret_name else returned)

        if inspect.iscoroutinefunction(function):
            return await self._in_loop(call, told)
        returned = await self._threads.function(lambda: _unless_coroutine(call(), told))
        if inspect.iscoroutine(returned):  # a plain function around a coroutine, as some decorators make it
            return await self._in_loop(lambda: returned, told)
        return cast("Result", returned)

    async def _in_loop(self, make: Callable[[], Any], told: Callable[[Any], Result]) -> Result:
        async def whole() -> Result:
            return told(await make())

        return cast("Result", await self._threads.coroutine(whole))

    async def close(self) -> None:
        await self._threads.close()


def _unless_coroutine(returned: Any, told: Callable[[Any], Result]) -> Any:
    return returned if inspect.iscoroutine(returned) else told(returned)


def _imported(name: str) -> ModuleType:
    try:
        return _from_file(Path(name)) if name.endswith(".py") else _from_path(name)
    except (Exception, SystemExit) as error:  # whatever a module does when it is imported
        raise BadTool(f"BOT_TOOLS: {_why(name, error)}.") from error


def _why(name: str, error: BaseException) -> str:
    """The reason for which the module could not be imported, and the mend."""
    if isinstance(error, FileNotFoundError) and error.filename == str(Path(name).absolute()):
        return f"there is no file {error.filename}; put it there, or mend the path"
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return f"no module {name} is in {Path.cwd()}, nor installed; mend the name, or start in its directory"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_NOT_THEIRS)]
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{name} can't be imported: {type(error).__name__}: {error}{where}; mend it"


def of_module(error: BadTool) -> BadTool:
    """The same fault, with the setting that names the module of the tool."""
    told = str(error)
    return BadTool(f"BOT_TOOLS: {told[0].lower()}{told[1:]}")


def _from_path(name: str) -> ModuleType:
    here = os.getcwd()  # noqa: PTH109  the import system wants it as text
    if here not in sys.path:
        sys.path.append(here)  # the command's own directory is there, and not the one it was started in
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # types are looked up there
    spec.loader.exec_module(module)
    return module
