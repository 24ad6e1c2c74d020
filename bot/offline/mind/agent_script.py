"""The script: for every turn the first rule that fits it. It says of itself that it is no model."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence

import msgspec

from bot.offline.mind import session_functions as functions
from bot.offline.mind.booking import Booking
from bot.offline.mind.numbers_said import Number, first_number, in_words, numbers
from bot.offline.mind.thoughts import Heard, Thought

WHO = "This is Heardline's offline test agent, a script with no model behind it."
MENU = "Say: line test, count to thirty, book a table, transfer me, or goodbye. Anything else I say back."
GREETING = (WHO, MENU)
I_HEARD = "I heard:"
STOPPED = "You stopped me, and I fell silent."
GOODBYE = "Goodbye, and thank you for calling."
NO_WORDS = "I heard you, but I could make out no word. Please say it again."
I_AM_HERE = "I am here. Say something, and I tell you what I heard."
OFTEN = (I_HEARD, STOPPED, NO_WORDS)
"""Answers that anybody may get at once, or their beginnings."""
NO_ASIDE = "I am a script without a model: this I can't do."
_PRESSED = re.compile(r"(?i:pressed|keyed in|dtmf)\b[^0-9*#]*([0-9*#][0-9*#A-D]*)")
_TOLD_CHARS = 160
_MOST_COUNTED = 100
_A_BREATH = 5
"""Numbers said in one breath."""


class Script:
    """One conversation. `today` says the date."""

    def __init__(self, today: Callable[[], dt.date] = dt.date.today) -> None:
        self._today = today
        self._booking: Booking | None = None
        self._rules: Sequence[Callable[[Heard], Thought | None]] = (
            self._result,
            self._forced,
            self._keys,
            self._opening,
            self._request,
            self._nothing,
            self._table,
            self._goodbye,
            self._transfer,
            self._line_test,
            self._count,
            self._operators_function,
            self._digits,
            self._help,
            self._enough,
        )

    def answer(self, heard: Heard) -> Thought:
        """The words and the function in answer."""
        for rule in self._rules:
            thought = rule(heard)
            if thought is not None:
                return _after_a_cut(heard, thought)
        return _after_a_cut(heard, Thought((f"{I_HEARD} {_sentence(heard.words)}",)))

    # ---- what is not about words -------------------------------------------------------------------------------------

    def _result(self, heard: Heard) -> Thought | None:
        """A function has answered."""
        if not heard.outputs or heard.words:
            return None
        return Thought(tuple(f"The function answers: {_sentence(_in_short(output))}" for output in heard.outputs))

    def _forced(self, heard: Heard) -> Thought | None:
        if not heard.must_call:
            return None
        return Thought(call=functions.filled(functions.by_name(heard.functions, heard.must_call), heard.spoken))

    def _keys(self, heard: Heard) -> Thought | None:
        """Keys that were pressed, which the client tells in writing: read them back."""
        pressed = _PRESSED.findall(heard.words) or _PRESSED.findall(" ".join(heard.notes[-1:]))
        keys = [_key(key) for keys in pressed for key in keys]
        return Thought((f"You pressed: {', '.join(keys)}.",)) if keys else None

    def _opening(self, heard: Heard) -> Thought | None:
        """The first words: who this is, then what the operator's greeting says."""
        if heard.exactly:
            return Thought((WHO, heard.exactly, MENU) if heard.first else (heard.exactly,))
        return Thought(GREETING) if heard.first and not heard.words else None

    def _request(self, heard: Heard) -> Thought | None:
        """The operator's side asks for something, such as a goodbye, while the caller says nothing."""
        if not heard.notes or heard.words:
            return None
        note = heard.notes[-1].lower()
        if "goodbye" in note:
            return Thought(("I have to end this call now.", GOODBYE))
        if "still there" in note:
            return Thought(("Are you still there?",))
        return None

    def _nothing(self, heard: Heard) -> Thought | None:
        if heard.spoken:
            return None
        return Thought((I_AM_HERE if heard.level_db is None else NO_WORDS,))

    # ---- what is about words -----------------------------------------------------------------------------------------

    def _table(self, heard: Heard) -> Thought | None:
        """Book a table: ask until all is known, then have the session's own function do it."""
        words = heard.spoken
        if self._booking is None:
            if not ({"book", "table"} <= set(words) or _says(words, "reserve", "reservation", "make a booking")):
                return None
            self._booking = Booking(self._today)
        elif _says(words, "goodbye", "cancel", "never mind", "forget it", "hang up"):
            self._booking = None
            return Thought(("I drop the booking.",)) if not _says(words, "goodbye", "hang up") else None
        self._booking.hear(words)
        question = self._booking.missing
        if question:
            return Thought((question,))
        booking, self._booking = self._booking, None
        function = functions.named_like(heard.functions, functions.BOOK)
        if function is None:
            return Thought(
                (f"That would be {booking.told}.", "No function for bookings is offered to me, so I book nothing.")
            )
        call = functions.filled(function, words, booking.facts)
        return Thought((_sentence(f"One moment, I book {booking.told}"),), call)

    def _goodbye(self, heard: Heard) -> Thought | None:
        if not _says(heard.spoken, "goodbye", "good bye", "bye", "hang up", "end the call"):
            return None
        return Thought((GOODBYE,), self._call(heard, functions.END))

    def _transfer(self, heard: Heard) -> Thought | None:
        if not _says(heard.spoken, "transfer", "a human", "a person", "an operator", "put me through", "connect me"):
            return None
        call = self._call(heard, functions.TRANSFER)
        if call is None:
            return Thought(("No function for transfers is offered to me: I can't put you through.",))
        return Thought(("I put you through.",), call)

    def _line_test(self, heard: Heard) -> Thought | None:
        """Report on how the caller is heard: how loud, how soon, with which words, and how it sounds."""
        if not _says(heard.spoken, "line test", "test the line", "lion test", "hear me", "test", "echo"):
            return None
        if heard.level_db is None:
            return Thought(("You have written that: there is no sound to test.",))
        return Thought(
            (
                f"{I_HEARD} {_sentence(heard.words)}",
                f"Your level is minus {abs(round(heard.level_db))} decibels, {_judged(heard.level_db)}.",
                f"I had your words {heard.understood_ms} milliseconds after your turn was over.",
                "This is how you sound here.",
            ),
            echo=True,
        )

    def _count(self, heard: Heard) -> Thought | None:
        words = heard.spoken
        if not _says(words, "count", "tell me something", "something long", "talk for a while"):
            return None
        asked = first_number(words[words.index("count") :]) if "count" in words else None
        last = min(asked or 30, _MOST_COUNTED)
        breaths = (range(at, min(at + _A_BREATH, last + 1)) for at in range(1, last + 1, _A_BREATH))
        counted = (f"{', '.join(map(in_words, breath))}.".capitalize() for breath in breaths)
        return Thought((f"I count to {in_words(last)}: speak, and I stop.", *counted))

    def _operators_function(self, heard: Heard) -> Thought | None:
        """A function that the caller named."""
        function = functions.asked_for(heard.functions, heard.spoken)
        if function is None:
            return None
        told = " ".join(functions.name_words(function["name"]))
        return Thought((f"I call the function {told}.",), functions.filled(function, heard.spoken))

    def _digits(self, heard: Heard) -> Thought | None:
        """Nothing but numbers, or nearly: read them back."""
        found = numbers(heard.spoken)
        covered = sum(number.end - number.at for number in found)
        if len(found) < 2 or 2 * covered <= len(heard.spoken):
            return None
        return Thought((f"The numbers I heard are: {', '.join(map(_spelled, found))}.",))

    def _help(self, heard: Heard) -> Thought | None:
        return Thought((MENU,)) if _says(heard.spoken, "help", "what can you do", "who are you") else None

    def _enough(self, heard: Heard) -> Thought | None:
        if not _says(heard.spoken, "stop", "be quiet", "that is enough", "that's enough", "shut up", "silence"):
            return None
        return Thought(() if heard.interrupted else ("All right, I am quiet.",))

    def _call(self, heard: Heard, wanted: frozenset[str]) -> functions.Call | None:
        function = functions.named_like(heard.functions, wanted)
        return None if function is None else functions.filled(function, heard.spoken)


def _after_a_cut(heard: Heard, thought: Thought) -> Thought:
    """The answer to whoever has interrupted begins with that."""
    if not (heard.interrupted and heard.words):
        return thought
    return msgspec.structs.replace(thought, sentences=(STOPPED, *thought.sentences))


def _says(words: Sequence[str], *phrases: str) -> bool:
    """True when one of `phrases` was said, whole words of it in a row."""
    said = f" {' '.join(words)} "
    return any(f" {phrase} " in said for phrase in phrases)


def _sentence(words: str) -> str:
    """With one mark at its end: what was made out in a pause may end with a comma."""
    return words if words.endswith((".", "!", "?")) else f"{words.rstrip(' ,;:-')}."


def _judged(level_db: float) -> str:
    if level_db > -9:
        return "too loud"
    if level_db > -33:
        return "which is good"
    return "which is quiet" if level_db > -45 else "hardly to be heard"


def _key(pressed: str) -> str:
    return {"*": "star", "#": "pound"}.get(pressed) or (in_words(int(pressed)) if pressed.isdigit() else pressed)


def _spelled(number: Number) -> str:
    """A number as one reads it back: a long one figure by figure."""
    return in_words(number.value) if len(number.text) <= 2 else ", ".join(in_words(int(one)) for one in number.text)


def _in_short(output: str) -> str:
    """A function's output as one can say it."""
    try:
        value = msgspec.json.decode(output)
    except msgspec.DecodeError:
        value = output
    if isinstance(value, dict):
        plain = {key: one for key, one in value.items() if isinstance(one, str | int | float)}
        value = ", ".join(f"{' '.join(functions.name_words(key))}: {_value(one)}" for key, one in plain.items())
    elif not isinstance(value, str):
        value = output
    return value[:_TOLD_CHARS] or "nothing"


def _value(one: str | float | bool) -> str:
    return {True: "yes", False: "no"}[one] if isinstance(one, bool) else str(one)
