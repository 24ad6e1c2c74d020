"""Faults of Twilio's side of a stream, in virtual time: messages spoilt on their way, a line that stands still."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from bot.call.settings import SecretRules, ToolRules
from bot.testing.agent import Reply, ToolCall
from tests.faults.model_faults import AGAIN, BARGE, TURN
from tests.faults.outcome import MS
from tests.faults.virtual import FIRST, PACING, REPLIES, Plan, Spoil


def each_media(spoilt: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Spoil:
    """Every media message is replaced."""

    def spoil(texts: list[str]) -> list[str]:
        out: list[str] = []
        for text in texts:
            message = msgspec.json.decode(text)
            found = spoilt(message) if message["event"] == "media" else [message]
            out += [msgspec.json.encode(one).decode() for one in found]
        return out

    return spoil


def nth_media(every: int, more: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[], Spoil]:
    """A fault in which every nth media message brings what `more` makes of it."""

    def fresh() -> Spoil:
        seen = [0]

        def spoilt(message: dict[str, Any]) -> list[dict[str, Any]]:
            seen[0] += 1
            return [message, more(message)] if seen[0] % every == 0 else [message]

        return each_media(spoilt)

    return fresh


def with_payload(payload: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda message: {**message, "media": {**message["media"], "payload": payload}}


def swapped() -> Spoil:
    """Every second media message changes places with the one after it."""
    held: list[dict[str, Any]] = []
    seen = [0]

    def spoilt(message: dict[str, Any]) -> list[dict[str, Any]]:
        seen[0] += 1
        if seen[0] % 2:
            held.append(message)
            return []
        return [message, held.pop()]

    return each_media(spoilt)


def echoed_again() -> Spoil:
    """Every mark comes back a second time, and once more with each frame after it."""
    marks: list[str] = []

    def spoil(texts: list[str]) -> list[str]:
        new = [text for text in texts if '"mark"' in text]
        marks.extend(new)
        return [*texts, *new, *marks[-2:]] if texts else texts

    return spoil


ONCE = ((3_000, 600),)
PAYS = REPLIES[0], Reply((FIRST,), (ToolCall("pay", "{}", "call_1"),), pacing=PACING), *REPLIES[2:]
PAID = (ToolRules("pay", secret=SecretRules(least=4)),)
SENDS = (
    REPLIES[0],
    Reply((FIRST,), (ToolCall("send_digits", '{"digits": "12#"}', "call_1"),), pacing=PACING),
    *REPLIES[2:],
)
LISTENS = "a menu is listened to for 4 s"
WAITS = "the next stream is waited for, for 15 s"
JUMBO = base64.b64encode(b"\xff" * 45_000).decode()

PLANS: dict[str, tuple[Plan, Callable[[], Spoil] | None]] = {
    "duplicate media": (Plan(TURN), nth_media(10, lambda message: message)),
    "media out of order": (Plan(TURN), swapped),
    "invalid base64": (Plan(None), nth_media(10, with_payload("*** no base64 ***"))),
    "empty and odd payloads": (Plan(None), nth_media(10, with_payload("QQ"))),
    "a jumbo frame of 60 kB": (Plan(TURN), nth_media(200, with_payload(JUMBO))),
    "marks again and again": (Plan(None), echoed_again),
    "mark after clear": (Plan(AGAIN, speech=BARGE), echoed_again),
    "keys in the middle of an answer": (Plan(5_560, speech=ONCE, keys=((5_500, "12#"),)), None),
    "keys without a finish": (Plan(7_660, speech=ONCE, keys=((5_500, "12"),)), None),
    "keys for a tool alone": (
        Plan(8_560, speech=ONCE, replies=PAYS, tools=PAID, answers_after_ms=200, keys=((7_500, "4929#77"),)),
        None,
    ),
    "keys for a tool alone, called off": (
        Plan(8_160, speech=ONCE, replies=PAYS, tools=PAID, keys=((7_500, "49*"),)),
        None,
    ),
    "keys for a tool alone, never pressed": (
        Plan(37_400, speech=ONCE, replies=PAYS, tools=PAID, hang_up=42_000),
        None,
    ),
    "keys for a tool alone, and the time of the call is over": (
        Plan(9_000, speech=ONCE, replies=PAYS, tools=PAID, keys=((7_500, "4929"),), most_s=8.7, ended="time_limit"),
        None,
    ),
    "digits are sent": (
        Plan(9_500, speech=ONCE, replies=SENDS, sends_digits=True, reopened=True, hang_up=17_000, apart=LISTENS),
        None,
    ),
    "digits are sent, and no stream comes back": (
        Plan(7_400, speech=ONCE, replies=SENDS, sends_digits=True, ended="line_lost", hang_up=30_000, apart=WAITS),
        None,
    ),
    "slow reader: the line stands still for 1.5 s": (Plan(4_450, stalls=((4_450 * MS, 1_500 * MS),)), None),
}
