"""Latencies, as facts: of the greeting from the webhook, of an answer from the end of the caller's speech.

All on the call's clock, at our end of the line, whose delay is in none of them:

- The end of speech is when the line had brought its last audio: `audio_end_ms` less the window of silence that
  server_vad waits for (bot.call.uplink.caller_speech).
- `byte_sent`: until the first byte of the answer was handed to the transport. The answer is the first response made
  after that end of which anything is sent; of several items, the first.
- `byte_heard`: until that byte is played, by the ledger: when it was sent or what was before it had been played,
  corrected by the first mark that comes back from behind it. Never told of an answer of which nothing was heard.
- `greeting_heard`: from the webhook, which is time 0, in the same way; where we made the call, from its being answered.

What shows only in the shell, from `speech_started` to `clear`, is measured there.
"""

from __future__ import annotations

from bot.call.facts import Wait, WaitFact
from bot.call.playout.ledger import Entry
from bot.call.step import Step


class Latencies:
    """Puts out each wait once, as soon as it is known."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._since_us: int | None = None
        """When the speech ended that has not been answered."""
        self._response_id: str | None = None
        self._to_hear: dict[Entry, tuple[Wait, int]] = {}
        """Entries whose first byte is on its way, what is waited for and since when."""
        self._greeted = False
        self._from_us = 0

    def answered(self) -> None:
        """The callee has picked up a call that we made."""
        self._from_us = self._step.now_us

    def caller_started(self) -> None:
        """Whatever they said before will be answered together with this."""
        self._since_us = None

    def caller_stopped(self, ended_us: int) -> None:
        self._since_us, self._response_id = ended_us, None

    def response_created(self, response_id: str) -> None:
        """A response that may be heard begins. One of which nothing is sent, such as a function call, is no answer."""
        if self._since_us is not None:
            self._response_id = response_id

    def sent(self, entry: Entry, turn: int, *, greeting: bool) -> None:
        """The first byte of `entry` was handed to the transport."""
        if greeting:
            if not self._greeted:
                self._greeted = True
                self._to_hear[entry] = ("greeting_heard", self._from_us)
        elif self._since_us is not None and entry.response_id == self._response_id:
            self._step.send(WaitFact("byte_sent", max(self._step.now_us - self._since_us, 0), turn))
            self._to_hear[entry] = ("byte_heard", self._since_us)
            self._since_us = None

    def heard(self, entry: Entry, began_us: int, turn: int) -> None:
        """The first byte of `entry` was played at `began_us`."""
        what, since_us = self._to_hear.pop(entry, (None, 0))
        if what is not None:
            self._step.send(WaitFact(what, max(began_us - since_us, 0), turn))

    def again(self, entry: Entry) -> None:
        """`entry` will be sent once more, from its beginning."""
        what, since_us = self._to_hear.pop(entry, (None, 0))
        if what == "greeting_heard":
            self._greeted = False
        elif what is not None:
            self._since_us = since_us

    def unheard(self, entry: Entry) -> None:
        """Nothing of `entry` was heard, or will be."""
        self._to_hear.pop(entry, None)
