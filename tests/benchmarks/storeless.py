"""`bot serve` without its call store, to compare with: `python -m tests.benchmarks.storeless`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.cli import app
from bot.config import Settings
from bot.server.workers import serve, server_process


@asynccontextmanager
async def nothing(_: Settings) -> AsyncIterator[None]:
    yield None


async def not_prepared(_: Settings) -> None:
    """A store that needs no preparation."""


if __name__ == "__main__":
    server_process.keeping = nothing
    serve.prepare = not_prepared
    app(["serve"])
