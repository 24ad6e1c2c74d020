"""However often a call is told something new, what it holds has an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.call.call import Input
from bot.call.playout.ledger import MAX_ENTRIES
from bot.call.playout.playout_queue import HELD_BYTES
from bot.call.transcript.transcript import MAX_CALL_CHARS, MAX_CHARS, Transcript
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import (
    SID,
    ScriptedCall,
    added,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    frame,
    function,
    item_done,
    words,
)
from tests.hostile.bounds import CALL_KIB, endure, grown_kib

TIMES = 3_000
FLOOD_KIB = CALL_KIB // 2
"""What is kept of each time, in a bound that three thousand of them would break with less than a kilobyte each."""
LONG = "x" * 500
Said = Callable[[int], list[Input]]

FLOODS: dict[str, Said] = {
    "frames": lambda n: [frame(n * 20)],
    "frames that jump in time": lambda n: [frame(n * 7919 % 2**40)],
    "frames of nothing": lambda n: [frame(n * 20, 0)],
    "frames of one byte": lambda n: [stream.Media(stream.MediaPart("/w==", n), SID)],
    "marks that nobody set": lambda n: [echo(f"e0.{n}{LONG}")],
    "digits": lambda n: [stream.Dtmf(stream.DtmfPart(f"{n}{LONG}"), SID)],
    "responses": lambda n: [created(f"R{n}{LONG}")],
    "responses with sound": lambda n: [
        *(created(f"R{n}"), added(f"R{n}", f"I{n}"), delta(f"R{n}", f"I{n}", 20), words(f"R{n}", f"I{n}", "hi")),
        done(f"R{n}"),
    ],
    "items": lambda n: [added("R", f"I{n}{LONG}")],
    "items with sound": lambda n: [delta("R", f"I{n}{LONG}", 20)],
    "contents with sound": lambda n: [delta("R", "I", 20, n)],
    "items with words": lambda n: [words("R", f"I{n}", LONG)],
    "words of one letter": lambda n: [words("R", f"I{n // 100}", "x")],
    "items that are finished": lambda n: [item_done(f"I{n}{LONG}")],
    "turns": lambda n: [committed(f"U{n}{LONG}")],
    "what the caller said": lambda n: [events.CallerTranscript(f"U{n}", LONG)],
    "speech": lambda n: [events.SpeechStarted(n, f"S{n}"), events.SpeechStopped(n, f"S{n}")],
    "functions": lambda n: [function("R", f"f{n}", f"c{n}{LONG}")],
    "ends of responses": lambda n: [done(f"R{n}{LONG}")],
    "errors": lambda n: [error(f"code{n}{LONG}")],
    "unknown events": lambda n: [events.Unknown(f"t{n}{LONG}")],
}


BY_PHONE = ("frames", "marks", "digits")


def marks_while_opening(what: str) -> list[pytest.MarkDecorator]:
    """Slow mark for what a session says: it is held alike while it opens and once it is ready."""
    return [] if what.startswith(BY_PHONE) else [pytest.mark.slow]


def flood(said: Said, desk: ScriptedCall, times: int) -> Iterator[tuple[int, Input]]:
    yield 0, created("R")
    for n in range(times):
        for one in said(n):
            yield n * 1_000, one


@pytest.mark.parametrize(
    ("what", "ready"),
    [
        *(pytest.param(what, True, id=f"ready-{what}") for what in FLOODS),
        *(pytest.param(what, False, id=f"opening-{what}", marks=marks_while_opening(what)) for what in FLOODS),
    ],
)
def test_a_flood_of_it_is_held_within_a_bound(what: str, ready: bool) -> None:
    desk = ScriptedCall(ready=ready)

    def work() -> ScriptedCall:
        endure(desk.call, flood(FLOODS[what], desk, TIMES))
        return desk

    assert grown_kib(work) < FLOOD_KIB


def test_more_than_ten_minutes_yet_to_be_heard_is_dropped_and_counted() -> None:
    """Twilio would throw it away unsaid (31931), and the ledger would count it as heard."""
    desk = ScriptedCall()
    desk.give(created("R"))
    for _ in range(25):
        desk.give(delta("R", "I", 30_000))
    (entry,) = desk.call.playout.ledger.find("I")
    assert entry.sent <= entry.received <= HELD_BYTES
    assert entry.received + desk.call.playout.dropped_bytes == 25 * 30_000 * 8
    assert desk.call.playout.dropped_bytes > 0


def test_a_model_that_speaks_in_more_items_than_can_be_followed_is_counted_and_the_rest_is_heard() -> None:
    desk = ScriptedCall()
    desk.give(created("R"))
    for n in range(MAX_ENTRIES + 5):
        desk.give(delta("R", f"I{n}", 20))
    assert desk.call.counts["deltas_without_room"] == 5
    assert desk.give(delta("R", "I0", 20)) == ["media 20"]


def test_words_without_end_are_kept_up_to_a_number_of_letters() -> None:
    transcript = Transcript()
    for n in range(MAX_CALL_CHARS // MAX_CHARS + 10):
        transcript.bot_words_done(f"I{n}", 0, "x" * MAX_CHARS * 2)
        transcript.over(f"I{n}")
    assert sum(len(turn.text or "") for turn in transcript.turns) <= MAX_CALL_CHARS
    assert transcript.turns[-1].text is None
