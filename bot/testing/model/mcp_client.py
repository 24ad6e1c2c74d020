"""Real MCP servers behind the simulated Realtime server, asked by the client of the `mcp` package over HTTP.

The package is no dependency of the bot: the model's side asks the servers, and only this simulator plays that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import msgspec

from bot.testing.agent import McpCall, McpListing

T = TypeVar("T")
Json = dict[str, Any]
TIMEOUT_S = 10.0


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


@asynccontextmanager
async def client_of(server: Json) -> AsyncIterator[Any]:
    """A client of the `mcp` package, within a bound, for a server as a session names it.

    Raises ImportError without the package.
    """
    import httpx2  # noqa: PLC0415  it comes with the package
    from mcp import Client  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    headers = dict(server.get("headers", {}))
    if server.get("authorization"):
        headers["Authorization"] = f"Bearer {server['authorization']}"
    async with (
        asyncio.timeout(TIMEOUT_S),
        httpx2.AsyncClient(headers=headers, timeout=TIMEOUT_S) as http,
        Client(streamable_http_client(server["server_url"], http_client=http)) as client,
    ):
        yield client


async def listed(server: Json) -> McpListing:
    """The tools of a server, those that are allowed."""
    try:
        async with client_of(server) as client:
            found = await client.list_tools()
    except Exception:  # noqa: BLE001  whatever it is, the list has failed
        return McpListing()
    shown = [one.model_dump(by_alias=True, exclude_none=True, mode="json") for one in found.tools]
    names = ("name", "description", "annotations")
    tools = [
        {"input_schema": one["inputSchema"], **{key: one[key] for key in names if key in one}}
        for one in shown
        if not server.get("allowed_tools") or one["name"] in server["allowed_tools"]
    ]
    return McpListing(tools)


async def called(server: Json, call: McpCall) -> McpCall:
    """A call, with its result or its error in it."""
    try:
        async with client_of(server) as client:
            came = await client.call_tool(call.name, msgspec.json.decode(call.arguments))
    except Exception as error:  # noqa: BLE001  the same
        words = str(error) or type(error).__name__
        return msgspec.structs.replace(call, error={"type": "protocol_error", "code": -32_000, "message": words})
    words = "\n".join(part.text for part in came.content if hasattr(part, "text"))
    if came.is_error:
        return msgspec.structs.replace(call, error={"type": "tool_execution_error", "message": words})
    return msgspec.structs.replace(call, output=words)
