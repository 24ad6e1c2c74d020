"""Every page held against axe-core in a real browser, by day and by night, on a desktop and on a telephone.

axe-core is not ours: it is a file of a package that the tests install. Nothing else of that package is used.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from bot.testing.agent import Reply, Spoken, pattern
from tests.console.chromium import Tab, browser
from tests.console.operator.test_actions import TOOLS
from tests.console.operator.test_console import kept_console, live_call, over
from tests.console.test_access import ADMIN, console_of
from tests.server.simulated_server import QUICK, a_phone

AXE = files("axe_playwright_python").joinpath("axe.min.js")
SERIOUS = {"serious", "critical", "moderate"}
VIEWS = {
    "live": ".card",
    "calls": "#past tr",
    "day": "#figures div",
    "webhooks": "#webhooks-none:not([hidden])",
    "tools": "#tool-rows .card",
    "instructions": "#trial-with:not(:empty)",
    "settings": "#setting-rows tr",
}
SIZES = [(1240, False), (1240, True), (390, False), (390, True)]


async def faults(tab: Tab) -> list[str]:
    """What axe-core finds on the page as it is: each fault, and the elements that have it."""
    await tab.value(f"{AXE.read_text('utf-8')}; true")
    found: dict[str, Any] = await tab.value(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>"
        " ({ violations: violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ html }) => html).join(' | ') })) }))"
    )
    return [f"{one['id']}: {one['where']}" for one in found["violations"] if one["impact"] in SERIOUS]


@pytest.mark.parametrize(("width", "dark"), SIZES)
async def test_the_console_and_a_call_s_page(tmp_path: Path, width: int, *, dark: bool) -> None:
    module = tmp_path / f"seen_tools_{width}_{dark}.py".lower()
    module.write_text(TOOLS)
    talks = Reply([Spoken(pattern(30_000, "long"), "We have apple trees and pear trees.")], pacing=QUICK)
    more = {"BOT_TOOLS": str(module), "BOT_TRANSFER_NUMBERS": "sales=+15555550190", "BOT_RECORD": "fixture,audio"}
    async with kept_console(tmp_path, talks, **more) as desk, browser(tmp_path / "profile") as tab:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial_until(phone, lambda: phone.received))
        await calling
        await over(desk, a_phone())
        async with live_call(desk):
            for view, shown in VIEWS.items():
                await tab.open("about:blank")
                await tab.open(f"{desk.origin}/console#{view}", width=width, dark=dark)
                await tab.until(f"document.querySelector('{shown}') !== null")
                assert await faults(tab) == [], view
                if view == "calls":
                    await tab.value("document.querySelector('#past tr:last-child button').click()")
                    await tab.until("document.querySelector('dialog').open")
                    assert await faults(tab) == [], "dialog"
        await tab.open(f"{desk.origin}/console/calls/{phone.ids.call_sid}/", width=width, dark=dark)
        assert await faults(tab) == [], "call"


@pytest.mark.parametrize(("width", "dark"), SIZES)
async def test_the_browser_phone_and_the_sign_in(tmp_path: Path, width: int, *, dark: bool) -> None:
    async with console_of(ADMIN_TOKEN=ADMIN) as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/console", width=width, dark=dark)
        assert await faults(tab) == [], "sign-in"
        await tab.value(f"document.querySelector('input').value = '{ADMIN}'; document.querySelector('form').submit()")
        await tab.until("document.getElementById('line') !== null")
        await tab.open(f"{desk.origin}/softphone", width=width, dark=dark)
        assert await faults(tab) == [], "phone"


async def test_a_fault_would_be_found(tmp_path: Path) -> None:
    async with console_of() as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/softphone")
        await tab.value("document.querySelector('main').append(document.createElement('input'))")
        assert any(one.startswith("label: ") for one in await faults(tab))
