"""Answering machine detection: what is found, and when (twilio-voice 7.3)."""

from __future__ import annotations

from typing import NamedTuple

from bot.testing.twilio.calls.person import Beeps, Person, Speaks

SPEECH_S, SPEECH_END_S, SILENCE_S = 2.4, 1.2, 5.0
"""Twilio's defaults: longer speech is a machine's, silence that ends it, silence from the start that says nothing."""
FAX_S = 1.5


class Verdict(NamedTuple):
    """Value of `AnsweredBy`, and the seconds after the answer at which it is known."""

    answered_by: str
    after_s: float


class Asked(NamedTuple):
    """The wish for detection. `to_the_end`: DetectMessageEnd."""

    to_the_end: bool = False
    timeout_s: float = 30.0
    speech_s: float = SPEECH_S
    speech_end_s: float = SPEECH_END_S
    silence_s: float = SILENCE_S


def detect(person: Person, asked: Asked) -> Verdict:
    """The verdict on `person`. Nobody who says nothing is told apart; a machine may be known only at its tone."""
    found = _found(person, asked)
    verdict = Verdict(
        person.verdict or found.answered_by,
        found.after_s if person.verdict_after_s is None else person.verdict_after_s,
    )
    return verdict if verdict.after_s <= asked.timeout_s else Verdict("unknown", asked.timeout_s)


def _found(person: Person, asked: Asked) -> Verdict:
    spoken = [one for one in person.does if isinstance(one, Speaks)]
    if person.is_a == "fax":
        return Verdict("fax", FAX_S)
    if not spoken or spoken[0].after or spoken[0].in_s > asked.silence_s:
        return Verdict("unknown", asked.silence_s)
    began_s, first_s = spoken[0].in_s, spoken[0].seconds
    if person.is_a == "human":
        return Verdict("human", began_s + min(first_s, asked.speech_s) + asked.speech_end_s)
    if not asked.to_the_end:
        return Verdict("machine_start", began_s + asked.speech_s)
    ended_s = began_s + first_s
    tone = next((one for one in person.does if isinstance(one, Beeps)), None)
    if tone is not None:
        return Verdict("machine_end_beep", ended_s + tone.in_s)
    return Verdict("machine_end_silence", ended_s + asked.speech_end_s)
