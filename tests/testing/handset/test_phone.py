from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.payload import silence
from bot.testing.handset.microphone import Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import BotSilent, Elapsed, HangUp, Heard, Press, Say, Script, Step
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.network.line import Line
from bot.twilio import stream
from bot.twilio.playout import MAX_BUFFERED_BYTES, Playout

SID = StreamIds().stream_sid


def _media(audio: bytes, sid: str = SID) -> str:
    return json.dumps({"event": "media", "streamSid": sid, "media": {"payload": base64.b64encode(audio).decode()}})


def _mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": SID, "mark": {"name": name}})


CLEAR = json.dumps({"event": "clear", "streamSid": SID})


def _run(phone: SimulatedPhone, until_us: int) -> list[tuple[int, dict[str, Any]]]:
    """All that the phone sends until then, each at the time it asked to be woken."""
    sent = []
    while (at_us := phone.next_us()) is not None and at_us <= until_us:
        sent += [(at_us, json.loads(text)) for text in phone.due(at_us)]
    return sent


def _opened(**knobs: Any) -> SimulatedPhone:
    phone = SimulatedPhone(frames=False, **knobs)
    phone.open(0)
    assert len(phone.due(0)) == 2
    return phone


def test_opens_as_twilio_does() -> None:
    phone = SimulatedPhone()
    phone.open(1_000, {"token": "t"})
    (at, connected), (_, start), (frame_at, frame) = _run(phone, 21_000)
    assert at == 1_000
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "accountSid": phone.ids.account_sid,
            "streamSid": SID,
            "callSid": phone.ids.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t"},
        },
    }
    assert frame_at == 21_000
    assert frame == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": SID,
        "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": silence(160)},
    }


def test_sends_what_the_caller_says_to_the_byte_and_every_message_parses() -> None:
    phone = SimulatedPhone(microphone=Microphone(first_timestamp_ms=45))
    said = bytes(range(200)) * 2
    phone.say(said, 30_000)
    phone.say(b"z" * 10, 40_000)  # they are still talking: it follows
    phone.open(0)
    phone.press("1#", 50_000)
    phone.hang_up(121_000)
    texts = []
    while (at := phone.next_us()) is not None:
        texts += phone.due(at)
    messages = [stream.parse(text) for text in texts]
    kinds = [type(message).__name__ for message in messages]
    assert kinds == ["Connected", "Start", "Media", "Media", "Dtmf", "Dtmf", *["Media"] * 4, "Stop"]
    assert [m.sequence_number for m in messages if not isinstance(m, stream.Connected)] == list(range(1, 11))
    media = [m.media for m in messages if isinstance(m, stream.Media)]
    assert [(part.chunk, part.timestamp) for part in media] == [(n, 25 + 20 * n) for n in range(1, 7)]
    line = b"".join(base64.b64decode(part.payload) for part in media)
    assert line == b"\xff" * 240 + said + b"z" * 10 + b"\xff" * 310
    assert b"".join(frame.audio for frame in phone.sent_frames) == line
    assert phone.microphone.render(10_000, 90_000) == line[80:720]
    assert (phone.hung_up, phone.ended_by, phone.ended_us) == ("clean", "phone", 121_000)


def test_lost_frames_are_a_gap_in_the_timestamps_and_late_ones_a_burst() -> None:
    phone = SimulatedPhone(microphone=Microphone(lost=[(40_000, 40_000)], late=[(100_000, 55_000)]))
    phone.open(0)
    frames = [(at, m["media"]["timestamp"], m["media"]["chunk"]) for at, m in _run(phone, 180_000) if "media" in m]
    assert frames == [
        (20_000, "0", "1"),
        (80_000, "60", "2"),
        (155_000, "80", "3"),
        (155_000, "100", "4"),
        (155_000, "120", "5"),
        (160_000, "140", "6"),
        (180_000, "160", "7"),
    ]


def test_suppressed_silence_sends_no_frames_until_the_caller_talks() -> None:
    phone = SimulatedPhone(microphone=Microphone(suppress_silence=True))
    phone.open(0)
    assert [m["event"] for _, m in _run(phone, 500_000)] == ["connected", "start"]
    assert phone.next_us() is None
    phone.say(b"a" * 170, 1_005_000)
    frames = [(at, m["media"]["timestamp"]) for at, m in _run(phone, 9_000_000)]
    assert frames == [(1_020_000, "1000"), (1_040_000, "1020")]
    assert phone.sent_frames[0].audio == b"\xff" * 40 + b"a" * 120


def test_marks_come_back_when_heard_and_on_clear() -> None:
    phone = _opened()
    phone.receive(_mark("empty"), 5)
    phone.receive(_media(b"a" * 800), 1_000)
    phone.receive(_mark("one"), 1_000)
    phone.receive(_media(b"b" * 800), 1_000)
    phone.receive(_mark("two"), 1_000)
    sent = [(at, m["mark"]["name"], m["sequenceNumber"]) for at, m in _run(phone, 150_000)]
    assert sent == [(5, "empty", "2"), (101_000, "one", "3")]
    phone.receive(CLEAR, 151_001)
    assert [m["mark"]["name"] for _, m in _run(phone, 151_001)] == ["two"]
    assert phone.heard_when_cleared(0) == [800, 400]
    assert phone.clears == [(151_001, 2)]
    assert [r.at_us for r in phone.received] == [1_000, 1_000]
    assert phone.violations == []


def test_a_mark_that_fell_due_before_a_late_shell_looked_is_echoed_before_what_came_later() -> None:
    phone = _opened()
    phone.receive(_media(b"a" * 8), 0)
    phone.receive(_mark("one"), 0)
    phone.receive(CLEAR, 50_000)
    phone.receive(_mark("two"), 50_000)
    assert [json.loads(text)["mark"]["name"] for text in phone.due(60_000)] == ["one", "two"]
    assert phone.echoed == [(1_000, "one"), (50_000, "two")]


@pytest.mark.parametrize(("echoes", "names"), [("never", []), ("at_once", ["one", "two"])])
def test_echo_habits_of_other_carriers(echoes: Any, names: list[str]) -> None:
    phone = _opened(echoes=echoes)
    phone.receive(_media(b"a" * 8000), 0)
    phone.receive(_mark("one"), 0)
    phone.receive(_mark("two"), 0)
    assert [m["mark"]["name"] for _, m in _run(phone, 1)] == names
    phone.receive(CLEAR, 500_000)
    assert _run(phone, 2_000_000) == []
    assert phone.heard_when_cleared(0) == [4000]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '{"event":"stop","streamSid":"SID"}',
        '{"event":"clear"}',
        '{"event":"clear","streamSid":"SID","extra":1}',
        '{"event":"clear","streamSid":"MZ00000000000000000000000000000002"}',
        '{"event":"mark","streamSid":"SID"}',
        '{"event":"mark","streamSid":"SID","mark":{"name":1}}',
        '{"event":"media","streamSid":"SID","media":{"payload":"","track":"outbound"}}',
        '{"event":"media","streamSid":"SID","media":{"payload":"///"}}',
        '{"event":"media","streamSid":"SID","media":{"payload":"//-_"}}',
    ],
)
def test_refuses_what_twilio_refuses(text: str) -> None:
    phone = _opened()
    phone.receive(text.replace("SID", SID), 10)
    assert [violation[:5] for violation in phone.violations] == ["31951"]
    assert phone.received == []


def test_refuses_binary_media_before_start_and_more_than_ten_minutes() -> None:
    phone = SimulatedPhone(playout=Playout(keep_audio=False))
    phone.receive(_media(b"a"), 0)
    phone.open(0)
    phone.receive_binary(b"\x00\x01", 0)
    phone.receive(_media(bytes(MAX_BUFFERED_BYTES + 1)), 0)
    assert [violation[:5] for violation in phone.violations] == ["31951", "31950", "31931"]


def test_after_the_end_nothing_counts_and_nothing_is_sent() -> None:
    phone = _opened()
    phone.receive(_media(b"a" * 800), 0)
    phone.receive(_mark("end"), 0)
    phone.closed(50_000)
    phone.receive("nonsense", 60_000)
    assert phone.next_us() is None
    assert phone.due(10**9) == []
    assert phone.violations == []
    assert (phone.ended_by, phone.playout.heard_total_bytes(10**9)) == ("bot", 400)


def test_an_abrupt_hang_up_sends_no_stop() -> None:
    phone = _opened()
    phone.hang_up(100, abrupt=True)
    assert phone.due(100) == []
    assert phone.hung_up == "abrupt"


def test_a_phone_without_frames_has_no_voice() -> None:
    with pytest.raises(ValueError, match="no frames"):
        _opened().say(b"a", 0)


def test_the_script_interrupts_waits_answers_and_hangs_up() -> None:
    script = Script(
        [
            Step(Heard(800), Say(b"x" * 1600)),
            Step(BotSilent(700), Press("5")),
            Step(Elapsed(300), HangUp()),
        ]
    )
    phone = SimulatedPhone(script=script)
    phone.open(0)
    _run(phone, 400_000)
    phone.receive(_media(b"a" * 24_000), 400_000)
    _run(phone, 1_500_000)
    assert [f.timestamp_ms for f in phone.sent_frames if f.audio != b"\xff" * 160] == list(range(1200, 1400, 20))
    phone.receive(CLEAR, 1_500_000)
    _run(phone, 2_500_000)
    phone.receive(_media(b"b" * 8_000), 2_500_000)  # the reply to the interruption
    keys = [at for at, m in _run(phone, 10_000_000) if m["event"] == "dtmf"]
    assert keys == [4_200_000]
    assert (phone.ended_us, phone.hung_up) == (4_500_000, "clean")


def test_heard_takes_utterances_by_number_and_whole_short_ones() -> None:
    script = Script([Step(Heard(1000, utterance=2), Press("2")), Step(BotSilent(2000, replied=False), HangUp())])
    phone = _opened(script=script)
    phone.receive(_media(b"a" * 8_000), 0)
    phone.receive(_media(b"a" * 8_000), 1_100_000)  # a pause of 100 ms: still the first
    assert [m["event"] for _, m in _run(phone, 3_000_000)] == []
    phone.receive(_media(b"b" * 800), 3_000_000)  # only 100 ms long
    sent = [(at, m["event"]) for at, m in _run(phone, 9_000_000)]
    assert sent == [(3_500_000, "dtmf"), (5_500_000, "stop")]


def test_a_line_delays_keeps_order_and_stalls() -> None:
    line = Line(40_000, stalls=[(100_000, 400_000)])
    assert [line.arrival(at) for at in (0, 59_999, 60_000, 459_999, 460_001)] == [
        *(40_000, 99_999, 500_000, 500_000, 500_001)
    ]
    with pytest.raises(ValueError, match="random"):
        Line(0, 10)


@given(
    st.lists(st.integers(0, 30_000), max_size=50),
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(0, 500_000), st.integers(0, 100_000)), max_size=3),
)
def test_a_line_never_reorders_never_hurries_and_is_silent_in_stalls(
    pauses: list[int], jitter_us: int, stalls: list[tuple[int, int]]
) -> None:
    line = Line(20_000, jitter_us, random.Random(1), stalls)
    sent, last = 0, 0
    for pause in pauses:
        sent += pause
        arrived = line.arrival(sent)
        assert arrived >= max(last, sent + 20_000 - jitter_us)
        assert not any(from_us <= arrived < from_us + for_us for from_us, for_us in stalls)
        last = arrived
