"""A line of JSON in, a line of JSON out: how the rig steers the processes it started."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import uvloop

Reply = Mapping[str, Any]
Handler = Callable[..., Reply | Awaitable[Reply]]


async def serve_commands(handlers: Mapping[str, Handler]) -> None:
    """Answer commands on standard input until it ends. A handler that fails answers with `error`."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        try:
            reply = handlers[command.pop("do")](**command)
            answer = dict(await reply if inspect.isawaitable(reply) else reply)
        except Exception as error:  # noqa: BLE001  the rig shall see what went wrong, and stop us then
            answer = {"error": f"{type(error).__name__}: {error}"}
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


def run_generator(main: Coroutine[Any, Any, None]) -> None:
    """Run a load generator: uvloop, and no pauses for garbage, of which its frames make none that is circular."""
    gc.disable()
    uvloop.run(main)
