"""Tools for testing a phone bot: a simulated phone, Realtime server and Twilio account, recorded calls as tests.

Public: what is exported here stays. Neither `bot.server` nor anything below it imports this. Start at `handset.phone`,
`model.simulated` and `twilio.simulated_twilio`; with `replays` a bad call becomes a test.
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
from bot.testing.twilio.calls.network import Alert, HeardBy, OwnNumber, Webhook
from bot.testing.twilio.calls.person import (
    Beeps,
    HangsUp,
    Person,
    Presses,
    Speaks,
    accepts,
    answers,
    call_screening,
    declines,
    does_not_answer,
    fax,
    is_busy,
    voicemail,
)
from bot.testing.twilio.calls.simulated_call import SimulatedCall
from bot.testing.twilio.mishaps import Mishap
from bot.testing.twilio.rest_desk import Permissions
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from bot.testing.virtual.scheduler import VirtualCall

__all__ = [
    "Alert",
    "Beeps",
    "Behaviour",
    "BotSilent",
    "CloseAt",
    "DialResult",
    "HangUp",
    "HangsUp",
    "Heard",
    "HeardBy",
    "Line",
    "Microphone",
    "Mishap",
    "OwnNumber",
    "Pacing",
    "Permissions",
    "Person",
    "Press",
    "Presses",
    "Reply",
    "Say",
    "Script",
    "ScriptedAgent",
    "SendAt",
    "SimulatedCall",
    "SimulatedModel",
    "SimulatedPhone",
    "SimulatedRealtimeServer",
    "SimulatedResponsesServer",
    "SimulatedTwilio",
    "SlowLine",
    "Speaks",
    "SpeechAt",
    "Spoken",
    "Step",
    "StreamIds",
    "ToolCall",
    "Turn",
    "VirtualCall",
    "Webhook",
    "accepts",
    "answers",
    "assert_replays",
    "call_screening",
    "declines",
    "dial",
    "does_not_answer",
    "fax",
    "is_busy",
    "new_call_sid",
    "new_stream_sid",
    "padded",
    "pattern",
    "voicemail",
]
