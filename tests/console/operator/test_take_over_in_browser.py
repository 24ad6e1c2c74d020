"""A call taken over from the page in a real browser, by voice: both hear each other, the bot has it again, a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.audio import mulaw
from bot.call.machines import OperatorStage
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from tests.console.chromium import Tab, browser
from tests.console.operator.test_console import LONG, kept_console
from tests.console.operator.test_take_over import SAID, in_a_call
from tests.console.test_softphone_in_browser import a_voice
from tests.server.simulated_server import QUICK, heard, until

BACK, AGAIN = (Reply([Spoken(pattern(600, name), "I am back.")], pacing=QUICK) for name in ("back", "again"))
LOUD = 3_000
"""A sample that is no noise of a line."""
HEARD = (
    "(() => { if (!takingOver.tap) return false; const seen = new Float32Array(2048);"
    " takingOver.tap.getFloatTimeDomainData(seen); return Math.max(...seen.map(Math.abs)) > .05; })()"
)


def loud_bytes(phone: SimulatedPhone, since: int) -> int:
    audio = heard(phone)[since:]
    pcm = memoryview(mulaw.decode(audio)).cast("h")
    return sum(abs(sample) > LOUD for sample in pcm)


async def press(tab: Tab, text: str) -> None:
    button = f"[...document.querySelectorAll('.card button')].find(b => b.textContent === '{text}' && !b.disabled)"
    await tab.until(f"Boolean({button})")
    await tab.value(f"{button}.click()")


@pytest.mark.paced
async def test_a_call_is_taken_over_by_voice_handed_back_and_taken_again(tmp_path: Path) -> None:
    voice = a_voice(tmp_path / "voice.wav", 0.5)
    async with (
        kept_console(tmp_path, LONG, BACK, AGAIN) as desk,
        browser(tmp_path / "profile", voice=voice) as tab,
        in_a_call(desk) as (phone, bridge),
    ):
        await tab.open(f"{desk.origin}/console")
        await tab.value("me.value = 'Ada'; me.dispatchEvent(new Event('change'))")
        before = len(heard(phone))
        await press(tab, "Take over")
        await until(lambda: bridge.call.operator == (OperatorStage.SPEAKING, "Ada"))
        await tab.until("document.querySelector('.state').textContent === 'you speak with the caller'")
        await until(lambda: loud_bytes(phone, before) > 2_000)  # their voice, and not the bot's, which was cut
        phone.say(SAID * 5, round(bridge.age_s * 1e6))
        await tab.until(HEARD)
        await press(tab, "Hand back")
        await until(lambda: BACK.items[0].audio in heard(phone))
        await tab.until("takingOver.microphone === null && takingOver.context === null")
        await tab.until("document.querySelector('.said').textContent.includes('Ada has handed the call back')")
        await press(tab, "Take over")
        await until(lambda: bridge.call.counts["taken_over"] == 2)
        await tab.ask("Page.navigate", url="about:blank")
        await until(lambda: AGAIN.items[0].audio in heard(phone))
        assert [one["why"] for one in desk.logged("handed_back")] == ["asked", "left"]
        assert tab.complaints == []
