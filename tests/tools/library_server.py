"""A real MCP server, of the `mcp` package, on loopback HTTP: a library. It takes one credential and notes who came.

It has a thread of its own, so that nothing it does holds up the loop of a call.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tests.logging_state import logging_kept

NO_PACKAGE = "the package mcp is not installed"
TOKEN = "library-token-123456789"


class Library:
    """`headers`: those of each request. `found`, `reserved`: what was done."""

    def __init__(self) -> None:
        self.url = ""
        self.headers: list[dict[str, str]] = []
        self.found: list[str] = []
        self.reserved: list[str] = []

    def file(self, folder: Path, **more: str) -> str:
        """A file for BOT_MCP that names this server."""
        keys = {"url": f'"{self.url}"', "authorization": '"LIBRARY_TOKEN"', **more}
        path = folder / "servers.toml"
        path.write_text("[library]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
        return str(path)


@contextlib.contextmanager
def library() -> Iterator[Library]:
    """The server, while the block runs. Skips the test where the package is absent."""
    pytest.importorskip("mcp", reason=NO_PACKAGE)
    import uvicorn

    here, ready = Library(), threading.Event()
    with socket.socket() as door, logging_kept():
        door.bind(("127.0.0.1", 0))
        here.url = f"http://127.0.0.1:{door.getsockname()[1]}/mcp"
        serving = uvicorn.Server(uvicorn.Config(_app(here, ready), log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=serving.run, args=([door],), name="library")
        thread.start()
        try:
            assert ready.wait(30)
            yield here
        finally:
            serving.should_exit = True
            thread.join()


def _app(here: Library, ready: threading.Event) -> Callable[..., Any]:
    """The application, behind a check of the credential."""
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    server = MCPServer("library", log_level="ERROR")

    @server.tool()
    async def find_book(title: str) -> str:
        """Find a book by its title."""
        here.found.append(title)
        if title == "nothing":
            raise ToolError("There is no such book.")
        return f"{title} is on shelf 7."

    @server.tool()
    async def reserve(title: str) -> str:
        """Reserve a book."""
        here.reserved.append(title)
        return f"{title} is reserved."

    app = server.streamable_http_app()

    async def guarded(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            ready.set()
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            here.headers.append(headers)
            if headers.get("authorization") != f"Bearer {TOKEN}":
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await app(scope, receive, send)

    return guarded
