"""The operator's page in a real browser: what is told arrives, text stays text, and each view opens without a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.testing.agent import Reply, Spoken, pattern
from tests.console.chromium import browser
from tests.console.operator.test_console import HOSTILE, kept_console, live_call, over
from tests.server.simulated_server import GREETING, QUICK, a_phone, until


@pytest.mark.parametrize("width", [1240, 390])
async def test_every_view_shows_what_there_is_and_hostile_words_as_text(tmp_path: Path, width: int) -> None:
    talk = Reply([Spoken(pattern(400, "talk"), f"{HOSTILE} Good morning.")], pacing=QUICK)
    async with (
        kept_console(tmp_path, GREETING, talk, BOT_RECORD="fixture") as desk,
        browser(tmp_path / "profile") as tab,
    ):
        await over(desk, a_phone())
        await tab.open(f"{desk.origin}/console", width=width)
        await tab.until("document.getElementById('line').textContent.startsWith('As it happens')")
        async with live_call(desk) as phone:
            await tab.until("document.querySelectorAll('.card').length === 1")
            await tab.value("document.querySelector('.card input').value = 'Be brief.'")
            await tab.value("document.querySelector('.card form').requestSubmit()")
            conversation = desk.model.sessions[-1].conversation
            await until(lambda: any("Be brief." in str(one.content()) for one in conversation))
            await tab.until("document.querySelector('.said').textContent.includes('You to the model')")
            assert desk.bridge(phone.ids.call_sid).call.ended is None
        await tab.until("document.querySelectorAll('.card').length === 0")
        for view, shown in (("calls", "#past tr"), ("day", "#figures div"), ("settings", "#setting-rows tr")):
            await tab.value(f"location.hash = '{view}'")
            await tab.until(f"document.querySelectorAll('{shown}').length > 0")
        await tab.value("location.hash = 'calls'")
        await tab.until("document.querySelectorAll('#past tr').length > 0")
        if width < 760:  # all of a call is to be seen without moving the list sideways
            table = "document.querySelector('#view-calls .table')"
            assert await tab.value(f"{table}.scrollWidth <= {table}.clientWidth")
            cost = "[...document.querySelector('#past tr').cells].find(one => one.textContent.startsWith('$'))"
            assert await tab.value(f"{cost}.offsetWidth > 0")
        await tab.value("document.querySelector('#past button').click()")
        await tab.until("document.querySelector('dialog').open")
        link = await tab.until("document.querySelector('#call-body a').href")
        await tab.open(link, width=width)
        await tab.until("document.querySelectorAll('tbody tr').length > 0")
        assert await tab.value("document.querySelectorAll('img').length") == 0
        assert await tab.value("document.documentElement.scrollWidth <= innerWidth")
        assert tab.complaints == []
