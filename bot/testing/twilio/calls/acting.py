"""A person's acts on a call, from the answer on: what they say, press and do."""

from __future__ import annotations

from contextlib import ExitStack

from bot.testing.agent import pattern
from bot.testing.twilio.calls.network import Network
from bot.testing.twilio.calls.person import Act, Beeps, HangsUp, Presses, Speaks
from bot.testing.twilio.calls.simulated_call import SimulatedCall


async def act(network: Network, call: SimulatedCall) -> None:
    """Do everything the person of `call` does, one act after the other."""
    since_us = network.now_us()
    for one in call.person.does:
        await _wait(network, call, one, since_us)
        if isinstance(one, Speaks):
            await speak(network, call, one)
        elif isinstance(one, Presses):
            call.press(one.digits)
        elif isinstance(one, Beeps):
            for peer in call.peers():
                peer.ears.hear("beep")
            _into_stream(call, pattern(int(BEEP_S * 1000), "beep"))
            await network.wait(BEEP_S)
        elif isinstance(one, HangsUp):
            call.hang_up("party")
        since_us = network.now_us()


BEEP_S = 0.4


async def speak(network: Network, call: SimulatedCall, words: Speaks) -> None:
    """Have the party say something: to the stream, to the other legs, to what records."""
    call.spoken.append((network.now_us(), words.text, words.seconds))
    call.speaking += 1
    call.stir()
    in_real_time_s = len(words.audio) / 8000 if call.phone is not None else 0.0
    _into_stream(call, words.audio or pattern(int(words.seconds * network.pace * 1000) + 1, words.text))
    try:
        await _heard_by_whom_it_reaches(call, words.text, max(words.seconds * network.pace, in_real_time_s))
    finally:
        call.speaking -= 1
        call.stir()


async def _heard_by_whom_it_reaches(call: SimulatedCall, text: str, real_s: float) -> None:
    """Let an utterance last; the other legs hear of it what is said while they are connected."""
    until_us = call.now_us() + int(real_s * 1e6)
    hearing: dict[SimulatedCall, ExitStack] = {}
    try:
        while (left_us := until_us - call.now_us()) > 0:
            reached = set(call.peers())
            for peer in reached - hearing.keys():
                hearing[peer] = ExitStack()
                hearing[peer].enter_context(peer.ears.hearing("voice", text))
            for peer in hearing.keys() - reached:
                hearing.pop(peer).close()
            await call.ears.bell.wait(left_us / 1e6)
    finally:
        for stack in hearing.values():
            stack.close()


def _into_stream(call: SimulatedCall, audio: bytes) -> None:
    if call.phone is not None and not call.phone.ended:
        call.phone.say(audio, call.now_us())
        call.stir()


async def _wait(network: Network, call: SimulatedCall, one: Act, since_us: int) -> None:
    if one.after:
        await call.ears.wait_for(one.after, since_us)
    if one.quiet_s:
        await call.ears.wait_for_quiet(since_us, int(one.quiet_s * network.pace * 1e6))
    await network.wait(one.in_s)
