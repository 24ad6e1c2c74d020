"""The parts of one call, and what each is given of the others.

A part knows the few it needs, all of them made before it. What needs many of them comes after, and is given the lot:
the two sides, the dialogue between them, and what follows from a step.
"""

from __future__ import annotations

from bot.call.conversation.answer import Answer
from bot.call.conversation.approval import Approval
from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.cancel_tool import CancelTools
from bot.call.conversation.end_call import EndCall
from bot.call.conversation.floor import Floor
from bot.call.conversation.function_calls import FunctionCalls
from bot.call.conversation.goodbye import Goodbye
from bot.call.conversation.hints import Hints
from bot.call.conversation.opening import Opening
from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.conversation.transfer import TransferCall
from bot.call.conversation.who_answered import WhoAnswered
from bot.call.keys.keypad import Keypad
from bot.call.keys.secret_entry import SecretEntry
from bot.call.keys.send_digits import SendDigits
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.announcement import Announcement
from bot.call.prompts.filler import Filler
from bot.call.prompts.greeting import Greeting
from bot.call.remote_calls.mcp_calls import McpCalls
from bot.call.remote_calls.mcp_tool_lists import McpToolLists
from bot.call.rules.idle import Idle
from bot.call.rules.key_pause import KeyPause
from bot.call.rules.max_duration import MaxDuration
from bot.call.rules.meanwhile import Meanwhile
from bot.call.rules.no_progress import NoProgress
from bot.call.rules.response_timeout import ResponseTimeout
from bot.call.rules.retries import Retries
from bot.call.rules.spend_cap import SpendCap
from bot.call.rules.tool_timeouts import ToolTimeouts
from bot.call.rules.wrap_up import WrapUp
from bot.call.session.failover import Failover
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step
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
        self.speaking = speaking = PlayoutQueue()
        self.transcript = transcript = Transcript()
        self.session = session = CurrentSession(settings, step, uplink, transcript)
        self.limits = StateDeadlines(settings, step)
        self.hints = Hints(step, uplink)
        self.announcement = Announcement(settings, speaking, transcript)
        self.greeting = greeting = Greeting(settings, session, speaking, transcript)
        self.floor = floor = Floor(settings, step, self.limits, speaking=speaking, session=session, greeting=greeting)

        self.admission = StreamAdmission(settings, step, speaking)
        self.sessions = Failover(step, speaking, session, settings.response_s)
        self.spending = SpendCap(settings, step)
        self.max_duration = MaxDuration(settings, step)
        self.idle = Idle(settings, step, session)
        self.no_progress = NoProgress(settings, step, session)
        bounds = (self.spending, self.max_duration, self.idle, self.no_progress)
        self.farewell = farewell = Goodbye(step, floor, session=session, speaking=speaking)
        self.wrap_up = WrapUp(step, bounds, floor, farewell)

        self.wordless = wordless = WordlessTurns()
        self.account = account = TurnLog(
            step, speaking, session, transcript=transcript, wordless=wordless, greeting=greeting
        )
        self.interrupt = interrupt = BargeIn(step, speaking, session, account)
        self.opening = Opening(
            settings,
            step,
            speaking,
            announcement=self.announcement,
            greeting=greeting,
            session=session,
            floor=floor,
            account=account,
            interrupt=interrupt,
        )
        self.who_answered = WhoAnswered(
            settings,
            step,
            floor,
            session=session,
            speaking=speaking,
            interrupt=interrupt,
            opening=self.opening,
            announcement=self.announcement,
            farewell=farewell,
        )
        self.answer = Answer(step, speaking, session, account)
        self.functions = functions = FunctionCalls(settings, step, session, floor)
        self.end_call = EndCall(step, session, floor, functions=functions, greeting=greeting, transcript=transcript)
        functions.add(self.end_call)
        self.send_digits = SendDigits(
            step, floor, session=session, speaking=speaking, interrupt=interrupt, functions=functions
        )
        if any(tool.name == self.send_digits.name for tool in settings.session.tools):
            functions.add(self.send_digits)
        self.keypad = keypad = Keypad(
            settings.keypad,
            step,
            floor,
            session=session,
            opening=self.opening,
            account=account,
            functions=functions,
            transcript=transcript,
        )
        self.secret_entry = SecretEntry(step, floor, speaking=speaking, functions=functions, keypad=keypad)
        self.key_pause = KeyPause(settings.keypad, step, keypad, idle=self.idle, no_progress=self.no_progress)
        self.transfer = TransferCall(
            settings,
            step,
            session,
            floor,
            functions=functions,
            greeting=greeting,
            transcript=transcript,
            speaking=speaking,
        )
        if settings.destinations:
            functions.add(self.transfer)
        self.approval = Approval(step, session, speaking, functions)
        functions.add(CancelTools(step, functions))
        self.tool_lists = McpToolLists(step, session)
        self.remote = McpCalls(settings, step, session, floor, functions=functions)
        self.tool_timeouts = ToolTimeouts(step, functions)

        self.filler = filler = Filler(settings, step, speaking)
        self.retries = retries = Retries(step, session, greeting, floor=floor, filler=filler)
        self.response_timeout = ResponseTimeout(
            settings.response_s,
            step,
            floor,
            session=session,
            speaking=speaking,
            interrupt=interrupt,
            filler=filler,
            retries=retries,
        )

        self.meanwhile = Meanwhile(step, floor, speaking=speaking, session=session, functions=functions, filler=filler)

        for past in settings.resume:
            transcript.remember(past)
