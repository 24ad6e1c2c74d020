"""A floor by itself, with the parts that it asks."""

from __future__ import annotations

from bot.call.conversation.floor import Floor
from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.greeting import Greeting
from bot.call.session.response_gate import ResponseGate
from bot.call.session.turn_ownership import TurnOwnership
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.transcript.transcript import Transcript


def a_floor(
    settings: CallSettings, step: Step, responses: ResponseGate | None = None, limits: StateDeadlines | None = None
) -> Floor:
    """One of a call that has not begun."""
    gate, speaking = responses or ResponseGate(), PlayoutQueue()
    return Floor(
        settings,
        step,
        limits or StateDeadlines(settings, step),
        speaking=speaking,
        responses=gate,
        turns=TurnOwnership(settings),
        greeting=Greeting(settings, gate, speaking, Transcript()),
    )
