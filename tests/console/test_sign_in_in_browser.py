"""A browser that signs in with the token, and out again by the button, which is there only for who has signed in."""

from __future__ import annotations

from pathlib import Path

from tests.console.chromium import browser
from tests.console.test_access import ADMIN, console_of

SIGN_OUT = "document.querySelector('header form button')"


async def test_who_signs_out_is_asked_for_the_token_again(tmp_path: Path) -> None:
    async with console_of(ADMIN_TOKEN=ADMIN) as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/console")
        await tab.value(f"document.querySelector('input').value = '{ADMIN}'")
        await tab.value("document.querySelector('form').requestSubmit()")
        await tab.until("document.getElementById('live-rows') !== null")
        await tab.value(f"{SIGN_OUT}.click()")
        await tab.until("document.getElementById('live-rows') === null && document.readyState === 'complete'")
        assert await tab.value("document.querySelector('input[name=token]') !== null"), await tab.value(
            "document.body.innerText"
        )
        await tab.open(f"{desk.origin}/console")
        assert await tab.value("document.querySelector('input[name=token]') !== null")


async def test_where_nobody_signs_in_nobody_signs_out(tmp_path: Path) -> None:
    async with console_of() as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/console")
        assert await tab.value("document.getElementById('live-rows') !== null")
        assert await tab.value(f"{SIGN_OUT} === null")
        assert tab.complaints == []
