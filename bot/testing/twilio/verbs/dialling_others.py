"""<Dial> with <Number> or <Sip>: others ring, and the first who answers is put through (twilio-voice 2.3, 14)."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET  # the type of a parsed document
from contextlib import ExitStack
from dataclasses import dataclass, field

from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.twilio.calls.call_progress import answered, detection, finish, ring
from bot.testing.twilio.calls.detection import Asked
from bot.testing.twilio.calls.ears import Bell
from bot.testing.twilio.calls.simulated_call import Callback, SimulatedCall, Source
from bot.testing.twilio.parameters import is_number, is_reachable
from bot.testing.twilio.verbs.conferencing import confer
from bot.testing.twilio.verbs.follower import Step, Walk, race
from bot.testing.twilio.verbs.speaking import flag, number

MAX_NUMBERS = 10
NOUNS = {
    "Number": frozenset(
        {
            "url",
            "method",
            "sendDigits",
            "statusCallback",
            "statusCallbackEvent",
            "statusCallbackMethod",
            "machineDetection",
            "machineDetectionTimeout",
            "amdStatusCallback",
            "amdStatusCallbackMethod",
        }
    ),
    "Sip": frozenset(
        {
            "url",
            "method",
            "username",
            "password",
            "statusCallback",
            "statusCallbackEvent",
            "statusCallbackMethod",
            "machineDetection",
            "machineDetectionTimeout",
            "amdStatusCallback",
            "amdStatusCallbackMethod",
        }
    ),
    "Conference": frozenset(
        {
            "startConferenceOnEnter",
            "endConferenceOnExit",
            "beep",
            "muted",
            "coach",
            "waitUrl",
            "waitMethod",
            "maxParticipants",
            "participantLabel",
            "statusCallback",
            "statusCallbackEvent",
            "statusCallbackMethod",
            "jitterBufferSize",
        }
    ),
}
"""What can be dialled, with its attributes."""


@dataclass(eq=False)
class _Child:
    """A leg that rings. `accepted`: the whisper is over and they stayed. `left`: it was given another document."""

    call: SimulatedCall
    noun: ET.Element
    accepted: bool = False
    left: bool = False
    done: bool = False
    bell: Bell = field(default_factory=Bell)


async def dial(walk: Walk, verb: ET.Element) -> Step:
    """Ring others, or go into a conference."""
    for noun in verb:
        if noun.tag not in NOUNS:
            raise DialFailed(12200, f"this simulator can't <Dial> a <{noun.tag}>")
        for name in set(noun.keys()) - NOUNS[noun.tag]:
            walk.network.alert(12200, f"<{noun.tag}> has no attribute {name}", walk.call)
    room = verb.find("Conference")
    if room is not None:
        return await confer(walk, verb, room)
    nouns = list(verb) or [_bare(verb)]
    walk.call.dialled += [_number(noun) for noun in nouns]
    fault = _fault(walk, verb, nouns)
    if fault is not None:
        walk.network.alert(fault.code, fault.detail, walk.call)
        return walk.action(verb, ("DialCallStatus", "failed"), ("DialBridged", "false"))
    return await _put_through(walk, verb, nouns)


async def _put_through(walk: Walk, verb: ET.Element, nouns: list[ET.Element]) -> Step:
    call, network = walk.call, walk.network
    bell = Bell()
    children = [_child(walk, verb, noun, bell) for noun in nouns]
    timeout_s = number(verb, "timeout", 30)
    tasks = [network.spawn(_ring(walk, child, timeout_s), f"ringing {child.call.sid}") for child in children]
    on_bridge = flag(verb, "answerOnBridge")
    ringing = ExitStack()
    ringing.enter_context(call.ears.hearing("ringing"))
    winner: _Child | None = None
    bridged_us: int | None = None
    try:
        winner = await race(_first(children, bell), call.gone, None)
        for loser in children:
            if loser is not winner:
                loser.call.hang_up("twilio")
        if winner is not None:
            if not on_bridge:
                ringing.close()
            await race(_settled(winner), call.gone, None)
            if winner.accepted and not call.gone.is_set():
                ringing.close()
                answered(network, call)
                bridged_us = network.now_us()
                await _bridge(walk, verb, winner)
    finally:
        ringing.close()
        for child in children:
            if not child.left:
                child.call.hang_up("twilio")
        await asyncio.gather(*(task for task, child in zip(tasks, children, strict=True) if not child.left))
    told = winner or children[-1]
    status = "completed" if told.call.answered_us is not None else told.call.status
    fields = [
        ("DialCallStatus", status),
        ("DialCallSid", told.call.sid),
        ("DialBridged", "true" if bridged_us is not None else "false"),
    ]
    if told.call.answered_us is not None:
        fields.append(("DialCallDuration", str(network.seconds(told.call.answered_us, network.now_us()))))
    return walk.action(verb, *fields)


async def _bridge(walk: Walk, verb: ET.Element, child: _Child) -> None:
    """Both talk until one leaves, the time is over, or the one who dialled presses a star."""
    call, other = walk.call, child.call
    call.peers, other.peers = lambda: (other,), lambda: (call,)
    call.bridged = other.bridged = True
    call.keys.clear()
    star = flag(verb, "hangupOnStar")
    until_us = walk.network.now_us() + number(verb, "timeLimit", 14_400) * walk.network.pace * 1e6
    call.stir()
    other.stir()
    try:
        while not (child.done or call.gone.is_set() or (star and "*" in call.keys)):
            left_s = (until_us - walk.network.now_us()) / 1e6
            if left_s <= 0:
                return
            await _any_of(left_s, child.bell, call)
    finally:
        call.peers = other.peers = tuple
        call.stir()
        other.stir()


async def _any_of(left_s: float, bell: Bell, call: SimulatedCall) -> None:
    waiting = {asyncio.create_task(bell.wait()), asyncio.create_task(call.ears.bell.wait())}
    gone = asyncio.create_task(call.gone.wait())
    try:
        await asyncio.wait({*waiting, gone}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*waiting, gone):
            task.cancel()
        await asyncio.gather(*waiting, gone, return_exceptions=True)


async def _ring(walk: Walk, child: _Child, timeout_s: float) -> None:
    """One leg from its ring to its end."""
    network, call, follower = walk.network, child.call, walk.follower
    try:
        if await ring(network, call, timeout_s):
            _detect(walk, child)
            child.bell.ring()
            await _whisper(walk, child)
            if not call.gone.is_set() and not call.moved.is_set():
                child.accepted = True
                child.bell.ring()
                await race(call.moved.wait(), call.gone, None)
        source = follower.taken(call)
        if source is not None:
            child.left = child.done = True
            child.bell.ring()
            network.spawn(follower.run(call, source), f"call {call.sid}")
            return
        child.done = True
        child.bell.ring()
        await finish(network, call)
    finally:
        child.done = True
        child.bell.ring()


async def _whisper(walk: Walk, child: _Child) -> None:
    """What the one who answers hears before they are put through: keys, then the document of the noun's url."""
    call = child.call
    digits = child.noun.get("sendDigits")
    if digits:
        call.ears.hear("keys", digits.lower().replace("w", ""))
    url = child.noun.get("url")
    if not url:
        return
    try:
        source = Source(walk.link(url))
        await walk.follower.until_moved(call, walk.follower.walk(call, source, "whisper"))
    except DialFailed as error:
        walk.network.alert(error.code, error.detail, call)
        call.hang_up("twilio")


def _detect(walk: Walk, child: _Child) -> None:
    mode = child.noun.get("machineDetection")
    if mode:
        asked = Asked(mode == "DetectMessageEnd", number(child.noun, "machineDetectionTimeout", 30))
        url = child.noun.get("amdStatusCallback", "")
        if url:
            work = detection(walk.network, child.call, asked, walk.link(url))
            walk.network.spawn(work, f"detection on {child.call.sid}")


async def _first(children: list[_Child], bell: Bell) -> _Child | None:
    """The first who answers; None when nobody does."""
    while True:
        for child in children:
            if child.call.answered_us is not None:
                return child
        if all(child.done for child in children):
            return None
        await bell.wait()


async def _settled(child: _Child) -> None:
    """Wait until the one who answered is there to talk, or is not."""
    while not (child.accepted or child.done):
        await child.bell.wait()


def _child(walk: Walk, verb: ET.Element, noun: ET.Element, bell: Bell) -> _Child:
    parent = walk.call
    caller_id = verb.get("callerId") or parent.from_
    call = walk.network.new_call("outbound-dial", caller_id, _number(noun), parent=parent)
    call.own_fields.append(("ParentCallSid", parent.sid))
    url = noun.get("statusCallback")
    if url:
        events = noun.get("statusCallbackEvent", "completed").split()
        call.callback = Callback(walk.link(url), events)
    return _Child(call, noun, bell=bell)


def _fault(walk: Walk, verb: ET.Element, nouns: list[ET.Element]) -> DialFailed | None:
    """The reason why nobody can be rung; None when they can."""
    if len(nouns) > MAX_NUMBERS:
        return DialFailed(13221, f"<Dial> with {len(nouns)} numbers")
    for noun in nouns:
        number_of = _number(noun)
        good = is_number(number_of) if noun.tag == "Number" else is_reachable(number_of)
        if not good:
            return DialFailed(13224, "<Dial> with an invalid number")
    caller_id = verb.get("callerId")
    call = walk.call
    ours = {*walk.network.numbers, call.from_ if call.direction == "inbound" else call.to, call.from_, call.to}
    if caller_id and all(noun.tag == "Number" for noun in nouns) and caller_id not in ours:
        return DialFailed(13214, "<Dial> with a caller ID that is neither owned, verified, nor the caller's")
    return None


def _bare(verb: ET.Element) -> ET.Element:
    noun = ET.Element("Number")
    noun.text = verb.text
    return noun


def _number(noun: ET.Element) -> str:
    return (noun.text or "").strip()
