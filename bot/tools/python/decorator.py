"""The decorator that makes a tool of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from bot.call.settings import ToolRules

F = TypeVar("F", bound=Callable[..., Any])
MARK = "__heardline_tool__"


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    name: str = "",
    timeout_s: float = 10.0,
    at_hang_up: Literal["finish", "cancel"] = "finish",
    interruptible: bool = False,
    meanwhile: str = "preamble",
    once: bool = False,
    duplicates: Literal["allow", "refuse_name", "refuse_arguments"] = "refuse_arguments",
    approval: Literal["none", "key"] = "none",
) -> Callable[[F], F]: ...


def tool(function: F | None = None, /, *, name: str = "", **rules: Any) -> F | Callable[[F], F]:
    """Let the model call this function. The docstring says what it is for, and `Args:` in it what each parameter is.

    `name`: another name than the function's. The rules are those of `bot help tools`.
    """

    def marked(function: F) -> F:
        called = name or getattr(function, "__name__", "")
        if strange := sorted(rules.keys() - set(ToolRules.__struct_fields__)):
            raise TypeError(f"{called} has the rule {strange[0]}, which is none")
        if _replaces_another(function):
            raise TypeError(f"two functions are called {called}, and the second takes the place of the first")
        setattr(function, MARK, ToolRules(called, **rules))
        return function

    return marked if function is None else marked(function)


def _replaces_another(function: Callable[..., Any]) -> bool:
    """True if a tool of the module would vanish without a word, since this one has its name."""
    code, before = getattr(function, "__code__", None), getattr(function, "__globals__", {}).get(function.__qualname__)
    if code is None or getattr(before, MARK, None) is None:
        return False
    return bool(getattr(before, "__code__", code).co_firstlineno != code.co_firstlineno)
