"""The signature of a function as the schema of its arguments, and the model's arguments as those of a call."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import PydanticJsonSchemaWarning
from pydantic_core import PydanticUndefined

from bot.call.settings import SecretRules
from bot.realtime.session import FunctionTool
from bot.tools.contract import BadTool, ToolContext, ToolError
from bot.tools.secret_digits import KEYED_IN, secret_of

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOLD_FAULTS = 3
_UNTAKEN = {
    inspect.Parameter.VAR_KEYWORD: "takes **{name}, so nobody can say what it takes; name its parameters",
    inspect.Parameter.VAR_POSITIONAL: "takes *{name}, and arguments come by name; make it a list",
    inspect.Parameter.POSITIONAL_ONLY: "takes {name} by position only, and arguments come by name; drop the /",
}


class Signature:
    """One function as the model knows it. Raises BadTool with a sentence when the model could not call it."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._name = name
        if not NAME.fullmatch(name):
            raise BadTool(
                f"{_said(function, name)} has a name that no tool may have: it is 1 to 64 letters, digits, _ and -."
            )
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise BadTool(f"{_said(function, name)} yields, and a tool returns its result; make it return.")
        if inspect.isclass(function) or not callable(function):
            raise BadTool(f"{_said(function, name)} is no function; make it one.")
        self._described = docstring_parser.parse(inspect.getdoc(function) or "")
        about = "\n\n".join(filter(None, (self._described.short_description, self._described.long_description)))
        if not about:
            raise BadTool(
                f"{_said(function, name)} has no docstring, and the model can't know what it is for; write one."
            )
        self.context_name = self.secret_name = ""
        self.secret: SecretRules | None = None
        """Rules for the digits that the caller keys in for this function, if it takes such."""
        self._fields: dict[str, str] = {}
        """Parameters by the names of the model's fields: a parameter may be called what no field may."""
        self._model = self._model_of(function)
        if self.secret_name:
            about += f"\n\n{KEYED_IN}"
        self.told = FunctionTool(name, about, _slim(self._schema(function)))

    def _model_of(self, function: Callable[..., Any]) -> type[BaseModel]:
        try:
            hints = get_type_hints(function, include_extras=True)
        except Exception as error:  # noqa: BLE001  an annotation is any expression
            raise BadTool(f"{_said(function, self._name)} has a type that can't be found: {error}.") from None
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(function).parameters.values():
            self._check(function, parameter, hints)
            hint = hints[parameter.name]
            if hint is ToolContext:
                self.context_name = parameter.name
                continue
            if (digits := secret_of(hint)) is not None:
                self.secret_name, self.secret = parameter.name, digits
                continue
            field = f"field_{len(self._fields)}"
            self._fields[field] = parameter.name
            fields[field] = (hint, self._field(parameter, hint))
        try:
            return create_model(self._name, __config__=ConfigDict(extra="forbid"), **fields)
        except (PydanticUserError, TypeError) as error:
            raise BadTool(f"{_said(function, self._name)} has a type that has no schema: {_first(error)}.") from None

    def _check(self, function: Callable[..., Any], parameter: inspect.Parameter, hints: Mapping[str, Any]) -> None:
        said = _said(function, self._name)
        if parameter.kind in _UNTAKEN:
            raise BadTool(f"{said} {_UNTAKEN[parameter.kind].format(name=parameter.name)}.")
        if parameter.name not in hints:
            raise BadTool(f"{said} does not say of which type {parameter.name} is; annotate it.")
        if hints[parameter.name] is ToolContext and self.context_name:
            raise BadTool(f"{said} takes the context twice; once will do.")
        if secret_of(hints[parameter.name]) is not None and self.secret is not None:
            raise BadTool(f"{said} takes secret digits twice; the caller keys one number in at a time.")

    def _field(self, parameter: inspect.Parameter, hint: Any) -> Any:
        about = next((one.description for one in self._described.params if one.arg_name == parameter.name), None)
        if any(isinstance(one, FieldInfo) and one.description for one in _extras(hint)):
            about = None  # the annotation's own words go first
        default = PydanticUndefined if parameter.default is inspect.Parameter.empty else parameter.default
        field: Any = Field(default, alias=parameter.name)
        if about is not None:
            field = Field(default, alias=parameter.name, description=about)
        return field

    def _schema(self, function: Callable[..., Any]) -> dict[str, Any]:
        try:
            with warnings.catch_warnings(action="ignore", category=PydanticJsonSchemaWarning):
                schema = self._model.model_json_schema()  # a default that is no JSON is not told
            json.dumps(schema, allow_nan=False)
        except (PydanticUserError, TypeError, ValueError) as error:
            raise BadTool(f"{_said(function, self._name)} has a type that has no schema: {_first(error)}.") from None
        return schema

    def arguments(self, text: str) -> dict[str, Any]:
        """The arguments of a call, by parameter. Raises ToolError with a sentence about what is wrong with them."""
        try:
            read = self._model.model_validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            told = [_fault(one) for one in faults[:_TOLD_FAULTS]]
            raise ToolError(f"{'; '.join(told)}. Nothing was done. Mend this and call it again.", ran=False) from None
        return {parameter: getattr(read, field) for field, parameter in self._fields.items()}


def _said(function: Any, name: str) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    where = f" ({code.co_filename}, line {code.co_firstlineno})" if code is not None else ""
    return f"The tool {name}{where}"


def _extras(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is not None else ()


def _first(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _fault(error: Any) -> str:
    """One fault of the arguments by its place, without the value."""
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {error['msg']}" if place else str(error["msg"])


def _slim(schema: Any) -> Any:
    """The schema without the titles that pydantic makes of names: the model pays for each word in every response."""
    if isinstance(schema, list):
        return [_slim(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    slim = {key: _slim(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    for named in ("properties", "$defs"):  # a parameter may be called title
        if isinstance(schema.get(named), dict):
            slim[named] = {key: _slim(value) for key, value in schema[named].items()}
    return slim
