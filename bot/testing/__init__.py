"""Tools for testing a phone bot: a simulated phone, a simulated Realtime server, recorded calls as tests.

Public: what is exported here stays. Neither `bot.server` nor anything below it imports this. Start at `handset.phone`
and `model.simulated`; with `replays` a bad call becomes a test.
"""

from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, ToolCall, Turn, padded, pattern
from bot.testing.dialling.dial import DialResult, dial, new_call_sid, new_stream_sid
from bot.testing.handset.microphone import Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import BotSilent, HangUp, Heard, Press, Say, Script, Step
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import Behaviour, CloseAt, SendAt, SimulatedModel, SpeechAt
from bot.testing.model.responses_server import SimulatedResponsesServer
from bot.testing.model.server import SimulatedRealtimeServer
from bot.testing.network.line import Line
from bot.testing.network.slow_line import SlowLine
from bot.testing.replays import assert_replays
from bot.testing.virtual.scheduler import VirtualCall

__all__ = [
    "Behaviour",
    "BotSilent",
    "CloseAt",
    "DialResult",
    "HangUp",
    "Heard",
    "Line",
    "Microphone",
    "Pacing",
    "Press",
    "Reply",
    "Say",
    "Script",
    "ScriptedAgent",
    "SendAt",
    "SimulatedModel",
    "SimulatedPhone",
    "SimulatedRealtimeServer",
    "SimulatedResponsesServer",
    "SlowLine",
    "SpeechAt",
    "Spoken",
    "Step",
    "StreamIds",
    "ToolCall",
    "Turn",
    "VirtualCall",
    "assert_replays",
    "dial",
    "new_call_sid",
    "new_stream_sid",
    "padded",
    "pattern",
]
