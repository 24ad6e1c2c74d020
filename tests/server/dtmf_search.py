"""Search of audio for the tones of keys, as a receiver would hear them."""

from __future__ import annotations

from bot.audio.tones import key_of

WINDOW_BYTES, STEP_BYTES = 160, 80


def keys_in(audio: bytes) -> str:
    """Keys whose tones are in mu-law `audio`, in order: each is one that two windows in a row have found."""
    found, before, kept = "", "", ""
    for at in range(0, max(len(audio) - WINDOW_BYTES, 0) + 1, STEP_BYTES):
        now = key_of(audio[at : at + WINDOW_BYTES])
        if now and now == before and now != kept:
            found += now
            kept = now
        elif not now and not before:
            kept = ""
        before = now
    return found
