"""Keys in a fixture: no number that was keyed in stays, and the call replays to what it did."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.call.settings import CallSettings, KeypadRules, Shortcut, ToolRules
from bot.call.tool_calls.approval import YES
from bot.realtime import events
from bot.realtime.session import END_CALL
from bot.recording.files.fixture_file import FixtureFile
from bot.recording.files.recorder import Recorder
from bot.recording.fixture import Way
from bot.testing import assert_replays
from bot.twilio import stream
from tests.call.scripted_call import SESSION, ScriptedCall, audio, changed

PLAIN = CallSettings(tools=(ToolRules("book", approval="key"),))
TEXTS: dict[str, str] = {
    "created": '{"type":"response.created","response":{"id":"R1","object":"realtime.response","status":"in_progress"}}',
    "calls": '{"type":"response.output_item.done","response_id":"R1","item":{"id":"F","type":"function_call",'
    '"status":"completed","name":"book","call_id":"call_1","arguments":"{}"}}',
    "says": f'{{"type":"response.output_audio.delta","response_id":"R1","item_id":"A","output_index":0,'
    f'"content_index":0,"delta":"{audio(1_500)}"}}',
    "done": '{"type":"response.done","response":{"id":"R1","status":"completed","output":[]}}',
}
START = (
    '{"event":"start","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1",'
    '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}'
)
OPENING = (
    ("phone>bot", START),
    ("model>bot", msgspec.json.encode(events.SessionCreated(SESSION)).decode()),
    ("model>bot", msgspec.json.encode(events.SessionUpdated(SESSION)).decode()),
)


def dtmf(key: str) -> tuple[Way, str]:
    return "phone>bot", f'{{"event":"dtmf","streamSid":"MZ1","dtmf":{{"track":"inbound_track","digit":"{key}"}}}}'


def recorded(directory: Path, settings: CallSettings, *inputs: tuple[str, str]) -> Path:
    """The fixture of a call that is fed these, a second after the other."""
    desk = ScriptedCall(settings, ready=False)
    recorder = Recorder([FixtureFile(settings, directory / "one.call.jsonl")])
    for at_s, (way, text) in enumerate((*OPENING, *inputs)):
        now_us = at_s * 1_000_000
        recorder.input(now_us, way, text.encode())  # type: ignore[arg-type]
        parsed = stream.parse(text) if way == "phone>bot" else events.parse(text)
        for output in desk.call.receive(parsed, now_us):
            recorder.output(now_us, output)
        recorder.follow(desk.call, now_us)
    recorder.close()
    assert recorder.wait(5)
    ((_, path),) = recorder.made()
    return path


def digits_in(path: Path) -> str:
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()[1:]]
    return "".join(one["message"]["dtmf"]["digit"] for one in lines if one["message"].get("event") == "dtmf")


def test_a_number_is_masked_and_the_call_replays(tmp_path: Path) -> None:
    path = recorded(tmp_path, PLAIN, *map(dtmf, "4711#"))
    assert digits_in(path) == "0000#"
    assert "4711" not in path.read_text()
    assert_replays(path)


@pytest.mark.parametrize("key", ["0", "9"])
def test_a_shortcut_stays_as_it_is_since_it_decides_what_follows(tmp_path: Path, key: str) -> None:
    rules = KeypadRules(shortcuts=(Shortcut("0", END_CALL), Shortcut("9", "order_pizza")))
    path = recorded(tmp_path, changed(PLAIN, keypad=rules), dtmf(key), dtmf("#"))
    assert digits_in(path) == f"{key}#"
    assert_replays(path)


def test_another_key_alone_becomes_none_that_is_a_shortcut(tmp_path: Path) -> None:
    rules = KeypadRules(shortcuts=(Shortcut("0", END_CALL), Shortcut("1", END_CALL)))
    path = recorded(tmp_path, changed(PLAIN, keypad=rules), *map(dtmf, "7#"))
    assert digits_in(path) == "2#"
    assert_replays(path)


def test_of_a_longer_number_only_a_first_key_that_is_a_shortcut_stays(tmp_path: Path) -> None:
    rules = KeypadRules(shortcuts=(Shortcut("0", END_CALL),))
    path = recorded(tmp_path, changed(PLAIN, keypad=rules), *map(dtmf, "0170#"))
    assert digits_in(path) == "0000#"
    assert_replays(path)


@pytest.mark.parametrize("key", [YES, "2"])
def test_the_answer_to_an_approval_stays_as_it_is(tmp_path: Path, key: str) -> None:
    said = [("model>bot", TEXTS[name]) for name in ("created", "calls", "done")]
    asked = [("model>bot", TEXTS[name].replace("R1", "R2")) for name in ("created", "says", "done")]
    path = recorded(tmp_path, PLAIN, *said, *asked, dtmf(key))
    assert digits_in(path) == key
    assert_replays(path)
    assert ("run_tool" in path.read_text()) == (key == YES)
