"""What the REST API does with a request that is well-formed: it checks it against the account, and acts."""

from __future__ import annotations

import secrets
import xml.etree.ElementTree as ET  # written here, not parsed
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.testing.twilio.calls.call_progress import detection, finish, limit, ring
from bot.testing.twilio.calls.conference import Conference
from bot.testing.twilio.calls.detection import Asked
from bot.testing.twilio.calls.network import Network
from bot.testing.twilio.calls.simulated_call import Callback, SimulatedCall, Source
from bot.testing.twilio.parameters import Given, is_number
from bot.testing.twilio.resources import Json, call_json, conference_json, conferences_json, participant_json
from bot.testing.twilio.rest_refusal import Refused
from bot.testing.twilio.verbs.conferencing import play_document
from bot.testing.twilio.verbs.follower import Follower, race

RING_S = 60
"""Seconds a call rings unless its Timeout says otherwise."""


@dataclass(frozen=True)
class Message:
    """A text message that was sent."""

    sid: str
    to: str
    from_: str
    body: str


@dataclass
class Permissions:
    """What the account may do. `verified` None: it is no trial account, and calls whom it likes."""

    verified: frozenset[str] | None = None
    forbidden_prefixes: tuple[str, ...] = ()
    unsubscribed: frozenset[str] = frozenset()


@dataclass
class RestDesk:
    """The operations of the API on one account. `asked` names every operation that was asked for."""

    network: Network
    follower: Follower
    permissions: Permissions = field(default_factory=Permissions)
    messages: list[Message] = field(default_factory=list)

    # ---- calls -------------------------------------------------------------------------------------------------------

    async def create_call(self, given: Given) -> Json:
        url, twiml = given.one("Url"), given.one("Twiml")
        if not url and not twiml:
            raise Refused(400, 21205, "neither Url nor Twiml")
        self._may_call(given)
        call = self._placed(given)
        call.fallback_url = given.one("FallbackUrl")
        source = Source(url) if url else Source(twiml=twiml)
        asynchronous = given.flag("AsyncAmd")
        callback = given.one("AsyncAmdStatusCallback") if asynchronous else ""
        if asynchronous and given.one("MachineDetection") and not callback:
            self.network.alert(21262, "AsyncAmd without AsyncAmdStatusCallback", call)
        blocking = bool(given.one("MachineDetection")) and not asynchronous
        self._spawn(call, given, source, callback, blocking=blocking)
        return self._call_json(call)

    async def update_call(self, sid: str, given: Given) -> Json:
        call = self._call(sid)
        url, twiml, status = given.one("Url"), given.one("Twiml"), given.one("Status")
        if url and twiml:
            raise Refused(400, 20001, "Url and Twiml are mutually exclusive")
        if status and call.over:
            raise Refused(404, 20404)
        if (url or twiml) and (call.status != "in-progress" or call.gone.is_set()):
            raise Refused(400, 21220)
        if status == "canceled" and call.answered_us is not None:
            raise Refused(400, 21220)
        if given.one("StatusCallback"):
            call.callback = Callback(given.one("StatusCallback"))
        if given.one("TimeLimit"):
            work = limit(self.network, call, given.number("TimeLimit", 0))
            self.network.spawn(work, f"time limit of {call.sid}")
        if status:
            call.hang_up("twilio")
        elif url or twiml:
            call.give(Source(url) if url else Source(twiml=twiml, base=call.last_url))
        return self._call_json(call)

    async def fetch_call(self, sid: str, _given: Given) -> Json:
        return self._call_json(self._call(sid))

    # ---- messages ----------------------------------------------------------------------------------------------------

    async def create_message(self, given: Given) -> Json:
        to, from_ = given.one("To"), given.one("From")
        if not from_ and not given.one("MessagingServiceSid"):
            raise Refused(400, 21603)
        if not is_number(to):
            raise Refused(400, 21211)
        if from_ and from_ not in self.network.numbers:
            raise Refused(400, 21606)
        if to in self.permissions.unsubscribed:
            raise Refused(400, 21610)
        message = Message("SM" + secrets.token_hex(16), to, from_, given.one("Body"))
        self.messages.append(message)
        return {
            "sid": message.sid,
            "account_sid": self.network.account_sid,
            "to": to,
            "from": from_ or None,
            "body": message.body,
            "status": "queued" if from_ else "accepted",
            "error_code": None,
            "direction": "outbound-api",
        }

    # ---- conferences -------------------------------------------------------------------------------------------------

    async def list_conferences(self, given: Given) -> Json:
        wanted, name = given.one("Status", "in-progress"), given.one("FriendlyName")
        rooms = [room for room in self.follower.rooms.values() if room.status == wanted and name in ("", room.name)]
        return conferences_json(self.network.account_sid, rooms)

    async def fetch_conference(self, sid: str, _given: Given) -> Json:
        return conference_json(self.network.account_sid, self._room(sid))

    async def update_conference(self, sid: str, given: Given) -> Json:
        room = self._room(sid)
        if room.status == "completed":
            raise Refused(404, 20404)
        if given.one("Status"):
            room.end("conference-ended-via-api")
        for participant in room.participants if given.one("AnnounceUrl") else ():
            self._announce(participant.call, given)
        return conference_json(self.network.account_sid, room)

    async def create_participant(self, conference: str, given: Given) -> Json:
        self._may_call(given)
        by_sid = self.follower.rooms.get(conference)
        if by_sid is not None and by_sid.status == "completed":
            raise Refused(404, 20404)
        room = by_sid or self.follower.room(conference)
        call = self._placed(given)
        room.expected.append(call)
        room.watch(given.one("ConferenceStatusCallback"), given.get("ConferenceStatusCallbackEvent", ["start", "end"]))
        source = Source(twiml=_document(room.name, given))
        self._spawn(call, given, source, given.one("AmdStatusCallback"), unanswered=lambda: _missed(room, call))
        return participant_json(self.network.account_sid, room, call, None)

    async def fetch_participant(self, conference: str, call: str, _given: Given) -> Json:
        room = self._room(conference)
        found = room.find(call)
        if found is not None:
            return participant_json(self.network.account_sid, room, found.call, found)
        ringing = next((one for one in room.expected if one.sid == call), None)
        if ringing is None:
            raise Refused(404, 20404)
        return participant_json(self.network.account_sid, room, ringing, None)

    async def update_participant(self, conference: str, call: str, given: Given) -> Json:
        room = self._room(conference)
        participant = room.find(call)
        if participant is None:
            raise Refused(404, 20404)
        was = {"muted": participant.muted, "hold": participant.hold}
        participant.muted = given.flag("Muted", default=participant.muted)
        participant.hold = given.flag("Hold", default=participant.hold)
        participant.hold_url = given.one("HoldUrl", participant.hold_url)
        participant.end_on_exit = given.flag("EndConferenceOnExit", default=participant.end_on_exit)
        if "Coaching" in given or "CallSidToCoach" in given:
            coaches = given.flag("Coaching", default=True)
            participant.coached = given.one("CallSidToCoach", participant.coached) if coaches else ""
        if given.one("AnnounceUrl"):
            self._announce(participant.call, given)
        room.changed(participant, **was)
        return participant_json(self.network.account_sid, room, participant.call, participant)

    async def remove_participant(self, conference: str, call: str, _given: Given) -> Json:
        room = self._room(conference)
        participant = room.find(call)
        ringing = next((one for one in room.expected if one.sid == call), None)
        if participant is not None:
            participant.kicked = True
            participant.out.set()
            participant.bell.ring()
        elif ringing is not None:
            ringing.hang_up("twilio")
        else:
            raise Refused(404, 20404)
        return {}

    # ---- how it is done ----------------------------------------------------------------------------------------------

    def _placed(self, given: Given) -> SimulatedCall:
        call = self.network.new_call("outbound-api", given.one("CallerId") or given.one("From"), given.one("To"))
        if given.one("StatusCallback"):
            call.callback = Callback(given.one("StatusCallback"), given.get("StatusCallbackEvent", ["completed"]))
        return call

    def _spawn(
        self,
        call: SimulatedCall,
        given: Given,
        source: Source,
        callback: str,
        *,
        blocking: bool = False,
        unanswered: Callable[[], None] = lambda: None,
    ) -> None:
        """Ring, find out who answers, and follow `source`. `blocking`: what is found out comes first."""
        network = self.network

        async def go() -> None:
            if not await ring(network, call, given.number("Timeout", RING_S)):
                unanswered()
                await finish(network, call)
                return
            if given.one("TimeLimit"):
                network.spawn(limit(network, call, given.number("TimeLimit", 0)), f"time limit of {call.sid}")
            if given.one("SendDigits"):
                call.ears.hear("keys", given.one("SendDigits").lower().replace("w", ""))
            elif given.one("MachineDetection") and (blocking or callback):
                detecting = detection(network, call, _asked(given), callback)
                if blocking:
                    await race(detecting, call.gone, None)
                else:
                    network.spawn(detecting, f"detection on {call.sid}")
            await self.follower.run(call, self.follower.taken(call) or source)
            unanswered()

        network.spawn(go(), f"call {call.sid}")

    def _may_call(self, given: Given) -> None:
        to, from_ = given.one("To"), given.one("CallerId") or given.one("From")
        if is_number(to) and from_ not in self.network.numbers and not self._forwarded(from_, given.one("CallToken")):
            raise Refused(400, 21210)
        if to.startswith(self.permissions.forbidden_prefixes or ("never",)):
            raise Refused(400, 21215)
        if self.permissions.verified is not None and to not in self.permissions.verified:
            raise Refused(400, 21219)

    def _forwarded(self, from_: str, token: str) -> bool:
        """True when `token` is that of a live call from the number. Raises Refused for one that is of no such call."""
        if not token:
            return False
        of = [call for call in self.network.calls.values() if call.token == token]
        if not of or of[0].from_ != from_ or of[0].over:
            raise Refused(400, 21212, "the CallToken is not of a call from that number")
        return True

    def _announce(self, call: SimulatedCall, given: Given) -> None:
        work = race(play_document(self.follower, call, given.one("AnnounceUrl")), call.gone, False)
        self.network.spawn(work, f"announcement to {call.sid}")

    def _call(self, sid: str) -> SimulatedCall:
        if sid not in self.network.calls:
            raise Refused(404, 20404)
        return self.network.calls[sid]

    def _room(self, sid: str) -> Conference:
        if sid not in self.follower.rooms:
            raise Refused(404, 20404)
        return self.follower.rooms[sid]

    def _call_json(self, call: SimulatedCall) -> Json:
        return call_json(self.network.account_sid, call, self.network.seconds(call.answered_us, call.ended_us))


def _asked(given: Given) -> Asked:
    plain = Asked()
    return Asked(
        given.one("MachineDetection") == "DetectMessageEnd",
        given.number("MachineDetectionTimeout", int(plain.timeout_s)),
        given.number("MachineDetectionSpeechThreshold", int(plain.speech_s * 1000)) / 1000,
        given.number("MachineDetectionSpeechEndThreshold", int(plain.speech_end_s * 1000)) / 1000,
        given.number("MachineDetectionSilenceTimeout", int(plain.silence_s * 1000)) / 1000,
    )


def _document(name: str, given: Given) -> str:
    """The document by which a leg of the Participants API goes into its conference."""
    attributes = {
        "participantLabel": given.one("Label"),
        "muted": given.one("Muted"),
        "beep": given.one("Beep"),
        "startConferenceOnEnter": given.one("StartConferenceOnEnter"),
        "endConferenceOnExit": given.one("EndConferenceOnExit"),
        "coach": given.one("CallSidToCoach") if given.flag("Coaching", default=True) else "",
        "maxParticipants": given.one("MaxParticipants"),
    }
    response = ET.Element("Response")
    room = ET.SubElement(ET.SubElement(response, "Dial"), "Conference")
    room.attrib.update({key: value for key, value in attributes.items() if value})
    if "WaitUrl" in given:
        room.set("waitUrl", given.one("WaitUrl"))
    room.text = name
    return ET.tostring(response, encoding="unicode")


def _missed(room: Conference, call: SimulatedCall) -> None:
    """Nobody came: the conference waits for them no longer."""
    if call in room.expected:
        room.expected.remove(call)
        if not room.participants and not room.expected:
            room.end("last-participant-left")
