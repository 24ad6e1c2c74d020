"""Parameters of each REST request, as the reference and the `twilio` package have them (twilio-voice 7).

Twilio overlooks what it doesn't know. The simulated one refuses it: a misspelt parameter would otherwise do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.testing.twilio.rest_refusal import Refused

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MAX_TWIML_CHARS = 4000
MAX_BODY_CHARS = 1600
_SIP = re.compile(r"sips?:[^@\s]+@[^@\s]+")
_CLIENT = re.compile(r"client:[\w.-]{1,256}")

Check = Callable[[str, str], None]
"""Looks at the name and the text of a parameter. Raises Refused."""


class Given(dict[str, list[str]]):
    """Parameters of one request: every value of each name."""

    def one(self, name: str, default: str = "") -> str:
        return self[name][0] if name in self else default

    def flag(self, name: str, *, default: bool = False) -> bool:
        return self.one(name, str(default)).lower() == "true"

    def number(self, name: str, default: int) -> int:
        return int(self.one(name, str(default)))


@dataclass(frozen=True)
class Request:
    """Parameters that one kind of request takes; `needed` names each that must be there with the code of its lack."""

    checks: Mapping[str, Check]
    needed: Sequence[tuple[str, int]] = ()
    repeated: frozenset[str] = field(default=frozenset())

    def read(self, fields: Sequence[tuple[str, str]]) -> Given:
        """The parameters in `fields`. Raises Refused."""
        given = Given()
        for name, text in fields:
            if name not in self.checks:
                raise Refused(400, 20001, f"there is no {name}")
            given.setdefault(name, []).append(text)
        for name, code in self.needed:
            if not given.one(name):
                raise Refused(400, code)
        for name, texts in given.items():
            if len(texts) > 1 and name not in self.repeated:
                raise Refused(400, 20001, f"{name} is given {len(texts)} times")
            for text in texts:
                self.checks[name](name, text)
        return given


def is_number(text: str) -> bool:
    """True for a number in E.164."""
    return E164.fullmatch(text) is not None


def is_reachable(text: str) -> bool:
    """True for whatever a call can go to: a number in E.164, a SIP address, a client."""
    return any(form.fullmatch(text) for form in (E164, _SIP, _CLIENT))


def is_url(text: str) -> bool:
    """True for an absolute URL that Twilio would ask: http or https, a host without underscore (twilio-voice 1.6)."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in (parts.hostname or "")


def _callee(_name: str, text: str) -> None:
    if not is_reachable(text):
        raise Refused(400, 21211)


def _sender(_name: str, text: str) -> None:
    if not is_reachable(text):
        raise Refused(400, 21212)


def _url(name: str, text: str) -> None:
    if not is_url(text):
        raise Refused(400, 21205, name)


def _url_or_nothing(name: str, text: str) -> None:
    if text:
        _url(name, text)


def _any(_name: str, _text: str) -> None:
    pass


def _document(_name: str, text: str) -> None:
    if len(text) > MAX_TWIML_CHARS:
        raise Refused(400, 32018)


def _digits(_name: str, text: str) -> None:
    if not re.fullmatch(r"[0-9A-D#*wW]{1,32}", text):
        raise Refused(400, 21206)


def _message(_name: str, text: str) -> None:
    if len(text) > MAX_BODY_CHARS:
        raise Refused(400, 21617)


def _one_of(*words: str) -> Check:
    def check(name: str, text: str) -> None:
        if text not in words:
            raise Refused(400, 20001, f"{name} is one of {', '.join(words)}")

    return check


def _within(low: int, high: int, code: int = 20001) -> Check:
    def check(name: str, text: str) -> None:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise Refused(400, code, f"{name} is from {low} to {high}")

    return check


def _long(most: int) -> Check:
    def check(name: str, text: str) -> None:
        if len(text) > most:
            raise Refused(400, 20001, f"{name} has at most {most} characters")

    return check


_FLAG = _one_of("true", "false")
_METHOD = _one_of("GET", "POST")
_CALL_EVENT = _one_of("initiated", "ringing", "answered", "completed")
_BEEP = _one_of("true", "false", "onEnter", "onExit")
_CONFERENCE_EVENT = _one_of("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")
_DETECTION: dict[str, Check] = {
    "MachineDetection": _one_of("Enable", "DetectMessageEnd"),
    "MachineDetectionTimeout": _within(3, 59),
    "MachineDetectionSpeechThreshold": _within(1000, 6000),
    "MachineDetectionSpeechEndThreshold": _within(500, 5000),
    "MachineDetectionSilenceTimeout": _within(2000, 10_000),
}
_PLACED: dict[str, Check] = {
    "To": _callee,
    "From": _sender,
    "StatusCallback": _url,
    "StatusCallbackMethod": _METHOD,
    "StatusCallbackEvent": _CALL_EVENT,
    "Timeout": _within(1, 600, 21208),
    "TimeLimit": _within(1, 86_400),
    "CallToken": _any,
    "CallReason": _long(50),
    "SipAuthUsername": _any,
    "SipAuthPassword": _any,
    **_DETECTION,
}

CREATE_CALL = Request(
    {
        **_PLACED,
        "Url": _url,
        "Twiml": _document,
        "Method": _METHOD,
        "FallbackUrl": _url,
        "FallbackMethod": _METHOD,
        "SendDigits": _digits,
        "AsyncAmd": _FLAG,
        "AsyncAmdStatusCallback": _url,
        "AsyncAmdStatusCallbackMethod": _METHOD,
    },
    needed=(("To", 21201), ("From", 21213)),
    repeated=frozenset({"StatusCallbackEvent"}),
)
UPDATE_CALL = Request(
    {
        "Url": _url,
        "Method": _METHOD,
        "Twiml": _document,
        "Status": _one_of("completed", "canceled"),
        "FallbackUrl": _url,
        "FallbackMethod": _METHOD,
        "StatusCallback": _url,
        "StatusCallbackMethod": _METHOD,
        "TimeLimit": _within(1, 86_400),
    }
)
CREATE_MESSAGE = Request(
    {"To": _any, "From": _any, "MessagingServiceSid": _any, "Body": _message, "StatusCallback": _url},
    needed=(("To", 21604), ("Body", 21602)),
)
CREATE_PARTICIPANT = Request(
    {
        **_PLACED,
        "Label": _long(128),
        "Muted": _FLAG,
        "Beep": _BEEP,
        "EarlyMedia": _FLAG,
        "StartConferenceOnEnter": _FLAG,
        "EndConferenceOnExit": _FLAG,
        "WaitUrl": _url_or_nothing,
        "WaitMethod": _METHOD,
        "MaxParticipants": _within(2, 250),
        "ConferenceStatusCallback": _url,
        "ConferenceStatusCallbackMethod": _METHOD,
        "ConferenceStatusCallbackEvent": _CONFERENCE_EVENT,
        "Coaching": _FLAG,
        "CallSidToCoach": _any,
        "AmdStatusCallback": _url,
        "AmdStatusCallbackMethod": _METHOD,
        "CallerId": _sender,
    },
    needed=(("To", 21201), ("From", 21213)),
    repeated=frozenset({"StatusCallbackEvent", "ConferenceStatusCallbackEvent"}),
)
UPDATE_PARTICIPANT = Request(
    {
        "Muted": _FLAG,
        "Hold": _FLAG,
        "HoldUrl": _url,
        "HoldMethod": _METHOD,
        "AnnounceUrl": _url,
        "AnnounceMethod": _METHOD,
        "WaitUrl": _url_or_nothing,
        "WaitMethod": _METHOD,
        "BeepOnExit": _FLAG,
        "EndConferenceOnExit": _FLAG,
        "Coaching": _FLAG,
        "CallSidToCoach": _any,
    }
)
UPDATE_CONFERENCE = Request({"Status": _one_of("completed"), "AnnounceUrl": _url, "AnnounceMethod": _METHOD})
LIST_CONFERENCES = Request(
    {
        "FriendlyName": _any,
        "Status": _one_of("init", "in-progress", "completed"),
        "PageSize": _within(1, 1000),
        "Page": _any,
        "PageToken": _any,
    }
)
NOTHING = Request({})
