"""Faults of calls that we make, in virtual time: verdicts that are wrong, late or missing, and who answers all the same."""

from __future__ import annotations

from bot.call.inputs import AnswerVerdict, BeepHeard
from bot.call.settings import Outgoing
from bot.testing.model import Behaviour
from tests.faults.virtual import Plan

LEAVES = Outgoing(name="Acme", message="Please call back.")
VOICEMAIL = "You have reached Jane. Leave a message after the beep."
SCREENING = "Please say your name and why you are calling."


def said(*words: str, after_ms: int = 500) -> tuple[Behaviour, ...]:
    """Words that are written down of what the callee says, so long after each turn."""
    return (Behaviour(caller_words=words, transcription_after_ms=after_ms),)


BEEP = BeepHeard(1_000, 300)
PLANS: dict[str, Plan] = {
    "no verdict comes on who answered": Plan(1_800, said("Hello?"), speech=((600, 600),), hang_up=6_000, outgoing=LEAVES),
    "a voicemail is taken for a person by Twilio": Plan(
        4_600, said(VOICEMAIL), speech=((600, 3_000),), outgoing=LEAVES, ended="bot_hung_up",
        notes=((4_150, AnswerVerdict("human")), (4_600, BEEP)),
    ),
    "a voicemail whose words come late": Plan(
        4_600, said(VOICEMAIL, after_ms=1_400), speech=((600, 3_000),), outgoing=LEAVES, ended="bot_hung_up",
        notes=((4_600, BEEP), (4_700, AnswerVerdict("machine_end_beep"))),
    ),
    "a call screening is taken for a voicemail by Twilio": Plan(
        4_600, said(SCREENING, "Hi, Jane here."), speech=((600, 3_000), (9_000, 600)), hang_up=15_000, outgoing=LEAVES,
        notes=((4_700, AnswerVerdict("machine_end_silence")),),
    ),
}  # fmt: skip
