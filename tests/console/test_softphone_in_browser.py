"""The browser phone in a real browser: it calls, is heard, is interrupted by voice, presses keys, calls again."""

from __future__ import annotations

import wave
from pathlib import Path

from bot.audio import mulaw
from bot.audio.prompts import prompt
from bot.call.states import State
from bot.testing.agent import Reply, Spoken, pattern
from tests.console.chromium import browser
from tests.console.test_access import console_of
from tests.server.simulated_server import until

LONG = Reply([Spoken(pattern(12_000, "long"), "I talk for a long while, until somebody says something.")])
ANSWER = Reply([Spoken(pattern(1_500, "answer"), "You said something.")])


def a_voice(path: Path, silent_s: float, times: int = 1) -> Path:
    """A person who is silent for a while and then says a sentence; and again, so many times."""
    words = mulaw.decode(prompt("caller_long").audio)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((bytes(int(silent_s * 8000) * 2) + words) * times)
    return path


async def test_a_call_by_voice_and_a_second_one(tmp_path: Path) -> None:
    voice = a_voice(tmp_path / "voice.wav", 4.0)
    async with console_of(LONG, ANSWER, LONG) as desk, browser(tmp_path / "profile", voice=voice) as tab:
        await tab.open(f"{desk.origin}/softphone")
        await tab.value("document.getElementById('call').click()")
        loud = "(() => { const tap = window.heardline && heardline.tap; if (!tap) return 0; const seen = new Float32Array(2048); "
        loud += "tap.getFloatTimeDomainData(seen); return Math.max(...seen.map(Math.abs)) > .05; })()"
        await tab.until(loud)  # the greeting is heard in the page
        (live,) = desk.calls.directory
        await tab.until("document.querySelector('li.bot.cut') !== null")  # the voice has interrupted it
        assert live.bridge.call.counts["keys"] == 0
        await tab.until("document.querySelectorAll('li.bot').length > 1")  # and is answered
        for key in "42#":
            await tab.value(
                f"[...document.querySelectorAll('#keypad button')].find(b => b.textContent === '{key}').click()"
            )
        await until(lambda: live.bridge.call.counts["keys"] == 3)
        assert live.bridge.call.state is not State.OPENING
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not len(desk.calls.directory))
        await tab.until("document.getElementById('state').textContent === 'The call is over'")
        assert live.bridge.call.ended == "caller_hung_up"
        await tab.value("document.getElementById('call').click()")
        await tab.until(loud)
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not len(desk.calls.directory))
        assert tab.complaints == []
