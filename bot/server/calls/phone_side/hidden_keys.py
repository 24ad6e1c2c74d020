"""Keys that a tool alone is given: they, and their tones, are taken out of the phone's messages before anybody looks.

Neither the core nor the recorder is ever shown them. Twilio tells of a key when its tone has begun, so all of the
caller's audio is silence while keys are hidden. Afterwards it is heard again, but not yet what people do who had not
noticed the end: for a while keys come to nothing, and frames with tones in them are silence too.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from bot.audio.payload import payload_bytes, silence
from bot.audio.tones import key_of
from bot.call.inputs import SecretKey
from bot.twilio import stream

FINISH, CANCEL = "#", "*"
AFTER_S = 3.0
"""From the last hidden key, or the end of hiding, until a key is one like any other again."""
MOST_DIGITS = 64
_DIGITS = frozenset("0123456789")


class HiddenKeys:
    """Stands before the call's own ear while keys are hidden; in any other call there is nothing of it in the way."""

    def __init__(
        self,
        pass_on: Callable[[bytes], None],
        note: Callable[[SecretKey], None],
        listen: Callable[[Callable[[bytes], None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pass_on` takes a message of the phone, `listen` says who is given the next ones."""
        self._pass_on = pass_on
        self._note = note
        self._listen = listen
        self._clock = clock
        self._call_id = ""
        self._digits = ""
        self._until_s: float | None = None
        """Time at which nothing is hidden any more, once no tool is to be given what comes."""
        self.on = False

    def hide(self, call_id: str) -> None:
        """Keep the keys for the tool of this call."""
        self._call_id, self._digits, self._until_s = call_id, "", None
        self.on = True
        self._listen(self.heard)

    def take(self, call_id: str) -> str:
        """Give away the digits keyed in for this call, and forget them."""
        if not call_id or call_id != self._call_id:
            return ""
        digits, self._digits, self._call_id = self._digits, "", ""
        self._until_s = self._clock() + AFTER_S
        return digits

    def heard(self, text: bytes) -> None:
        """A message of the phone."""
        if self._until_s is not None and self._clock() >= self._until_s:
            self.on = False
            self._listen(self._pass_on)
            self._pass_on(text)
            return
        try:
            message = stream.parse(text)
        except stream.BadMessage:
            self._pass_on(text)  # refused there, unread
            return
        if isinstance(message, stream.Dtmf):
            self._key(message.dtmf.digit)
        elif isinstance(message, stream.Media) and (self._call_id or _sounds_of_keys(message.media.payload)):
            self._pass_on(_silenced(text, message.media.payload))
        else:
            self._pass_on(text)

    def _key(self, key: str) -> None:
        if not self._call_id:
            self._until_s = self._clock() + AFTER_S
            return
        kind: Literal["digit", "finish", "cancel"]
        if key in _DIGITS and len(self._digits) < MOST_DIGITS:
            self._digits += key
            kind = "digit"
        elif key in {FINISH, CANCEL}:
            kind = "finish" if key == FINISH else "cancel"
        else:
            return
        self._note(SecretKey(self._call_id, kind))


def _sounds_of_keys(payload: str) -> bool:
    """A tone of a key begins, goes on or ends in this audio."""
    audio = b64decode(payload)
    half = len(audio) // 2
    return any(key_of(part) for part in (audio, audio[:half], audio[half:]))


def _silenced(text: bytes, payload: str) -> bytes:
    message: Any = msgspec.json.decode(text)
    message["media"]["payload"] = silence(payload_bytes(payload))
    return msgspec.json.encode(message)
