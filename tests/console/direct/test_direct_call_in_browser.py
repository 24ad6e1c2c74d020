"""A call straight to the model, in a real browser: heard, interrupted by voice, truncated to what the page played."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from bot.config import load_settings
from bot.console.routes import console
from bot.models import OFFLINE_AGENT
from bot.offline.installed import is_installed
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.model import Behaviour
from bot.testing.model.server import Door, SimulatedRealtimeServer
from tests.console.chromium import Tab, browser
from tests.console.test_access import console_of
from tests.console.test_softphone_in_browser import a_voice
from tests.server.simulated_server import ServerUnderTest, environment, standing, until

TALE = "I talk for a long while about apples and pears, and plums, until somebody says something at all."
LONG = Reply([Spoken(pattern(12_000, "long"), TALE)])
ANSWER = Reply([Spoken(pattern(1_500, "answer"), "You said something.")])
LOUD = """(() => { const tap = window.heardline && heardline.tap; if (!tap) return 0; const seen = new Float32Array(2048);
tap.getFloatTimeDomainData(seen); return Math.max(...seen.map(Math.abs)) > .05; })()"""
STATE = "document.getElementById('state').textContent"
PROBLEM = "document.getElementById('problem').textContent"


async def call_straight(tab: Tab, desk: ServerUnderTest, prefix: str = "", **window: Any) -> None:
    """Open the page, choose the way and press the button."""
    await tab.open(f"{desk.origin}{prefix}/softphone", **window)
    await tab.until("!document.getElementById('way-direct').disabled")
    await tab.value("document.getElementById('way-direct').click()")
    await tab.value("document.getElementById('call').click()")


def heard_and_received(line: str) -> list[float]:
    return [float(one) for one in re.findall(r"([\d.]+) s", line)]


async def test_a_call_by_voice_is_cut_where_the_page_stopped_playing_and_a_second_one_works(tmp_path: Path) -> None:
    voice = a_voice(tmp_path / "voice.wav", 4.0)
    spoken = Behaviour(caller_words=["a recorded sentence"], transcription_after_ms=50)
    async with (
        console_of(LONG, ANSWER, behaviour=spoken) as desk,
        browser(tmp_path / "profile", voice=voice) as tab,
    ):
        await call_straight(tab, desk)
        await tab.until(LOUD)  # the greeting is heard in the page
        assert await tab.value(STATE) == "In the call, straight to the model"
        (session,) = desk.model.sessions
        await tab.until("document.querySelector('li.bot.cut') !== null")  # the voice has interrupted it
        await tab.until("document.querySelectorAll('li.bot').length > 1")  # and is answered
        await until(lambda: session.truncations)
        (cut,) = session.truncations
        assert cut.accepted
        assert 500 < cut.audio_end_ms < 11_000
        line = await tab.value(
            "[...document.querySelectorAll('li.event')].map((li) => li.textContent).find((text) => text.startsWith('Interrupted'))"
        )
        heard, received = heard_and_received(line)
        assert abs(heard - cut.audio_end_ms / 1000) <= 0.051
        assert heard < received <= 12
        words = await tab.value(
            "(() => { const li = document.querySelector('li.bot.cut'); return [li.childNodes[1].textContent, li.querySelector('del').textContent]; })()"
        )
        assert " ".join(words) == TALE  # every word once: heard, or struck out
        share = len(words[0]) / len(TALE)
        assert abs(share - cut.audio_end_ms / 12_000) < 0.2
        await tab.until(
            "[...document.querySelectorAll('li.caller')].some((li) => li.textContent.includes('a recorded sentence'))"
        )
        for figure in ("greeting", "answer", "silence"):
            assert re.fullmatch(
                r"\d+ ms|\d+\.\d s", await tab.value(f"document.getElementById('{figure}').textContent")
            )
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not desk.model.open_sessions)
        assert await tab.value(STATE) == "The call is over"
        assert not len(desk.calls.directory)  # it was no call of the server's
        tracks = "heardline.microphone.getTracks().map((track) => track.readyState).join() + heardline.context.state"
        await tab.until(f"({tracks}) === 'endedclosed'")
        await tab.value("document.getElementById('call').click()")
        await tab.until(LOUD)
        assert len(desk.model.sessions) == 2
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not desk.model.open_sessions)
        assert tab.complaints == []


async def test_under_a_prefix_keys_are_told_as_words_and_a_hang_up_while_the_bot_speaks_ends_both(
    tmp_path: Path,
) -> None:
    silent, prefix = a_voice(tmp_path / "voice.wav", 60), "/some/where"
    desk_of = console_of(ANSWER, LONG, PUBLIC_URL=f"https://bot.example{prefix}")
    async with desk_of as desk, browser(tmp_path / "profile", voice=silent) as tab:
        await call_straight(tab, desk, prefix)
        await tab.until("document.querySelectorAll('li.bot').length === 1")
        for key in "42#":
            await tab.value(
                f"[...document.querySelectorAll('#keypad button')].find(b => b.textContent === '{key}').click()"
            )
        await tab.until("document.querySelectorAll('li.bot').length === 2")
        (session,) = desk.model.sessions
        told = [entry.body for entry in session.conversation if entry.role == "user" and entry.body]
        assert [one["content"][0]["text"] for one in told] == ["[keys pressed: 42#]"]
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not desk.model.open_sessions)
        assert tab.complaints == []


async def test_a_secret_that_has_expired_is_one_clear_sentence(tmp_path: Path) -> None:
    async with console_of(ANSWER) as desk, browser(tmp_path / "profile") as tab:
        secrets = desk.model.secrets
        secrets.clock = lambda: time.time() + 200 * len(secrets.values)  # it is old as soon as it is made
        await call_straight(tab, desk)
        told = await tab.until(PROBLEM)
        assert (
            told
            == "The client secret has expired or is not valid any more: call again, and the page asks for a new one."
        )
        assert (await tab.value(STATE), desk.model.sessions) == ("The call is over", [])
        secrets.clock = time.time
        await tab.value("document.getElementById('call').click()")
        await tab.until(LOUD)
        assert await tab.value(PROBLEM) == ""
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not desk.model.open_sessions)


async def test_a_model_that_gives_no_secret_or_drops_the_session_is_one_clear_sentence(tmp_path: Path) -> None:
    async with console_of(LONG) as desk, browser(tmp_path / "profile") as tab:
        desk.model.door = Door(keys=frozenset())
        await call_straight(tab, desk)
        assert await tab.until(PROBLEM) == (
            "The model's server gave no client secret: the answer is 401 (invalid_api_key)."
        )
        desk.model.door = Door()
        await tab.value("document.getElementById('call').click()")
        await tab.until(LOUD)
        desk.model.abort()
        assert await tab.until(PROBLEM) == "The session was lost: the connection broke (1006)."
        assert await tab.value(STATE) == "The call is over"


async def test_where_no_secret_is_to_be_had_the_page_says_why_and_the_telephone_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_of(LONG) as desk, browser(tmp_path / "profile") as tab:
        keyless = load_settings(environment(desk.model.url) | {"OPENAI_API_KEY": ""})
        with monkeypatch.context() as patched:
            patched.setattr(type(desk.calls.profiles), "default", keyless)
            await tab.open(f"{desk.origin}/softphone")
            told = await tab.until("document.getElementById('way-told').textContent.split('is not to be had: ')[1]")
        assert told == "OPENAI_API_KEY is not set: there is nothing to make a client secret of."
        assert await tab.value("document.getElementById('way-direct').disabled")
        await tab.value("document.getElementById('call').click()")
        await tab.until(LOUD)
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not len(desk.calls.directory))
        assert tab.complaints == []


async def test_the_offline_agent_understands_a_recorded_voice_straight_from_the_browser(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("the extra `offline` is not installed")
    from bot.offline.offline_server import offline_sessions

    voice = a_voice(tmp_path / "voice.wav", 6.0, times=4)  # one word in thirty is misheard: "wrong" for "long"
    async with (
        offline_sessions() as sessions,
        SimulatedRealtimeServer(sessions) as model,
        standing(mounts=[console], model_url=model.url, OPENAI_REALTIME_MODEL=OFFLINE_AGENT) as desk,
        browser(tmp_path / "profile", voice=voice) as tab,
    ):
        await call_straight(tab, desk)
        assert "offline agent" in await tab.value("document.getElementById('way-told').textContent")
        await tab.until(LOUD)
        words = "[...document.querySelectorAll('li.caller')].map((li) => li.childNodes[1].textContent).join(' ').toLowerCase()"
        await tab.until(f"/something long/.test({words})")
        await tab.until("document.querySelectorAll('li.bot').length > 1")
        await tab.value("document.getElementById('call').click()")
        await until(lambda: not model.open_sessions)
        assert tab.complaints == []
