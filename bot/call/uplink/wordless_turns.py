"""Turns of the caller whose words are not known, or not yet: their sound, which another session can be told."""

from __future__ import annotations

from base64 import b64encode

ALL_BYTES = 60 * 8_000
"""Most that is kept of all turns together; beyond, the oldest go."""


class WordlessTurns:
    """The sound of each, by the turn's number."""

    def __init__(self) -> None:
        self._sounds: dict[int, bytes] = {}
        self._n_bytes = 0

    def add(self, number: int, speech: bytes) -> None:
        """The caller's speech became turn `number`."""
        if speech:
            self._sounds[number] = speech
            self._n_bytes += len(speech)
        while self._n_bytes > ALL_BYTES:
            self.known(next(iter(self._sounds)))

    def known(self, number: int) -> None:
        """The words of the turn have come."""
        self._n_bytes -= len(self._sounds.pop(number, b""))

    def payloads(self) -> dict[int, str]:
        """Each as one payload."""
        return {number: b64encode(speech).decode() for number, speech in self._sounds.items()}
