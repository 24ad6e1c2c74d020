"""Between a call, which knows the line's mu-law only, and a session that hears or speaks another format.

Such a call pays for it in every frame; all others have nothing of this in their way.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.audio.transcode import Format
from bot.realtime.connection import OnText, RealtimeConnection
from bot.realtime.transcoder import Transcoder


class TranscodedConnection:
    """A connection as its call sees it: what is sent and heard through it is mu-law."""

    def __init__(self, connection: RealtimeConnection, heard: Format, spoken: Format) -> None:
        """`heard` is what the session takes, `spoken` what it makes."""
        self.connection = connection
        self._transcoder = Transcoder(heard, spoken)

    def send(self, text: bytes) -> None:
        self.connection.send(self._transcoder.to_session(text))

    def send_all(self, texts: Sequence[bytes]) -> None:
        self.connection.send_all([self._transcoder.to_session(text) for text in texts])

    async def close(self) -> None:
        await self.connection.close()

    def translate(self, on_text: OnText) -> OnText:
        from_session = self._transcoder.from_session

        def heard(text: bytes) -> None:
            on_text(from_session(text))

        return heard
