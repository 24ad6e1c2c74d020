"""A conference: who is in it, who hears whom, and the events it tells (twilio-voice 2.3, 14)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.testing.twilio.calls.ears import Bell
from bot.testing.twilio.calls.network import Network, timestamp
from bot.testing.twilio.calls.simulated_call import SimulatedCall

Mode = Literal["waiting", "on hold", "talking"]


@dataclass(eq=False)
class Participant:
    """One leg in a conference. `wait_url` None is Twilio's music, empty is silence."""

    call: SimulatedCall
    label: str = ""
    muted: bool = False
    hold: bool = False
    hold_url: str = ""
    wait_url: str | None = None
    beep: str = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    coached: str = ""
    """The SID of the only call that hears this one; empty: all do."""
    kicked: bool = False
    joined_us: int | None = None
    out: asyncio.Event = field(default_factory=asyncio.Event)
    bell: Bell = field(default_factory=Bell)


class Conference:
    """One conference of a name. It starts when somebody is in it who may start it, and somebody else."""

    def __init__(self, network: Network, name: str) -> None:
        self.sid = "CF" + secrets.token_hex(16)
        self.name = name
        self.status: Literal["init", "in-progress", "completed"] = "init"
        self.participants: list[Participant] = []
        self.expected: list[SimulatedCall] = []
        """Legs that ring and will be in it."""
        self.max_participants = 250
        self.reason_ended = ""
        self.call_ending = ""
        self._network = network
        self._callback_url = ""
        self._events: Sequence[str] = ()
        self._n_events = 0
        self._line = asyncio.Lock()

    def watch(self, url: str, events: Sequence[str]) -> None:
        """Tell the events at `url`. The first who asks for it is heard."""
        if url and not self._callback_url:
            self._callback_url, self._events = url, events

    def join(self, participant: Participant) -> None:
        """Let somebody in."""
        self.participants.append(participant)
        participant.joined_us = self._network.now_us()
        participant.call.peers = lambda: self.hearing(participant)
        if participant.call in self.expected:
            self.expected.remove(participant.call)
        self._tell("join", "participant-join", participant)
        if self.status == "in-progress" and participant.beep in ("true", "onEnter"):
            self._beep(participant)
        starters = any(one.start_on_enter for one in self.participants)
        if self.status == "init" and starters and len(self.participants) > 1:
            self.status = "in-progress"
            self._tell("start", "conference-start", participant)
        self.stir()

    def leave(self, participant: Participant) -> None:
        """Let somebody go. The conference ends with the last, or with one whose exit ends it."""
        if participant not in self.participants:
            return
        self.participants.remove(participant)
        participant.call.peers = tuple
        self._tell("leave", "participant-leave", participant)
        if self.status == "in-progress" and participant.beep in ("true", "onExit"):
            self._beep(participant)
        if participant.end_on_exit:
            how = "kicked" if participant.kicked else "left"
            self.end(f"participant-with-end-conference-on-exit-{how}", participant)
        elif not self.participants and not self.expected:
            self.end("last-participant-kicked" if participant.kicked else "last-participant-left", participant)
        self.stir()

    def end(self, reason: str, last: Participant | None = None) -> None:
        """End it for everybody."""
        if self.status == "completed":
            return
        last = last or (self.participants[-1] if self.participants else None)
        self.status = "completed"
        self.reason_ended, self.call_ending = reason, last.call.sid if last else ""
        if last is not None:
            self._tell("end", "conference-end", last)
        for participant in self.participants:
            participant.out.set()
        for call in self.expected:
            call.hang_up("twilio")
        self.stir()

    def mode(self, participant: Participant) -> Mode:
        """The verb that a participant is in the middle of."""
        if self.status == "init":
            return "waiting"
        return "on hold" if participant.hold else "talking"

    def hearing(self, speaker: Participant) -> Iterator[SimulatedCall]:
        """Legs that hear `speaker` now: none before it started, none while muted or on hold."""
        if self.status != "in-progress" or speaker.muted or speaker.hold:
            return
        for one in self.participants:
            if one is not speaker and not one.hold and (not speaker.coached or one.call.sid == speaker.coached):
                yield one.call

    def changed(self, participant: Participant, **was: bool) -> None:
        """Tell what is new about a participant. `was`: muted and hold as they were."""
        if was["muted"] != participant.muted:
            self._tell("mute", "participant-mute" if participant.muted else "participant-unmute", participant)
        if was["hold"] != participant.hold:
            self._tell("hold", "participant-hold" if participant.hold else "participant-unhold", participant)
        self.stir()

    def find(self, call: str) -> Participant | None:
        """The participant with that call SID or label."""
        return next((one for one in self.participants if call in (one.call.sid, one.label)), None)

    def stir(self) -> None:
        for participant in self.participants:
            participant.bell.ring()
            participant.call.ears.bell.ring()

    def _beep(self, about: Participant) -> None:
        for one in self.participants:
            if one is not about and not one.hold:
                one.call.ears.hear("beep")

    def _tell(self, event: str, name: str, participant: Participant) -> None:
        if event not in self._events:
            return
        fields = [
            ("AccountSid", self._network.account_sid),
            ("ConferenceSid", self.sid),
            ("FriendlyName", self.name),
            ("StatusCallbackEvent", name),
            ("SequenceNumber", str(self._n_events + 1)),
            ("Timestamp", timestamp()),
        ]
        if event == "end":
            fields += [("ReasonConferenceEnded", self.reason_ended), ("CallSidEndingConference", self.call_ending)]
        else:
            fields += [
                ("CallSid", participant.call.sid),
                ("ParticipantLabel", participant.label),
                ("Muted", _flag(participant.muted)),
                ("Hold", _flag(participant.hold)),
                ("Coaching", _flag(bool(participant.coached))),
                ("StartConferenceOnEnter", _flag(participant.start_on_enter)),
                ("EndConferenceOnExit", _flag(participant.end_on_exit)),
            ]
        self._n_events += 1
        self._network.spawn(self._send(participant.call, fields), f"{name} of {self.sid}")

    async def _send(self, call: SimulatedCall, fields: list[tuple[str, str]]) -> None:
        async with self._line:
            await self._network.post(call, self._callback_url, fields)


def _flag(value: bool) -> str:
    return str(value).lower()
