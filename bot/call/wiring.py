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
from bot.call.uplink.wordless_turns import WordlessTurns


class Parts:
    """Made once, as the call begins."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self.step = step = Step()
        self.uplink = uplink = Uplink(settings.session.turn_detection)
        self.playout = playout = PlayoutQueue()
        self.transcript = transcript = Transcript()
        self.session = session = CurrentSession(settings, step, uplink, transcript)
        self.state_deadlines = deadlines = StateDeadlines(settings, step)
        self.hints = Hints(step, uplink)
        self.announcement = Announcement(settings, playout, transcript)
        self.greeting = greeting = Greeting(settings, session, playout, transcript)
        self.floor = floor = Floor(settings, step, deadlines, playout=playout, session=session, greeting=greeting)

        self.stream_admission = StreamAdmission(settings, step, playout)
        self.failover = Failover(step, playout, session, settings.response_s, goes_on=lambda: floor.taken_over)
        self.spending = SpendCap(settings, step)
        self.max_duration = MaxDuration(settings, step)
        self.idle = Idle(settings, step, session)
        self.no_progress = NoProgress(settings, step, session, floor)
        bounds = (self.spending, self.max_duration, self.idle, self.no_progress)
        self.goodbye = goodbye = Goodbye(step, floor, session=session, playout=playout)
        self.wrap_up = WrapUp(step, bounds, floor, goodbye)

        self.wordless = wordless = WordlessTurns()
        self.turn_log = turn_log = TurnLog(
            step, playout, session, transcript=transcript, wordless=wordless, greeting=greeting
        )
        self.interrupt = interrupt = BargeIn(step, playout, session, turn_log)
        self.opening = Opening(
            settings,
            step,
            playout,
            announcement=self.announcement,
            greeting=greeting,
            session=session,
            floor=floor,
            turn_log=turn_log,
            interrupt=interrupt,
        )
        self.who_answered = WhoAnswered(
            settings,
            step,
            floor,
            session=session,
            playout=playout,
            interrupt=interrupt,
            opening=self.opening,
            announcement=self.announcement,
            goodbye=goodbye,
        )
        self.answer = Answer(step, playout, session, turn_log)
        self.functions = functions = FunctionCalls(settings, step, session, floor)
        self.end_call = EndCall(step, session, floor, functions=functions, greeting=greeting, transcript=transcript)
        functions.add(self.end_call)
        self.send_digits = SendDigits(
            step, floor, session=session, playout=playout, interrupt=interrupt, functions=functions
        )
        if any(tool.name == self.send_digits.name for tool in settings.session.tools):
            functions.add(self.send_digits)
        self.keypad = keypad = Keypad(
            settings.keypad,
            step,
            floor,
            session=session,
            opening=self.opening,
            turn_log=turn_log,
            functions=functions,
            transcript=transcript,
        )
        self.secret_entry = SecretEntry(step, floor, playout=playout, functions=functions, keypad=keypad)
        self.key_pause = KeyPause(settings.keypad, keypad, idle=self.idle, no_progress=self.no_progress)
        self.transfer = TransferCall(
            settings,
            step,
            session,
            floor,
            functions=functions,
            greeting=greeting,
            transcript=transcript,
            playout=playout,
        )
        if settings.destinations:
            functions.add(self.transfer)
        self.approval = Approval(step, session, floor, speaking=playout, functions=functions)
        functions.add(CancelTools(step, functions))
        self.tool_lists = McpToolLists(step, session)
        self.remote = McpCalls(settings, step, session, floor, functions=functions)
        self.tool_timeouts = ToolTimeouts(step, functions)

        self.filler = filler = Filler(settings, step, playout)
        self.operator = OperatorOnLine(
            step,
            floor,
            session=session,
            playout=playout,
            turn_log=turn_log,
            interrupt=interrupt,
            opening=self.opening,
            failover=self.failover,
            end_call=self.end_call,
            transfer=self.transfer,
            approval=self.approval,
            filler=filler,
        )
        self.retries = retries = Retries(step, session, greeting, floor=floor, filler=filler)
        self.response_timeout = ResponseTimeout(
            settings.response_s,
            step,
            floor,
            session=session,
            playout=playout,
            interrupt=interrupt,
            filler=filler,
            retries=retries,
        )

        self.meanwhile = Meanwhile(step, floor, playout=playout, session=session, functions=functions, filler=filler)

        for past in settings.resume:
            transcript.remember(past)
