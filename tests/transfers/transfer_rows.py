"""Rows of the matrix of transfers: the mode, what the person does, what the caller does, and what must come of it.

Sounds of the caller's: `promise`, `refusal` and `back` are the bot's, `ringing` is Twilio's, `voice` the person's. Of
the person's: `whisper` is the summary and the key, `key` the key alone, `voice` the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from bot.testing.twilio.calls.person import (
    Act,
    HangsUp,
    Person,
    Presses,
    Speaks,
    declines,
    does_not_answer,
    is_busy,
    voicemail,
)

Ended = Literal["transferred", "caller_hung_up", "bot_hung_up"]

RING_S = 2.0
"""Seconds of ringing until the person answers."""
TALKS_S = 7.0
"""Seconds after the key for which they talk: longer than what counts as none (`verdict.AT_ONCE_S`)."""


@dataclass(frozen=True)
class Row:
    """One transfer. Empty `person`: nobody is rung. `settings` are added to those of the list."""

    mode: Literal["whisper", "briefing"]
    person_does: str
    caller_does: str
    person: Person | None
    caller: Person
    caller_hears: tuple[str, ...]
    person_hears: tuple[str, ...]
    result: str
    ended: Ended
    settings: dict[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ("the caller's",)
    """The number that the person sees, each time they are rung."""
    agrees: bool = False
    """The person tells a bot that briefs them to put the caller through."""
    talks_over: bool = False
    """The caller speaks over the promise."""

    @property
    def name(self) -> str:
        return f"{self.mode}: the person {self.person_does}; the caller {self.caller_does}"


# ---- what people do ----

HEARS_THEM_OUT = Person(does=(Act(after="ringing"), HangsUp(after="bot", in_s=1.5)), name="caller")
"""Waits while it rings, and hangs up once the bot is back and has spoken."""
STAYS = Person(does=(Speaks(after="voice", text="Hello, I would like a boat.", seconds=2.0),), name="caller")
HEARS_THE_BOT_OUT = Person(does=(HangsUp(after="bot", in_s=1.5),), name="caller")


def answering(*does: Act) -> Person:
    return Person(RING_S, does=does, name="person")


TAKES = Presses(after="say", in_s=8.5, digits="1")
HELLO = Speaks(in_s=1.5, text="Hello, this is sales.", seconds=1.5)

BACK = ("promise", "ringing", "back")
WHISPERED = ("whisper",)

WHISPERED_ROWS: tuple[Row, ...] = (
    Row(
        "whisper",
        "takes the call, talks, hangs up",
        "stays",
        answering(TAKES, HELLO, HangsUp(in_s=TALKS_S)),
        STAYS,
        ("promise", "ringing", "voice"),
        ("whisper", "voice"),
        "connected",
        "transferred",
    ),
    Row(
        "whisper",
        "takes the call, talks",
        "hangs up",
        answering(TAKES, HELLO),
        Person(does=(HangsUp(after="voice", in_s=TALKS_S),), name="caller"),
        ("promise", "ringing", "voice"),
        ("whisper",),
        "connected",
        "transferred",
    ),
    Row(
        "whisper",
        "takes the call at the second asking",
        "hangs up",
        answering(Act(after="say"), Presses(after="say: To take", in_s=2.4, digits="1"), HELLO),
        Person(does=(HangsUp(after="voice", in_s=TALKS_S),), name="caller"),
        ("promise", "ringing", "voice"),
        ("whisper", "key"),
        "connected",
        "transferred",
    ),
    Row(
        "whisper",
        "takes the call, hangs up at once",
        "stays",
        answering(TAKES, HangsUp(in_s=1.0)),
        HEARS_THEM_OUT,
        BACK,
        WHISPERED,
        "cut_off",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "presses another key",
        "stays",
        answering(Presses(after="say", in_s=8.5, digits="9")),
        HEARS_THEM_OUT,
        BACK,
        WHISPERED,
        "not_taken",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "hangs up while the summary is said",
        "stays",
        answering(HangsUp(after="say", in_s=1.0)),
        HEARS_THEM_OUT,
        BACK,
        WHISPERED,
        "not_taken",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "listens and presses nothing",
        "stays",
        answering(),
        HEARS_THEM_OUT,
        BACK,
        ("whisper", "key"),
        "not_taken",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "is a voicemail",
        "stays",
        voicemail(after_s=RING_S, greeting_s=3.0),
        HEARS_THEM_OUT,
        BACK,
        ("whisper", "key"),
        "not_taken",
        "caller_hung_up",
    ),
    Row("whisper", "is busy", "stays", is_busy(), HEARS_THEM_OUT, BACK, (), "busy", "caller_hung_up"),
    Row("whisper", "refuses the call", "stays", declines(), HEARS_THEM_OUT, BACK, (), "busy", "caller_hung_up"),
    Row(
        "whisper",
        "does not answer",
        "stays",
        does_not_answer(),
        HEARS_THEM_OUT,
        BACK,
        (),
        "no_answer",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "can't be reached, also not with our own number",
        "stays",
        Person(0.5, "failed"),
        HEARS_THEM_OUT,
        ("promise", "ringing", "ringing", "back"),
        (),
        "failed",
        "caller_hung_up",
        shown=("the caller's", "ours"),
    ),
    Row(
        "whisper",
        "does not answer",
        "hangs up while it rings",
        does_not_answer(),
        Person(does=(HangsUp(after="ringing", in_s=1.0),), name="caller"),
        ("promise", "ringing"),
        (),
        "caller_gone",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "listens to the summary",
        "hangs up meanwhile",
        answering(),
        Person(does=(HangsUp(after="ringing", in_s=RING_S + 2.0),), name="caller"),
        ("promise", "ringing"),
        WHISPERED,
        "caller_gone",
        "caller_hung_up",
    ),
    Row(
        "whisper",
        "is not rung",
        "speaks over the promise",
        None,
        Person(does=(Act(after="bot", quiet_s=0.2), HangsUp(after="bot", in_s=1.5)), name="caller"),
        ("promise", "back"),
        (),
        "",
        "caller_hung_up",
        shown=(),
        talks_over=True,
    ),
    Row(
        "whisper",
        "is not rung",
        "hangs up during the promise",
        None,
        Person(does=(HangsUp(after="bot", in_s=0.3),), name="caller"),
        ("promise",),
        (),
        "",
        "caller_hung_up",
        shown=(),
    ),
    Row(
        "whisper",
        "is not there at this hour",
        "stays",
        None,
        HEARS_THE_BOT_OUT,
        ("refusal",),
        (),
        "",
        "caller_hung_up",
        settings={"hours": "closed"},
        shown=(),
    ),
    Row(
        "whisper",
        "is not free, as your server says",
        "stays",
        None,
        HEARS_THE_BOT_OUT,
        ("refusal",),
        (),
        "",
        "caller_hung_up",
        settings={"check": "taken"},
        shown=(),
    ),
    Row(
        "whisper",
        "can't be asked about, since your server fails",
        "stays",
        None,
        HEARS_THE_BOT_OUT,
        ("refusal",),
        (),
        "",
        "caller_hung_up",
        settings={"check": "fails"},
        shown=(),
    ),
)


YES = Speaks(after="bot", quiet_s=0.5, text="Yes, put them through.", seconds=1.0)
NO = Speaks(after="bot", quiet_s=0.5, text="No, I can't now.", seconds=1.0)
WAITS = Person(does=(Act(after="music"), HangsUp(after="bot", in_s=1.5)), name="caller")
HEARS_BACK = Person(does=(Act(after="bot", quiet_s=0.02), HangsUp(after="bot", in_s=1.5)), name="caller")
HELD = ("promise", "music", "back")


MACHINE = replace(voicemail(after_s=RING_S, greeting_s=60.0), verdict_after="bot", verdict_after_s=4.0)
"""A voicemail with a greeting that outlasts any briefing, known for one while it is being briefed."""


def _briefing(
    does: str,
    person: Person,
    hears: tuple[str, ...],
    result: str,
    *,
    caller_does: str = "stays",
    caller: Person = WAITS,
    caller_hears: tuple[str, ...] = HELD,
    ended: Ended = "caller_hung_up",
    agrees: bool = False,
    shown: tuple[str, ...] = ("the caller's",),
    **settings: str,
) -> Row:
    return Row(
        "briefing", does, caller_does, person, caller, caller_hears, hears, result, ended, settings, shown, agrees
    )


BRIEFED_ROWS: tuple[Row, ...] = (
    _briefing(
        "takes the call, talks, hangs up",
        answering(YES, Speaks(after="voice", text="Hello, this is sales.", seconds=1.5), HangsUp(in_s=TALKS_S)),
        ("briefing", "connecting", "voice"),
        "connected",
        caller=Person(
            does=(Act(after="music", quiet_s=0.5), Speaks(in_s=1.0, text="Hello?", seconds=2.0)), name="caller"
        ),
        caller_hears=("promise", "music", "voice"),
        ended="transferred",
        agrees=True,
    ),
    _briefing("declines", answering(NO), ("briefing", "thanks"), "not_taken"),
    _briefing("hangs up while it is told", answering(HangsUp(after="bot", in_s=0.3)), ("briefing",), "not_taken"),
    _briefing("is a voicemail", MACHINE, ("briefing",), "not_taken"),
    _briefing("is busy", is_busy(), (), "busy"),
    _briefing("does not answer", does_not_answer(), (), "no_answer"),
    _briefing(
        "listens",
        answering(),
        ("briefing",),
        "caller_gone",
        caller_does="hangs up meanwhile",
        caller=Person(does=(HangsUp(after="music", in_s=RING_S + 14.0),), name="caller"),
        caller_hears=("promise", "music"),
    ),
    _briefing(
        "declines, rung with our number since the caller's is refused",
        answering(NO),
        ("briefing", "thanks"),
        "not_taken",
        shown=("ours",),
        create_call="400 21210 1",
    ),
    _briefing(
        "can't be rung, since Twilio's API fails",
        answering(),
        (),
        "failed",
        caller=HEARS_BACK,
        caller_hears=("promise", "back"),
        shown=(),
        create_call="500 20500 9",
    ),
)
ROWS: tuple[Row, ...] = WHISPERED_ROWS + BRIEFED_ROWS
