"""A stored call as the page of `bot show`: its transcript as stored, its waves and its sound from the files it left."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from urllib.parse import quote

from bot.call.facts import TurnFact
from bot.store.results import CallSummary, StoredCall
from bot.store.rows import EventKept
from bot.views.call_page import Figure, page_of
from bot.views.pauses.stored_waits import waits_of
from bot.views.plain_words import in_plain_words
from bot.views.queries.call_query import LIVE
from bot.views.stored.call_list import ending
from bot.views.stored.columns import usd
from bot.views.stored.stored_audio import Audible
from bot.views.stored.stored_call import facts_of, warnings_of
from bot.views.timeline import OF_OPERATOR
from bot.views.timeline_parts import BargeIn, Event, Timeline, Turn

LONGEST_INSIDE_S = 20 * 60.0
"""Sound up to this length, 26 MB of page, stands in the page; a longer recording is played from beside it."""


def stored_page(call: StoredCall, heard: Audible, page: Path) -> str:
    """The page of `call`, to be written to `page`. Without a recording the sound stands in it, however long."""
    beside = ""
    if heard.recording and heard.sound and heard.sound.seconds > LONGEST_INSIDE_S:
        beside = _from_page(heard.recording, page)
    told = _with_stored_words(call, heard.told) if heard.told else _stored_story(call)
    facts = [*facts_of(call.summary), call.summary.sid, *heard.problems]
    return page_of(
        told,
        sound=heard.sound,
        beside=beside,
        headline=_headline(call.summary),
        facts=facts,
        figures=_figures(call.summary),
    )


def _headline(call: CallSummary) -> str:
    """The caller, the time, and how the call ended."""
    began = call.started_at.astimezone(UTC).strftime("%Y-%m-%d at %H:%M:%S UTC")
    who = call.caller or "A withheld number"
    return f"{who}, {began}: {ending(call).replace('_', ' ') if call.ended_at else LIVE}"


def _from_page(recording: Path, page: Path) -> str:
    """The address of the recording as the page names it: relative, so that both can be moved together."""
    return quote(Path(os.path.relpath(recording.resolve(), page.resolve().parent)).as_posix())


# ---- the story -------------------------------------------------------------------------------------------------------


def _with_stored_words(call: StoredCall, told: Timeline) -> Timeline:
    """The fixture's story with the turns of the store, where words may have been thrown away since."""
    of_fixture = {turn.item_id: turn for turn in told.turns}
    turns = [_turn(turn, of_fixture.get(turn.item_id)) for turn in call.turns]
    if not turns and not call.summary.purged_at:
        turns = told.turns
    else:
        turns = sorted([*turns, *(turn for turn in told.turns if turn.by_operator)], key=lambda turn: turn.from_us)
    return replace(told, call_sid=call.summary.sid, ended=ending(call.summary), turns=turns)


def _stored_story(call: StoredCall) -> Timeline:
    summary = call.summary
    turns = [_turn(turn, None) for turn in call.turns]
    operators = [event for event in call.events if event.name in OF_OPERATOR]
    events = sorted([*warnings_of(call), *operators], key=lambda event: event.us)
    times = [turn.until_us or turn.from_us for turn in turns] + [event.us for event in events]
    return Timeline(
        path="",
        date=summary.started_at.isoformat(timespec="seconds"),
        call_sid=summary.sid,
        duration_us=max([round(summary.seconds * 1_000_000), *times]),
        ended=ending(summary),
        truncated=False,
        turns=turns,
        events=[
            Event(
                event.us,
                "call",
                _kind(event),
                in_plain_words(event.name, event.details),
            )
            for event in events
        ],
        barge_ins=[_barge_in(turn) for turn in turns if turn.cut_us is not None],
        waits=waits_of(call, turns),
    )


def _kind(event: EventKept) -> str:
    if event.name in OF_OPERATOR:
        return "operator"
    return "error" if event.level == "error" else "odd"


def _turn(stored: TurnFact, recorded: Turn | None) -> Turn:
    """Times and words are the store's, which knew the marks; what the fixture says of the audio is kept."""
    known = recorded or Turn(stored.who, stored.item_id, stored.began_us or 0)
    began_us = known.from_us if stored.began_us is None else stored.began_us
    ended_us = known.until_us if stored.ended_us is None else stored.ended_us
    return replace(
        known,
        from_us=began_us,
        until_us=began_us if ended_us is None else ended_us,
        text=stored.text or "",
        unheard_text=stored.unheard,
        cut_us=ended_us if stored.cut else known.cut_us,
    )


def _barge_in(turn: Turn) -> BargeIn:
    at_us = turn.cut_us or 0
    return BargeIn(at_us, None, turn.item_id, max(0, at_us - turn.from_us) / 1000, 0.0)


def _figures(call: CallSummary) -> list[Figure]:
    """The numbers one looks for first, as the store has them."""
    return [
        Figure("Greeting", _ms(call, "greeting_heard"), "heard after the webhook"),
        Figure("Answers", _ms(call, "byte_heard_p50"), f"heard after the caller fell silent, median{_p95(call)}"),
        Figure("Stops when interrupted", _ms(call, "clear_p50"), "from hearing the caller to silence, median"),
        Figure("Interruptions", str(call.interruptions), "times the caller, or an operator, cut the bot short"),
        Figure("Cost", usd(call.nano_usd), "model, transcription and line"),
    ]


def _p95(call: CallSummary) -> str:
    return f"; 95 in 100 within {_ms(call, 'byte_heard_p95')}" if "byte_heard_p95" in call.waits else ""


def _ms(call: CallSummary, wait: str) -> str:
    return f"{call.waits[wait]:.0f} ms" if wait in call.waits else "none"
