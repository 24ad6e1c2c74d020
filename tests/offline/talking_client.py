"""A small Realtime client that talks: audio at once, since the agent goes by the audio and not by the clock."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import GIVE_UP_S

Json = dict[str, Any]
SILENCE = {"audio/pcmu": b"\xff" * 8, "audio/pcma": b"\xd5" * 8, "audio/pcm": bytes(48)}
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


class TalkingClient:
    """`events` holds all that came, in order."""

    def __init__(self, socket: ClientConnection, audio_format: str) -> None:
        self._socket = socket
        self._silence = SILENCE[audio_format]
        self.events: list[Json] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def say(self, audio: bytes, *, silence_ms: int = 700) -> None:
        """Append speech, and the silence that ends the turn."""
        sound = audio + self._silence * silence_ms
        for at in range(0, len(sound), 4800):
            chunk = base64.b64encode(sound[at : at + 4800]).decode()
            await self.send("input_audio_buffer.append", audio=chunk)

    async def write(self, words: str) -> None:
        """Say something in writing."""
        content = [{"type": "input_text", "text": words}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def until(self, kind: str) -> Json:
        """The next event of this kind."""
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                event = json.loads(await self._socket.recv())
                assert event["type"] != "error", event
                self.events.append(event)
                if event["type"] == kind:
                    return event

    async def answer(self) -> tuple[str, list[Json]]:
        """What is said in the next response, and the functions it calls."""
        self.events.clear()
        response = (await self.until("response.done"))["response"]
        assert response["status"] == "completed", response
        said = [
            part["transcript"] for item in response["output"] if item["type"] == "message" for part in item["content"]
        ]
        return " ".join(said), [item for item in response["output"] if item["type"] == "function_call"]

    def audio(self) -> bytes:
        """The audio of the events there are."""
        deltas = (event["delta"] for event in self.events if event["type"] == "response.output_audio.delta")
        return b"".join(map(base64.b64decode, deltas))


@asynccontextmanager
async def talking(url: str, *, audio_format: str = "audio/pcmu", **session: Any) -> AsyncIterator[TalkingClient]:
    """A client with a configured session."""
    form = {"type": audio_format, **({"rate": 24_000} if audio_format == "audio/pcm" else {})}
    listening = {"format": form, "transcription": {"model": "any"}}
    headers = {"Authorization": "Bearer any"}
    async with connect(f"{url}?model=gpt-realtime-2.1", additional_headers=headers, compression=None) as socket:
        client = TalkingClient(socket, audio_format)
        audio = {"input": listening, "output": {"format": form}}
        await client.send("session.update", session={"type": "realtime", "audio": audio, **session})
        await client.until("session.updated")
        yield client
