"""Pydantic AI's Realtime client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.offline.mind.agent_script import GOODBYE, STOPPED
from bot.testing.model.server import SimulatedRealtimeServer
from tests.waiting import GIVE_UP_S

pytest.importorskip("pydantic_ai.realtime.openai")


def words(session: Any) -> list[str]:
    """What the agent has said, in order, as the history has it."""
    parts = [part for message in session.all_messages() for part in message.parts]
    return [part.transcript for part in parts if getattr(part, "speaker", "") == "assistant" and part.transcript]


async def test_a_spoken_turn_with_an_interruption_and_a_function_call(
    agent: SimulatedRealtimeServer, spoken: Callable[[str], bytes]
) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.realtime.openai import OpenAIRealtimeModel

    called: list[str] = []
    ann = Agent(instructions="Be brief.")

    @ann.tool_plain
    def end_call() -> str:
        """End the call."""
        called.append("end_call")
        return "It is ended."

    base = agent.url.replace("ws:", "http:").removesuffix("/realtime")
    model = OpenAIRealtimeModel("gpt-realtime-2.1", provider=OpenAIProvider(base_url=base, api_key="any"))
    async with asyncio.timeout(GIVE_UP_S), ann.realtime(model).session(handle_barge_in=True) as session:
        events = aiter(session)

        async def until(wanted: Callable[[Any], bool]) -> Any:
            async for event in events:
                assert event.event_kind != "realtime_session_error", event
                if wanted(event):
                    return event
            raise AssertionError("the session ended before that")

        heard = session.stream_audio()
        await session.send_audio(spoken("caller_long"))
        await anext(heard)
        await anext(heard)
        await session.send_audio(spoken("caller_stop"))
        while STOPPED not in words(session):
            await until(lambda event: event.event_kind == "part_end")
        await session.send_audio(spoken("caller_goodbye"))
        result = await until(lambda event: event.event_kind == "function_tool_result")
        assert (result.part.tool_name, result.part.content, called) == ("end_call", "It is ended.", ["end_call"])
        while "The function answers: It is ended." not in words(session):
            await until(lambda event: event.event_kind == "part_end")
        assert GOODBYE in words(session)
    model_side = agent.sessions[0]
    assert model_side.responses[0].status == "cancelled"
    assert model_side.truncations, "it said how much was heard"
    assert all(cut.accepted for cut in model_side.truncations)
