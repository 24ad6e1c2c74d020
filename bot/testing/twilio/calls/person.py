"""People at the other end: whether they answer, and what they then say, press and do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds

Refusal = Literal["", "busy", "declined", "no-answer", "failed"]
Kind = Literal["human", "machine", "fax"]


@dataclass(frozen=True)
class Act:
    """Something done `in_s` seconds after the act before it, or after `after` was heard or began to be.

    `after` is some text of what is heard, or its kind, or `*` for anything; it looks further than what an act before
    waited for. `quiet_s`: besides, that long a silence
    after something was heard. `connected`: before all that, until another party can hear them. The first act counts
    from the answer.
    """

    in_s: float = 0.0
    after: str = ""
    quiet_s: float = 0.0
    connected: bool = False


@dataclass(frozen=True)
class Speaks(Act):
    """Says `text`, which takes `seconds`. In a stream the bot hears `audio` (mu-law), or a noise of that length."""

    text: str = ""
    seconds: float = 1.0
    audio: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Presses(Act):
    """Presses keys, one right after the other."""

    digits: str = ""


@dataclass(frozen=True)
class Beeps(Act):
    """The tone after which an answering machine records."""


@dataclass(frozen=True)
class HangsUp(Act):
    """Hangs up."""


@dataclass(frozen=True)
class Person:
    """One number's owner. Seconds are those of the simulated telephone network, which has a pace of its own.

    `answers_after_s` None: it rings and rings. `refuses`: what comes in place of an answer then. `is_a` is what
    detection finds, unless `verdict` says what it takes them for, after `verdict_after_s`: from the answer, or from
    when they hear `verdict_after` (as in `Act.after`). `phones` makes the phone of each stream they are connected to;
    its script then runs beside what they do.
    """

    answers_after_s: float | None = 2.0
    refuses: Refusal = ""
    does: tuple[Act, ...] = ()
    is_a: Kind = "human"
    name: str = ""
    verdict: str = ""
    verdict_after_s: float | None = None
    verdict_after: str = ""
    phones: Callable[[StreamIds], SimulatedPhone] | None = None


def answers(*does: Act, after_s: float = 2.0, name: str = "") -> Person:
    """Somebody who answers, says hello, and does as told."""
    return Person(after_s, does=(Speaks(text="Hello?", seconds=0.6, in_s=0.2), *does), name=name)


def accepts(key: str = "1", *does: Act, after_s: float = 2.0, prompt: str = "say") -> Person:
    """Somebody who presses `key` a second after they hear `prompt`, as a whisper asks for it.

    The rest they do once they are put through.
    """
    talk = (Act(connected=True), *does) if does else ()
    return answers(Presses(after=prompt, in_s=1.0, digits=key), *talk, after_s=after_s)


def is_busy(after_s: float = 0.5) -> Person:
    """A line that is engaged."""
    return Person(after_s, "busy")


def declines(after_s: float = 2.0) -> Person:
    """Somebody who sees the call and refuses it. Twilio calls that busy, too."""
    return Person(after_s, "declined")


def does_not_answer() -> Person:
    """A telephone that rings and rings."""
    return Person(None)


def voicemail(
    greeting: str = "You have reached the voicemail of nobody. Please leave a message after the tone.",
    *,
    greeting_s: float = 6.0,
    beeps: bool = True,
    records_s: float = 30.0,
    after_s: float = 4.0,
) -> Person:
    """An answering machine: a greeting, a tone, and then it listens until it hangs up."""
    tone: tuple[Act, ...] = (Beeps(in_s=0.3),) if beeps else ()
    does = (Speaks(text=greeting, seconds=greeting_s, in_s=0.2), *tone, HangsUp(in_s=records_s))
    return Person(after_s, does=does, is_a="machine")


def call_screening(
    asks: str = "Hi. If you record your name and reason for calling, I'll see if this person is available.",
    *then: Act,
    asks_s: float = 4.0,
    after_s: float = 1.0,
    answer_quiet_s: float = 1.0,
) -> Person:
    """A recorded voice that asks who is calling, waits for the words to end, and then does `then`.

    The next voice is the callee's: `Speaks(text="Hello?")`. Without `then` nobody comes, and it hangs up.
    """
    asked = Speaks(text=asks, seconds=asks_s, in_s=0.2)
    after = then or (HangsUp(in_s=10.0),)
    first, *others = after
    return Person(after_s, does=(asked, Speaks(text="Thank you.", seconds=0.6, quiet_s=answer_quiet_s), first, *others))


def fax(after_s: float = 1.0) -> Person:
    """A fax machine, which whistles."""
    return Person(after_s, does=(Speaks(text="a fax tone", seconds=3.0), HangsUp(in_s=30.0)), is_a="fax")
