"""Every verb the simulated Twilio knows, with the attributes it may have (twilio-voice 2)."""

from __future__ import annotations

from collections.abc import Mapping

from bot.testing.twilio.verbs import connecting, dialling_others, listening, speaking
from bot.testing.twilio.verbs.follower import VerbRule

VERBS: Mapping[str, VerbRule] = {
    "Say": VerbRule(speaking.say, frozenset({"voice", "language", "loop"}), in_whisper=True, in_music=True),
    "Play": VerbRule(speaking.play, frozenset({"loop", "digits"}), in_whisper=True, in_music=True),
    "Pause": VerbRule(speaking.pause, frozenset({"length"}), in_whisper=True, in_music=True),
    "Redirect": VerbRule(speaking.redirect, frozenset({"method"}), in_whisper=True, in_music=True),
    "Hangup": VerbRule(speaking.hang_up, frozenset(), in_whisper=True),
    "Reject": VerbRule(speaking.reject, frozenset({"reason"})),
    "Gather": VerbRule(
        listening.gather,
        frozenset({"input", "numDigits", "timeout", "finishOnKey", "action", "method", "actionOnEmptyResult"}),
        in_whisper=True,
    ),
    "Record": VerbRule(
        listening.record,
        frozenset({"action", "method", "timeout", "finishOnKey", "maxLength", "playBeep", "transcribe", "trim"}),
        to_its_end=True,
    ),
    "Connect": VerbRule(connecting.connect, frozenset({"action", "method"}), to_its_end=True),
    "Dial": VerbRule(
        dialling_others.dial,
        frozenset({"action", "method", "timeout", "timeLimit", "callerId", "answerOnBridge", "hangupOnStar", "record"}),
        to_its_end=True,
    ),
}
