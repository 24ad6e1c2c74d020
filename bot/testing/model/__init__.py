"""The simulated Realtime server: a pure session that any clock can drive, and a socket shell around it.

It follows openai-realtime 10, and in its events the recordings (openai-realtime 12): `protocol.server_events` has those
of each dialect. Start at `simulated`. Left out: idle_timeout_ms (accepted, never fires), images, and transcription
sessions; its voice activity detector goes by loudness alone.
"""

from __future__ import annotations

from bot.testing.model.protocol.default_conversation import Memory
from bot.testing.model.simulated import SimulatedModel
from bot.testing.model.state.behaviour import Behaviour, CloseAt, SendAt, SpeechAt

__all__ = ["Behaviour", "CloseAt", "Memory", "SendAt", "SimulatedModel", "SpeechAt"]
