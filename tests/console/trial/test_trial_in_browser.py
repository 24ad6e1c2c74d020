"""Instructions tried in a real browser: typed, answered in writing, a function answered by hand and then run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.testing.agent import ToolCall
from tests.console.chromium import Tab, browser
from tests.console.operator.test_work_in_browser import UNNAMED
from tests.console.test_access import console_of
from tests.console.test_accessibility import faults
from tests.console.trial.test_trial import HELLO, HOSTILE, TREES, a_module, written
from tests.server.simulated_server import until

SAID = "document.getElementById('trial-said')"
PREFIX = "/some/where"
CALLS = written("", ToolCall("double", '{"number": 4}'))


async def press(tab: Tab, words: str) -> None:
    found = f"[...document.querySelectorAll('#view-instructions button')].find((one) => one.textContent === '{words}')"
    await tab.until(f"Boolean({found}) && !{found}.disabled")
    await tab.value(f"{found}.click()")


async def says(tab: Tab, words: str) -> None:
    """Type as a caller would, and press Return."""
    await tab.until("!document.getElementById('trial-send').disabled")
    await tab.value("document.getElementById('trial-words').focus()")
    await tab.ask("Input.insertText", text=words)
    for kind in ("keyDown", "keyUp"):
        key: dict[str, Any] = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        await tab.ask("Input.dispatchKeyEvent", type=kind, **key)


@pytest.mark.parametrize(("width", "prefix"), [(1240, ""), (390, PREFIX)])
async def test_instructions_are_edited_tried_and_not_saved(tmp_path: Path, width: int, prefix: str) -> None:
    env = {"BOT_TOOLS": a_module(tmp_path), "PUBLIC_URL": f"https://bot.example{prefix}", "BOT_MAX_DAILY_USD": "3"}
    async with console_of(HELLO, TREES, CALLS, CALLS, TREES, **env) as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}{prefix}/console#instructions", width=width)
        await tab.until("document.getElementById('trial-instructions').value !== ''")
        assert await tab.value("document.getElementById('trial-instructions').value") == desk.settings.instructions
        await tab.value("document.getElementById('trial-instructions').value = 'You sell trees.'")
        await press(tab, "Begin")
        await tab.until(f"{SAID}.textContent === 'Bot: Hello.'")
        await says(tab, f"Have you trees? {HOSTILE}")
        await tab.until(f"{SAID}.querySelectorAll('.bot').length === 2")
        assert await tab.value(f"{SAID}.querySelector('script')") is None
        assert await tab.value(f"{SAID}.querySelector('.caller').textContent") == f"Caller: Have you trees? {HOSTILE}"
        await says(tab, "Twice four?")
        await tab.until(f"{SAID}.querySelector('.called .out') !== null")
        assert await tab.value(f"{SAID}.querySelector('.called .out').textContent") == '{"number": 4}'
        assert await tab.value(UNNAMED) == []
        assert await faults(tab) == []
        await tab.value(f"{SAID}.querySelector('.called textarea').value = 'nine'")
        await press(tab, "Give this answer")
        await tab.until(f"{SAID}.textContent.includes('double {{\"number\": 4}} answered: nine')")
        assert desk.logged("operator_ran_tool") == []
        await press(tab, "Run double")
        await tab.until(f"{SAID}.textContent.includes('double {{\"number\": 4}} answered: 8')")
        assert len(desk.logged("operator_ran_tool")) == 1
        cost = "document.getElementById('trial-state').textContent"
        await tab.until(f"{cost}.includes('in 5 answers')")
        assert "of $3.00" in await tab.value(cost)
        (session,) = desk.model.sessions
        assert session.session["instructions"] == "You sell trees."
        await tab.value(
            "(() => { const text = document.getElementById('trial-instructions'); text.value += ' Big ones.';"
            " text.dispatchEvent(new Event('input')); })()"
        )
        assert "began with other instructions" in await tab.value(cost)
        assert await tab.value("document.documentElement.scrollWidth <= innerWidth")
        await tab.value("location.hash = 'live'")
        await tab.value("location.hash = 'instructions'")
        assert await tab.value("document.getElementById('trial-instructions').value") == "You sell trees. Big ones."
        await press(tab, "Begin again")
        await until(lambda: len(desk.model.sessions) == 2)
        await tab.until(f"{SAID}.textContent === 'Bot: Hello.'")
        await press(tab, "As they are set")
        await tab.until("document.getElementById('trial-instructions').value !== 'You sell trees. Big ones.'")
        assert await tab.value("document.getElementById('trial-instructions').value") == desk.settings.instructions
        await tab.value("location.hash = 'live'")
        await tab.ask("Page.navigate", url="about:blank")
        await until(lambda: not desk.model.open_sessions)  # who leaves the page ends it
        assert tab.complaints == []


async def test_what_ends_it_is_told_and_the_next_one_begins(tmp_path: Path) -> None:
    async with console_of(HELLO) as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/console#instructions")
        await press(tab, "Begin")
        await tab.until(f"{SAID}.textContent === 'Bot: Hello.'")
        desk.model.abort()
        told = await tab.until("document.getElementById('problem').textContent")
        assert told.startswith("The session was lost: ")
        assert await tab.value("document.getElementById('trial-words').disabled")
        await press(tab, "Begin")
        await tab.until(f"{SAID}.textContent === 'Bot: Hello.'")
        assert await tab.value("document.getElementById('problem').textContent") == ""


async def test_a_profile_s_instructions_are_tried_with_its_functions(tmp_path: Path) -> None:
    (profiles := tmp_path / "profiles.toml").write_text(
        f'default = "shop"\n[clinic]\nBOT_INSTRUCTIONS = "You answer for the clinic."\n'
        f'[shop]\nBOT_INSTRUCTIONS = "You sell."\nBOT_TOOLS = "{a_module(tmp_path)}"\n'
    )
    text, menu = "document.getElementById('trial-instructions').value", "document.getElementById('trial-profile')"
    async with console_of(CALLS, HELLO, BOT_PROFILES=str(profiles)) as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/console#instructions")
        await tab.until(f"{text} === 'You sell.'")
        assert await tab.value(f"{menu}.value") == "shop"
        await press(tab, "Begin")
        await press(tab, "Run double")  # a tool of this profile alone
        await tab.until(f"{SAID}.textContent.includes('answered: 8')")
        await tab.value(f"{menu}.value = 'clinic'; {menu}.dispatchEvent(new Event('change'))")
        await tab.until(f"{text} === 'You answer for the clinic.'")
        assert await tab.value("document.getElementById('trial-with').textContent.includes('double')") is False
        await press(tab, "Begin again")
        await until(lambda: len(desk.model.sessions) == 2)
        await until(lambda: desk.model.sessions[1].session["instructions"] == "You answer for the clinic.")
        assert tab.complaints == []
