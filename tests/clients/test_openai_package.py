"""The `openai` package's Realtime client."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from bot.offline.mind.agent_script import GOODBYE, STOPPED
from bot.testing.model.server import SimulatedRealtimeServer
from tests.waiting import GIVE_UP_S

openai = pytest.importorskip("openai")
Spoken = Callable[[str], bytes]
TOOL = {
    "type": "function",
    "name": "end_call",
    "description": "End the call.",
    "parameters": {"type": "object", "properties": {}},
}


async def until(connection: Any, kind: str) -> Any:
    async for event in connection:
        assert event.type != "error", event
        if event.type == kind:
            return event
    raise AssertionError(f"the session ended before {kind}")


async def test_a_spoken_turn_with_an_interruption_and_a_function_call(
    agent: SimulatedRealtimeServer, spoken: Spoken
) -> None:
    base = agent.url.replace("ws:", "http:").removesuffix("/realtime")
    async with (
        asyncio.timeout(GIVE_UP_S),
        openai.AsyncOpenAI(api_key="any", base_url=base) as client,
        client.realtime.connect(model="gpt-realtime-2.1") as connection,
    ):
        await until(connection, "session.created")
        await connection.session.update(session={"type": "realtime", "tools": [TOOL]})
        await until(connection, "session.updated")

        async def say(name: str) -> None:
            await connection.input_audio_buffer.append(audio=base64.b64encode(spoken(name)).decode())

        await say("caller_long")
        first = await until(connection, "response.output_audio.delta")
        await say("caller_stop")
        await until(connection, "input_audio_buffer.speech_started")
        await connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=50)
        cut = await until(connection, "response.done")
        assert cut.response.status == "cancelled"
        answer = await until(connection, "response.done")
        assert answer.response.output[0].content[0].transcript == STOPPED
        await say("caller_goodbye")
        done = (await until(connection, "response.done")).response
        message, call = done.output
        assert message.content[0].transcript == GOODBYE
        assert (call.name, call.arguments) == ("end_call", "{}")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "It is ended."}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        told = (await until(connection, "response.done")).response
        assert told.output[0].content[0].transcript == "The function answers: It is ended."
        assert told.usage.output_tokens > 0
