"""Keys that a tool alone is given are taken out of the phone's messages, and their tones out of its audio."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from bot.audio.payload import FRAME_BYTES
from bot.audio.tones import key_of, tone
from bot.call.inputs import SecretKey
from bot.server.calls.phone_side.hidden_keys import AFTER_S, MOST_DIGITS, HiddenKeys
from bot.testing.agent import pattern
from bot.testing.handset.twilio_texts import StreamIds, TwilioTexts

TEXTS = TwilioTexts(StreamIds())


class Ear:
    """The call behind it: what it was given, and who listens."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.heard: list[Any] = []
        self.notes: list[SecretKey] = []
        self.listener = self.hear
        self.hidden = HiddenKeys(self.hear, self.notes.append, self._listen, lambda: self.now_s)

    def hear(self, text: bytes) -> None:
        self.heard.append(msgspec.json.decode(text))

    def _listen(self, on_text: Any) -> None:
        self.listener = on_text

    def press(self, keys: str) -> None:
        for key in keys:
            self.listener(TEXTS.dtmf(key).encode())

    def say(self, audio: bytes) -> bytes:
        """What the call hears of `audio`."""
        before = len(self.heard)
        for at in range(0, len(audio), FRAME_BYTES):
            payload = base64.b64encode(audio[at : at + FRAME_BYTES]).decode()
            self.listener(TEXTS.media(payload, at // 8).encode())
        return b"".join(base64.b64decode(one["media"]["payload"]) for one in self.heard[before:])


def test_while_nothing_is_hidden_nobody_stands_before_the_call() -> None:
    ear = Ear()
    ear.press("1")
    assert ear.listener == ear.hear
    assert ear.heard[0]["dtmf"]["digit"] == "1"


def test_keys_are_kept_and_only_their_kind_is_told() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    ear.press("12A3#*")
    assert ear.heard == []
    assert [note.kind for note in ear.notes] == ["digit", "digit", "digit", "finish", "cancel"]
    assert ear.hidden.take("call_2") == ""
    assert ear.hidden.take("call_1") == "123"
    assert ear.hidden.take("call_1") == ""


def test_all_of_the_audio_is_silence_of_the_same_length_in_the_same_form() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    assert ear.say(pattern(100)) == bytes((0xFF,)) * 800
    assert [set(one) for one in ear.heard] == [{"event", "sequenceNumber", "streamSid", "media"}] * 5


def test_other_messages_pass_as_they_came_and_what_is_no_message_is_left_to_the_call() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    ear.listener(TEXTS.mark("e0.1").encode())
    with pytest.raises(msgspec.DecodeError):
        ear.listener(b"no json")
    assert ear.heard[0]["mark"] == {"name": "e0.1"}


def test_afterwards_speech_is_heard_and_tones_and_keys_are_not() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    ear.press("1")
    ear.hidden.take("call_1")
    speech = pattern(100)
    assert ear.say(speech) == speech
    heard = ear.say(bytes(320).replace(b"\x00", b"\xff") + tone("7", 110) + bytes((0xFF,)) * 240)
    assert not any(key_of(heard[at : at + 80]) for at in range(0, len(heard), 40))
    ear.press("7")
    assert [note.kind for note in ear.notes] == ["digit"]
    assert "dtmf" not in str(ear.heard)


def test_a_caller_who_keys_on_is_not_heard_until_they_stop_for_a_while() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    ear.hidden.take("call_1")
    for _ in range(5):
        ear.now_s += AFTER_S * 0.9
        ear.press("9")
    assert ear.heard == []
    ear.now_s += AFTER_S
    ear.press("0")
    assert ear.heard[0]["dtmf"]["digit"] == "0"
    assert ear.listener == ear.hear
    assert not ear.hidden.on


def test_the_next_number_begins_empty() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    ear.press("12")
    ear.hidden.hide("call_2")
    ear.press("3")
    assert ear.hidden.take("call_2") == "3"


def test_digits_without_end_are_not_kept() -> None:
    ear = Ear()
    ear.hidden.hide("call_1")
    ear.press("5" * (MOST_DIGITS + 10))
    assert ear.hidden.take("call_1") == "5" * MOST_DIGITS
    assert len(ear.notes) == MOST_DIGITS
