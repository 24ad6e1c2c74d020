"""A browser of Chrome's family, driven by its own DevTools protocol over a WebSocket: no driver to install."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)
START_S = 60.0
WAIT_S = 60.0
"""Bounds on a browser that is stuck, however busy the machine is."""


def found() -> str:
    """Path of the browser; skips the test where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no browser of Chrome's family on this machine")
    return path


class PageGone(AssertionError):
    """Another page has come while this one was asked."""


class Tab:
    """A page that is open."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        """Errors that the page's console showed."""

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol, and give its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json(timeout=WAIT_S)
            if answer.get("id") == number:
                if "error" in answer:
                    gone = "navigated" in answer["error"]["message"]
                    raise (PageGone if gone else AssertionError)(answer["error"])
                return dict(answer["result"])
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            details = event["params"]["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.complaints.append(event["params"]["entry"]["text"])

    async def open(self, url: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Open `url` in a window of this size, by day or by night."""
        for domain in ("Runtime", "Log", "Page"):
            await self.ask(f"{domain}.enable")
        mobile = width < 600
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])
        await self.ask("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def value(self, expression: str) -> Any:
        """Value of a JavaScript expression, as if a person had just done something."""
        result = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true, and give its value. Fails with what the page shows instead."""
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    with contextlib.suppress(PageGone):
                        if value := await self.value(expression):
                            return value
                    await asyncio.sleep(0.05)  # nobody tells what a page comes to
        except TimeoutError:
            shown = await self.value("document.body.innerText")
            raise AssertionError(f"{expression} does not come about; the page says {shown!r}") from None

    async def picture(self, path: Path) -> None:
        """A screenshot of what is to be seen now."""
        shot = await self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))  # noqa: ASYNC240  a picture of a test


@asynccontextmanager
async def browser(profile: Path, *, voice: Path | None = None) -> AsyncIterator[Tab]:
    """A browser with an empty tab. `voice`: a WAV that is its microphone, once, and then silence."""
    microphone = [f"--use-file-for-fake-audio-capture={voice}%noloop"] if voice else []
    process = await asyncio.create_subprocess_exec(
        found(), *FLAGS, *microphone, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_S):
            origin = await _listening(process)
        drained = asyncio.create_task(_drain(process))
        try:
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://{origin}/json/list") as answer:
                    pages = [one for one in await answer.json() if one["type"] == "page"]
                async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            drained.cancel()
            await asyncio.gather(drained, return_exceptions=True)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def _listening(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if b"DevTools listening on" in line:
            return line.decode().partition("ws://")[2].partition("/")[0]
    raise AssertionError("the browser did not start")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(65_536):
        pass
