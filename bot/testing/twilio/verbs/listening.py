"""<Gather> and <Record>: the verbs that wait for the party's keys and words."""

from __future__ import annotations

import secrets
import xml.etree.ElementTree as ET  # the type of a parsed document

from bot.testing.twilio.calls.simulated_call import Recording, SimulatedCall, Source
from bot.testing.twilio.verbs.follower import Step, Walk, race
from bot.testing.twilio.verbs.speaking import flag, number


async def gather(walk: Walk, verb: ET.Element) -> Step:
    """Keys, up to `numDigits`, `finishOnKey` or a pause of `timeout`. A key cuts what is being said."""
    call = walk.call
    call.keys.clear()
    finish_on = verb.get("finishOnKey", "#")
    wanted = number(verb, "numDigits", 0)
    typed = _Typed(call, finish_on, wanted)
    for prompt in verb:
        await race(walk.follower.perform_one(walk, prompt), call.gone, None) if not typed.begun else None
        typed.take()
    timeout_s = number(verb, "timeout", 5) * walk.network.pace
    while not typed.finished and await call.ears.bell.wait(timeout_s):
        typed.take()
    if not typed.digits and not flag(verb, "actionOnEmptyResult"):
        return None
    fields = [("Digits", typed.digits), *([("FinishedOnKey", finish_on)] if typed.ended_by_key else [])]
    return walk.action(verb, *fields) or Source(walk.url, fields=tuple(fields))


class _Typed:
    """Keys typed so far, and if that is all."""

    def __init__(self, call: SimulatedCall, finish_on: str, wanted: int) -> None:
        self.digits = ""
        self.ended_by_key = False
        self._call = call
        self._finish_on = finish_on
        self._wanted = wanted

    @property
    def begun(self) -> bool:
        return bool(self.digits) or self.ended_by_key

    @property
    def finished(self) -> bool:
        return self.ended_by_key or (self._wanted > 0 and len(self.digits) >= self._wanted)

    def take(self) -> None:
        while self._call.keys and not self.finished:
            key = self._call.keys.popleft()
            if key in self._finish_on:
                self.ended_by_key = True
            else:
                self.digits += key


async def record(walk: Walk, verb: ET.Element) -> Step:
    """A message: after the tone, until a key, silence of `timeout`, `maxLength` or the party's leaving."""
    call, network = walk.call, walk.network
    n_before = len(call.spoken)
    if flag(verb, "playBeep", default=True):
        with call.ears.hearing("beep"):
            await race(network.wait(0.4), call.gone, None)
    call.keys.clear()
    began_us = network.now_us()
    pause_us = number(verb, "timeout", 5) * network.pace * 1e6
    until_us = began_us + number(verb, "maxLength", 3600) * network.pace * 1e6
    quiet_from_us = began_us
    digit = ""
    while not call.gone.is_set() and not digit:
        now_us = network.now_us()
        if call.speaking:
            quiet_from_us = now_us
        due_us = min(until_us, until_us if call.speaking else quiet_from_us + pause_us)
        if now_us >= due_us:
            break
        was_speaking = call.speaking
        await call.ears.bell.wait((due_us - now_us) / 1e6)
        if was_speaking:
            quiet_from_us = network.now_us()
        digit = next((key for key in call.keys if key in verb.get("finishOnKey", "1234567890*#")), "")
    spoken = call.spoken[n_before:]
    if not spoken:
        return None
    seconds = max(1, round(sum(seconds for _, _, seconds in spoken)))
    recording = Recording("RE" + secrets.token_hex(16), seconds, tuple(text for _, text, _ in spoken))
    call.recordings.append(recording)
    url = f"https://api.twilio.com/2010-04-01/Accounts/{network.account_sid}/Recordings/{recording.sid}"
    fields = [
        ("RecordingUrl", url),
        ("RecordingSid", recording.sid),
        ("RecordingDuration", str(seconds)),
        ("Digits", "hangup" if call.gone.is_set() else digit),
    ]
    return walk.action(verb, *fields) or Source(walk.url, fields=tuple(fields))
