"""Function calls of the model, and the answer to each: exactly one output, whatever happens, and one response behind.

A call is dispatched by its name: to a built-in of the core, or to the shell, which runs the operator's tools. An output
is sent at once, also while a response is being made (openai-realtime W4). The response behind it is asked for once all
calls of the response that made them are answered, and that response is over. If the caller has spoken since, nobody is
talked over: the model knows the result, and speaks of it when nobody speaks, unless it did so in an answer meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, Protocol

from bot.call.conversation.floor import Floor
from bot.call.inputs import ToolDone
from bot.call.machines import CallStage, Move
from bot.call.outputs import CancelTool, RunTool
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings, ToolRules
from bot.call.step import Step
from bot.call.tool_calls.asked_calls import REMEMBERED, AskedCalls, FunctionCall
from bot.realtime.events import Item, OutputItemDone
from bot.realtime.items import function_call, function_call_output, result_of, words_of
from bot.realtime.remote_server import mcp_approval_response
from bot.realtime.session import END_CALL

NO_SUCH_FUNCTION = "There is no such function."
INTERRUPTED = "The caller interrupted before this began, so nothing was done. Call it again if it is still wanted."
BAD_ARGUMENTS = "The arguments are not a JSON object, so nothing was done. Call it again with correct JSON."
TOO_LATE = "This took too long, and nobody waits for it any more. It may or may not have been done: tell the caller so."
NOT_APPROVED = "This needs the caller's approval by a key, which can't be asked for, so nothing was done."
APPROVED = "This was approved. It is not known what came of it."
LOST = "The line to the tool was lost while it ran: it may or may not have been done. Tell the caller so."
NOT_ASKED = "The line to the tool was lost before it was approved, so nothing was done. Call it again if it is wanted."
OF_A_REMOTE_TOOL = "Of the tool {name}: {words}"
STOPPED = "The caller began to speak, so this was stopped. Call it again if it is still wanted."
MAX_ARGUMENTS, MAX_NAME = 16_000, 64
"""Letters of what a call is kept with. Arguments that are longer are no JSON once they are cut."""
TOLD_AGAIN = 1
"""Times that an output is sent again after the server refused it. The tool is not run again."""


Why = Literal["timeout", "interrupted", "called_off", "hang_up"]


class BuiltIn(Protocol):
    """A function of the core itself. It answers a call by `FunctionCalls.answer` or `refuse`, now or later."""

    name: str

    def called(self, call: FunctionCall) -> None: ...


class SecretGate(Protocol):
    """Gathers digits for a call, and then has it `run`, or answers it."""

    def begin(self, call: FunctionCall) -> None: ...

    def given_up(self, call: FunctionCall) -> None: ...


class FunctionCalls:
    """The only one who sends outputs of function calls, and who asks for the response behind them."""

    def __init__(self, settings: CallSettings, step: Step, session: CurrentSession, floor: Floor) -> None:
        self.calls = AskedCalls(rules.name for rules in settings.tools if rules.ran)
        self._rules = {rules.name: rules for rules in settings.tools}
        self._built_in: dict[str, BuiltIn] = {}
        self._step = step
        self._session = session
        self._floor = floor
        self.owed: dict[str, int] = {}
        """Responses behind whose calls one is to follow, and the caller's turn in which they were made."""
        self.on_approval: Callable[[FunctionCall], None] = self._not_approved
        """Takes a call whose tool the caller has to approve (bot.call.tool_calls.approval)."""
        self.secrets: SecretGate | None = None
        """Takes a call whose tool is run with what the caller keys in (bot.call.keys.secret_entry)."""
        self.held = False
        """A response is to follow as soon as nobody speaks."""

    def add(self, built_in: BuiltIn) -> None:
        self._built_in[built_in.name] = built_in

    # ---- the model asks ----

    def item_done(self, event: OutputItemDone) -> None:
        """An item of a response is done; a function call is answered, unless it broke off or was seen before."""
        item = event.item
        if item.type != "function_call" or item.status not in {"completed", None}:
            return
        call_id, name, arguments = item.call_id or "", (item.name or "")[:MAX_NAME], item.arguments or "{}"
        if self.calls.get(call_id) is not None:
            return
        call = FunctionCall(call_id, name, arguments[:MAX_ARGUMENTS], event.response_id, self._floor.let_in)
        call.rules = self._rules.get(name)
        self.calls.add(call)
        if self._session.now.responses.suppressed(event.response_id):
            self._session.now.responses.answered(event.response_id)
            self.answer(call_id, INTERRUPTED, respond=False)
            return
        refused = self._dispatch(call)
        if not refused:
            self._session.now.responses.answered(event.response_id)

    def called_by_person(self, call_id: str, name: str, arguments: str) -> None:
        """A key of the caller's stands for this call, or the operator wants it: it is as if the model had made it."""
        if self._session.now.appended.ready:
            self._step.create_item(function_call(call_id, name, arguments))
        call = FunctionCall(call_id, name, arguments, call_id, self._floor.let_in)
        call.rules = self._rules.get(name)
        self.calls.add(call)
        self._dispatch(call)

    def _dispatch(self, call: FunctionCall) -> bool:
        """True if a built-in refused the call, so that nothing came of the response by it."""
        built_in = self._built_in.get(call.name)
        if built_in is not None:
            built_in.called(call)
            return call.stage is CallStage.REFUSED
        if call.rules is None:
            self.answer(call.call_id, NO_SUCH_FUNCTION)
        elif call.parsed(dict) is None:
            self.answer(call.call_id, BAD_ARGUMENTS)
        else:
            self._admit(call, call.rules)
        return False

    def _admit(self, call: FunctionCall, rules: ToolRules) -> None:
        objection = self.calls.objection(call)
        if objection:
            self._step.report("tool_call_refused", tool=call.name)
            self.answer(call.call_id, objection)
        elif rules.approval == "key":
            self.on_approval(call)
        else:
            self.start(call)

    def _not_approved(self, call: FunctionCall) -> None:
        """Nobody is there who could ask for a key: nothing is done without one."""
        self.answer(call.call_id, NOT_APPROVED)

    def start(self, call: FunctionCall) -> None:
        """Nothing stands against a call any more but what the caller has yet to key in."""
        if call.kind == "approval":
            call.approved = True
            self.answer(call.call_id, APPROVED)
        elif self.secrets is not None and call.rules is not None and call.rules.secret is not None:
            self.secrets.begin(call)
        else:
            self.run(call)

    def run(self, call: FunctionCall) -> None:
        """Have the shell run the tool of a call."""
        call.move(Move.STARTED)
        timeout_s = call.rules.timeout_s if call.rules is not None else 0.0
        call.due_us, call.too_late = self._step.now_us + round(timeout_s * 1_000_000), TOO_LATE
        self.calls.started(call)
        self._step.report("tool_called", tool=call.name)
        self._step.send(RunTool(call.call_id, call.name, call.arguments))
        self._look()

    def begun(self, call: FunctionCall) -> None:
        """The server itself has begun a call."""
        self.calls.started(call)
        self._look()

    # ---- answers ----

    def answer(self, call_id: str, words: str, *, respond: bool = True) -> None:
        """Answer a call with a sentence; the second answer to a call is none. `respond`: the model is to go on."""
        self._answer(call_id, result_of(words), respond=respond)

    def refuse(self, call_id: str, words: str) -> None:
        """Answer a call so that nothing has come of its response by it."""
        call = self.calls.get(call_id)
        if call is not None and call.open:
            self._answer(call_id, result_of(words), respond=False)
            call.move(Move.TURNED_DOWN)

    def _answer(self, call_id: str, output: str, *, respond: bool) -> None:
        call = self.calls.get(call_id)
        if call is None or not call.open:
            return
        call.output = output
        call.move(Move.OUTPUT)
        remote = self._session.now.remote_calls
        if call_id in remote:
            remote.remove(call_id)
        self._send(call, refusals=0)
        if respond:
            self.owed.setdefault(call.response_id, call.turn)
        self._look()
        if self._session.now.appended.ready:  # else `session_ready` comes back to it
            self._follow(call.response_id)

    def correct(self, call_id: str, words: str) -> None:
        """What a call was answered holds no more: a session that is told of it from now on is told this."""
        call = self.calls.get(call_id)
        if call is not None:
            call.output = result_of(words)

    def _send(self, call: FunctionCall, refusals: int) -> None:
        """Send an output to a session that is there; the next one is told what came of each call (`told`)."""
        session = self._session.now
        if session.appended.ready and call.kind != "remote":
            event_id = self._step.create_item(_answer_of(call, refusals))
            session.outputs[event_id] = (call.call_id, refusals)
            if len(session.outputs) > REMEMBERED:
                del session.outputs[next(iter(session.outputs))]

    def came(self, call: FunctionCall, output: str) -> None:
        """The server has the result of a call that it made. One that had been given up is spoken of all the same."""
        if call.open:
            self._answer(call.call_id, output, respond=True)
        elif call.output != output:
            call.output, self.held = output, True

    def tool_done(self, note: ToolDone) -> None:
        """A tool has come to an end: too late, if its call has been answered."""
        call = self.calls.get(note.call_id)
        if call is None or not call.open:
            self._step.report("tool_too_late")
            return
        if not note.ran:
            self.calls.not_run(call)
        self._step.report("tool_done", tool=call.name, ok=note.ok, **({} if note.ran else {"ran": False}))
        self._answer(note.call_id, note.output, respond=note.respond)

    def given(self, item: Item) -> None:
        """An output stands in the session's conversation: a response made from now on knows it."""
        outputs, answered = self._session.now.outputs, item.call_id or item.approval_request_id
        for event_id in [key for key, (call_id, _) in outputs.items() if call_id == answered]:
            del outputs[event_id]

    def refused(self, event_id: str | None) -> None:
        """The server refused an event of ours: an output is sent again, and the tool is not run again."""
        call_id, refusals = self._session.now.outputs.pop(event_id or "", ("", 0))
        call = self.calls.get(call_id)
        if call is not None:
            self._step.warn("tool_output_refused", tool=call.name)
            if refusals < TOLD_AGAIN:
                self._send(call, refusals + 1)

    # ---- the response behind them ----

    def response_done(self, response_id: str) -> None:
        self._follow(response_id)

    def _follow(self, response_id: str) -> None:
        """Ask for the response behind the calls of one, once it is over and each of them is answered."""
        session = self._session.now
        if response_id not in self.owed or session.responses.active == response_id or self.calls.open_of(response_id):
            return
        turn = self.owed.pop(response_id)
        if self._floor.ending:
            return
        floor, responses = self._floor, session.responses
        talked_over = turn != floor.let_in or floor.caller_speaking or floor.answer_due or not floor.conversing
        if not talked_over and not responses.busy and not responses.wants_another:
            responses.want({})
        else:
            self.held = True

    def speak(self) -> None:
        """Have the model speak of a call that waits: at once, if somebody hears it and nothing else is to be said."""
        session = self._session.now
        if session.appended.ready and self._floor.conversing and not session.responses.wants_another:
            session.responses.want({})
        else:
            self.held = True

    def settle(self) -> None:
        """The call has moved: a response that is held back is asked for once nobody speaks."""
        if self._floor.quiet():
            self.held = False
            self._session.now.responses.want({})
            self._floor.ask()

    def response_created(self) -> None:
        """A response is made that may be heard: it knows the outputs that the server had confirmed by then.

        One that was asked for with parameters is to say something else.
        """
        if not self._session.now.outputs and not self._session.now.responses.parameters:
            self.held = False

    # ---- what happens meanwhile ----

    def caller_spoke(self) -> None:
        """The caller was let in: tools that they may interrupt are stopped."""
        for call in self.calls.open:
            if call.stage is CallStage.RUNNING and call.rules is not None and call.rules.interruptible:
                self.cancel(call, "interrupted", STOPPED)

    def overdue(self, now_us: int) -> None:
        """Wait no longer for tools whose time is over."""
        for call in self.calls.open:
            if call.due_us <= now_us:
                self._step.warn("tool_timeout", tool=call.name)
                self.cancel(call, "timeout", call.too_late, respond=True)

    def close(self) -> None:
        """The call is over: tools are finished or cancelled, as their rules say."""
        for call in self.calls.open:
            if call.stage is CallStage.RUNNING and call.rules is not None and call.rules.at_hang_up == "cancel":
                self._step.send(CancelTool(call.call_id, "hang_up"))

    def cancel(self, call: FunctionCall, why: Why, words: str, *, respond: bool = False) -> None:
        """Wait no longer for a call: its tool is stopped, and the model told why."""
        if call.kind == "remote":
            self._leave(call, words)
        elif call.stage is CallStage.RUNNING:
            self._step.send(CancelTool(call.call_id, why))
        elif self.secrets is not None:
            self.secrets.given_up(call)
        self.answer(call.call_id, words, respond=respond)

    def _leave(self, call: FunctionCall, words: str) -> None:
        """End the response that waits for a remote call; the model is told why, since the server's item does not."""
        responses = self._session.now.responses
        if call.response_id and responses.active == call.response_id:
            self._step.send(responses.cancel(call.response_id, self._step.event_id("cancel")))
        told = OF_A_REMOTE_TOOL.format(name=call.name, words=words)
        self._step.tell(f"remote_{self._step.counts['remote_calls_left']}", told)
        self._step.counts["remote_calls_left"] += 1

    def _look(self) -> None:
        """Keep for the floor how many tools the caller waits for."""
        self._floor.tools_running = sum(call.stage is CallStage.RUNNING for call in self.calls.open)

    # ---- another session ----

    def told(self) -> list[dict[str, Any]]:
        """The calls and what came of them, as items for a session that made none of them."""
        items: list[dict[str, Any]] = []
        for call in self.calls:
            if call.name == END_CALL:
                if call.open:  # of a session that is gone: nobody waits for an output
                    call.move(Move.OUTPUT)
                continue
            name = call.name if call.kind == "function" else _NOT_IN_A_NAME.sub("_", call.name)
            items.append(function_call(call.call_id, name, call.arguments))
            if not call.open:
                items.append(function_call_output(call.call_id, call.output))
        return items

    def session_lost(self) -> None:
        """The session is another: with the one before, the calls are lost that it made itself, or asked about."""
        for call in self.calls.open:
            if call.kind != "function":
                self._step.warn("tool_call_lost", tool=call.name)
                self.answer(call.call_id, LOST if call.kind == "remote" else NOT_ASKED)

    def session_ready(self) -> None:
        """Another session was told all that came: what was to follow is asked of it."""
        for response_id in list(self.owed):
            self._follow(response_id)


_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
"""Characters that a remote tool's name may have, and a function's may not."""


def _answer_of(call: FunctionCall, number: int) -> dict[str, Any]:
    """The item that answers a call; one that was refused is sent again under another id."""
    if call.kind == "function":
        return function_call_output(call.call_id, call.output)
    reason = "" if call.approved else words_of(call.output)
    return mcp_approval_response(f"{call.call_id}_{number}"[-32:], call.call_id, approve=call.approved, reason=reason)
