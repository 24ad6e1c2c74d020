"""<Say>, <Play>, <Pause>, and the verbs that end a call or lead elsewhere: <Redirect>, <Hangup>, <Reject>."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # the type of a parsed document

from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.twilio.calls.simulated_call import Source
from bot.testing.twilio.verbs.follower import End, Step, Walk

PLAY_S = 3.0
"""Seconds that every file lasts: none is fetched."""
KEY_S, KEY_PAUSE_S = 0.2, 0.5


async def say(walk: Walk, verb: ET.Element) -> Step:
    """A voice says the text, as often as `loop` says; 0 is for ever."""
    text = "".join(verb.itertext()).strip()
    times = number(verb, "loop", 1)
    walk.call.said.append(text)
    while True:
        with walk.call.ears.hearing("say", text):
            await walk.network.wait(walk.network.word_s * len(text.split()))
        times -= 1
        if times == 0:
            return None


async def play(walk: Walk, verb: ET.Element) -> Step:
    """A file, or the tones of keys, in which each w is half a second."""
    digits = verb.get("digits")
    if digits is not None:
        if not digits or not set(digits) <= set("0123456789*#wW"):
            raise DialFailed(13410, f"<Play digits> of {digits!r}")
        pauses = digits.lower().count("w")
        keys = digits.lower().replace("w", "")
        await walk.network.wait(KEY_PAUSE_S * (len(digits) - len(digits.lower().lstrip("w"))))
        with walk.call.ears.hearing("keys", keys):
            await walk.network.wait(KEY_S * len(keys) + KEY_PAUSE_S * max(0, pauses - 1))
        return None
    url = (verb.text or "").strip()
    if not url:
        raise DialFailed(13420, "<Play> without a file or digits")
    times = number(verb, "loop", 1)
    while True:
        with walk.call.ears.hearing("play", walk.link(url)):
            await walk.network.wait(PLAY_S)
        times -= 1
        if times == 0:
            return None


async def pause(walk: Walk, verb: ET.Element) -> Step:
    """Silence."""
    await walk.network.wait(number(verb, "length", 1))
    return None


async def redirect(walk: Walk, verb: ET.Element) -> Step:
    """Another document takes over."""
    return Source(walk.link((verb.text or "").strip()))


async def hang_up(walk: Walk, _verb: ET.Element) -> Step:
    """The end of the call."""
    walk.call.hang_up("bot")
    return End("hangup")


async def reject(walk: Walk, verb: ET.Element) -> Step:
    """A call that is refused before it is answered: a busy tone, or a sentence that the number is not in service."""
    busy = verb.get("reason", "rejected") == "busy"
    if walk.call.answered_us is None:
        walk.call.status = "busy" if busy else "no-answer"
        walk.call.ears.hear("busy tone" if busy else "not in service")
    walk.call.hang_up("bot")
    return End("reject")


def number(verb: ET.Element, name: str, default: int) -> int:
    """A whole number in an attribute. Raises DialFailed."""
    text = verb.get(name, str(default))
    if not (text.isascii() and text.isdecimal()):
        raise DialFailed(12200, f"a <{verb.tag}> of {name} {text!r}")
    return int(text)


def flag(verb: ET.Element, name: str, *, default: bool = False) -> bool:
    """A yes or no in an attribute."""
    return verb.get(name, str(default)).lower() == "true"
