"""<Dial><Conference>: the party waits with music, talks, is held, is told things, until they or all leave."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET  # the type of a parsed document

from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.twilio.calls.conference import Conference, Mode, Participant
from bot.testing.twilio.calls.simulated_call import SimulatedCall, Source
from bot.testing.twilio.verbs.follower import Follower, Step, Walk, race
from bot.testing.twilio.verbs.speaking import flag, number

BEEPS = ("true", "false", "onEnter", "onExit")


async def confer(walk: Walk, verb: ET.Element, noun: ET.Element) -> Step:
    """Into the conference, and out of it again."""
    call, network = walk.call, walk.network
    name = (noun.text or "").strip()
    if not 0 < len(name) <= 128:
        raise DialFailed(13253, "<Conference> without a name, or with too long a one")
    if noun.get("beep", "true") not in BEEPS:
        raise DialFailed(12200, f"<Conference> of beep {noun.get('beep')!r}")
    room = walk.follower.room(name)
    if len(room.participants) >= min(room.max_participants, number(noun, "maxParticipants", 250)):
        network.alert(13237, "the conference is full", call)
        return walk.action(verb, ("DialCallStatus", "failed"), ("DialBridged", "false"))
    url = noun.get("statusCallback")
    room.watch(walk.link(url) if url else "", noun.get("statusCallbackEvent", "start end").split())
    wait_url = noun.get("waitUrl")
    participant = Participant(
        call,
        label=noun.get("participantLabel", ""),
        muted=flag(noun, "muted"),
        wait_url=walk.link(wait_url) if wait_url else wait_url,
        beep=noun.get("beep", "true"),
        start_on_enter=flag(noun, "startConferenceOnEnter", default=True),
        end_on_exit=flag(noun, "endConferenceOnExit"),
        coached=noun.get("coach", ""),
    )
    joined_us = network.now_us()
    room.join(participant)
    try:
        await race(_stay(walk, room, participant), call.gone, None)
    finally:
        room.leave(participant)
    seconds = str(network.seconds(joined_us, network.now_us()))
    if participant.kicked and not verb.get("action"):
        call.hang_up("twilio")
    return walk.action(verb, ("DialCallStatus", "answered"), ("DialCallDuration", seconds), ("DialBridged", "true"))


async def _stay(walk: Walk, room: Conference, participant: Participant) -> None:
    """Hear what belongs to the state one is in, until one is out."""
    while not participant.out.is_set():
        mode = room.mode(participant)
        playing = asyncio.create_task(_hear(walk.follower, participant, mode))
        try:
            while not participant.out.is_set() and room.mode(participant) == mode:
                await participant.bell.wait()
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)


async def _hear(follower: Follower, participant: Participant, mode: Mode) -> None:
    """Music while waiting or on hold; while talking the others are heard."""
    if mode == "talking":
        return
    url = participant.wait_url if mode == "waiting" else participant.hold_url or None
    if url == "":
        return
    if url is None:
        with participant.call.ears.hearing("music", "hold music"):
            await asyncio.Event().wait()
    while await play_document(follower, participant.call, url or ""):
        pass


async def play_document(follower: Follower, call: SimulatedCall, url: str) -> bool:
    """Play the document at `url` to one leg, once. False when it can't be played."""
    before = follower.network.now_us()
    try:
        await follower.walk(call, Source(url), "music")
    except DialFailed as error:
        follower.network.alert(error.code, error.detail, call)
        return False
    return follower.network.now_us() - before > MIN_MUSIC_US


MIN_MUSIC_US = 1000
"""A document that takes no time at all would be asked for again and again."""
