"""Several bots on one server: each call has the settings of its profile, from its webhook to its last TwiML."""

from __future__ import annotations

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.config import SettingsError
from bot.server.bookkeeping.store_service import keeping
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.signed_webhook import Caller
from bot.testing.model.server import Door
from tests.server.bookkeeping.test_call_records import all_stored, stored
from tests.server.http.operators.test_metrics_route import found
from tests.server.simulated_server import (
    ACCOUNT,
    AUTH_TOKEN,
    GREETING,
    ServerUnderTest,
    a_phone,
    all_written,
    heard,
    standing,
    until,
)
from tests.server.test_resuming import broken_call, on_another_stream, told

CLINIC, SHOP, NOBODYS = "+15555550100", "+15555550177", "+15555550188"
FILE = f"""
[clinic]
numbers = ["{CLINIC}"]
BOT_INSTRUCTIONS = "You answer for the clinic."
BOT_VOICE = "cedar"
BOT_LANGUAGE = "de"
BOT_MAX_CALL_SECONDS = 120
BOT_MAX_CALL_USD = "0.5"
BOT_DENY_CALLERS = "+15555550191"
BOT_RECORD = ["fixture"]

[shop]
numbers = ["{SHOP}", "sip:shop"]
BOT_GREETING = "off"
BOT_FALLBACK = "+15555550123"
OPENAI_REALTIME_MODEL = "gpt-realtime-2.1-mini"
"""


def two_bots(directory: Path, file: str = FILE, **env: Any) -> AbstractAsyncContextManager[ServerUnderTest]:
    (path := directory / "profiles.toml").write_text(file, encoding="utf-8")
    return standing(BOT_PROFILES=str(path), BOT_RECORD_DIR=str(directory), keep=keeping, **env)


async def webhook(desk: ServerUnderTest, called: str, path: str = "/voice", caller: str = "+15555550101") -> str:
    call_sid = new_call_sid()
    form = Caller(AUTH_TOKEN, ACCOUNT, call_sid, caller, called).form("ringing")
    status, _ = await desk.post(path, form)
    assert status == 200
    return call_sid


@pytest.mark.parametrize(
    ("called", "profile", "voice", "model"),
    [
        (CLINIC, "clinic", "cedar", "gpt-realtime-2.1"),
        (SHOP, "shop", "marin", "gpt-realtime-2.1-mini"),
        ("sip:shop@bots.sip.twilio.com", "shop", "marin", "gpt-realtime-2.1-mini"),
        (NOBODYS, "", "marin", "gpt-realtime-2.1"),
    ],
)
async def test_the_number_called_chooses_whose_session_it_is(
    tmp_path: Path, called: str, profile: str, voice: str, model: str
) -> None:
    async with two_bots(tmp_path) as desk:
        live = desk.calls.directory.find(await webhook(desk, called))
        assert live is not None
        assert live.settings.profile == live.past.profile == profile
        await until(lambda: desk.model.sessions and desk.model.sessions[0].session["audio"]["output"]["voice"] == voice)
        assert desk.model.sessions[0].session["model"] == model
        told_who = desk.model.sessions[0].session["instructions"]
        assert ("clinic" in told_who) == (profile == "clinic")
        call = live.bridge.call.settings
        assert call.max_call_s == (120 if profile == "clinic" else 3600)
        assert call.money.call_cap == (500_000_000 if profile == "clinic" else 0)
        assert bool(call.greeting) == (profile != "shop")
        await desk.calls.departure.close()


async def test_who_may_call_is_the_profiles_to_say(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as desk:
        await webhook(desk, CLINIC, caller="+15555550191")
        assert not len(desk.calls.directory)
        await webhook(desk, SHOP, caller="+15555550191")
        assert len(desk.calls.directory) == 1
        await desk.calls.departure.close()


async def test_a_webhook_may_name_a_profile_in_its_signed_url(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as desk:
        live = desk.calls.directory.find(await webhook(desk, NOBODYS, "/voice?profile=shop"))
        assert live is not None
        assert live.settings.profile == "shop"
        await desk.calls.departure.close()


async def test_a_call_that_fails_gets_the_fallback_and_the_language_of_its_profile(tmp_path: Path) -> None:
    """Also when Twilio asks a process that knows nothing of the call: the profile is in the URL."""
    async with two_bots(tmp_path, door=Door(http_status=503)) as desk:
        result = await desk.dial(a_phone(), to_number=SHOP)
        assert result.dialled == ["+15555550123"]
        result = await desk.dial(a_phone(), to_number=CLINIC)
        assert result.dialled == []
        assert re.search('language="de-DE"', result.documents[-1])
        assert "/voice/next?profile=clinic#" in result.documents[0]
        result = await desk.dial(a_phone(), to_number=NOBODYS)
        assert re.search('language="en-US"', result.documents[-1])
        assert "/voice/next?profile=#" in result.documents[0]


async def test_what_follows_is_asked_where_nobody_knows_the_call(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as desk:
        form = Caller(AUTH_TOKEN, ACCOUNT, new_call_sid(), to_number=NOBODYS).form("completed")
        _, document = await desk.post("/voice/recorded?profile=clinic", form)
        assert 'language="de-DE"' in document
        _, document = await desk.post("/voice/recorded?profile=gone", form)
        assert 'language="en-US"' in document


async def test_a_call_whose_line_broke_goes_on_with_its_profile(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as desk:
        phone = a_phone()
        second = on_another_stream(phone)
        (tmp_path / "profiles.toml").write_text(FILE.replace(CLINIC, NOBODYS))  # its number is another's meanwhile
        async with broken_call(desk, second, phone=phone):
            desk.calls.profiles.take(desk.calls.profiles.fresh())
            await until(lambda: len(heard(second)) >= len(GREETING.items[0].audio))
            live = desk.calls.directory.find(phone.ids.call_sid)
            assert live is not None
            assert (live.past.leg, live.settings.profile) == (1, "clinic")
            assert desk.model.sessions[1].session["instructions"].startswith("You answer for the clinic.")
            second.hang_up(0)
        await desk.quiet()
        assert told(desk, 1)
        assert (await stored(desk, phone.ids.call_sid)).summary.profile == "clinic"


async def test_records_fixtures_and_metrics_know_the_profile_each_in_its_place(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as desk:
        for called in (CLINIC, SHOP, NOBODYS):
            phone = a_phone()
            await desk.dial_until(phone, lambda phone=phone: phone.received or phone.sent_frames, to_number=called)
        await desk.quiet()
        all_written()
        kept = {call.profile: call for call in await all_stored(desk)}
        assert kept.keys() == {"", "clinic", "shop"}
        assert len({call.settings_digest for call in kept.values()}) == 3
        assert kept["shop"].model == "gpt-realtime-2.1-mini"
        (fixture,) = await asyncio.to_thread(lambda: list(tmp_path.rglob("*.call.jsonl")))  # the clinic's alone
        header = msgspec.json.decode(fixture.read_bytes().splitlines()[0])
        assert header["settings"]["session"]["instructions"].startswith("You answer for the clinic.")
        assert not [key for key in await found(desk) if {"clinic", "shop"} & {*key}]


async def test_reading_again_changes_new_calls_and_leaves_those_that_go_on(tmp_path: Path) -> None:
    async with two_bots(tmp_path, BOT_WARM_SESSIONS="1") as desk:
        await until(lambda: len(desk.calls.starter.pool) == 1)
        before = desk.calls.directory.find(await webhook(desk, CLINIC))
        (tmp_path / "profiles.toml").write_text('default = "shop"\n' + FILE.replace("cedar", "ash"))
        desk.calls.profiles.take(desk.calls.profiles.fresh())
        after = desk.calls.directory.find(await webhook(desk, CLINIC))
        assert before is not None
        assert after is not None
        assert (before.settings.voice, after.settings.voice) == ("cedar", "ash")
        assert desk.calls.directory.find(await webhook(desk, NOBODYS)).settings.profile == "shop"  # type: ignore[union-attr]
        await desk.calls.departure.close()


async def test_a_profile_that_is_read_later_has_its_tools(tmp_path: Path) -> None:
    (tools := tmp_path / "later_tools.py").write_text(
        'from bot.tools import tool\n\n\n@tool\ndef weather() -> str:\n    """Tell the weather."""\n    return "fine"\n'
    )
    async with two_bots(tmp_path) as desk:
        path = tmp_path / "profiles.toml"
        path.write_text(FILE + f'\n[late]\nnumbers = ["{NOBODYS}"]\nBOT_TOOLS = "{tools}"\n')
        desk.calls.profiles.take(desk.calls.profiles.fresh())
        late = desk.calls.profiles.named("late")
        assert late is not None
        await until(lambda: desk.calls.starter.toolboxes.of(late).specs())
        live = desk.calls.directory.find(await webhook(desk, NOBODYS))
        assert live is not None
        assert [one.name for one in live.bridge.call.settings.tools] == ["weather"]
        await desk.calls.departure.close()


async def test_idle_sessions_are_for_calls_of_the_same_session_settings(tmp_path: Path) -> None:
    """Those with another voice or other instructions are dialled; the idle ones wait for the others."""
    async with two_bots(tmp_path, BOT_WARM_SESSIONS="1") as desk:
        await until(lambda: len(desk.calls.starter.pool) == 1)
        for called, warm in ((CLINIC, False), (SHOP, False), (NOBODYS, True)):
            live = desk.calls.directory.find(await webhook(desk, called))
            assert live is not None
            assert live.bridge.model.warm == warm
        await desk.calls.departure.close()


async def test_idle_sessions_are_those_of_the_default_profile_also_after_it_changed(tmp_path: Path) -> None:
    async with two_bots(tmp_path, BOT_WARM_SESSIONS="1") as desk:
        await until(lambda: len(desk.calls.starter.pool) == 1)
        (tmp_path / "profiles.toml").write_text('default = "clinic"\n' + FILE)
        desk.calls.profiles.take(desk.calls.profiles.fresh())
        assert len(desk.calls.starter.pool) == 0
        await until(lambda: len(desk.calls.starter.pool) == 1)
        live = desk.calls.directory.find(await webhook(desk, NOBODYS))
        assert live is not None
        assert (live.settings.profile, live.bridge.model.warm) == ("clinic", True)
        await desk.calls.departure.close()


async def test_a_file_that_is_wrong_keeps_a_server_from_starting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Profile clinic in .*: BOT_VOICE must be one of"):
        async with two_bots(tmp_path, FILE.replace("cedar", "cedr")):
            pass
