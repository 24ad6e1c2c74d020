"""The receiver in the manual, started as it stands there, and told of calls by the bot's own hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from bot.after_call.result_schema import schema_of
from bot.docs import source
from bot.hooks.signed_post import HookFailed, SignedPost
from tests.hooks.receiver import SECRET
from tests.waiting import GIVE_UP_S

STARTED = {"type": "call.started", "data": {"call": {"sid": "CA1"}}}


def example(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", source("webhooks"), re.DOTALL)
    return code


@contextlib.asynccontextmanager
async def running_example() -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "BOT_WEBHOOK_SECRET": SECRET, "RECEIVER_PORT": str(port)}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", example("python"), env=env, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}/", process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def sent(url: str, secret: str, message_id: str) -> int:
    """Status of a message, sent again until the receiver listens."""
    async with asyncio.timeout(GIVE_UP_S), SignedPost(url, secret, 5) as post:
        while True:
            try:
                return (await post.send(STARTED, message_id)).status
            except HookFailed as error:
                if error.status:
                    return error.status
                await asyncio.sleep(0.05)


async def test_the_receiver_of_the_manual_believes_us_nobody_else_and_tells_each_event_once() -> None:
    pytest.importorskip("standardwebhooks", reason="the example's verifier is not installed: pip install '.[test]'")
    async with running_example() as (url, process):
        assert await sent(url, SECRET, "evt_1") == 204
        assert await sent(url, SECRET, "evt_1") == 204
        assert await sent(url, "c29tZWJvZHkgZWxzZSdzIHNlY3JldCBrZXk=", "evt_2") == 401
        assert await sent(url, SECRET, "evt_3") == 204
        process.kill()
        assert process.stdout is not None
        assert (await process.stdout.read()).decode() == "call.started CA1\n" * 2


def test_the_schema_of_the_manual_is_one_a_model_is_held_to() -> None:
    assert schema_of(json.loads(example("json"))).exact
