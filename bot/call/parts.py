"""The parts of one call, and what each is given of the others.

A part knows the few it needs, all of them made before it. What needs many of them comes after, and is given the lot:
the two sides, the dialogue between them, and what follows from a step.
"""

from __future__ import annotations

from bot.call.account import Account
from bot.call.admission import Admission
from bot.call.announcement import Announcement
from bot.call.answer import Answer
from bot.call.caller_speech import CallerSpeech
from bot.call.ending import Ending
from bot.call.farewell import Farewell
from bot.call.faults import Faults
from bot.call.filler import Filler
from bot.call.floor import Floor
from bot.call.formats import Formats
from bot.call.functions import Functions
from bot.call.greeting import Greeting
from bot.call.interrupt import Interrupt
from bot.call.limits import Limits
from bot.call.listening import Listening
from bot.call.opening import Opening
from bot.call.patience import Patience
from bot.call.responses import Responses
from bot.call.session_liveness import SessionLiveness
from bot.call.sessions import Sessions
from bot.call.settings import CallSettings
from bot.call.speaking import Speaking
from bot.call.spending import Spending
from bot.call.step import Step
from bot.call.transcript import Transcript
from bot.call.turns import Turns
from bot.call.walls import Walls


class Parts:
    """Made once, as the call begins."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self.step = step = Step()
        self.listening = listening = Listening(settings.session.turn_detection)
        self.speaking = speaking = Speaking()
        self.responses = responses = Responses()
        self.transcript = transcript = Transcript()
        self.turns = turns = Turns(settings)
        self.ending = Ending()
        self.limits = Limits(settings)
        self.floor = floor = Floor(step, self.limits)

        self.admission = Admission(settings, step, speaking)
        self.sessions = Sessions(step, settings.response_s)
        self.formats = Formats(step, settings.session)
        self.spending = Spending(settings, step)
        self.walls = Walls(settings, step, responses)
        bounds = (self.spending, *self.walls.bounds)
        self.farewell = Farewell(step, bounds, floor, responses=responses, speaking=speaking, turns=turns)

        self.announcement = Announcement(settings, speaking, transcript)
        self.greeting = greeting = Greeting(settings, responses, speaking, transcript)
        self.speech = CallerSpeech(settings.session, listening)
        self.account = account = Account(step, speaking, transcript, self.speech, greeting)
        self.interrupt = interrupt = Interrupt(step, speaking, responses, turns, account)
        self.opening = Opening(
            settings,
            step,
            speaking,
            announcement=self.announcement,
            greeting=greeting,
            responses=responses,
            turns=turns,
            floor=floor,
            account=account,
            interrupt=interrupt,
        )
        self.answer = Answer(step, speaking, responses, interrupt.unheard, account)
        self.functions = Functions(step, responses, self.ending, greeting=greeting, transcript=transcript)

        self.filler = filler = Filler(settings, step, speaking)
        self.faults = faults = Faults(step, responses, turns, greeting, floor=floor, filler=filler)
        self.liveness = SessionLiveness(
            settings, step, floor=floor, listening=listening, responses=responses, turns=turns, filler=filler
        )
        self.patience = Patience(
            settings.response_s,
            step,
            floor,
            responses=responses,
            speaking=speaking,
            interrupt=interrupt,
            filler=filler,
            faults=faults,
        )

        for past in settings.resume:
            transcript.remember(past)
