"""The cast of `bot demo` where the extra is installed: the offline agent, and a caller who begins with a recording.

The recording is a person's, reading Dickens; it comes with the recogniser and stays where it is.
"""

from __future__ import annotations

from importlib.resources import files

from bot.audio import mulaw
from bot.audio.riff import read_sound
from bot.models import OFFLINE_AGENT
from bot.offline.offline_server import offline_sessions
from bot.testing.commands.demo import Cast
from bot.testing.handset.callers_of_commands import demo_script
from bot.testing.handset.script import Script

_FROM_S, _TO_S = 1.1, 4.65
_LONGEST_S = 120


def recorded_hello() -> bytes:
    """The words "it was the best of times, it was the worst of times", in mu-law."""
    path = files("moonshine_voice") / "assets" / "two_cities.wav"
    sound = read_sound(str(path), _LONGEST_S)
    pcm = mulaw.to_pcm(sound.samples, width=sound.width, channels=sound.channels)
    first, last = (int(at_s * sound.rate) * 2 for at_s in (_FROM_S, _TO_S))
    return mulaw.encode(mulaw.resample(pcm[first:last], sound.rate))


def _caller() -> Script:
    return demo_script(hello=recorded_hello())


OFFLINE = Cast(
    offline_sessions,
    _caller,
    "A simulated caller rings the real server; behind it the offline agent hears, thinks a little and answers.",
    OFFLINE_AGENT,
)
