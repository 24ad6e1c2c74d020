"""A call as one self-contained web page: both waveforms, cuts, marks, transcript and events. It needs no network.

Everything the call brought in (ids, names, transcripts) is text: escaped in the HTML, and in the data that the script
draws from. The page's own policy forbids every request and every script but its own, by hash.
"""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files
from statistics import median
from string import Template
from typing import Any

import msgspec

from bot.records.fixture import Fixture
from bot.records.parts import Event, LatencyKind, Side, Timeline, Turn
from bot.records.replay import ReplayResult
from bot.records.timeline import timeline
from bot.records.waveform import waveform
from bot.records.wording import visible

_IN_SCRIPT = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
"""What could end a script element or a line of it; inside JSON these stand only in strings."""


def render_page(fixture: Fixture, replayed: ReplayResult | None = None) -> str:
    """The page of `fixture`; `replayed` adds what the call reported and the reason it gave for its end."""
    return page_of(timeline(fixture, replayed))


def page_of(told: Timeline) -> str:
    """The page of a timeline."""
    style, script = _file("page.css"), _file("page.js")
    return Template(_file("page.html")).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=_text(f"Call {told.call_sid}".strip()),
        call=_text(told.call_sid or "A call without a name"),
        facts=_facts(told),
        figures=_figures(told),
        rows="\n".join(map(_row, _merged(told))),
        data=msgspec.json.encode(_data(told)).decode().translate(_IN_SCRIPT),
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return files("bot.records").joinpath("page_files", name).read_text("utf-8")


def _text(text: str) -> str:
    return html.escape(visible(text))


# ---- the head --------------------------------------------------------------------------------------------------------


def _facts(told: Timeline) -> str:
    facts = [
        told.date.replace("T", " ").replace("+00:00", " UTC"),
        f"{told.duration_us / 1e6:.1f} s",
        f"ended: {told.ended.replace('_', ' ')}",
    ]
    if told.truncated:
        facts.append("the recording is cut off, as after a crash")
    return "".join(f"<li>{_text(fact)}</li>" for fact in facts)


def _figures(told: Timeline) -> str:
    """The numbers one looks for first."""
    figures = [
        ("First audio", _typical(told, "first_audio"), "after the stream began"),
        ("Answers", _typical(told, "answer"), "after the caller fell silent, median"),
        ("Silence", _typical(told, "silence"), "after the caller was heard to speak, median"),
        ("Interruptions", str(len(told.barge_ins)), _unheard(told)),
    ]
    return "".join(
        f"<div><dt>{name}</dt><dd>{_text(value)}</dd><dd class=note>{note}</dd></div>" for name, value, note in figures
    )


def _typical(told: Timeline, kind: LatencyKind) -> str:
    took = [latency.took_us / 1000 for latency in told.latencies if latency.kind == kind]
    return f"{median(took):.0f} ms" if took else "none"


def _unheard(told: Timeline) -> str:
    seconds = sum(barge_in.unheard_ms for barge_in in told.barge_ins) / 1000
    return f"{seconds:.1f} s sent and never heard"


# ---- the table -------------------------------------------------------------------------------------------------------


def _merged(told: Timeline) -> list[Event | Turn]:
    """Turns and events in the order of time, a turn in place of the event that tells of it."""
    entries: list[tuple[int, Event | Turn]] = [(event.us, event) for event in told.events if event.kind != "says"]
    entries += [(turn.from_us, turn) for turn in told.turns]
    return [entry for _, entry in sorted(entries, key=lambda entry: entry[0])]


def _row(entry: Event | Turn) -> str:
    if isinstance(entry, Turn):
        return _cells(entry.from_us, entry.who, "says", _said(entry))
    return _cells(entry.us, entry.side, f"event {entry.kind}{' minor' if entry.minor else ''}", _text(entry.text))


def _cells(at_us: int, side: Side, classes: str, what: str) -> str:
    return (
        f'<tr class="{classes}" data-at="{at_us / 1000:.3f}" tabindex="0"><td class="time">{at_us / 1e6:.3f}</td>'
        f'<td class="side {side}">{side}</td><td class="what">{what}</td></tr>'
    )


def _said(turn: Turn) -> str:
    unheard = f' <span class="unheard">{_text(turn.unheard_text)}</span>' if turn.unheard_text else ""
    if not turn.text and not turn.unheard_text:
        return '<span class="none">no transcript</span>'
    return f"{_text(turn.text)}{unheard}"


# ---- what the script draws from --------------------------------------------------------------------------------------


def _data(told: Timeline) -> dict[str, Any]:
    """Times in ms. Tracks are base64 in the alphabet of URLs, one byte a window."""
    waves = waveform(told)
    return {
        "durationMs": max([told.duration_us, *(piece.end_us for piece in told.pieces)]) / 1000,
        "windowMs": waves.window_ms,
        "caller": _track(waves.caller),
        "heard": _track(waves.heard),
        "unheard": _track(waves.unheard),
        "turns": [_turn(turn, told) for turn in told.turns],
        "bargeIns": [
            {"at": b.at_us / 1000, "item": visible(b.item_id), "heard": b.heard_ms, "unheard": b.unheard_ms}
            for b in told.barge_ins
        ],
        "marks": [
            {
                "name": visible(m.name),
                "due": m.due_us / 1000,
                "back": None if m.echoed_us is None else m.echoed_us / 1000,
            }
            for m in told.marks
        ],
        "keys": [{"at": e.us / 1000, "text": visible(e.text)} for e in told.events if e.kind == "key"],
    }


def _turn(turn: Turn, told: Timeline) -> dict[str, Any]:
    cut_ends = [piece.end_us for piece in told.pieces if piece.item_id == turn.item_id and piece.cut_us is not None]
    until_us = told.duration_us if turn.until_us is None else turn.until_us
    return {
        "who": turn.who,
        "item": visible(turn.item_id),
        "from": turn.from_us / 1000,
        "to": until_us / 1000,
        "text": visible(turn.text),
        "unheardText": visible(turn.unheard_text),
        "received": turn.received_ms,
        "heard": turn.heard_ms,
        "cut": None if turn.cut_us is None else turn.cut_us / 1000,
        "unheardTo": max(cut_ends) / 1000 if cut_ends else None,
        "told": turn.truncated_ms,
    }


def _track(heights: bytes) -> str:
    return base64.urlsafe_b64encode(heights).decode()
