"""A call's debug log and its fixture hold neither key, token nor number; and the fixture replays."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from bot.observe.logging import configure
from bot.recording.fixture import read_fixture
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.handset.script import BotSilent, Elapsed, HangUp, Press, Say, Script, Step
from bot.testing.model import Behaviour, SendAt
from bot.testing.replays import assert_replays
from tests.server.simulated_server import API_KEY, AUTH_TOKEN, QUICK, a_phone, standing, stream_of, until

NUMBER = "+15555550147"
NAMED = ToolCall("look_up", json.dumps({"number": NUMBER, "key": API_KEY}))
TALKS = Reply([Spoken(pattern(300), f"You call from {NUMBER}.")], [NAMED], pacing=QUICK)
PLAIN = Reply([Spoken(pattern(300, "plain"), "Nothing was found.")], pacing=QUICK)
LEAKY = json.dumps(
    {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": "odd",
            "message": f"Incorrect API key provided: {API_KEY}, called by {NUMBER}, Authorization: Bearer {API_KEY}",
            "param": None,
            "event_id": None,
        },
    }
)


@pytest.fixture
def log() -> io.StringIO:
    """All logging of the process at debug, as `bot serve` sets it up."""
    stream = io.StringIO()
    configure("debug", "json", secrets=(API_KEY, AUTH_TOKEN), stream=stream)
    return stream


def hidden(*more: str) -> list[str]:
    return [API_KEY, AUTH_TOKEN, NUMBER, NUMBER[1:], NUMBER[2:], "Bearer sk", *more]


async def recorded(directory: Path, last: str) -> tuple[Path, str]:
    """The one fixture in `directory` and its text, once a line of it holds `last`."""

    def complete() -> bool:
        return any(last in path.read_text() and not read_fixture(path).truncated for path in directory.iterdir())

    await until(complete)
    (path,) = directory.iterdir()  # noqa: ASYNC240  a test may read a file
    return path, path.read_text()


def only_its_owner_can_read(path: Path) -> bool:
    return path.stat().st_mode & 0o777 == 0o600


async def test_a_call_leaves_no_secret_behind(log: io.StringIO, tmp_path: Path) -> None:
    behaviour = Behaviour(
        caller_words=[f"my number is {NUMBER}"], transcription_after_ms=10, sends=[SendAt(100_000, LEAKY)]
    )
    script = [
        Step(BotSilent(100), Say(pattern(300, "caller"))),
        Step(Elapsed(100), Press("5")),
        Step(BotSilent(200), HangUp()),
    ]
    env = {"BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(tmp_path), "LOG_LEVEL": "debug"}
    async with standing(TALKS, PLAIN, behaviour=behaviour, **env) as desk:
        phone = a_phone(script=Script(script))
        result = await desk.dial(phone, from_number=NUMBER)
        assert (result.ending, result.failure) == ("caller_hung_up", "")
        assert phone.microphone.sent[-1].timestamp_ms < 8000, "the caller's script was not played to its end"
        await desk.post("/voice", [("CallSid", NUMBER), ("From", NUMBER)])
        await desk.post(f"/voice?key={API_KEY}", [("From", NUMBER)], token="wrong")
    token = stream_of(result.documents[0]).rpartition("/")[2]
    path, fixture = await recorded(tmp_path, '"event":"stop"')
    events = [json.loads(line)["message"] for line in log.getvalue().splitlines()]
    assert {"call_started", "begun", "model_error", "call_ended", "webhook_refused"} <= set(events)
    for secret in hidden(token):
        assert secret not in log.getvalue()
        assert secret not in fixture
    ways = {line.way for line in read_fixture(path).lines}
    assert ways == {"phone>bot", "bot>phone", "model>bot", "bot>model", "note", "told"}  # how long the session lasts
    assert only_its_owner_can_read(path)
    replayed = assert_replays(path)
    assert (replayed.ended, replayed.truncated) == ("caller_hung_up", False)


@pytest.mark.parametrize("behaviour", [Behaviour(refusal="invalid_api_key"), Behaviour(created_after_ms=None)])
async def test_a_call_that_fails_leaves_no_secret_behind(
    behaviour: Behaviour, log: io.StringIO, tmp_path: Path
) -> None:
    env = {"BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(tmp_path), "BOT_RESPONSE_SECONDS": "1"}
    async with standing(behaviour=behaviour, **env) as desk:
        await desk.dial(a_phone(), from_number=NUMBER)
    path, fixture = await recorded(tmp_path, '"note":')
    assert "call_ended" in log.getvalue()
    for secret in hidden():
        assert secret not in log.getvalue()
        assert secret not in fixture
    assert_replays(path)
