"""Real MCP servers behind the simulated Realtime server, asked by the client of the `mcp` package over HTTP.

The package is no dependency of the bot: the model's side asks the servers, and only this simulator plays that.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import msgspec

from bot.testing.agent import McpCall, McpListing
from bot.tools.contract import BadTool
from bot.tools.mcp_servers import client_of, tools_of

T = TypeVar("T")
Json = dict[str, Any]


class _Made(Generic[T]):
    """What a task makes, once it is there."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self._task = task

    def poll(self) -> T | None:
        return self._task.result() if self._task.done() and not self._task.cancelled() else None


class McpClient:
    """Lists and calls the tools of servers by their URLs, with the credentials that the session has for them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.called: list[tuple[str, str]] = []
        """Tools that were called, with their arguments, in order."""

    def tools(self, server: Json) -> _Made[McpListing]:
        return _Made(self._begin(listed(server)))

    def call(self, server: Json, call: McpCall) -> _Made[McpCall]:
        self.called.append((call.name, call.arguments))
        return _Made(self._begin(called(server, call)))

    def _begin(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Leave nothing behind."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def listed(server: Json) -> McpListing:
    """The tools of a server, those that are allowed."""
    try:
        found = await tools_of(server["server_url"], _headers(server), server.get("allowed_tools", ()))
    except BadTool:
        return McpListing()
    return McpListing([_shown(one) for one in found])


def _shown(tool: Json) -> Json:
    """A tool as the item of a list has it."""
    names = ("name", "description", "annotations")
    return {"input_schema": tool["inputSchema"], **{key: tool[key] for key in names if key in tool}}


async def called(server: Json, call: McpCall) -> McpCall:
    """A call, with its result or its error in it."""
    try:
        async with client_of(server["server_url"], _headers(server)) as client:
            came = await client.call_tool(call.name, msgspec.json.decode(call.arguments))
    except Exception as error:  # noqa: BLE001  whatever it is, the call has failed
        words = str(error) or type(error).__name__
        return msgspec.structs.replace(call, error={"type": "protocol_error", "code": -32_000, "message": words})
    words = "\n".join(part.text for part in came.content if hasattr(part, "text"))
    if came.is_error:
        return msgspec.structs.replace(call, error={"type": "tool_execution_error", "message": words})
    return msgspec.structs.replace(call, output=words)


def _headers(server: Json) -> dict[str, str]:
    """The headers that a session has us send."""
    bearer = {"Authorization": f"Bearer {server['authorization']}"} if server.get("authorization") else {}
    return {**server.get("headers", {}), **bearer}
