from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.call.call import Call
from bot.recording.fixture import BadFixture, Fixture, FixtureLine, parse_fixture, read_fixture
from bot.recording.replay import replay
from bot.recording.told_outputs import comparable
from bot.testing.replays import assert_replays
from tests.recording import records_sample as sample
from tests.recording.records_sample import FakeCall


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Fixture:
    return read_fixture(sample.record(tmp_path_factory.mktemp("replay") / "a.call.jsonl", sample.conversation()))


def edited(fixture: Fixture, index: int, old: bytes, new: bytes) -> Fixture:
    line = fixture.lines[index]
    assert old in bytes(line.message)
    changed = FixtureLine(line.us, line.way, msgspec.Raw(bytes(line.message).replace(old, new)), line.socket)
    return Fixture(fixture.path, fixture.header, (*fixture.lines[:index], changed, *fixture.lines[index + 1 :]))


def find(fixture: Fixture, text: bytes, way: str) -> int:
    return next(n for n, line in enumerate(fixture.lines) if line.way == way and text in bytes(line.message))


def test_a_recorded_call_replays_to_the_same_bytes(recorded: Fixture) -> None:
    result = replay(recorded, FakeCall)
    assert result.ok, str(result)
    assert (result.inputs, result.outputs) == (221, 211)
    assert result.ended == "caller_hung_up"
    assert [(us, report.event) for us, report in result.reports] == [(600_100, "started")]
    assert str(result) == f"{recorded.path}: 211 messages to 221 inputs in 4.8 s of call, same"


def test_masking_changes_nothing_that_the_real_core_decides(tmp_path: Path) -> None:
    session = sample.model(
        "session.updated",
        session={"audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}},
    )
    arguments = sample.model(
        "response.output_item.done",
        response_id="resp_9",
        item={"id": "i", "type": "function_call", "call_id": "call_1", "name": "odd", "arguments": '{"n": 10}'},
    )
    inputs = sorted(
        [(450_000, "model>bot", session), (3_050_000, "model>bot", arguments), *sample.conversation()],
        key=lambda entry: entry[0],
    )
    path = sample.record(tmp_path / "a.call.jsonl", inputs, core=Call)
    result = assert_replays(path)
    assert result.ended == "caller_hung_up"
    text = path.read_text()
    assert result.outputs > 200
    assert "function_call_output" in text
    for hidden in (sample.KEY, sample.ACCOUNT, sample.CALLER, "555 0142", "0177", "0199"):
        assert hidden not in text


def test_the_first_difference_is_said_in_words(recorded: Fixture) -> None:
    index = find(recorded, b"truncate", "bot>model")
    result = replay(recorded, partial(FakeCall, late_ms=20))
    assert result.difference == (
        f"at 2.100 s, line {index + 2}: the call sent conversation.item.truncate of item_1 at 1220 ms, "
        "the fixture has conversation.item.truncate of item_1 at 1200 ms"
    )


@pytest.mark.parametrize(
    ("place", "edit", "words"),
    [
        (("bot>model", b"session.update"), (b'"marin"', b'"cedar"'), "session.update whose session.audio.output.voice is 'marin', the fixture has 'cedar'"),
        (("bot>model", b"truncate"), (b"1200", b"1200.0"), "of item_1 at 1200 ms, the fixture has conversation.item.truncate of item_1 at 1200.0 ms"),
        (("bot>model", b"truncate"), (b'_index":0', b'_index":0.0'), "whose content_index is 0, the fixture has 0.0"),
        (("bot>model", b"append"), (b"/////w==", b"////"), "input_audio_buffer.append of 160 bytes (20 ms), the fixture has input_audio_buffer.append of 159 bytes"),
        (("bot>phone", b'"clear"'), (b'"streamSid"', b'"streamsid"'), "clear whose streamSid is 'MZ00000000000000000000000000000001', the fixture has absent"),
        (("bot>phone", b'"clear"'), (b'"clear"', b'"mark"'), "sent clear, the fixture has mark"),
    ],
)  # fmt: skip
def test_every_kind_of_difference_has_words(
    recorded: Fixture, place: tuple[str, bytes], edit: tuple[bytes, bytes], words: str
) -> None:
    index = find(recorded, place[1], place[0])
    assert words in replay(edited(recorded, index, *edit), FakeCall).difference


def test_long_texts_are_shown_from_shortly_before_the_place_where_they_part(recorded: Fixture) -> None:
    index = find(recorded, b"session.update", "bot>model")
    long = b"x" * 300 + b" and then " + b"y" * 300
    settings = msgspec.structs.replace(
        recorded.header.settings,
        session=msgspec.structs.replace(recorded.header.settings.session, instructions=long.decode()),
    )
    header = msgspec.structs.replace(recorded.header, settings=settings)
    told = msgspec.json.decode(recorded.lines[index].message)
    told["session"]["instructions"] = long.replace(b" then ", b" Then ").decode()
    line = msgspec.structs.replace(recorded.lines[index], message=msgspec.Raw(msgspec.json.encode(told)))
    fixture = Fixture("a", header, (*recorded.lines[:index], line, *recorded.lines[index + 1 :]))
    assert replay(fixture, FakeCall).difference.endswith(
        f"whose session.instructions is ...'{'x' * 15} and then {'y' * 35}'... (from letter 286), "
        f"the fixture has ...'{'x' * 15} and Then {'y' * 35}'... (from letter 286)"
    )


@pytest.mark.parametrize(
    ("what", "edit", "words"),
    [
        (b'"report"', (b'"started"', b'"begun"'), "the call sent report started, the fixture has report begun"),
        (b'"end"', (b"caller_hung_up", b"idle"), "the call sent end caller_hung_up, the fixture has end idle"),
    ],
)
def test_what_a_call_tells_of_itself_is_compared_too(
    recorded: Fixture, what: bytes, edit: tuple[bytes, bytes], words: str
) -> None:
    index = find(recorded, what, "told")
    assert words in replay(edited(recorded, index, *edit), FakeCall).difference


def test_of_a_fixture_of_the_first_version_only_the_messages_are_compared(recorded: Fixture) -> None:
    header = msgspec.structs.replace(recorded.header, heardline_fixture=1)
    first = Fixture("a", header, tuple(line for line in recorded.lines if line.way != "told"))
    assert replay(first, FakeCall).ok
    assert not replay(first, partial(FakeCall, late_ms=1)).ok


def test_words_in_which_a_secret_was_replaced_are_no_difference() -> None:
    whole = {"told": "turn", "text": "Good day, Ann", "unheard": "Example", "cut": True}
    masked = {"told": "turn", "text": "Good day,", "unheard": "***", "cut": True}
    assert comparable(whole, masked) == comparable(masked, whole)
    assert comparable(whole, {**masked, "cut": False}) != comparable({**masked, "cut": False}, whole)
    other = {**whole, "text": "Good night, Ann"}
    assert comparable(whole, other) == whole
    closed = {"told": "report", "event": "model_closed", "details": {"reason": "no key of ***", "code": 3000}}
    assert comparable(closed, {**closed, "details": {"reason": "no key of Ann Exam...", "code": 3000}}) == {
        **closed,
        "details": {"reason": "***", "code": 3000},
    }


def test_the_order_of_keys_is_not_a_difference(recorded: Fixture) -> None:
    index = find(recorded, b'"clear"', "bot>phone")
    sid = sample.STREAM.encode()
    turned = edited(
        recorded, index, b'"event":"clear","streamSid":"%s"' % sid, b'"streamSid":"%s","event":"clear"' % sid
    )
    assert replay(turned, FakeCall).ok


def test_a_message_too_many_and_one_too_few_are_differences(recorded: Fixture) -> None:
    index = find(recorded, b"truncate", "bot>model")
    without = Fixture("a", recorded.header, recorded.lines[:index] + recorded.lines[index + 1 :])
    assert (
        "the call sent conversation.item.truncate of item_1 at 1200 ms, the fixture has nothing more"
        in replay(without, FakeCall).difference
    )
    twice = Fixture("a", recorded.header, recorded.lines[: index + 1] + recorded.lines[index:])
    assert "the call sent nothing, the fixture has conversation.item.truncate" in replay(twice, FakeCall).difference
    cut = Fixture("a", recorded.header, recorded.lines[:index])
    assert "the fixture has nothing more" in replay(cut, FakeCall).difference


def test_a_file_cut_by_a_crash_may_lack_the_answers_to_its_last_input(recorded: Fixture) -> None:
    index = find(recorded, b"truncate", "bot>model")
    result = replay(Fixture("a", recorded.header, recorded.lines[:index], truncated=True), FakeCall)
    assert result.ok
    assert str(result).endswith("same, the file ends early")


def test_an_input_that_is_no_message_is_a_bad_fixture(recorded: Fixture) -> None:
    for way, text, old, new in [
        ("phone>bot", b'"stop"', b'"stop"', b'"stopp"'),
        ("model>bot", b"output_audio.delta", b'"item_id"', b'"item"'),
        ("note", b"phone_closed", b"phone_closed", b"phone_gone"),
    ]:
        index = find(recorded, text, way)
        with pytest.raises(BadFixture, match=f"line {index + 2}: not an input of a call"):
            replay(edited(recorded, index, old, new), FakeCall)


def test_an_error_in_the_core_names_the_line_it_happened_at(recorded: Fixture) -> None:
    class Broken(FakeCall):
        def receive(self, item: Any, now_us: int) -> list[Any]:
            raise LookupError("a bug")

    with pytest.raises(LookupError) as caught:
        replay(recorded, Broken)
    assert caught.value.__notes__ == [f"while replaying {recorded.path}, line 2"]


def test_the_one_line_helper_fails_with_the_difference(recorded: Fixture) -> None:
    assert assert_replays(recorded.path, FakeCall).ok
    with pytest.raises(AssertionError, match="the call sent"):
        assert_replays(recorded.path, partial(FakeCall, late_ms=1))


@pytest.mark.slow
def test_a_hundred_seconds_of_call_replay_in_well_under_one(tmp_path: Path) -> None:
    frames = [(700_000 + 20_000 * n, "phone>bot", sample.media(20 * n, bytes([n % 256]) * 160)) for n in range(5000)]
    path = sample.record(tmp_path / "long.call.jsonl", [(600_000, "phone>bot", sample.start()), *frames])
    data = path.read_bytes()
    began = time.process_time()
    assert replay(parse_fixture(data, "long"), FakeCall).ok
    assert time.process_time() - began < 1
