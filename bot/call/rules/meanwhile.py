"""Meanwhile: what the caller hears while a tool runs and nobody speaks, as the rules of the tool say.

After a second of silence it is the filler, or a sentence that the model is asked to say. What the model said of its own
accord before the call, its preamble (`phase: commentary`, openai-realtime W2), stands for the first filler.
"""

from __future__ import annotations

from bot.call.conversation.floor import Floor
from bot.call.machines import CallStage
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.filler import REPEAT_US, Filler
from bot.call.rule import NEVER_US, Rule
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls

SILENCE_US = 1_000_000
SAY = "While this is being done, say exactly this to the caller, and nothing else: {sentence}"
PARAMETERS = {"tool_choice": "none"}
"""The request of a sentence: one that calls tools would not be it."""


@part
class Meanwhile(Rule):
    """Looks after each step that moved the call, while a tool runs."""

    _step: Step
    _floor: Floor
    _playout: PlayoutQueue
    _session: CurrentSession
    _functions: FunctionCalls
    _filler: Filler

    def __post_init__(self) -> None:
        self._since_us: int | None = None
        """Moment at which the caller began to wait for a tool, and for nothing else."""
        self._told_us: int | None = None
        """Moment at which they were last given something to hear in the wait at hand."""
        self._number = 0

    def look(self) -> None:
        call = self._awaited() if self._floor.tools_running else None
        if call is None:
            self._since_us, self._told_us = None, None
        elif not (self._floor.quiet_but_for_sound() or self._floor.waits_for_remote_call()):
            self._since_us = None
        elif self._since_us is None:
            self._since_us = self._step.now_us
        self.due_us = self._reckon(call)

    def _awaited(self) -> FunctionCall | None:
        """The newest tool that runs and of which something may be heard."""
        running = [call for call in self._functions.calls.open if call.stage is CallStage.RUNNING and call.rules]
        heard = [call for call in running if call.rules is not None and call.rules.meanwhile != "nothing"]
        return heard[-1] if heard else None

    def _reckon(self, call: FunctionCall | None) -> int:
        if call is None or self._since_us is None:
            return NEVER_US
        ends_us = self._playout.ledger.end_us() or 0
        due_us = max(self._since_us, ends_us) + SILENCE_US
        if self._told_us is not None:
            return max(due_us, max(self._told_us, ends_us) + REPEAT_US)
        return max(due_us, ends_us + REPEAT_US) if self._has_preamble(call) else due_us

    def _has_preamble(self, call: FunctionCall) -> bool:
        kind = call.rules.meanwhile if call.rules is not None else "nothing"
        preamble = self._session.now.preamble
        return kind != "filler" and bool(preamble) and call.response_id == preamble

    def due(self) -> None:
        """Let the caller hear something, if nothing has come meanwhile."""
        call = self._awaited()
        if call is None or call.rules is None or self._step.now_us < self._reckon(call):
            self.look()
            return
        self._told_us = self._step.now_us
        kind = call.rules.meanwhile
        if kind in {"preamble", "filler"} or call.told_meanwhile or not self._session.now.appended.ready:
            self._filler.play()
        else:
            call.told_meanwhile = True
            self._say(kind)
        self.look()

    def _say(self, sentence: str) -> None:
        self._number += 1
        self._step.report("tool_sentence_asked")
        self._step.tell(f"meanwhile_{self._number}", SAY.format(sentence=sentence))
        self._session.now.responses.want(PARAMETERS)
