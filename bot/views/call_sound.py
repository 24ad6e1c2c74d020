"""Sound of a call: two tracks of mu-law on the call's own clock, from its recording or from its fixture."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from pathlib import Path

from bot.audio import mulaw
from bot.audio.payload import SILENCE_BYTE, US_PER_BYTE
from bot.views.timeline_parts import Timeline

_STEREO = 2
_BLOCK_FRAMES = 1 << 16


class BadSound(ValueError):
    """The file is no recording of ours; the text is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class CallSound:
    """Mu-law of equal length, 8 bytes a millisecond, from `start_us` of the call's clock on."""

    start_us: int
    caller: bytes
    heard: bytes

    @property
    def end_us(self) -> int:
        return self.start_us + len(self.caller) * US_PER_BYTE

    @property
    def seconds(self) -> float:
        return len(self.caller) / mulaw.RATE


def sound_of_recording(path: Path | str) -> CallSound:
    """The stereo WAV at `path`, as if it began with the call. Raises BadSound, and OSError when it can't be read."""
    caller, heard = bytearray(), bytearray()
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (_STEREO, mulaw.WIDTH, mulaw.RATE):
                raise BadSound(f"{path} is not a stereo WAV of 16 bits at {mulaw.RATE} Hz")
            while samples := file.readframes(_BLOCK_FRAMES):
                left, right = mulaw.separate(samples)
                caller += mulaw.encode(left)
                heard += mulaw.encode(right)
    except (wave.Error, EOFError) as error:
        raise BadSound(f"{path} is not a WAV file ({str(error) or 'it ends too early'})") from None
    return CallSound(0, bytes(caller), bytes(heard))


def sound_of_timeline(told: Timeline) -> CallSound | None:
    """The call as its fixture has it, from its first sound on; None when there is none."""
    spoken = [(frame.at_us, frame.audio) for frame in told.frames]
    played = [(piece.start_us, piece.audio[: piece.heard_bytes]) for piece in told.pieces if piece.heard_bytes]
    if not spoken and not played:
        return None
    start_us = max(0, min(at_us for at_us, _ in (*spoken, *played)))
    end_us = max(at_us + len(audio) * US_PER_BYTE for at_us, audio in (*spoken, *played))
    size = max(0, end_us - start_us) // US_PER_BYTE
    return CallSound(start_us, _track(spoken, start_us, size), _track(played, start_us, size))


def wav_of(sound: CallSound) -> bytes:
    """A stereo WAV, 8 kHz 16-bit: the caller left, what the caller heard right."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(_STEREO)
        file.setsampwidth(mulaw.WIDTH)
        file.setframerate(mulaw.RATE)
        file.writeframes(mulaw.interleave(mulaw.decode(sound.caller), mulaw.decode(sound.heard)))
    return whole.getvalue()


def _track(parts: list[tuple[int, bytes]], start_us: int, size: int) -> bytes:
    """Each part where it belongs, silence between; what comes later in the list lies over what came before."""
    track = bytearray([SILENCE_BYTE]) * size
    for at_us, audio in parts:
        at = max(0, at_us - start_us) // US_PER_BYTE
        track[at : at + len(audio)] = audio[: size - at]
    return bytes(track)
