"""Keys of the caller's phone: each interrupts as speech does, and is kept until all that belong together are there."""

from __future__ import annotations

from bot.call.conversation.keypad import KEYS
from bot.call.handlers.dialogue import Dialogue
from bot.call.wiring import Parts
from bot.twilio import stream


class KeyPresses:
    """Each key that the phone tells of."""

    def __init__(self, parts: Parts, dialogue: Dialogue) -> None:
        self._parts = parts
        self._dialogue = dialogue

    def pressed(self, message: stream.Dtmf) -> None:
        parts, key = self._parts, message.dtmf.digit
        if not parts.admission.ours(message.stream_sid):
            parts.step.follows = "what is due"
        elif key not in KEYS:
            parts.step.follows = "what is due"
            parts.step.counts["odd_keys"] += 1
        else:
            parts.step.counts["keys"] += 1
            parts.key_pause.pressed(key)
            self._dialogue.breaks_in(keyed=True)
            if parts.keypad.complete:
                parts.key_pause.over()
