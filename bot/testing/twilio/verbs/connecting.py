"""<Connect><Stream>: the party's call goes over a media stream to the bot (twilio-voice 2.1)."""

from __future__ import annotations

import secrets
import xml.etree.ElementTree as ET  # the type of a parsed document
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urljoin

from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.dialling.stream_socket import StreamFailed, run_stream
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.twilio.calls.simulated_call import StreamLeg
from bot.testing.twilio.verbs.follower import Step, Walk, race

MAX_PARAMETER_CHARS = 500


def new_stream_sid() -> str:
    """A stream SID no other stream has."""
    return "MZ" + secrets.token_hex(16)


async def connect(walk: Walk, verb: ET.Element) -> Step:
    """A stream, until either side ends it. One that never starts leads to the next verb."""
    stream = verb.find("Stream")
    if stream is None or not stream.get("url"):
        raise DialFailed(12200, "<Connect> without <Stream url>")
    call, network = walk.call, walk.network
    leg = StreamLeg(_phone(walk))
    call.legs.append(leg)
    call.ears.phones.append(leg.phone)
    leg.url = _joined(walk.url, stream.get("url", ""))
    name = stream.get("name") or leg.phone.ids.stream_sid
    try:
        await race(_run(walk, leg, stream, name), call.gone, None)
    except StreamFailed as error:
        leg.failure, leg.status, leg.error = str(error), error.status, error
        network.alert(error.code, str(error), call)
        await _tell(walk, stream, name, "stream-error", str(error))
        return None
    finally:
        call.phone, call.wake = None, None
        leg.closed_us = network.now_us()
    if leg.phone.ended_by == "phone":
        call.hung_up_by = call.hung_up_by or "party"
        call.gone.set()
    if leg.phone.ended_by == "bot":
        network.alert(31921, "the bot closed the stream", call)
    await _tell(walk, stream, name, "stream-stopped")
    return walk.action(verb)


async def _run(walk: Walk, leg: StreamLeg, stream: ET.Element, name: str) -> None:
    call, parameters = walk.call, _parameters(stream)

    def watch(wake: Callable[[], None]) -> Callable[[], None]:
        call.phone, call.wake = leg.phone, wake
        walk.network.spawn(_tell(walk, stream, name, "stream-started"), "stream-started")
        call.ears.bell.ring()
        return call.ears.bell.ring

    leg.close_code = await run_stream(
        leg.phone,
        walk.network.caller(call),
        leg.url,
        parameters,
        walk.network.now_us,
        signing=walk.network.signing,
        watch=watch,
    )


def _joined(document: str, target: str) -> str:
    try:
        return urljoin(document.replace("http", "ws", 1), target)
    except ValueError:
        raise DialFailed(11100, "what the document leads to is no URL") from None


def _phone(walk: Walk) -> SimulatedPhone:
    if walk.follower.phones is not None:
        phone = next(walk.follower.phones, None)
        if phone is None:
            raise DialFailed(0, "one more <Connect> than there are phones")
        return phone
    ids = StreamIds(walk.network.account_sid, walk.call.sid, new_stream_sid())
    make = walk.call.person.phones or SimulatedPhone
    return make(ids)


def _parameters(stream: ET.Element) -> dict[str, str]:
    found = {each.get("name", ""): each.get("value", "") for each in stream.iter("Parameter")}
    for name, value in found.items():
        if len(name) + len(value) >= MAX_PARAMETER_CHARS:
            raise DialFailed(12200, f"the parameter {name} has {len(name) + len(value)} characters with its name")
    return found


async def _tell(walk: Walk, stream: ET.Element, name: str, event: str, error: str = "") -> None:
    """Send the stream's status callback, if it has one."""
    url = stream.get("statusCallback")
    if not url:
        return
    fields = {"StreamSid": walk.call.legs[-1].phone.ids.stream_sid, "StreamName": name, "StreamEvent": event}
    fields |= {"Timestamp": datetime.now(UTC).isoformat()} | ({"StreamError": error} if error else {})
    await walk.network.notify(walk.call, walk.link(url), fields)
