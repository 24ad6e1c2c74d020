"""The parts of one call, and what each is given of the others.

A part knows the few it needs, all of them made before it. What needs many of them comes after, and is given the lot:
the two sides, the dialogue between them, and what follows from a step.
"""

from __future__ import annotations

from bot.call.conversation.answer import Answer
from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.floor import Floor
from bot.call.conversation.goodbye import Goodbye
from bot.call.conversation.hints import Hints
from bot.call.conversation.opening import Opening
from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.conversation.who_answered import WhoAnswered
from bot.call.handoff.end_call import EndCall
from bot.call.handoff.operator_on_line import OperatorOnLine
from bot.call.handoff.transfer import TransferCall
from bot.call.keys.keypad import Keypad
from bot.call.keys.secret_entry import SecretEntry
from bot.call.keys.send_digits import SendDigits
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.announcement import Announcement
from bot.call.prompts.filler import Filler
from bot.call.prompts.greeting import Greeting
from bot.call.rules.idle import Idle
from bot.call.rules.key_pause import KeyPause
from bot.call.rules.max_duration import MaxDuration
from bot.call.rules.meanwhile import Meanwhile
from bot.call.rules.no_progress import NoProgress
from bot.call.rules.response_timeout import ResponseTimeout
from bot.call.rules.retries import Retries
from bot.call.rules.spend_cap import SpendCap
from bot.call.rules.wrap_up import WrapUp
from bot.call.session.failover import Failover
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.tool_calls.approval import Approval
from bot.call.tool_calls.cancel_tool import CancelTools
from bot.call.tool_calls.function_calls import FunctionCalls
from bot.call.tool_calls.mcp_calls import McpCalls
from bot.call.tool_calls.mcp_tool_lists import McpToolLists
from bot.call.tool_calls.tool_timeouts import ToolTimeouts
from bot.call.transcript.transcript import Transcript
from bot.call.turn_log.turn_facts import TurnLog
from bot.call.uplink.frames_and_gaps import Uplink
from bot.call.uplink.stream_admission import StreamAdmission


class Parts:
    """Made once, as the call begins: what all others stand on, then each trade's."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self._make_sides(settings)
        self._make_conversation(settings)
        self._make_bounds(settings)
        self._make_tools(settings)
        self._make_keys(settings)
        self._make_waits(settings)
        for past in settings.resume:
            self.transcript.remember(past)

    def _make_sides(self, settings: CallSettings) -> None:
        """Both sides, and between them who has the floor."""
        self.step = step = Step()
        self.uplink = Uplink(settings.session.turn_detection)
        self.playout = playout = PlayoutQueue()
        self.transcript = transcript = Transcript()
        self.session = session = CurrentSession(settings, step, self.uplink, transcript)
        self.state_deadlines = deadlines = StateDeadlines(settings, step)
        self.announcement = Announcement(settings, playout, transcript)
        self.greeting = Greeting(settings, session, playout, transcript)
        self.floor = floor = Floor(settings, step, deadlines, playout, session, self.greeting)
        self.stream_admission = StreamAdmission(settings, step, playout)
        self.failover = Failover(step, playout, session, settings.response_s, lambda: floor.taken_over)

    def _make_conversation(self, settings: CallSettings) -> None:
        """From the opening to the goodbye, and what is kept of it."""
        step, floor, session, playout, greeting = self.step, self.floor, self.session, self.playout, self.greeting
        self.turn_log = log = TurnLog(step, playout, session, self.transcript, greeting)
        self.interrupt = cut = BargeIn(step, playout, session, log)
        self.answer = Answer(step, playout, session, log)
        self.hints = Hints(step, self.uplink)
        self.goodbye = bye = Goodbye(step, floor, session, playout)
        notice = self.announcement
        self.opening = opening = Opening(settings, step, playout, notice, greeting, session, floor, log, cut)
        self.who_answered = WhoAnswered(settings, step, floor, session, playout, cut, opening, notice, bye)

    def _make_bounds(self, settings: CallSettings) -> None:
        """All that may be used up, and what follows when it nearly is."""
        step = self.step
        self.spending = SpendCap(settings, step)
        self.max_duration = MaxDuration(settings, step)
        self.idle = Idle(settings, step, self.session)
        self.no_progress = NoProgress(settings, step, self.session, self.floor)
        bounds = (self.spending, self.max_duration, self.idle, self.no_progress)
        self.wrap_up = WrapUp(step, bounds, self.floor, self.goodbye)

    def _make_tools(self, settings: CallSettings) -> None:
        """Functions that the model calls, the built-in ones among them."""
        step, session, floor, playout = self.step, self.session, self.floor, self.playout
        transcript, greeting = self.transcript, self.greeting
        self.functions = functions = FunctionCalls(settings, step, session, floor)
        self.approval = Approval(step, session, floor, playout, functions)
        self.tool_timeouts = ToolTimeouts(step, functions)
        self.tool_lists = McpToolLists(step, session)
        self.remote = McpCalls(settings, step, session, floor, functions)
        self.end_call = EndCall(step, session, floor, functions, greeting, transcript)
        names = settings.destinations
        self.transfer = TransferCall(names, step, session, floor, functions, greeting, transcript, playout)
        self.send_digits = SendDigits(step, floor, session, playout, self.interrupt, functions)
        functions.add(self.end_call)
        functions.add(CancelTools(step, functions))
        if names:
            functions.add(self.transfer)
        if any(tool.name == self.send_digits.name for tool in settings.session.tools):
            functions.add(self.send_digits)

    def _make_keys(self, settings: CallSettings) -> None:
        """Keys that the caller presses: those of one number, and those that a tool alone is given."""
        step, floor, functions, rules = self.step, self.floor, self.functions, settings.keypad
        opening, log, transcript = self.opening, self.turn_log, self.transcript
        self.keypad = Keypad(rules, step, floor, self.session, opening, log, functions, transcript)
        self.secret_entry = SecretEntry(step, floor, self.playout, functions, self.keypad)
        self.key_pause = KeyPause(rules, self.keypad, self.idle, self.no_progress)

    def _make_waits(self, settings: CallSettings) -> None:
        """What a caller who waits hears, what becomes of an answer that does not come, and who else may speak."""
        step, floor, session, playout, cut = self.step, self.floor, self.session, self.playout, self.interrupt
        self.filler = filler = Filler(settings, step, playout)
        self.meanwhile = Meanwhile(step, floor, playout, session, self.functions, filler)
        self.retries = retries = Retries(step, session, self.greeting, floor, filler)
        longest_s = settings.response_s
        self.response_timeout = ResponseTimeout(longest_s, step, floor, session, playout, cut, filler, retries)
        self.operator = OperatorOnLine(
            step,
            floor,
            session,
            playout,
            self.turn_log,
            cut,
            self.opening,
            self.failover,
            self.end_call,
            self.transfer,
            self.approval,
            filler,
        )
