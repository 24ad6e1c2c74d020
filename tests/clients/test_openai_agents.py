"""The `openai-agents` package's Realtime session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.offline.mind.agent_script import GOODBYE, STOPPED
from bot.testing.model.server import SimulatedRealtimeServer
from tests.waiting import GIVE_UP_S

realtime = pytest.importorskip("agents.realtime")


def transcripts(session: Any) -> list[str]:
    """What the session has of the agent's words, in order."""
    items = [item for item in session._history if getattr(item, "role", "") == "assistant"]
    return [part.transcript for item in items for part in item.content if getattr(part, "transcript", None)]


async def test_a_spoken_turn_with_an_interruption_and_a_function_call(
    agent: SimulatedRealtimeServer, spoken: Callable[[str], bytes]
) -> None:
    from agents import function_tool

    called: list[str] = []

    @function_tool
    def end_call() -> str:
        """End the call."""
        called.append("end_call")
        return "It is ended."

    runner = realtime.RealtimeRunner(realtime.RealtimeAgent(name="Ann", instructions="Be brief.", tools=[end_call]))
    config: Any = {
        "api_key": "any",
        "url": f"{agent.url}?model=gpt-realtime-2.1",
        "initial_model_settings": {"turn_detection": {"type": "server_vad", "interrupt_response": True}},
    }
    async with asyncio.timeout(GIVE_UP_S), await runner.run(model_config=config) as session:
        seen: list[str] = []

        async def until(kind: str) -> Any:
            async for event in session:
                seen.append(event.type)
                assert event.type != "error", event
                if event.type == kind:
                    return event
            raise AssertionError(f"the session ended before {kind}")

        await session.send_audio(spoken("caller_long"))
        await until("audio")
        await session.send_audio(spoken("caller_stop"))
        await until("audio_interrupted")
        while STOPPED not in transcripts(session):
            await until("history_updated")
        await session.send_audio(spoken("caller_goodbye"))
        ended = await until("tool_end")
        assert (ended.tool.name, ended.output, called) == ("end_call", "It is ended.", ["end_call"])
        while "The function answers: It is ended." not in transcripts(session):
            await until("history_updated")
        assert GOODBYE in transcripts(session)
    model_side = agent.sessions[0]
    assert model_side.responses[0].status == "cancelled"
    assert model_side.truncations, "it said how much was heard"
