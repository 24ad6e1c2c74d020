"""`python -m tests.console.pictures`: takes the pictures of the manual's pages from one real call, with Chromium.

The caller is the demo's recorded voice, as a browser's microphone; the bot is the line test. Takes a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import wave
from pathlib import Path

from bot.audio import mulaw
from bot.audio.prompts import prompt
from bot.config import load_settings
from bot.console.routes import console
from bot.server.bookkeeping.store_service import keeping
from bot.server.http.app import running
from bot.testing.commands.line_test import LineTestAgent
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.console.chromium import browser

DOCS = Path(__file__).parents[2] / "bot/docs"
LINES = ((10.0, "caller_hello"), (18.0, "caller_long"), (26.0, "caller_stop"), (34.0, "caller_goodbye"))
"""Seconds at which each line is said."""
ENDED = """fetch('/console/api/calls').then(answer => answer.json()).then(
    answer => (answer.calls.find(call => call.reason !== 'live') || {}).sid)"""
"""SID of the call once it is over."""
TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"


def _voice(path: Path) -> Path:
    track = bytearray(44 * 16_000)
    for at_s, name in LINES:
        words = mulaw.decode(prompt(name).audio)
        track[int(at_s * 16_000) : int(at_s * 16_000) + len(words)] = words
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(track))
    return path


def _model(name: str) -> SimulatedModel:
    words = [prompt(line).text for _, line in LINES]
    return SimulatedModel(LineTestAgent(), Behaviour(caller_words=words, transcription_after_ms=200), model=name)


async def _take(directory: Path) -> None:
    async with SimulatedRealtimeServer(_model) as model:
        settings = load_settings(
            {
                "OPENAI_API_KEY": "simulated-key",
                "OPENAI_REALTIME_URL": model.url,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "PUBLIC_URL": "http://127.0.0.1:8080",
                "HOST": "127.0.0.1",
                "BOT_RECORD": "fixture,audio",
                "BOT_RECORD_DIR": str(directory),
            }
        ).model_copy(update={"port": 0})
        async with (
            keeping(settings) as kept,
            running(settings, keeping=kept, mounts=[console]) as (_, port),
            browser(directory / "profile", voice=_voice(directory / "voice.wav")) as tab,
            browser(directory / "console") as second,
        ):
            for one in (tab, second):
                await one.ask("Emulation.setScrollbarsHidden", hidden=True)
            await second.open(f"http://127.0.0.1:{port}/console", width=1080, height=660)
            await tab.open(f"http://127.0.0.1:{port}/softphone", width=1080, height=730)
            await tab.value("document.getElementById('call').click()")
            await tab.until("document.querySelector('li.bot.cut') !== null")
            await tab.until("document.querySelectorAll('li.caller').length >= 3")
            await tab.picture(DOCS / "softphone.png")
            await second.until("document.querySelectorAll('.said p').length > 3")
            await second.picture(DOCS / "console.png")
            sid = await tab.until(ENDED)
            await second.open(f"http://127.0.0.1:{port}/console/calls/{sid}/", width=1180, height=840)
            await second.picture(DOCS / "call-page.png")


def main() -> None:
    argparse.ArgumentParser("python -m tests.console.pictures", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_take(Path(directory)))


if __name__ == "__main__":
    main()
