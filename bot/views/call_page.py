"""A call as one self-contained web page: waveforms, cuts, marks, transcript, events and sound. It needs no network.

Everything the call brought in (ids, names, transcripts) is text: escaped in the HTML, and in the data that the script
draws from. The page's own policy forbids every request and every script but its own, by hash; it may play what the
script makes of the page's own data, or one file beside it.
"""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files
from statistics import median
from string import Template
from typing import NamedTuple

import msgspec

from bot.recording.fixture import Fixture
from bot.recording.wording import visible
from bot.views.call_sound import CallSound, sound_of_timeline
from bot.views.page_data import page_data
from bot.views.pauses.silences import silence_events, silences
from bot.views.timeline import timeline
from bot.views.timeline_parts import Event, LatencyKind, Side, Timeline, Turn

_IN_SCRIPT = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
"""Letters that could end a script element or a line of it; inside JSON these stand only in strings."""


class Figure(NamedTuple):
    """One of the numbers that stand at the head of the page."""

    name: str
    value: str
    note: str


def render_page(fixture: Fixture) -> str:
    """The page of `fixture`, with its sound."""
    told = timeline(fixture)
    return page_of(told, sound=sound_of_timeline(told))


def page_of(
    told: Timeline,
    *,
    sound: CallSound | None = None,
    beside: str = "",
    headline: str = "",
    facts: list[str] | None = None,
    figures: list[Figure] | None = None,
) -> str:
    """The page of a timeline.

    `sound` is drawn where no fixture tells more, and can be played: it stands in the page, unless `beside` names a file
    by its path from the page. `headline`, `facts` and `figures` take the place of what the timeline tells.
    """
    style, script = _file("page.css"), _file("page.js")
    return Template(_file("page.html")).substitute(
        policy=_policy(style, script, sound, beside),
        style=style,
        script=script,
        title=_text(headline or _headline(told)),
        headline=_text(headline or _headline(told)),
        facts="".join(f"<li>{_text(fact)}</li>" for fact in facts or _facts(told)),
        figures="".join(map(_figure, figures or _figures(told))),
        player=_PLAYER if sound else "",
        legend=_legend(told, sound),
        rows="\n".join(map(_row, _merged(told))),
        needs="needs no network" if not beside else "plays the recording beside it, and needs no network",
        data=msgspec.json.encode(page_data(told, sound, beside)).decode().translate(_IN_SCRIPT),
    )


def policy_of(page: str) -> str:
    """The policy that a page of ours has in its head, for a server that sends it as a header."""
    return html.unescape(page.partition('Content-Security-Policy" content="')[2].partition('"')[0])


def _policy(style: str, script: str, sound: CallSound | None, beside: str) -> str:
    media = "media-src 'self' file:; " if beside else "media-src blob:; " if sound else ""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; {media}"
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return files("bot.views").joinpath("page_files", name).read_text("utf-8")


def _text(text: str) -> str:
    return html.escape(visible(text))


# ---- the head --------------------------------------------------------------------------------------------------------


def _headline(told: Timeline) -> str:
    """The time of the call and how it ended. A fixture has nobody's number."""
    ended = told.ended.replace("_", " ")
    return f"A call on {told.date.replace('T', ' at ').replace('+00:00', ' UTC')}: {ended}"


def _facts(told: Timeline) -> list[str]:
    facts = [f"{told.duration_us / 1e6:.1f} s", told.call_sid or "a call without a name"]
    if told.truncated:
        facts.append("the recording is cut off, as after a crash")
    return facts


def _figures(told: Timeline) -> list[Figure]:
    """The numbers one looks for first."""
    return [
        Figure("First audio", _typical(told, "first_audio"), "after the stream began"),
        Figure("Answers", _typical(told, "answer"), "after the caller fell silent, median"),
        Figure("Stops when interrupted", _typical(told, "silence"), "from hearing the caller to silence, median"),
        Figure("Interruptions", str(len(told.barge_ins)), _unheard(told)),
    ]


def _figure(one: Figure) -> str:
    name, value, note = map(_text, one)
    return f"<div><dt>{name}</dt><dd>{value}</dd><dd class=note>{note}</dd></div>"


def _typical(told: Timeline, kind: LatencyKind) -> str:
    took = [latency.took_us / 1000 for latency in told.latencies if latency.kind == kind]
    return f"{median(took):.0f} ms" if took else "none"


def _unheard(told: Timeline) -> str:
    seconds = sum(barge_in.unheard_ms for barge_in in told.barge_ins) / 1000
    return f"{seconds:.1f} s sent and never heard"


# ---- the sound and the legend ----------------------------------------------------------------------------------------

_PLAYER = (
    '<div class="player" role="group" aria-label="Sound">'
    '<button type="button" id="play" disabled title="Play or pause (space)">Play</button>'
    '<label>speed <select id="speed"><option value="1">1</option><option value="1.5">1.5</option>'
    '<option value="2">2</option></select></label><span id="clock">0:00 of 0:00</span></div>'
)


def _legend(told: Timeline, sound: CallSound | None) -> str:
    """The legend of what this page can show."""
    audio = bool(sound or told.frames or told.pieces)
    shown = [
        ("k-caller", "caller&rsquo;s audio", audio),
        ("k-speech", "model hears speech", True),
        ("k-heard", "played to the caller", audio),
        ("k-unheard", "sent, never heard", bool(told.pieces)),
        ("k-cut", "barge-in: clear, and the cut", bool(told.pieces or told.barge_ins)),
        ("k-mark", "mark, came back", bool(told.marks)),
        ("k-lost", "mark, never came back", bool(told.marks)),
        ("k-silent", "silence over a second, and why", bool(silences(told))),
        ("k-key", "key pressed", any(event.kind == "key" for event in told.events)),
        ("k-none", "no audio of this call is kept: only its times are drawn", not audio),
    ]
    return "".join(f'<li><i class="{kind}"></i>{what}</li>' for kind, what, here in shown if here)


# ---- the table -------------------------------------------------------------------------------------------------------


_TECHNICAL = frozenset({"stream", "session", "response", "speech", "told", "report", "note"})
"""Kinds of events that say how a call was carried rather than what happened in it: shown to those who look for them."""


def _merged(told: Timeline) -> list[Event | Turn]:
    """Turns and events in the order of time, a turn in place of the event that tells of it."""
    entries: list[tuple[int, Event | Turn]] = [(event.us, event) for event in told.events if event.kind != "says"]
    entries += [(event.us, event) for event in silence_events(told)]
    entries += [(turn.from_us, turn) for turn in told.turns]
    return [entry for _, entry in sorted(entries, key=lambda entry: entry[0])]


def _row(entry: Event | Turn) -> str:
    if isinstance(entry, Turn):
        return _cells(entry.from_us, entry.who, "says", _said(entry))
    technical = entry.minor or entry.kind in _TECHNICAL
    return _cells(entry.us, entry.side, f"event {entry.kind}{' minor' if technical else ''}", _text(entry.text))


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
