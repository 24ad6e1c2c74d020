"""The keys that belong together: those without a long pause between them, up to the finish key or the last that fits.

A caller who presses one every now and then is not waited for without end either.
"""

from __future__ import annotations

from dataclasses import InitVar

from bot.call.keys.keypad import Keypad
from bot.call.rule import NEVER_US, Rule
from bot.call.rules.idle import Idle
from bot.call.rules.no_progress import NoProgress
from bot.call.settings import KeypadRules
from bot.call.step import part


@part
class KeyPause(Rule):
    """Ends what the keypad gathers. With a time of 0 that alone ends nothing."""

    rules: InitVar[KeypadRules]
    _keypad: Keypad
    _idle: Idle
    _no_progress: NoProgress

    def __post_init__(self, rules: KeypadRules) -> None:
        self._pause_us = round(rules.pause_s * 1_000_000)
        self._longest_us = round(rules.longest_s * 1_000_000)

    def pressed(self, key: str) -> None:
        """A key has come: reckon until when another one is waited for."""
        keypad = self._keypad
        keypad.pressed(key)
        pause_us = keypad.last_us + self._pause_us if self._pause_us else NEVER_US
        longest_us = keypad.began_us + self._longest_us if self._longest_us else NEVER_US
        self.due_us = min(pause_us, longest_us)

    def due(self) -> None:
        """None has come in time."""
        if self._keypad.keys:
            self.over()
        self.due_us = NEVER_US

    def over(self) -> None:
        """All that belong together have come."""
        self.due_us = NEVER_US
        self._idle.caller_keyed()
        self._no_progress.caller_words(self._keypad.over())
