"""Data of a call's page, for its script to draw and play. Times are in ms; tracks are base64 for URLs."""

from __future__ import annotations

import base64
from typing import Any

from bot.recording.wording import visible
from bot.views.call_sound import CallSound
from bot.views.pauses.silences import Silence, silences
from bot.views.played import unheard_spans
from bot.views.timeline_parts import BargeIn, Timeline, Turn
from bot.views.waveform import Waveform, waveform, waveform_of_sound


def page_data(told: Timeline, sound: CallSound | None, beside: str) -> dict[str, Any]:
    """`beside`: the file, by its path from the page, that is played in place of `sound`."""
    waves = waves_of(told, sound)
    unheard_to = _unheard_to(told)
    last_us = max([told.duration_us, sound.end_us if sound else 0, *unheard_to.values()])
    return {
        "durationMs": last_us / 1000,
        "windowMs": waves.window_ms,
        "caller": _track(waves.caller),
        "heard": _track(waves.heard),
        "unheard": _track(waves.unheard),
        "turns": [_turn(turn, told.duration_us, unheard_to.get(turn.item_id)) for turn in told.turns],
        "bargeIns": [_barge_in(one, known=bool(told.pieces)) for one in told.barge_ins],
        "marks": [
            {
                "name": visible(m.name),
                "due": m.due_us / 1000,
                "back": None if m.echoed_us is None else m.echoed_us / 1000,
            }
            for m in told.marks
        ],
        "silences": [_silence(one) for one in silences(told)],
        "keys": [{"at": e.us / 1000, "text": visible(e.text)} for e in told.events if e.kind == "key"],
        "audio": bool(sound or told.frames or told.pieces),
        "sound": _sound(sound, beside),
    }


def waves_of(told: Timeline, sound: CallSound | None) -> Waveform:
    """The waveform by the fixture, which knows also what was never heard; without one by the recording."""
    if sound and not told.frames and not told.pieces:
        return waveform_of_sound(sound)
    return waveform(told)


def _sound(sound: CallSound | None, beside: str) -> dict[str, Any] | None:
    """Mu-law, half the size of what it was recorded as; the script makes a WAV of it, which every browser plays."""
    if sound is None:
        return None
    start = {"start": sound.start_us / 1000, "seconds": sound.seconds}
    if beside:
        return {**start, "beside": beside}
    return {**start, "caller": _track(sound.caller), "heard": _track(sound.heard)}


def _unheard_to(told: Timeline) -> dict[str, int]:
    """Time, by item that was cut, up to which is drawn what was sent of it and never heard.

    The voice of an operator who hands a call back is no item that was cut, though its last frames are not heard.
    """
    ends: dict[str, int] = {}
    cut = {turn.item_id for turn in told.turns if turn.cut_us is not None}
    for piece, (_, end_us) in zip(told.pieces, unheard_spans(told.pieces), strict=True):
        if piece.cut_us is not None and piece.item_id in cut:
            ends[piece.item_id] = max(end_us, ends.get(piece.item_id, 0))
    return ends


def _turn(turn: Turn, duration_us: int, unheard_to_us: int | None) -> dict[str, Any]:
    until_us = duration_us if turn.until_us is None else turn.until_us
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
        "unheardTo": None if unheard_to_us is None else unheard_to_us / 1000,
        "told": turn.truncated_ms,
    }


def _barge_in(one: BargeIn, *, known: bool) -> dict[str, Any]:
    """`known`: what had been sent is known, so also how much of it was never heard."""
    unheard = one.unheard_ms if known else None
    return {"at": one.at_us / 1000, "item": visible(one.item_id), "heard": one.heard_ms, "unheard": unheard}


def _silence(one: Silence) -> dict[str, Any]:
    return {
        "from": one.from_us / 1000,
        "to": one.until_us / 1000,
        "words": visible(one.words),
        "parts": [{"cause": part.cause, "from": part.from_us / 1000, "to": part.until_us / 1000} for part in one.parts],
    }


def _track(bytes_of: bytes) -> str:
    return base64.urlsafe_b64encode(bytes_of).decode()
