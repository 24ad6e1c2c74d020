"""Listens for the beep of a machine that may have answered a call that we made, until nobody asks for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.audio.beep import BeepEar
from bot.call.call import Call
from bot.call.inputs import BeepHeard
from bot.twilio.stream import Media


def listen_for_beep(call: Call, on_frame: list[Callable[[Media], None]], note: Callable[[BeepHeard], None]) -> None:
    """Hear each frame of the caller by way of `on_frame`."""
    ear = BeepEar()

    def hear(frame: Media) -> None:
        beep = ear.hear(frame.media.payload)
        if beep is not None:
            asyncio.get_running_loop().call_soon(note, BeepHeard(*beep))  # behind the record of this frame
        if not call.listens_for_beep:
            on_frame.remove(hear)

    on_frame.append(hear)
