"""What an operator does, in a real browser: listens to a call, transfers it, runs a tool, flags a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.testing.agent import Reply, Spoken, pattern
from tests.console.chromium import Tab, browser
from tests.console.operator.test_actions import TOOLS
from tests.console.operator.test_console import kept_console, live_call, over
from tests.server.simulated_server import QUICK, a_phone, until

LOUD = (
    "(() => { if (!listening.tap) return false; const seen = new Float32Array(2048);"
    " listening.tap.getFloatTimeDomainData(seen); return Math.max(...seen.map(Math.abs)) > .05; })()"
)
UNNAMED = """[...document.querySelectorAll('main button, main input, main select, main textarea, main a')].filter((one) =>
  !(one.textContent.trim() && !one.matches('select, textarea')) && !one.getAttribute('aria-label')
  && !(one.labels && one.labels.length)).map((one) => one.outerHTML)"""
"""Controls without a name for a screen reader."""


async def press(tab: Tab, selector: str, words: str) -> None:
    found = f"[...document.querySelectorAll('{selector}')].find((one) => one.textContent.startsWith('{words}'))"
    await tab.until(f"Boolean({found})")
    await tab.value(f"{found}.click()")


async def test_a_call_is_listened_to_in_the_page_and_then_transferred(tmp_path: Path) -> None:
    talks = Reply([Spoken(pattern(60_000, "long"), "I talk.")], pacing=QUICK)
    desk_of = kept_console(tmp_path, talks, talks, BOT_TRANSFER_NUMBERS="sales=+15555550190")
    async with desk_of as desk, browser(tmp_path / "profile") as tab, live_call(desk) as phone:
        bridge = desk.bridge(phone.ids.call_sid)
        await tab.open(f"{desk.origin}/console")
        await press(tab, ".card button", "Listen")
        await until(lambda: bridge.on_frame)
        phone.say(pattern(30_000, "words"), round(bridge.age_s * 1e6))  # the caller is heard, then both
        await tab.until(LOUD)
        assert await tab.value(UNNAMED) == []
        await press(tab, ".card button", "Stop listening")
        await until(lambda: not bridge.on_frame)
        await tab.value("window.confirm = () => true")
        menu = "document.querySelector('.card select')"
        await tab.value(f"{menu}.value = 'sales'; {menu}.dispatchEvent(new Event('change'))")
        await tab.until("document.querySelector('.said').textContent.includes('You: transfer to sales')")
        await until(lambda: desk.logged("operator_transfer"))
        assert tab.complaints == []


@pytest.mark.parametrize("width", [1240, 390])
async def test_tools_flags_and_webhooks(tmp_path: Path, width: int) -> None:
    module = tmp_path / "browser_tools_sample.py"
    module.write_text(TOOLS)
    async with (
        kept_console(tmp_path, BOT_RECORD="fixture", BOT_TOOLS=str(module)) as desk,
        browser(tmp_path / "profile") as tab,
    ):
        await over(desk, a_phone())
        await tab.open(f"{desk.origin}/console#tools", width=width)
        await tab.until("document.querySelectorAll('#tool-rows .card').length === 2")
        assert await tab.value("JSON.parse(document.querySelector('#tool-rows textarea').value)") == {"number": 0}
        await tab.value("document.querySelector('#tool-rows textarea').value = '{\"number\": 21}'")
        await press(tab, "#tool-rows button", "Run double")
        await tab.until("document.querySelector('#tool-rows .out').textContent === '42'")
        await press(tab, "#tool-rows button", "Run who")
        await tab.until("document.querySelectorAll('#tool-rows .out')[1].textContent.includes('<b>calls</b>')")
        assert await tab.value("document.querySelectorAll('#tool-rows b').length") == 0
        assert await tab.value(UNNAMED) == []
        await tab.value("location.hash = 'webhooks'")
        await tab.until("!document.getElementById('webhooks-none').hidden")
        await tab.value("location.hash = 'calls'")
        await press(tab, "#past button", "")
        await tab.until("document.querySelector('dialog').open")
        await tab.value("document.querySelector('dialog form.filters input').value = 'word lost'")
        await press(tab, "dialog button", "Flag")
        await tab.until("document.querySelector('dialog form.filters p').textContent.includes('test_word_lost.py')")
        assert (tmp_path / "flagged/word-lost.call.jsonl.gz").is_file()
        assert await tab.value("document.documentElement.scrollWidth <= innerWidth")
        assert tab.complaints == []
