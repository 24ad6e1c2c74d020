"""Keys of the caller: each interrupts as speech does, and is an answer, or kept until all of a number have come."""

from __future__ import annotations

from bot.call.handlers.dialogue import Dialogue
from bot.call.inputs import SecretKey
from bot.call.keys.keypad import KEYS
from bot.call.machines import KeypadStage, Move
from bot.call.wiring import Parts
from bot.twilio import stream


class KeyPresses:
    """Each key that the phone tells of."""

    def __init__(self, parts: Parts, dialogue: Dialogue) -> None:
        self._parts = parts
        self._dialogue = dialogue

    def pressed(self, message: stream.Dtmf) -> None:
        parts, key = self._parts, message.dtmf.digit
        if not parts.stream_admission.ours(message.stream_sid):
            parts.step.follows = "what is due"
        elif len(key) != 1 or key not in KEYS or parts.floor.keypad_stage is KeypadStage.HIDDEN:
            parts.step.follows = "what is due"
            parts.step.counts["odd_keys"] += 1
        else:
            parts.step.counts["keys"] += 1
            if parts.approval.asked and parts.floor.keypad_stage is KeypadStage.QUIET:
                self._answers(key)
            else:
                self._gathered(key)

    def hidden(self, note: SecretKey) -> None:
        """A key that a tool alone is given has been pressed."""
        parts = self._parts
        parts.step.counts["keys"] += 1
        parts.idle.caller_keyed()
        if parts.floor.keypad_stage is KeypadStage.HIDDEN:
            self._dialogue.breaks_in(keyed=True)
            parts.secret_entry.pressed(note)

    def _answers(self, key: str) -> None:
        """One key is the whole of it, and the model is told what comes of it."""
        parts = self._parts
        parts.floor.keys_move(Move.KEY)
        self._dialogue.breaks_in(keyed=True)
        parts.floor.keys_move(Move.ENTRY_OVER)
        parts.approval.pressed(key)  # what is approved may ask for keys itself

    def _gathered(self, key: str) -> None:
        parts = self._parts
        parts.key_pause.pressed(key)
        self._dialogue.breaks_in(keyed=True)
        if parts.keypad.complete:
            parts.key_pause.over()
