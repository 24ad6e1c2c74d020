"""The simulated model and an agent that takes its time: replies, pieces of speech and words that come later."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.testing.agent import Ears, Pacing, Pending, Reply, Speech, SpeechJudge, Spoken, ToolCall, Turn, pattern
from bot.testing.model.hearing.vad import LoudnessJudge
from tests.testing.model_desk import Desk
from tests.testing.test_model_listening import listen, quiet

FAST = Pacing(first_audio_ms=0, first_delta_ms=100, delta_ms=100, speed=1.0)


class Slow:
    """Something that is there once `made` is set; counts how often it was asked for."""

    def __init__(self, thing: Any = None) -> None:
        self.made: Any = thing
        self.asked = 0

    def poll(self) -> Any:
        self.asked += 1
        return self.made


class SlowAgent:
    """Gives the pending replies in order, and keeps the turns."""

    def __init__(self, *replies: Pending[Reply]) -> None:
        self._replies = list(replies)
        self.turns: list[Turn] = []

    def reply(self, turn: Turn) -> Pending[Reply]:
        self.turns.append(turn)
        return self._replies.pop(0)


class WordEars:
    """Takes what is loud for speech, and makes of each turn the next of `words`."""

    def __init__(self, *words: Slow) -> None:
        self._words = list(words)
        self.turns: list[tuple[bytes, str]] = []

    def judge(self, audio_format: str) -> SpeechJudge:
        return LoudnessJudge(audio_format)

    def recognise(self, audio: bytes, audio_format: str) -> Pending[str]:
        self.turns.append((audio, audio_format))
        return self._words.pop(0)


def asked(agent: Any, **knobs: Any) -> Desk:
    desk = Desk(agent, pacing=FAST, **knobs)
    desk.send("response.create")
    return desk


def test_a_response_is_announced_before_its_reply_is_there_and_spoken_when_it_is() -> None:
    reply = Slow()
    desk = asked(SlowAgent(reply))
    desk.run(desk.now_us / 1000 + 500)
    assert desk.take() == ["response.created"]
    reply.made = Reply((Spoken(pattern(200), "Here it is."),))
    desk.run(desk.now_us / 1000 + 1000)
    assert desk.audio() == pattern(200)
    assert desk.one("response.output_audio_transcript.done")["transcript"] == "Here it is."
    assert desk.one("response.done")["response"]["status"] == "completed"


def test_a_reply_that_comes_after_the_cut_is_never_said() -> None:
    reply = Slow()
    desk = asked(SlowAgent(reply, Reply()))
    desk.run(desk.now_us / 1000 + 100)
    desk.send("response.cancel")
    assert desk.one("response.done")["response"]["output"] == []
    reply.made = Reply((Spoken(pattern(200), "Too late."),), (ToolCall("end_call"),))
    desk.take()
    desk.run(desk.now_us / 1000 + 1000)
    assert desk.take() == ["rate_limits.updated"]
    assert desk.model.next_us() is None or desk.model.next_us() > desk.now_us + 1_000_000, "nobody asks any more"


def test_a_late_reply_may_call_functions_and_end_badly() -> None:
    reply = Slow()
    desk = asked(SlowAgent(reply))
    reply.made = Reply((), (ToolCall("book", '{"people":4}'),), null_usage=True)
    desk.run(desk.now_us / 1000 + 100)
    assert desk.one("response.function_call_arguments.done")["arguments"] == '{"people":4}'
    assert desk.one("response.done")["response"]["usage"] is None


def test_the_pieces_of_a_speech_are_one_item_and_each_is_asked_for_while_the_one_before_is_said() -> None:
    pieces = [Slow(Spoken(pattern(300, 1), "One.")), Slow(), Slow()]
    desk = asked(SlowAgent(Reply((Speech(pieces),))))
    desk.run(desk.now_us / 1000 + 50)
    assert pieces[1].asked, "it is being made"
    assert not pieces[2].asked, "its turn has not come"
    desk.run(desk.now_us / 1000 + 2000)
    assert desk.audio() == pattern(300, 1), "what is not there is waited for"
    pieces[1].made, pieces[2].made = Spoken(pattern(400, 2), " Two."), Spoken(pattern(100, 3), " Three.")
    desk.run(desk.now_us / 1000 + 2000)
    assert desk.audio() == pattern(300, 1) + pattern(400, 2) + pattern(100, 3)
    assert desk.one("response.output_audio_transcript.done")["transcript"] == "One. Two. Three."
    assert len(desk.of("response.output_item.added")) == 1
    assert "".join(one["delta"] for one in desk.of("response.output_audio_transcript.delta")) == "One. Two. Three."
    item = desk.one("response.done")["response"]["output"][0]
    assert desk.model.memory()[-1].audio_ms == 800
    assert desk.model.spoken(item["id"]) == desk.audio()


def test_a_speech_cut_while_its_next_piece_is_made_keeps_what_was_said_of_it() -> None:
    pieces = [Slow(Spoken(pattern(200, 1), "One.")), Slow()]
    desk = asked(SlowAgent(Reply((Speech(pieces),), (ToolCall("end_call"),))))
    desk.run(desk.now_us / 1000 + 1000)
    desk.send("response.cancel")
    done = desk.one("response.done")["response"]
    assert done["status"] == "cancelled"
    assert [one["status"] for one in done["output"]] == ["incomplete"]
    pieces[1].made = Spoken(pattern(200, 2), " Two.")
    desk.run(desk.now_us / 1000 + 1000)
    assert desk.audio() == pattern(200, 1)
    assert not desk.of("response.function_call_arguments.done")


def test_a_speech_is_cut_by_the_token_limit_too() -> None:
    desk = Desk(
        SlowAgent(Reply((Speech([Slow(Spoken(pattern(400), "a")), Slow(Spoken(pattern(400), " b"))]),))), pacing=FAST
    )
    desk.send("response.create", response={"max_output_tokens": 10})
    desk.run(desk.now_us / 1000 + 2000)
    assert len(desk.audio()) == 500 * 8
    assert desk.one("response.done")["response"]["status_details"]["reason"] == "max_output_tokens"


def test_audio_made_for_the_session_is_passed_on_as_it_is() -> None:
    pcm = bytes(range(256)) * 75  # 400 ms
    desk = Desk(SlowAgent(Reply((Spoken(pcm, "x", audio_format="audio/pcm"),))), configure=False, pacing=FAST)
    desk.run(10)
    desk.send("response.create")
    desk.run(1000)
    assert desk.audio() == pcm
    assert desk.agent.turns[0].spoken_in == "audio/pcm"


def test_audio_made_for_another_session_is_a_fault_of_the_agent() -> None:
    desk = Desk(SlowAgent(Reply((Spoken(bytes(400), "x", audio_format="audio/pcma"),))), pacing=FAST)
    with pytest.raises(ValueError, match="audio/pcma was made for a response in audio/pcmu"):
        desk.send("response.create")


def test_words_that_ears_make_out_are_transcribed_and_told_to_the_agent() -> None:
    words = Slow()
    ears: Ears = WordEars(words)
    agent = SlowAgent(Reply())
    desk = Desk(agent, speech=None, ears=ears)
    desk.update({"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}})
    speech = pattern(800)
    listen(desk, quiet(1000) + speech + quiet(520))
    assert isinstance(ears, WordEars)
    assert ears.turns == [(quiet(300) + speech + quiet(200), "audio/pcmu")], "a pause is enough to begin"
    assert not desk.of("conversation.item.input_audio_transcription.completed")
    words.made = "go forward"
    desk.run(desk.now_us / 1000 + 20)
    completed = desk.one("conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "go forward"
    assert completed["item_id"] == desk.one("input_audio_buffer.committed")["item_id"]
    assert [one.poll() for one in agent.turns[0].words] == ["go forward"]


def test_ears_hear_also_where_no_transcript_is_wanted() -> None:
    agent = SlowAgent(Reply())
    desk = Desk(agent, speech=None, ears=WordEars(Slow("hello")))
    listen(desk, quiet(500) + pattern(800) + quiet(520))
    desk.run(desk.now_us / 1000 + 3000)
    assert [one.poll() for one in agent.turns[0].words] == ["hello"]
    assert not [kind for kind in desk.kinds() if "transcription" in kind]


def test_a_turn_has_the_words_and_notes_since_the_last_and_the_functions_that_may_be_called() -> None:
    agent = SlowAgent(Reply(), Reply(), Reply(), Reply(), Reply())
    desk = Desk(agent, pacing=FAST)
    tool = {"type": "function", "name": "book", "parameters": {"type": "object", "properties": {}}}
    other = {**tool, "name": "look"}
    desk.update({"type": "realtime", "tools": [tool, other]})

    def write(role: str, *texts: str) -> None:
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text} for text in texts]
        desk.send("conversation.item.create", item={"type": "message", "role": role, "content": content})

    write("user", "one", "two")
    write("assistant", "mine")
    write("system", "note")
    desk.send("response.create")
    desk.run(100)
    for choice in ("none", {"type": "function", "name": "look"}, "required"):
        desk.send("response.create", response={"tool_choice": choice})
        desk.run(desk.now_us / 1000 + 100)
    desk.send("response.create", response={"tools": [tool], "tool_choice": "required"})
    first, none, named, any_of_two, only = agent.turns
    assert [one.poll() for one in first.words] == ["one", "two"]
    assert first.notes == ("note",)
    assert [one["name"] for one in first.tools] == ["book", "look"]
    assert (none.words, none.notes, none.tools) == ((), (), ())
    assert (named.must_call, any_of_two.must_call, only.must_call) == ("look", "", "book")


def test_a_message_that_is_refused_is_not_heard() -> None:
    agent = SlowAgent(Reply())
    desk = Desk(agent)
    item = {"id": "same", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "once"}]}
    desk.send_raw(json.dumps({"type": "conversation.item.create", "item": item}))
    desk.send_raw(json.dumps({"type": "conversation.item.create", "item": item}))
    desk.send("response.create")
    assert [one.poll() for one in agent.turns[0].words] == ["once"]


def test_what_was_made_out_in_the_pause_at_the_end_is_not_made_out_again() -> None:
    ears = WordEars(Slow("turn right"))
    agent = SlowAgent(Reply())
    desk = Desk(agent, speech=None, ears=ears)
    listen(desk, quiet(500) + pattern(800) + quiet(520))
    assert [one.poll() for one in agent.turns[0].words] == ["turn right"]
    assert len(ears.turns) == 1


def test_a_turn_with_a_pause_is_made_out_in_parts_while_it_is_spoken() -> None:
    first, then = Slow("turn"), Slow()
    ears = WordEars(first, then)
    agent = SlowAgent(Reply())
    desk = Desk(agent, speech=None, ears=ears)
    one, two = pattern(800, 1), pattern(600, 2)
    listen(desk, quiet(500) + one + quiet(300) + two + quiet(520))
    assert [audio for audio, _ in ears.turns] == [quiet(300) + one + quiet(200), quiet(100) + two + quiet(200)]
    (words,) = agent.turns[0].words
    assert words.poll() is None
    then.made = "right"
    assert words.poll() == "turn right"


def deltas(desk: Desk) -> list[str]:
    return [one["delta"] for one in desk.of("conversation.item.input_audio_transcription.delta")]


def test_words_of_a_turn_that_goes_on_are_told_once_they_are_made_out_and_not_again() -> None:
    first, then = Slow(), Slow()
    desk = Desk(SlowAgent(Reply()), speech=None, ears=WordEars(first, then))
    desk.update({"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}})
    listen(desk, quiet(500) + pattern(800, 1) + quiet(240))
    assert deltas(desk) == []
    first.made = "turn"
    listen(desk, pattern(600, 2))
    assert deltas(desk) == [" turn"]
    assert not desk.of("input_audio_buffer.speech_stopped")
    then.made = "right now"
    listen(desk, quiet(520))
    assert desk.one("conversation.item.input_audio_transcription.completed")["transcript"] == "turn right now"
    assert deltas(desk) == [" turn", " right", " now"]


def test_words_that_nobody_wants_written_down_are_not_told_either() -> None:
    desk = Desk(SlowAgent(Reply()), speech=None, ears=WordEars(Slow("turn"), Slow("right")))
    listen(desk, quiet(500) + pattern(800, 1) + quiet(240) + pattern(600, 2) + quiet(520))
    assert deltas(desk) == []


@pytest.mark.parametrize(("spoken_ms", "parts"), [(1_400, 1), (2_600, 2)])
def test_after_long_speech_a_short_pause_is_enough_to_make_it_out(spoken_ms: int, parts: int) -> None:
    ears = WordEars(*(Slow("x") for _ in range(3)))
    desk = Desk(SlowAgent(Reply()), speech=None, ears=ears)
    listen(desk, quiet(500) + pattern(spoken_ms, 1) + quiet(80) + pattern(400, 2) + quiet(520))
    assert len(ears.turns) == parts


@pytest.mark.parametrize("piece", [1600, 16_000, 80_000])
def test_no_speech_is_left_out_or_made_out_twice_however_it_comes(piece: int) -> None:
    ears = WordEars(*(Slow("x") for _ in range(9)))
    desk = Desk(SlowAgent(Reply()), speech=None, ears=ears)
    said = pattern(800, 1) + quiet(300) + pattern(600, 2) + quiet(240) + pattern(400, 3)
    listen(desk, quiet(500) + said + quiet(520), piece)
    assert b"".join(audio for audio, _ in ears.turns).strip(b"\xff") == said


def test_what_was_thrown_away_is_no_part_of_a_later_turn() -> None:
    ears = WordEars(Slow("thrown away"), Slow(""))
    agent = SlowAgent(Reply())
    desk = Desk(agent, speech=None, ears=ears)
    listen(desk, quiet(500) + pattern(800) + quiet(300))
    desk.send("input_audio_buffer.clear")
    listen(desk, quiet(200))
    desk.send("input_audio_buffer.commit")
    desk.send("response.create")
    assert [one.poll() for one in agent.turns[0].words] == [""]
    assert len(ears.turns[1][0]) <= 8 * 200
