"""The past of a call that is carried on, on another stream and perhaps in another process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from bot.call.call import Call
from bot.call.facts import TurnFact
from bot.call.settings import CallSettings, ToolRules
from bot.call.transcript.past_turns import PastTurn
from bot.call.transcript.transcript import Turn
from bot.store.results import SoFar

MAX_LEGS = 5
"""Times a call is carried on at most."""
STEADY_S = 3.0
"""A stream that carried a call on and broke sooner than this: the next would break too."""


DIGITS_IN_DOUBT = (
    "Keys were to be pressed for you (send_digits) when this phone call was moved to a new connection. It is not known "
    "whether they were. What was said so far stands above. Listen to what is said now before you speak or send keys "
    "again. Do not greet, do not introduce yourself again and do not mention the connection."
)
"""Words for the model whose call lost its process between two streams."""
OUTBOUND = "outbound"
"""The direction, in the store, of a call that the bot makes."""


class Parties(NamedTuple):
    """Caller and called, as the signed webhook says: telephone numbers, mostly. Empty where no webhook was seen."""

    caller: str = ""
    called: str = ""


NOBODY = Parties()


class Past(NamedTuple):
    """A call so far. `leg` counts the streams that have carried it on, `began_s` is its first webhook, of the epoch.

    `turns` are in spoken order, as heard. `spent_nano_usd` is without the line. `steady`: the last stream held.
    """

    began_s: float
    turns: tuple[PastTurn, ...] = ()
    leg: int = 0
    spent_nano_usd: int = 0
    interruptions: int = 0
    parties: Parties = NOBODY
    steady: bool = True
    told: str = ""
    """Sentences for the model on why the call goes on in another session; empty: the line broke."""
    about: tuple[str, str] | None = None
    """For a call to a person: the caller's call that it is about, and the summary of it. `told` is then their name."""
    transfers: int = 0
    """Legs that the call was carried on by because a transfer came to nothing."""
    hung_up: bool = False
    """True if its end was told as the caller's hang-up, since a stream of it was stopped."""
    profile: str = ""
    """Name of the profile whose settings the call has, with `changes` of its own, by variable."""
    changes: Mapping[str, str] = {}
    outgoing: bool = False
    """True of a call that the bot makes."""
    used: tuple[str, ...] = ()
    """Names of tools that have run in it."""
    tries: Mapping[str, int] = {}
    """Times that the caller was asked to key digits in for a tool, by its name."""

    @property
    def hopeless(self) -> bool:
        """True once the call has been carried on often enough."""
        return self.leg - self.transfers >= MAX_LEGS or not self.steady


def past_of(call: Call, before: Past, parties: Parties, lasted_s: float) -> Past:
    """Past of a call of this process. `before` is what it began with; this leg of it has lasted `lasted_s`."""
    turns = sorted(call.transcript.turns, key=lambda turn: (turn.began_us is None, turn.began_us or 0))
    return Past(
        before.began_s,
        _told(turns),
        before.leg,
        call.spent_nano_usd - call.spending.line_nano_usd,
        before.interruptions + call.counts["interruptions"],
        parties,
        steady=not before.leg or lasted_s >= STEADY_S or call.ended == "transferred",
        told=call.cut_off_operator or (DIGITS_IN_DOUBT if call.left_for_digits else ""),
        transfers=before.transfers,
        hung_up=before.hung_up or call.ended == "caller_hung_up",
        profile=before.profile,
        changes=before.changes,
        outgoing=before.outgoing,
        used=call.used_tools,
        tries=Counter(before.tries) + call.secret_tries,
    )


def past_in_store(stored: SoFar) -> Past:
    call = stored.summary
    return Past(
        call.started_at.timestamp(),
        _told(stored.turns),
        call.leg,
        call.model_nano_usd + call.transcription_nano_usd,
        call.interruptions,
        told=DIGITS_IN_DOUBT if stored.left_for_digits else "",
        hung_up=call.reason == "caller_hung_up",
        profile=call.profile,
        changes=stored.changes,
        outgoing=call.direction == OUTBOUND,
        used=stored.used_tools,
        tries=stored.secret_tries,
    )


def _told(turns: Iterable[Turn | TurnFact]) -> tuple[PastTurn, ...]:
    return tuple(PastTurn(turn.number, turn.who, turn.text or "") for turn in turns)


def carrying_on(settings: CallSettings, past: Past, now_s: float) -> CallSettings:
    """The settings of a call that has a past. What it heard before is not played again; nobody is greeted twice.

    An announcement that was not heard to its end is: nobody is recorded before.
    """
    heard = any(turn.who == "bot" and turn.text == settings.announcement for turn in past.turns)
    played: dict[str, str] = {}
    outgoing = settings.outgoing
    if past.turns:
        played |= {"greeting": "", "greeting_audio": ""}
        outgoing = None  # it is known who answered
    if heard:
        played |= {"announcement": "", "announcement_audio": ""}
    elapsed_s = max(0.0, now_s - past.began_s)
    return msgspec.structs.replace(
        settings,
        resume=past.turns,
        told=past.told,
        elapsed_s=elapsed_s,
        spent_nano_usd=past.spent_nano_usd,
        outgoing=outgoing,
        tools=tuple(_as_used_before(rules, past) for rules in settings.tools),
        **played,
    )


def _as_used_before(rules: ToolRules, past: Past) -> ToolRules:
    """What may be done once, or a few times in a call, is not begun anew by carrying it on."""
    secret = rules.secret
    if secret is not None:
        secret = msgspec.structs.replace(secret, tries=max(0, secret.tries - past.tries.get(rules.name, 0)))
    return msgspec.structs.replace(rules, ran=rules.name in past.used, secret=secret)
