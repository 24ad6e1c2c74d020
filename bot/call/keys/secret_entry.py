"""Secret entry: the caller keys digits in that one tool is given, and nobody else.

The digits never come here. The shell keeps them, and silences the caller's audio, from HideKeys on; it tells only that
a key was pressed. Here is decided when all of them have come: the tool is run then, and the shell gives them to it. A
star calls the entry off; what is not entered is told to the model in a sentence, and the tool is not run.
"""

from __future__ import annotations

from collections import Counter

from bot.call.conversation.floor import Floor
from bot.call.inputs import SecretKey
from bot.call.keys.keypad import Keypad
from bot.call.machines import Move, StreamStage
from bot.call.outputs import DropKeys, HideKeys
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.rule import NEVER_US, Rule
from bot.call.settings import SecretRules
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls

FIRST_US = 30_000_000
"""From the end of what the bot says to the first key: the caller looks for their card."""
NEXT_US = 10_000_000
"""From one key to the next."""
LONGEST_US = 120_000_000

CANCELLED = "The caller pressed the star key and entered nothing. Ask what they want to do instead."
NOTHING = "The caller entered nothing in time. Ask whether they want to try again."
TOO_FEW = "The caller entered too few digits, so nothing was done. Ask them to try again and to end with the hash key."
NO_MORE = "The caller has had enough tries at this in this phone call. Do not ask for it again; offer another way."
CALL_ENDS = "The call has to end now, so nothing was entered and nothing was done."
NOT_NOW = "Digits can't be entered at this moment, so nothing was done. Try again later."


@part
class SecretEntry(Rule):
    """One at a time."""

    _step: Step
    _floor: Floor
    _playout: PlayoutQueue
    _functions: FunctionCalls
    _keypad: Keypad

    def __post_init__(self) -> None:
        self._call_id = ""
        """The call for which they are keyed in; empty for none."""
        self._rules = SecretRules()
        self._n_digits = 0
        self._began_us = self._last_us = 0
        self.tries: Counter[str] = Counter()
        """Times that digits were asked for, by name of the tool."""
        self._functions.secrets = self

    def begin(self, call: FunctionCall) -> None:
        """The tool of this call is run when the digits for it have come."""
        rules = call.rules.secret if call.rules is not None else None
        call.due_us = NEVER_US
        free = not self._call_id and self._floor.stream_stage is StreamStage.HERE and self._playout.stream_sid
        if rules is None or not free or self._floor.ending or not self._floor.conversing:
            self._functions.answer(call.call_id, NOT_NOW)
        elif self.tries[call.name] >= rules.tries:
            self._step.report("secret_refused", tool=call.name)
            self._functions.answer(call.call_id, NO_MORE)
        else:
            self.tries[call.name] += 1
            self._call_id, self._rules, self._n_digits = call.call_id, rules, 0
            self._began_us = self._last_us = self._step.now_us
            self._keypad.drop()
            self._floor.keys_move(Move.HIDING)
            self._step.report("secret_asked", tool=call.name)
            self._step.send(HideKeys(call.call_id))
            self.due_us = self._waits_until()

    def pressed(self, note: SecretKey) -> None:
        call = self._functions.calls.get(note.call_id)
        if call is None or note.call_id != self._call_id:
            return
        self._last_us = self._step.now_us
        self._n_digits += note.kind == "digit"
        if note.kind == "cancel":
            self._not_entered(call, "cancelled", CANCELLED)
        elif note.kind == "finish" or self._n_digits == self._rules.most:
            self._over(call)
        else:
            self.due_us = self._waits_until()

    def _waits_until(self) -> int:
        """Moment until which the next key is waited for, by what plays now."""
        if self._n_digits:
            next_us = self._last_us + NEXT_US
        else:
            next_us = max(self._last_us, self._playout.ledger.end_us() or 0) + FIRST_US
        return min(next_us, self._began_us + LONGEST_US)

    def give_way(self) -> None:
        """A call that has to end waits for no digits: its goodbye would never have the floor."""
        if self._call_id:
            self.due_us = self._step.now_us

    def due(self) -> None:
        """No key has come in time, unless the bot has talked on; or the call has to end."""
        self.due_us = self._waits_until()
        call = self._functions.calls.get(self._call_id)
        if call is not None and self._floor.ending:
            self._not_entered(call, "call_ends", CALL_ENDS)
        elif call is not None and self.due_us <= self._step.now_us:
            self._over(call)

    def _over(self, call: FunctionCall) -> None:
        """No more will come."""
        if self._n_digits >= self._rules.least:
            self._close()
            self._step.report("secret_entered", tool=call.name)
            self._functions.run(call)
        else:
            none = self._n_digits == 0
            self._not_entered(call, "nothing" if none else "too_few", NOTHING if none else TOO_FEW)

    def _not_entered(self, call: FunctionCall, why: str, words: str) -> None:
        self._drop(call, why)
        self._functions.answer(call.call_id, words)

    def given_up(self, call: FunctionCall) -> None:
        """A call is waited for no more: if digits were to come for it, they are forgotten."""
        if call.call_id == self._call_id:
            self._drop(call, "called_off")

    def _drop(self, call: FunctionCall, why: str) -> None:
        self._close()
        self._step.report("secret_not_entered", tool=call.name, why=why)
        self._step.send(DropKeys(call.call_id))

    def _close(self) -> None:
        self._call_id, self.due_us = "", NEVER_US
        self._floor.keys_move(Move.ENTRY_OVER)
