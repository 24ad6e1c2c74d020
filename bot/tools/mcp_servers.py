"""Remote MCP servers, asked by hand for what they have: by the client of the `mcp` package, where that is installed.

In a call nobody here asks them: the model's side does (bot.realtime.remote_server). So the package is no dependency.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.tools.contract import BadTool

ANSWER_S = 10.0
NO_PACKAGE = "it was not asked, since the package mcp is not installed here"


@asynccontextmanager
async def client_of(url: str, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """A client of the `mcp` package, within a bound. Raises ImportError without the package."""
    import httpx2  # noqa: PLC0415  it comes with the package
    from mcp import Client  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    async with (
        asyncio.timeout(ANSWER_S),
        httpx2.AsyncClient(headers=dict(headers), timeout=ANSWER_S) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def tools_of(url: str, headers: Mapping[str, str], allowed: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The tools of a server, those that are allowed, as the package has them. Raises BadTool, with a reason."""
    try:
        async with client_of(url, headers) as client:
            found = await client.list_tools()
    except ImportError:
        raise BadTool(NO_PACKAGE) from None
    except Exception as error:  # noqa: BLE001  whatever it is, there is no list
        raise BadTool(f"it does not tell its tools ({_innermost(error)})") from None
    shown = [one.model_dump(by_alias=True, exclude_none=True, mode="json") for one in found.tools]
    return [one for one in shown if not allowed or one["name"] in allowed]


def _innermost(error: BaseException) -> str:
    """The fault in a group of them, by its kind: its words may repeat what we sent."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
