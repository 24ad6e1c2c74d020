"""The keypad: keys of the caller that belong together are gathered, and told to the model as one message of theirs.

While they are, the caller has the floor as if they spoke (bot.call.conversation.floor); behind them comes an answer, as
behind any turn. Tones may pass for speech, so that the server makes an answer of its own meanwhile: it is turned away,
and what was said is answered with the keys. Which keys belong together: bot.call.rules.key_pause.
"""

from __future__ import annotations

from bot.call.conversation.floor import Floor
from bot.call.conversation.opening import Opening
from bot.call.machines import KeypadStage, Move
from bot.call.session.session_state import CurrentSession
from bot.call.settings import KeypadRules
from bot.call.step import Step, part
from bot.call.tool_calls.function_calls import FunctionCalls
from bot.call.transcript import keys_pressed
from bot.call.transcript.transcript import Transcript
from bot.call.turn_log.turn_facts import TurnLog
from bot.realtime.items import message

KEYS = "0123456789*#ABCD"


@part
class Keypad:
    """Keys gathered, whichever session is at hand."""

    _rules: KeypadRules
    _step: Step
    _floor: Floor
    _session: CurrentSession
    _opening: Opening
    _turn_log: TurnLog
    _functions: FunctionCalls
    _transcript: Transcript

    def __post_init__(self) -> None:
        self._shortcuts = {one.key: one for one in self._rules.shortcuts}
        self.keys = ""
        """Those that were gathered so far."""
        self.began_us = self.last_us = 0
        """Moments at which the first and the last of them were pressed."""
        self._number = 0

    # ---- they come ----

    def pressed(self, key: str) -> None:
        """One more key."""
        now_us = self._step.now_us
        if self._floor.keypad_stage is KeypadStage.QUIET:
            self.began_us = now_us
            self._turn_log.waits.caller_started()
        self._floor.keys_move(Move.KEY)
        self.last_us = now_us
        self.keys += key

    @property
    def shortcuts(self) -> str:
        """Keys that have a meaning of their own when they are pressed alone."""
        return "".join(self._shortcuts)

    def drop(self) -> None:
        """Tell nobody of those that were gathered so far."""
        self.keys = ""

    @property
    def complete(self) -> bool:
        """No further key can belong to these."""
        rules = self._rules
        return len(self.keys) >= rules.most_keys or (bool(rules.finish) and self.keys.endswith(rules.finish))

    # ---- they are told ----

    def over(self) -> str:
        """All that belong together have come: the model is told, and asked for an answer. The keys."""
        keys, self.keys = self.keys, ""
        finish = self._rules.finish
        if finish and len(keys) > 1:  # alone, it is what the caller wants to say
            keys = keys.removesuffix(finish)
        self._floor.keys_move(Move.ENTRY_OVER)
        self._number += 1
        self._step.report("keys_entered", number=len(keys))
        item_id, text = f"keys_{self._number}", keys_pressed.pressed(keys)
        self._turn_log.caller_keyed(item_id, text, self.began_us)
        if self._session.now.appended.ready:
            self._tell(item_id, text)
        shortcut = self._shortcuts.get(keys)
        if shortcut is None:
            self._answer()
        else:
            self._step.report("key_shortcut", function=shortcut.function)
            self._functions.called_by_person(f"{item_id}_call", shortcut.function, shortcut.arguments)
        return keys

    def _tell(self, item_id: str, text: str) -> None:
        self._step.create_item(message(item_id, "user", text=text))

    def _answer(self) -> None:
        if not self._opening.turn_committed():
            self._session.now.responses.want({})

    def session_ready(self) -> None:
        """The call's first session is ready, and has been asked for the greeting: tell it the keys that came before.

        Any later one is told the whole transcript. Keys that stand for a call are answered behind its output.
        """
        pressed = [turn for turn in self._transcript.turns if turn.who == "caller"]
        for turn in pressed:
            self._tell(turn.item_id, turn.text or "")
        if pressed and not self._functions.calls:
            self._answer()
