"""From the first ring to the last callback: how a call is answered, or not, and how it ends."""

from __future__ import annotations

import asyncio

from bot.testing.twilio.calls.acting import act
from bot.testing.twilio.calls.detection import Asked, detect
from bot.testing.twilio.calls.network import Network
from bot.testing.twilio.calls.person import Refusal
from bot.testing.twilio.calls.simulated_call import SimulatedCall, Status

_STATUS: dict[Refusal, Status] = {
    "busy": "busy",
    "declined": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
}
_SIP = {"completed": "200", "busy": "486", "no-answer": "487", "failed": "404", "canceled": "487"}


async def ring(network: Network, call: SimulatedCall, timeout_s: float) -> bool:
    """Ring the party. True once they answered; else the status says why not. Hung up meanwhile, it is canceled."""
    network.tell_progress(call, "initiated")
    if not call.over:
        call.status = "ringing"
    network.tell_progress(call, "ringing")
    person = call.person
    waits_s = timeout_s if person.answers_after_s is None else person.answers_after_s
    try:
        async with asyncio.timeout(min(waits_s, timeout_s) * network.pace):
            await call.gone.wait()
    except TimeoutError:
        pass
    else:
        call.status = "canceled"
        return False
    if person.answers_after_s is None or person.answers_after_s > timeout_s:
        call.status = "no-answer"
    elif person.refuses:
        call.status = _STATUS[person.refuses]
    else:
        answered(network, call)
        network.tell_progress(call, "answered")
        return True
    return False


def answered(network: Network, call: SimulatedCall) -> None:
    """The call is up: the party begins to do what they do."""
    if call.answered_us is not None:
        return
    call.status = "in-progress"
    call.answered_us = network.now_us()
    network.spawn(_until_gone(network, call), f"acts of {call.sid}")
    call.stir()


async def _until_gone(network: Network, call: SimulatedCall) -> None:
    async with asyncio.TaskGroup() as tasks:
        acting = tasks.create_task(act(network, call))
        await call.gone.wait()
        acting.cancel()


async def finish(network: Network, call: SimulatedCall) -> None:
    """The call is over: its last status, and the callback that tells it."""
    if call.ended_us is not None:
        return
    call.gone.set()
    if not call.over:
        call.status = "completed"
    ended_us = network.now_us()
    lasted_s = network.seconds(call.answered_us, ended_us)
    fields = {"CallDuration": str(lasted_s), "SipResponseCode": _SIP[call.status]}
    if call.answered_us is not None:
        fields["Duration"] = str(-(-lasted_s // 60))
    network.tell_progress(call, "completed", fields)
    await network.all_told(call)
    call.ended_us = ended_us
    call.stir()


async def limit(network: Network, call: SimulatedCall, seconds: float) -> None:
    """End the call after so many seconds."""
    await network.wait(seconds)
    call.hang_up("twilio")


async def detection(network: Network, call: SimulatedCall, asked: Asked, url: str) -> None:
    """Find out who answered. With a `url` that is told there; without, the caller of this waits for it."""
    verdict = detect(call.person, asked)
    began_us = network.now_us()
    if call.person.verdict_after:
        await call.ears.wait_for(call.person.verdict_after, began_us)
    await network.wait(verdict.after_s)
    if call.gone.is_set():
        return
    call.answered_by = verdict.answered_by
    took_ms = round((network.now_us() - began_us) / 1000 / network.pace)
    fields = {"AnsweredBy": verdict.answered_by, "MachineDetectionDuration": str(took_ms)}
    if url:
        await network.notify(call, url, fields)
    else:
        call.own_fields += fields.items()
