"""A whole call with keys, tokens, numbers and names in it: everything it leaves behind is searched for them.

Words are kept where transcripts are kept and nowhere else; keys, tokens, telephone numbers, typed digits and the name
of the caller's line are kept nowhere.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bot.call.facts import TurnFact
from bot.call.handlers.key_presses import KeyPresses
from bot.cli import app as command_line
from bot.observe import logging as observe_logging
from bot.observe.masking import masker
from bot.recording.fixture_masking import Masker
from bot.server.bookkeeping.call_records import masked_turn
from bot.server.bookkeeping.store_service import keeping
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.handset.script import BotSilent, Elapsed, HangUp, Press, Say, Script, Step
from bot.testing.model import Behaviour, SendAt
from bot.testing.model.responses_server import SimulatedResponsesServer
from tests.hooks.receiver import Receiver, receiving
from tests.server.simulated_server import (
    API_KEY,
    AUTH_TOKEN,
    QUICK,
    ServerUnderTest,
    a_phone,
    standing,
    stream_of,
    until,
)

ADMIN = "admin-token-0123456789-of-this-test"
PII_KEY = "7f3a" * 16
HOOK_KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CALLER, CALLED = "+15555550147", "+442079460958"
SPELLINGS = ("+15555550147", "15555550147", "+1 (555) 555-0147", "555-555-0147", "555.555.0147", "%2B15555550147")
LINE_NAME = "PLAATZ QUINTESSA"
TYPED = "8675"
SAID_BY_CALLER = "the marzipan lighthouse of Quilliam Ostrander"
SAID_BY_BOT = "a saxophone made of pudding"

Places = Mapping[str, str]
"""Text that was written, by place; bytes as Latin-1."""

WORDS_MAY_BE = frozenset({"fixture", "store", "page", "calls", "page of calls", "vCon", "webhooks", "text request"})
NOWHERE: frozenset[str] = frozenset()
MADE_OF = {
    "fixture": ("page", "page of calls"),
    "store": ("calls", "page of calls", "vCon", "webhooks", "text request"),
}
"""Places that are made of another, and so may hold what that holds."""


def spelled(number: str) -> str:
    """A pattern for the digits of a number, whatever stands between them."""
    return r"\D{0,3}".join(number[-10:])


MAY_BE: dict[str, tuple[frozenset[str], str]] = {
    "the API key": (NOWHERE, re.escape(API_KEY)),
    "the auth token": (NOWHERE, AUTH_TOKEN),
    "the admin token": (NOWHERE, ADMIN),
    "the key of the hashes": (NOWHERE, PII_KEY),
    "the key of the webhooks": (NOWHERE, HOOK_KEY),
    "a bearer header": (NOWHERE, "(?i)bearer sk"),
    "a stream's token": (NOWHERE, r"/media/[A-Za-z0-9_-]{16,}"),
    "the caller's number": (NOWHERE, spelled(CALLER)),
    "the called number": (NOWHERE, spelled(CALLED)),
    "the name of the caller's line": (NOWHERE, "(?i)plaatz|quintessa"),
    "a typed digit": (NOWHERE, r"(?i)digit\W{1,5}[1-9]"),
    "words of the caller": (WORDS_MAY_BE, "(?i)marzipan|lighthouse|ostrander"),
    "words of the bot": (WORDS_MAY_BE, "(?i)saxophone|pudding"),
}
"""Each thing, where it may be found, and how it is recognised."""


def leaks(places: Places) -> list[str]:
    """Things found in places where they may not be."""
    return [
        f"{thing} in the {place}: {text[max(0, found.start() - 60) : found.end() + 20]!r}"
        for thing, (allowed, pattern) in MAY_BE.items()
        for place, text in places.items()
        if place not in allowed and (found := re.search(pattern, text))
    ]


# ---- the call ----


def an_error(message: str) -> str:
    problem = {"type": "invalid_request_error", "code": "odd", "message": message, "param": None, "event_id": None}
    return json.dumps({"type": "error", "event_id": "event_odd", "error": problem})


LEAKY = f"Incorrect API key provided: {API_KEY}, called by {' or '.join(SPELLINGS)}, Authorization: Bearer {API_KEY}"
ASKS = ToolCall("look_up", json.dumps({"number": CALLER, "key": API_KEY}))
TALKS = Reply([Spoken(pattern(300), f"Hello, {SAID_BY_BOT}. You call from {CALLER}.")], [ASKS], pacing=QUICK)
PLAIN = Reply([Spoken(pattern(300, "plain"), f"I have noted {SPELLINGS[2]}.")], pacing=QUICK)
BEHAVIOUR = Behaviour(
    caller_words=[f"I am at {SAID_BY_CALLER}, my number is {', '.join(SPELLINGS)}"],
    transcription_after_ms=10,
    sends=[SendAt(100_000, an_error(LEAKY))],
)
SCRIPT = (
    Step(BotSilent(100), Say(pattern(300, "caller"))),
    *(Step(Elapsed(60), Press(digit)) for digit in f"{TYPED}#"),
    Step(Elapsed(1500), HangUp()),
)


@pytest.fixture(autouse=True)
def ends_are_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a caller who might come back."""
    monkeypatch.setattr("bot.store.sql.announcing._CARRIED_ON_WITHIN", {})


@pytest.fixture
def log() -> io.StringIO:
    """All logging of the process at debug, as `bot serve` sets it up."""
    stream = io.StringIO()
    observe_logging.configure("debug", "json", secrets=(API_KEY, AUTH_TOKEN, ADMIN, PII_KEY, HOOK_KEY), stream=stream)
    return stream


def leaky_result(body: dict[str, Any]) -> Any:
    """What a model makes of the call that was talked into telling what it should not."""
    heard = body["input"][0]["content"][0]["text"]
    return {"summary": f"{LEAKY} {heard}", "disposition": "other", "fields": {"number": SPELLINGS[2], "key": HOOK_KEY}}


async def left_behind(directory: Path, log: io.StringIO, capfd: pytest.CaptureFixture[str]) -> Places:
    """Everything that the calls and the strangers of a day leave behind, by where it is, and what is sent of them."""
    async with receiving("/hooks?key=0123456789") as receiver, SimulatedResponsesServer(leaky_result) as texts:
        places = await _left_behind(directory, log, capfd, receiver, texts)
        sent = b"".join(repr(headers).encode() + body for headers, body in receiver.got).decode("latin-1")
    return {**places, "webhooks": sent, "text request": json.dumps(texts.requests)}


async def _left_behind(
    directory: Path,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    receiver: Receiver,
    texts: SimulatedResponsesServer,
) -> Places:
    schema = directory / "schema.json"
    schema.write_text('{"type": "object", "properties": {"number": {"type": "string"}}}')
    env = {
        "BOT_RECORD": "fixture,audio",
        "BOT_RECORD_DIR": str(directory),
        "LOG_LEVEL": "debug",
        "ADMIN_TOKEN": ADMIN,
        "BOT_PII_KEY": PII_KEY,
        "BOT_WEBHOOK_URL": receiver.url,
        "BOT_WEBHOOK_SECRET": f"whsec_{HOOK_KEY}",
        "BOT_RESULT_SCHEMA": str(schema),
        "BOT_RESULT_URL": texts.url,
    }
    async with standing(TALKS, PLAIN, behaviour=BEHAVIOUR, **env) as desk, keeping(desk.settings) as kept:
        assert kept is not None
        kept.keep(desk.calls)
        phone = a_phone(script=Script(list(SCRIPT)))
        result = await desk.dial(phone, from_number=CALLER, to_number=CALLED, caller_name=LINE_NAME)
        assert (result.ending, result.failure) == ("caller_hung_up", "")
        await a_defect(desk)
        await until(lambda: any(one["type"] == "call.result" for one in receiver.bodies))
        await strangers(desk, stream_of(result.documents[0]).rpartition("/")[2])
        await desk.quiet()
        async with desk.http.get(f"{desk.origin}/metrics", headers={"Authorization": f"Bearer {ADMIN}"}) as answer:
            assert answer.status == 200
            metrics = await answer.text()
    fixture, page = await shown(directory, phone.ids.call_sid)
    exported = await asyncio.to_thread(listed, directory, phone.ids.call_sid)
    printed = capfd.readouterr()
    return {
        "log": log.getvalue(),
        "fixture": fixture,
        "page": page,
        "metrics": metrics,
        "store": text_of(directory, "calls.sqlite*"),
        "recording": text_of(directory, "*.wav"),
        "printed": printed.out + printed.err,
        **exported,
    }


async def a_defect(desk: ServerUnderTest) -> None:
    """A call that ends with a traceback that holds what it should not."""

    def broken(_self: KeyPresses, _message: Any) -> None:
        raise RuntimeError(LEAKY + f" to {CALLED} by {AUTH_TOKEN} and {ADMIN}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeyPresses, "pressed", broken)
        phone = a_phone(script=Script([Step(Elapsed(50), Press("5"))]))
        result = await desk.dial(phone, from_number=f"sip:{CALLER}@example.com", caller_name=LINE_NAME)
        assert result.said


async def strangers(desk: ServerUnderTest, token: str) -> None:
    """Requests that are refused, with everything in them that should not be told."""
    await desk.post("/voice", [("CallSid", CALLER), ("From", CALLER)])
    await desk.post(f"/voice?key={API_KEY}&from={SPELLINGS[-1]}", [("From", CALLER)], token="wrong")
    assert await desk.refused(token) == 403
    assert await desk.refused(token, signed=False) == 403
    async with desk.http.get(f"{desk.origin}/metrics", headers={"Authorization": f"Bearer {AUTH_TOKEN}"}) as answer:
        assert answer.status == 401


async def shown(directory: Path, call_sid: str) -> tuple[str, str]:
    """The fixture of the call, and the page that `bot show` makes of it."""

    def complete() -> list[Path]:
        return [path for path in directory.glob(f"*{call_sid}*.call.jsonl") if '"event":"stop"' in path.read_text()]

    await until(complete)
    (path,) = complete()
    page = directory / "call.html"
    done = CliRunner().invoke(command_line, ["show", str(path), "--html", str(page)])
    assert done.exit_code == 0, done.output
    return text_of(directory, "*.call.jsonl"), page.read_text()


def listed(directory: Path, call_sid: str) -> Places:
    """Everything that `bot calls` prints of the calls, and what it writes of one."""
    page, vcon = directory / "stored.html", directory / "stored.vcon.json"
    runner = CliRunner(env={"BOT_RECORD_DIR": str(directory), "BOT_PII_KEY": PII_KEY})
    printed = ""
    for options in ([], ["--json"], [call_sid], [call_sid, "--json"], [call_sid, "--html", str(page)],
                    [call_sid, "--vcon", str(vcon)]):  # fmt: skip
        done = runner.invoke(command_line, ["calls", *options])
        assert done.exit_code == 0, done.output
        printed += done.output
    return {"calls": printed, "page of calls": page.read_text(), "vCon": vcon.read_text()}


def text_of(directory: Path, pattern: str) -> str:
    found = list(directory.glob(pattern))
    assert found, pattern
    return b"".join(path.read_bytes() for path in found).decode("latin-1")


# ---- the search ----


async def test_what_a_call_leaves_behind_holds_nothing_it_must_not(
    log: io.StringIO, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places = await left_behind(tmp_path, log, capfd)
    assert leaks(places) == []
    events = {json.loads(line)["message"] for line in places["log"].splitlines()}
    assert events >= {"call_started", "begun", "model_error", "call_ended", "webhook_refused", "internal_error"}
    for place in WORDS_MAY_BE:
        for thing in ("words of the caller", "words of the bot"):
            assert re.search(MAY_BE[thing][1], places[place]), f"no {thing} in the {place}: it was not searched well"
    assert "*********47" in places["log"]
    assert "*********47" in places["store"]
    assert "heardline_calls_live 0.0" in places["metrics"]


@pytest.mark.parametrize("thing", MAY_BE)
def test_what_stands_where_it_may_not_is_found(thing: str) -> None:
    examples = {
        "a stream's token": "GET /media/abcdefgh_ijklmnop-q",
        "a bearer header": "Bearer sk-x",
        "the caller's number": "call +1 (555) 555-0147 now",
        "the called number": "0044 20 7946 0958",
        "the name of the caller's line": "plaatz",
        "a typed digit": '"digit":"8"',
        "words of the caller": SAID_BY_CALLER,
        "words of the bot": SAID_BY_BOT,
    }
    text = examples.get(thing, MAY_BE[thing][1].replace("\\", ""))
    assert [found.partition(" in the ")[0] for found in leaks({"log": f"one {text} two"})] == [thing]
    assert bool(leaks({"store": text})) == (not MAY_BE[thing][0])


@pytest.mark.parametrize("place", ["log", "fixture", "store"])
async def test_without_its_mask_a_place_is_found_to_leak(
    place: str, log: io.StringIO, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "log":
        monkeypatch.setattr(observe_logging, "mask_value", lambda value, _mask: value)
    elif place == "fixture":
        monkeypatch.setattr(Masker, "message", lambda _self, message: message)
    else:
        monkeypatch.setattr("bot.server.bookkeeping.call_records.masker", lambda _secrets: str)
    found = leaks(await left_behind(tmp_path, log, capfd))
    leaky = {one.partition(" in the ")[2].partition(":")[0] for one in found}
    assert place in leaky
    assert leaky <= {place, *MADE_OF.get(place, ())}
    assert any(one.startswith(f"the caller's number in the {place}") for one in found)
    assert any(one.startswith(f"the API key in the {place}") for one in found)


@given(st.sampled_from([*SPELLINGS, CALLED, f"the key {API_KEY}"]), st.data())
def test_a_number_or_key_is_masked_in_a_turn_wherever_it_was_cut(number: str, data: st.DataObject) -> None:
    words = f"I have noted {number}, thank you."
    cut = data.draw(st.integers(0, len(words)))
    turn = masked_turn(TurnFact(1, "bot", "item", words[:cut], words[cut:], cut=True), masker([API_KEY]))
    assert turn.text is not None
    assert not re.search(spelled(CALLER) + "|" + spelled(CALLED), turn.text + turn.unheard)
    assert words[:13].startswith(turn.text[:13])
    assert len(turn.text) == cut or number.startswith("the key")


def test_what_was_not_understood_stays_so() -> None:
    turn = TurnFact(1, "caller", "item", None)
    assert masked_turn(turn, masker()) is turn
