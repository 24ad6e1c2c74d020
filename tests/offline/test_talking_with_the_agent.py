"""The offline agent over its socket, with its real ears and mouth."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from bot.audio import mulaw
from bot.audio.prompts import prompt
from bot.audio.resampling import Up
from bot.offline.mind.agent_script import GREETING, STOPPED
from bot.testing.model.server import SimulatedRealtimeServer
from tests.offline.talking_client import TRANSCRIBED, talking

QUIET = 200
END = {"type": "function", "name": "end_call", "description": "End the call."}
BOOK = {
    "type": "function",
    "name": "reserve",
    "description": "Reserve a table.",
    "parameters": {
        "type": "object",
        "properties": {"guests": {"type": "integer"}, "when": {"type": "string"}},
        "required": ["guests", "when"],
    },
}


def in_format(ulaw: bytes, audio_format: str) -> bytes:
    pcm = mulaw.decode(ulaw)
    return {"audio/pcmu": lambda: ulaw, "audio/pcma": lambda: mulaw.encode_a(pcm), "audio/pcm": lambda: Up()(pcm)}[
        audio_format
    ]()


@pytest.mark.parametrize("audio_format", ["audio/pcmu", "audio/pcma", "audio/pcm"])
async def test_a_caller_is_understood_and_answered_aloud_in_the_sessions_format(
    agent: SimulatedRealtimeServer, audio_format: str
) -> None:
    async with talking(agent.url, audio_format=audio_format, tools=[END]) as client:
        await client.send("response.create")
        said, calls = await client.answer()
        assert (said, calls) == (" ".join(GREETING), [])
        greeting_ms = len(client.audio()) // (48 if audio_format == "audio/pcm" else 8)
        assert 5_000 < greeting_ms < 20_000
        await client.say(in_format(prompt("caller_goodbye").audio, audio_format))
        assert (await client.until(TRANSCRIBED))["transcript"] == "Thank you, goodbye."
        said, calls = await client.answer()
        assert said.startswith("Goodbye")
        assert [(call["name"], call["arguments"]) for call in calls] == [("end_call", "{}")]
        assert agent.sessions[0].violations == []


async def test_what_the_agent_says_can_be_understood_by_its_own_ears(agent: SimulatedRealtimeServer) -> None:
    """The mouth speaks words and no noise: through mu-law and the recogniser they come out again."""
    async with talking(agent.url) as client:
        await client.write("Seven red apples and a green door.")
        await client.send("response.create")
        await client.answer()
        await client.say(client.audio())
        heard = (await client.until(TRANSCRIBED))["transcript"].lower()
        assert "red apples" in heard
        assert "green door" in heard


async def test_the_voice_begins_at_once_and_makes_no_long_pause_within_a_sentence(
    agent: SimulatedRealtimeServer,
) -> None:
    async with talking(agent.url) as client:
        await client.write("Seven red apples.")
        await client.send("response.create")
        said, _ = await client.answer()
        assert said == "I heard: Seven red apples."
        levels = frame_levels(client.audio())
        loud = [number for number, level in enumerate(levels) if level > QUIET]
        assert loud[0] * 20 <= 60
        assert max(then - one for one, then in pairwise(loud)) * 20 < 400


def frame_levels(ulaw: bytes) -> list[float]:
    return [mulaw.rms(mulaw.decode(ulaw[at : at + 160])) for at in range(0, len(ulaw), 160)]


async def test_a_caller_who_speaks_stops_the_agent_and_is_told_so(agent: SimulatedRealtimeServer) -> None:
    async with talking(agent.url) as client:
        await client.say(prompt("caller_long").audio)
        await client.until("response.output_audio.delta")
        await client.say(prompt("caller_stop").audio)
        cut = (await client.until("response.done"))["response"]
        assert (cut["status"], cut["status_details"]["reason"]) == ("cancelled", "turn_detected")
        said, _ = await client.answer()
        assert said == STOPPED


async def test_a_table_is_booked_by_voice_in_writing_and_by_the_sessions_own_function(
    agent: SimulatedRealtimeServer,
) -> None:
    async with talking(agent.url, tools=[BOOK, END]) as client:
        said = []
        for words in ("I'd like to book a table", "for six people", "on Friday"):
            await client.write(words)
            await client.send("response.create")
            said.append((await client.answer())[0])
        assert said == ["For how many people?", "For which day?", "At what time?"]
        await client.write("at eight")
        await client.send("response.create")
        _, (call,) = await client.answer()
        arguments = json.loads(call["arguments"])
        assert call["name"] == "reserve"
        assert arguments["guests"] == 6
        assert arguments["when"].endswith(" 20:00")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"status": "booked"}'}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        assert (await client.answer())[0] == "The function answers: status: booked."


async def test_a_line_test_plays_the_callers_own_sound_behind_what_it_says_of_it(
    agent: SimulatedRealtimeServer,
) -> None:
    async with talking(agent.url) as client:
        hello = prompt("caller_hello").audio
        await client.say(hello)
        said, _ = await client.answer()
        assert said.startswith("I heard: Hello, can you hear me?")
        assert "decibels, which is good" in said
        assert hello[len(hello) // 4 : len(hello) // 2] in client.audio(), "the very bytes, in mu-law"
        spoken = [one["item_id"] for one in client.events if one["type"] == "response.output_audio.delta"]
        assert len(set(spoken)) == 2


async def test_a_response_in_text_and_one_out_of_band_are_answered_too(agent: SimulatedRealtimeServer) -> None:
    async with talking(agent.url) as client:
        await client.send("response.create", response={"conversation": "none", "output_modalities": ["text"]})
        response = (await client.until("response.done"))["response"]
        assert response["output"][0]["content"][0]["type"] == "output_text"
        assert "script without a model" in response["output"][0]["content"][0]["text"]


async def test_two_callers_at_once_each_have_their_own_conversation(agent: SimulatedRealtimeServer) -> None:
    async with talking(agent.url) as one, talking(agent.url) as other:
        await one.write("book a table")
        await other.write("for four")
        for client in (one, other):
            await client.send("response.create")
        assert (await one.answer())[0] == "For how many people?"
        assert (await other.answer())[0] == "I heard: for four."
