"""The simulated Responses API: one text request over HTTP, structured outputs included, on a loopback socket.

It refuses what the real one refuses: a wrong key, a model that is none, a parameter that the `openai` package's types
do not have, a schema that structured outputs do not take.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
from collections.abc import Callable, Iterator
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from aiohttp import web
from pydantic import TypeAdapter

from bot.server.setup.port_end import close_ports
from bot.testing.virtual.client_event_schema import closed, faults_by

MODELS = frozenset({"gpt-5.6-luna", "gpt-5.4-mini", "gpt-6-luna", "gpt-4.1-mini"})
_WITHOUT_REASONING = frozenset({"gpt-4.1-mini"})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNTAKEN = frozenset(
    {"allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else", "patternProperties", "oneOf"}
)
_MOST_PROPERTIES, _MOST_VALUES, _DEEPEST, _FEWEST_TOKENS = 5_000, 1_000, 10, 16
_MOST_BYTES = 4 * 1024 * 1024


class Refuses(NamedTuple):
    """The model refuses to answer."""

    words: str = "I can't help with that."


class CutShort(NamedTuple):
    """The model stops in the middle of its answer."""

    text: str = '{"summary": "The cal'
    reason: str = "max_output_tokens"


class Says(NamedTuple):
    """The model answers with this text, whatever the schema wants; a server that holds it to one would not let it."""

    text: str


class HttpError(NamedTuple):
    """The server answers with an error."""

    status: int
    code: str = "server_error"
    retry_after: str = ""


class Silent(NamedTuple):
    """The server never answers."""


Behaves = Refuses | CutShort | Says | HttpError | Silent
Answering = Callable[[dict[str, Any]], Any]
"""Given the body of a request, what comes of it: one of Behaves, or the JSON that the model answers with."""


class BadRequest(Exception):
    """The request would be refused, with this status and code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SimulatedResponsesServer:
    """`async with SimulatedResponsesServer(answering) as server:` and POST to `server.url`.

    `requests` has the body of every request that was taken, `refused` a sentence for each that was not.
    """

    def __init__(self, answering: Answering | None = None, *, key: str | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.url = ""
        self.answering = answering or (lambda body: sample(body["text"]["format"]["schema"]))
        self._key = key
        self._numbers = itertools.count(1)
        self._gone = asyncio.Event()
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_post("/v1/responses", self._respond)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        sock = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, sock).start()
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1/responses"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gone.set()
        await close_ports(self._runner.sites)
        await self._runner.cleanup()

    async def _respond(self, request: web.Request) -> web.Response:
        try:
            body = _judged(request, await request.read(), self._key)
        except BadRequest as error:
            self.refused.append(f"{error.status} {error.code}: {error}")
            return _error(error.status, error.code, str(error))
        self.requests.append(body)
        answer = self.answering(body)
        if isinstance(answer, Silent):
            await self._gone.wait()
        if isinstance(answer, HttpError):
            return _error(answer.status, answer.code, "It was told to.", answer.retry_after)
        return web.json_response(_response(body, answer, next(self._numbers)))


# ---- what is taken ----


def _judged(request: web.Request, raw: bytes, key: str | None) -> dict[str, Any]:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not given or (key is not None and given != key):
        raise BadRequest(401, "invalid_api_key", "Incorrect API key provided.")
    if request.content_type != "application/json":
        raise BadRequest(400, "invalid_json", "We could not parse the JSON body of your request.")
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        raise BadRequest(400, "invalid_json", "We could not parse the JSON body of your request.") from None
    if faults := faults_by(_adapter(), body):
        raise BadRequest(400, "unknown_parameter", faults)
    model = body.get("model")
    if model not in MODELS:
        raise BadRequest(404, "model_not_found", f"The model {model!r} does not exist or you do not have access to it.")
    if "reasoning" in body and model in _WITHOUT_REASONING:
        raise BadRequest(400, "unsupported_parameter", "Unsupported parameter: 'reasoning.effort'.")
    if body.get("max_output_tokens", _FEWEST_TOKENS) < _FEWEST_TOKENS:
        raise BadRequest(400, "integer_below_min_value", f"max_output_tokens must be at least {_FEWEST_TOKENS}.")
    _judge_format(body.get("text", {}).get("format", {}))
    return dict(body)


@cache
def _adapter() -> TypeAdapter[Any]:
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming  # noqa: PLC0415

    return closed(ResponseCreateParamsNonStreaming)


def _judge_format(told: dict[str, Any]) -> None:
    if told.get("type") != "json_schema":
        return
    if not _NAME.fullmatch(told["name"]):
        raise BadRequest(400, "invalid_value", "Invalid 'text.format.name'.")
    schema = told["schema"]
    if schema.get("type") != "object":
        raise _bad_schema("schema must be a JSON Schema of 'type: \"object\"'")
    if not told.get("strict"):
        return
    objects = list(_objects(schema, schema, 0))
    if sum(len(one.get("properties", {})) for one in objects) > _MOST_PROPERTIES:
        raise _bad_schema("too many properties")


def _bad_schema(why: str) -> BadRequest:
    return BadRequest(400, "invalid_json_schema", f"Invalid schema for response_format: {why}.")


def _objects(schema: Any, root: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    """Every object in a schema, each judged as strict structured outputs do."""
    if not isinstance(schema, dict):
        raise _bad_schema("every schema must be an object")
    if untaken := sorted(_UNTAKEN & schema.keys()):
        raise _bad_schema(f"'{untaken[0]}' is not permitted")
    if "$ref" in schema:
        _resolved(schema["$ref"], root)
        return
    if len(schema.get("enum", ())) > _MOST_VALUES:
        raise _bad_schema("too many enum values")
    if "properties" in schema or schema.get("type") == "object":
        depth += 1
        if depth > _DEEPEST:
            raise _bad_schema("too deep")
        if schema.get("additionalProperties") is not False:
            raise _bad_schema("'additionalProperties' is required to be supplied and to be false")
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            raise _bad_schema("'required' is required to be supplied and to be an array including every key")
        yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for one in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from _objects(one, root, depth)


def _resolved(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        if not isinstance(found, dict) or step not in found:
            raise _bad_schema(f"reference '{reference}' is not found")
        found = found[step]
    return dict(found)


# ---- what is answered ----


def sample(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The plainest JSON that a schema takes."""
    root = schema if root is None else root
    if "$ref" in schema:
        return sample(_resolved(schema["$ref"], root), root)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][-1], root)
    kind = schema.get("type")
    kind = kind[-1] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(inner, root) for name, inner in schema.get("properties", {}).items()}
    return {"string": "", "number": 0.0, "integer": 0, "boolean": False, "array": [], "null": None}.get(str(kind))


def _response(body: dict[str, Any], answer: Any, number: int) -> dict[str, Any]:
    status, details = "completed", None
    content: dict[str, Any] = {"type": "output_text", "annotations": [], "logprobs": []}
    if isinstance(answer, Refuses):
        content = {"type": "refusal", "refusal": answer.words}
    elif isinstance(answer, CutShort):
        status, details = "incomplete", {"reason": answer.reason}
        content["text"] = answer.text
    else:
        content["text"] = answer.text if isinstance(answer, Says) else msgspec.json.encode(answer).decode()
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": status, "content": [content]}
    thought = {"id": f"rs_{number}", "type": "reasoning", "summary": []}
    return {
        "id": f"resp_text_{number}",
        "object": "response",
        "created_at": 1_795_000_000,
        "status": status,
        "error": None,
        "incomplete_details": details,
        "instructions": body.get("instructions"),
        "model": body["model"],
        "output": [*([thought] if "reasoning" in body else []), message],
        "parallel_tool_calls": True,
        "store": body.get("store", True),
        "text": body.get("text"),
        "tool_choice": "auto",
        "tools": [],
        "usage": _usage(body, content),
    }


def _usage(body: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Four bytes to a token, which is near enough to count with."""
    read, made = len(msgspec.json.encode(body)) // 4, len(msgspec.json.encode(content)) // 4
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + made,
    }


def _error(status: int, code: str, message: str, retry_after: str = "") -> web.Response:
    headers = {"retry-after": retry_after} if retry_after else {}
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)
