"""Digits for one tool alone, in whole calls over real sockets: all that is written and sent is searched for them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.audio import mulaw
from bot.audio.tones import tone
from bot.observe import logging as observe_logging
from bot.recording.fixture import read_fixture
from bot.server.bookkeeping.store_service import keeping
from bot.testing import assert_replays
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.handset.phone import SimulatedPhone
from tests.hooks.receiver import receiving
from tests.proof.recorded_sound import tracks
from tests.server import simulated_server
from tests.server.dtmf_search import keys_in
from tests.server.simulated_server import API_KEY, AUTH_TOKEN, QUICK, ServerUnderTest, a_phone, heard, standing, until
from tests.server.test_personal_data import HOOK_KEY, PII_KEY, listed, text_of

CARD = "4929183756281947"
ASKS = Reply([Spoken(pattern(400, "ask"), "Please key it in.")], [ToolCall("pay", '{"amount": 5}')], pacing=QUICK)
THANKS = Reply([Spoken(pattern(300, "thanks"), "Thank you.")], pacing=QUICK)
TOOLS = '''
import os, pathlib
from typing import Annotated
from bot.tools import Digits, SecretDigits, ToolError, tool

TAKEN = pathlib.Path(os.environ["TAKEN_BY_THE_TOOL"])

@tool
def pay(card: Annotated[SecretDigits, Digits(13, 19, tries=2)], amount: float) -> None:
    """Charge the caller's card."""
    TAKEN.write_text(card.reveal())
    print(card)
    if amount > 5:
        raise ToolError(f"The card {card.reveal()} is not valid.")
'''


def test_the_search_finds_what_it_looks_for() -> None:
    gap = bytes((0xFF,)) * 480
    spoken = b"".join(tone(key, 60) + gap for key in CARD)
    assert keys_in(pattern(500) + spoken + pattern(500)) == CARD
    assert keys_in(pattern(2_000)) == ""


@dataclass
class Kept:
    """What is known of a call besides what it left on the disk."""

    desk: ServerUnderTest
    phone: SimulatedPhone
    to_model: list[str]
    log: io.StringIO
    webhooks: list[Any] = field(default_factory=list)


@asynccontextmanager
async def calling(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *replies: Reply, keys: str, **env: str
) -> AsyncIterator[Kept]:
    """A call in which the bot asks for a card's number and the caller keys `keys` in, aloud, and says something."""
    module, kept_in = directory / "keyed_tools.py", directory / "calls"
    module.write_text(TOOLS, encoding="utf-8")
    monkeypatch.setenv("TAKEN_BY_THE_TOOL", str(directory / "taken"))
    monkeypatch.delitem(sys.modules, "keyed_tools", raising=False)
    log, to_model = io.StringIO(), list[str]()
    observe_logging.configure("debug", "json", secrets=(API_KEY, AUTH_TOKEN, HOOK_KEY), stream=log)
    checked = simulated_server.check_client_event

    def check(text: str) -> None:
        to_model.append(text)
        checked(text)

    monkeypatch.setattr(simulated_server, "check_client_event", check)
    env = {
        "BOT_TOOLS": str(module),
        "BOT_GREETING": "off",
        "BOT_RECORD": "fixture,audio",
        "BOT_RECORD_DIR": str(kept_in),
        "BOT_PII_KEY": PII_KEY,
        "LOG_LEVEL": "debug",
        **env,
    }
    async with receiving("/hooks") as receiver:
        env |= {"BOT_WEBHOOK_URL": receiver.url, "BOT_WEBHOOK_SECRET": f"whsec_{HOOK_KEY}"}
        async with standing(*(replies or (ASKS, THANKS)), keep=keeping, **env) as desk:
            phone = a_phone()
            phone.say(pattern(400, "caller"), 100_000)
            running = asyncio.create_task(desk.dial(phone))
            await until(lambda: '"secret_asked"' in log.getvalue())
            phone.press_loudly(keys, now_us(phone) + 20_000, held_ms=60, pause_ms=60)
            kept = Kept(desk, phone, to_model, log)
            yield kept
            phone.hang_up(0)
            await running
            await desk.quiet()
        kept.webhooks = [repr(headers) + body.decode("latin-1") for headers, body in receiver.got]


def now_us(phone: SimulatedPhone) -> int:
    return phone.sent_frames[-1].at_us


def searched(directory: Path, kept: Kept) -> dict[str, str]:
    """Every text that was written or sent, by place; the tool's own file is none of them."""
    files = {
        path.name: path.read_bytes().decode("latin-1")
        for path in sorted((directory / "calls").glob("*"))
        if path.is_file()
    }
    return {
        **files,
        **listed(directory / "calls", kept.phone.ids.call_sid),
        "log": kept.log.getvalue(),
        "to the model": "\n".join(kept.to_model),
        "webhooks": "\n".join(kept.webhooks),
    }


def sounds(directory: Path) -> dict[str, bytes]:
    """Every sound that was kept, by where it is."""
    (fixture,) = (directory / "calls").glob("*.call.jsonl")
    (wav,) = (directory / "calls").glob("*.call.wav")
    lines = [(line.way, msgspec.json.decode(line.message)) for line in read_fixture(fixture).lines]
    frames = [one["media"]["payload"] for way, one in lines if way == "phone>bot" and one["event"] == "media"]
    passed = [one["audio"] for way, one in lines if way == "bot>model" and one["type"].endswith("append")]
    left, right = tracks(wav)
    return {
        "the caller's frames in the fixture": b"".join(map(base64.b64decode, frames)),
        "what was passed on in the fixture": b"".join(map(base64.b64decode, passed)),
        "the caller's side of the recording": mulaw.encode(left),
        "the bot's side of the recording": mulaw.encode(right),
    }


def heard_by_model(kept: Kept) -> bytes:
    decoded = [json.loads(text) for text in kept.to_model]
    return b"".join(base64.b64decode(one["audio"]) for one in decoded if one["type"].endswith("append"))


async def test_the_digits_reach_the_tool_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with calling(tmp_path, monkeypatch, keys=f"{CARD}#77") as kept:
        phone = kept.phone
        await until(lambda: pattern(300, "thanks") in heard(phone) and not phone._keys)
        phone.say(pattern(400, "and then"), now_us(phone))
        await until(lambda: b"".join(frame.audio for frame in phone.sent_frames).find(pattern(400, "and then")) > 0)
        async with kept.desk.http.get(f"{kept.desk.origin}/metrics") as answer:
            metrics = await answer.text()
    assert (tmp_path / "taken").read_text() == CARD
    assert keys_in(b"".join(frame.audio for frame in phone.sent_frames)) == f"{CARD}#77"
    places = {
        **await asyncio.to_thread(searched, tmp_path, kept),
        "metrics": metrics,
        "printed": capfd.readouterr().out,
    }
    spelled = re.compile(r"\D{0,3}".join(CARD) + "|" + CARD[:8] + "|" + CARD[8:] + '|"digit":"')
    assert {place for place, text in places.items() if spelled.search(text)} == set()
    assert "SecretDigits(***)" in places["printed"]
    assert "The digits were entered and are valid." in places["to the model"]
    (fixture,) = (tmp_path / "calls").glob("*.call.jsonl")
    assert fixture.read_text().count('"note":"secret_key"') == len(CARD) + 1
    for place, sound in {**sounds(tmp_path), "what the model heard": heard_by_model(kept)}.items():
        assert keys_in(sound) == "", place
        if "bot" not in place:
            assert pattern(400, "caller") in sound, place
            assert pattern(400, "and then") in sound, place
    assert_replays(fixture)


async def test_a_card_that_the_tool_refuses_may_be_keyed_in_again_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = Reply(ASKS.items, [ToolCall("pay", '{"amount": 9}')], pacing=QUICK)
    async with calling(tmp_path, monkeypatch, asks, asks, asks, THANKS, keys=f"{CARD}#") as kept:
        phone = kept.phone
        await until(lambda: kept.log.getvalue().count('"secret_asked"') == 2)
        await asyncio.sleep(0.3)
        phone.press_loudly(f"{CARD}#", now_us(phone) + 20_000, held_ms=60, pause_ms=60)
        await until(lambda: '"secret_refused"' in kept.log.getvalue())
    told = "\n".join(kept.to_model)
    assert told.count("The card *** is not valid.") == 2
    assert "enough tries" in told
    assert CARD not in told + kept.log.getvalue()


async def test_a_caller_who_hangs_up_in_the_middle_has_told_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with calling(tmp_path, monkeypatch, keys=CARD[:10]) as kept:
        await until(lambda: not kept.phone._keys)
    assert not (tmp_path / "taken").exists()
    places = await asyncio.to_thread(searched, tmp_path, kept)
    assert [place for place, text in places.items() if CARD[:10] in text or CARD[:6] in text] == []
    assert [keys_in(sound) for sound in sounds(tmp_path).values()] == [""] * 4


async def test_keys_that_are_no_secret_are_heard_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the search of the others finds something where there is something."""
    async with calling(tmp_path, monkeypatch, keys="*") as kept:
        phone = kept.phone
        await until(lambda: pattern(300, "thanks") in heard(phone))
        await asyncio.sleep(3.2)
        phone.press_loudly("4711#", now_us(phone) + 20_000, held_ms=60, pause_ms=60)
        await until(lambda: '"keys_entered"' in kept.log.getvalue())
    assert "The caller pressed the star key" in "\n".join(kept.to_model)
    assert "[keys pressed: 4711]" in "\n".join(kept.to_model)
    assert "4711" not in text_of(tmp_path / "calls", "calls.sqlite*")
    assert "[keys pressed: **11]" in text_of(tmp_path / "calls", "calls.sqlite*")
    assert "4711#" in keys_in(heard_by_model(kept))
