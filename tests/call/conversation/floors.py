"""A floor by itself, with the parts that it asks."""

from __future__ import annotations

from bot.call.conversation.floor import Floor
from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.greeting import Greeting
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.transcript.transcript import Transcript
from tests.call.scripted_call import no_session


def a_floor(
    settings: CallSettings,
    step: Step,
    session: CurrentSession | None = None,
    state_deadlines: StateDeadlines | None = None,
) -> Floor:
    """One of a call that has not begun."""
    current, playout = session or no_session(settings, step), PlayoutQueue()
    return Floor(
        settings,
        step,
        state_deadlines or StateDeadlines(settings, step),
        playout,
        current,
        Greeting(settings, current, playout, Transcript()),
    )
