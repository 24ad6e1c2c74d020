"""Faults of an operator's page that has a call: it speaks from 5 s until 7 s."""

from __future__ import annotations

import base64

from bot.call.inputs import HandBack, ModelClosed, Note, OperatorAudio, TakeOver
from bot.testing.model import Behaviour
from tests.faults.outcome import tone
from tests.faults.virtual import Plan

VOICE = OperatorAudio(base64.b64encode(tone(20, 80)).decode())
ONCE = ((3_000, 600),)
HAS: tuple[tuple[int, Note], ...] = ((5_000, TakeOver("Ada")), *((at_ms, VOICE) for at_ms in range(5_000, 7_000, 20)))
STANDS_STILL = "a page may stand still for 2 s"

PLANS: dict[str, Plan] = {
    "an operator hands the call back": Plan(7_060, speech=ONCE, notes=(*HAS, (7_000, HandBack()))),
    "an operator's page is closed": Plan(7_060, speech=ONCE, notes=(*HAS, (7_000, HandBack("left")))),
    "an operator's page is lost": Plan(7_060, speech=ONCE, notes=HAS, apart=STANDS_STILL),
    "close 1006 while an operator speaks": Plan(
        7_060,
        sessions=(Behaviour(),) * 2,
        n_sessions=2,
        speech=ONCE,
        notes=(*HAS[:51], (6_000, ModelClosed("closed", 1006)), *HAS[51:], (7_000, HandBack())),
    ),
}
