"""`bot demo --page`: one command, a page that calls, and an end by Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.console.softphone.test_gateway import told
from tests.test_readme import ROOT


async def _few(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[str]:
    """Kinds of the first two news that are no captions, which come as they like."""
    left = 2
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT and message.json()["type"] != "caption":
            yield message.json()["type"]
            left -= 1
        if not left:
            return


async def test_one_command_serves_the_browser_phone_and_the_console(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", "--page", "--port", "0", "--dir", str(tmp_path / "calls"),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = ""
    async for line in process.stdout:
        if b"/softphone" in line:
            url = line.decode().split()[-1]
        if b"Ctrl-C" in line:
            break
    try:
        async with aiohttp.ClientSession() as http:
            async with http.get(url) as page:
                assert page.status == 200
            async with http.get(f"{url}/direct") as way:
                told_of_way = await way.json()
                assert told_of_way["problem"] == ""
                assert "gpt" not in told_of_way["to"]  # there is no such model behind it
                assert "on this machine" in told_of_way["to"]
            async with http.post(url.replace("softphone", "client-secret")) as secret:
                assert (secret.status, (await secret.json())["value"][:3]) == (200, "ek_")
            async with http.get(url.replace("softphone", "console/api/calls")) as calls:
                assert (await calls.json())["calls"] == []
            async with http.ws_connect(f"{url}/call") as socket:
                await told(socket, "ringing")
                assert [kind async for kind in _few(socket)] == ["wait", "cost"]
                await socket.send_json({"hangUp": True})
                await told(socket, "over")
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, b"Traceback" in errors) == (0, False), errors
