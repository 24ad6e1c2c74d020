"""A call whose answer breaks off in the middle, while its session says other things: a filler, its end, and a second
try. In virtual time.
"""

from __future__ import annotations

import base64

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.testing.agent import Failure, Pacing, Reply, ScriptedAgent, Spoken
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SendAt, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall
from tests.proof.goodbyes import GREETING, tone

MS = 1_000
PACING = Pacing(speed=4)
LIMITS = '{"type":"rate_limits.updated","event_id":"e1","rate_limits":[]}'
QUESTION = SpeechAt(3_000 * MS, 3_400 * MS)


def run() -> VirtualCall:
    """The caller hears half an answer, a filler, and the answer from its beginning, and hangs up."""
    settings = CallSettings(
        greeting="Hello.",
        filler_audio=base64.b64encode(tone(800, 8)).decode(),
        apology_audio=base64.b64encode(tone(1_600, 9)).decode(),
    )
    answer = Spoken(tone(4_000, 2), "The workshop opens at nine and closes at five.")
    broken = Reply((answer,), pacing=PACING, failure=Failure("stalls", 1_500))
    model = SimulatedModel(
        ScriptedAgent([GREETING, broken, Reply((answer,), pacing=PACING)]),
        Behaviour(sends=tuple(SendAt(ms * MS, LIMITS) for ms in (8_000, 12_000))),
        speech=(QUESTION,),
        check=check_client_event,
        keep_heard=False,
    )
    phone = SimulatedPhone(frames=False)
    phone.hang_up(22_000 * MS)
    call = VirtualCall(Call(settings), phone, model, out_line=Line(40 * MS), in_line=Line(40 * MS))
    call.run()
    assert not phone.violations, phone.violations
    assert not model.violations, model.violations
    return call
