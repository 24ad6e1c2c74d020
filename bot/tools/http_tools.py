"""The server that BOT_TOOLS_URL names, as a source of tools: the schema is fetched once, each call is a signed POST.

The URL, the headers and the names of tools are the operator's; the model gives arguments and nothing else.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]
from jsonschema.protocols import Validator  # type: ignore[import-untyped]
from referencing import Registry

from bot.call.settings import ToolRules
from bot.hooks.signed_post import HookFailed, SignedPost
from bot.realtime.session import FunctionTool
from bot.tools.contract import BadTool, Result, Silent, Spec, ToolContext, ToolError
from bot.tools.python.tool_signature import NAME
from bot.tools.rules import LONGEST_S, check_rules
from bot.tools.secret_digits import KEYED_IN, VALID, without_secret
from bot.tools.told_results import result_of

LIST_S = 5.0
MAX_TOOLS = 64


class _Offered(msgspec.Struct, forbid_unknown_fields=True):
    """One tool as the server offers it: as the model is told of it, and rules that are not the defaults."""

    name: str
    description: str
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    rules: dict[str, Any] = {}


class _Offer(msgspec.Struct):
    tools: list[_Offered]


class _Answer(msgspec.Struct):
    """What a call came to: a result, perhaps silent, or a sentence for the model about what went wrong."""

    result: Any = None
    error: str = ""
    silent: bool = False


class HttpTools:
    """Tools of one server of the operator's."""

    def __init__(self, url: str, secret: str) -> None:
        self._post = SignedPost(url, secret, LONGEST_S)
        self._url, self._secret = url, secret
        self._specs: tuple[Spec, ...] = ()
        self._validators: dict[str, Validator] = {}
        self._secret_names: dict[str, str] = {}
        """Parameters that the caller keys in, by the names of their tools."""

    async def open(self) -> None:
        """Ask the server which tools it has. Raises BadTool."""
        try:
            async with SignedPost(self._url, self._secret, LIST_S) as post:
                answer = await post.send({"type": "tools.list"})
            offered = msgspec.convert(answer.json, _Offer).tools
        except HookFailed as error:
            raise BadTool(f"BOT_TOOLS_URL: the tools could not be asked for: {error}.") from None
        except msgspec.ValidationError as error:
            raise BadTool(f"BOT_TOOLS_URL: the answer is no list of tools: {error}.") from None
        if len(offered) > MAX_TOOLS:
            raise BadTool(f"BOT_TOOLS_URL: {len(offered)} tools are too many for a model; {MAX_TOOLS} are the most.")
        self._specs = tuple(self._spec(one) for one in offered)

    def _spec(self, offered: _Offered) -> Spec:
        said = f"BOT_TOOLS_URL: the tool {offered.name}"
        if not NAME.fullmatch(offered.name):
            raise BadTool(f"{said} has a name that no tool may have: letters, digits, _ and - only.")
        if not offered.description.strip():
            raise BadTool(f"{said} has no description: the model can't know what it is for.")
        kind = jsonschema.validators.validator_for(offered.parameters, jsonschema.Draft202012Validator)
        try:
            kind.check_schema(offered.parameters)
            rules = msgspec.convert({"name": offered.name, **offered.rules}, ToolRules)
        except SchemaError as error:
            raise BadTool(f"{said} has parameters that are no JSON schema: {error.message}.") from None
        except msgspec.ValidationError as error:
            raise BadTool(f"{said} has rules that are none: {error}.") from None
        if offered.parameters.get("type") != "object":
            raise BadTool(f"{said} has parameters that are no object; write them as one.")
        try:
            shown, secret_name, digits = without_secret(offered.parameters)
        except ValueError as error:
            raise BadTool(f"{said} {error}.") from None
        rules = msgspec.structs.replace(rules, secret=digits)  # the schema alone says so
        if digits is not None:
            self._secret_names[offered.name] = secret_name
        check_rules(rules)
        self._validators[offered.name] = kind(shown, registry=Registry())  # it fetches no schema
        about = offered.description if digits is None else f"{offered.description}\n\n{KEYED_IN}"
        return Spec(FunctionTool(offered.name, about, shown), rules)

    def specs(self) -> tuple[Spec, ...]:
        return self._specs

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result:
        """POST one call. Its time is bounded by who runs it."""
        given = json.loads(arguments)
        fault = next(self._validators[name].iter_errors(given), None)
        if fault is not None:
            place = ".".join(map(str, fault.absolute_path)) or "the arguments"
            raise ToolError(f"{place}: not as {fault.validator} wants it. Mend this and call it again.", ran=False)
        if name in self._secret_names and context.secret is not None:
            given[self._secret_names[name]] = context.secret.reveal()
        call = {"sid": context.call_sid, "caller": context.caller, "language": context.language}
        try:
            answer = await self._post.send({"type": "tool.call", "tool": name, "arguments": given, "call": call})
            told = msgspec.convert(answer.json or {}, _Answer)
        except (HookFailed, msgspec.ValidationError) as error:
            raise RuntimeError(f"BOT_TOOLS_URL: {error}") from None
        if told.error:
            raise ToolError(told.error)
        result = VALID if told.result is None and name in self._secret_names else told.result
        return result_of(Silent(result) if told.silent else result)

    async def close(self) -> None:
        await self._post.close()
