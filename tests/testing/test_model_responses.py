"""Responses of the simulated model: the order of events, pacing, cuts, and every way to go wrong."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.testing.agent import AT_ONCE, TRICKLE, Failure, Pacing, Reply, ScriptedAgent, Spoken, ToolCall, padded, pattern
from bot.testing.model import SpeechAt
from tests.testing.model_desk import Desk

TALE = Spoken(pattern(4000, "tale"), "once upon a time there was a phone that rang and rang")
TAIL = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def without_repeats(kinds: list[str]) -> list[str]:
    deltas = {"response.output_audio.delta", "response.output_audio_transcript.delta"}
    return [kind for at, kind in enumerate(kinds) if kind not in deltas or kind not in kinds[:at]]


def asked(
    reply: Reply | Spoken, until_ms: float = 60_000, response: dict[str, Any] | None = None, **knobs: Any
) -> Desk:
    desk = Desk([reply], **knobs)
    desk.send("response.create", **({"response": response} if response is not None else {}))
    desk.run(until_ms)
    return desk


def done(desk: Desk) -> dict[str, Any]:
    return desk.one("response.done")["response"]


def test_a_spoken_reply_has_the_events_of_section_3_3_in_their_order() -> None:
    desk = asked(TALE)
    assert without_repeats(desk.kinds()) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        *TAIL,
        "rate_limits.updated",
    ]
    assert done(desk)["status"] == "completed"
    assert desk.audio() == TALE.audio
    assert "".join(one["delta"] for one in desk.of("response.output_audio_transcript.delta")) == TALE.transcript
    assert desk.times_ms("rate_limits.updated")[0] - desk.times_ms("response.done")[0] == 40


def test_usage_counts_a_token_per_50_ms_spoken() -> None:
    assert done(asked(TALE))["usage"]["output_token_details"]["audio_tokens"] == 80
    assert done(asked(Reply([TALE], null_usage=True)))["usage"] is None


def test_the_next_response_reads_from_the_cache_until_something_is_cut() -> None:
    desk = asked(TALE, 5_000)
    for _ in range(2):
        desk.send("response.create")
        desk.run(desk.now_us / 1000 + 5_000)
    item_id = desk.model.memory()[0].item_id
    desk.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100)
    desk.send("response.create")
    desk.run(desk.now_us / 1000 + 5_000)
    read = [one["response"]["usage"]["input_token_details"] for one in desk.of("response.done")]
    assert [one["cached_tokens_details"]["audio_tokens"] for one in read] == [0, 80, 160, 0]


def sizes_ms(desk: Desk) -> list[int]:
    return [len(base64.b64decode(one["delta"])) // 8 for one in desk.of("response.output_audio.delta")]


@pytest.mark.parametrize(
    ("pacing", "sizes", "first_ms", "last_ms"),
    [
        (Pacing(), [100, 200, 200, 200, 200, 100], 310, 535),
        (Pacing(first_audio_ms=1000, first_delta_ms=50, delta_ms=400, speed=10), [50, 400, 400, 150], 1010, 1095),
        (AT_ONCE, [100, 200, 200, 200, 200, 100], 310, 310),
        (TRICKLE, [50] * 20, 310, 1260),
        (Pacing(item_gap_ms=30), [100, 200, 200, 200, 200, 100], 340, 565),
    ],
)
def test_deltas_keep_their_pace(pacing: Pacing, sizes: list[int], first_ms: float, last_ms: float) -> None:
    desk = asked(Reply([Spoken(pattern(1000))], pacing=pacing))
    times = desk.times_ms("response.output_audio.delta")
    assert (sizes_ms(desk), times[0], times[-1]) == (sizes, first_ms, last_ms)


def test_the_words_are_ahead_of_the_sound() -> None:
    desk = asked(TALE)
    said = heard_ms = 0
    for _, event in desk.log:
        if event["type"] == "response.output_audio_transcript.delta":
            said += len(event["delta"])
        if event["type"] == "response.output_audio.delta":
            heard_ms += len(base64.b64decode(event["delta"])) // 8
            assert said / len(TALE.transcript) >= (heard_ms / 4000) - 0.05
    assert said == len(TALE.transcript)


def test_each_word_may_have_its_own_moment() -> None:
    """Deltas end at 100, 300, 500 ms and so on; a word leaves before the first that reaches its moment."""
    tale = Spoken(pattern(1_000), "once upon a time", (0, 300, 301, 5_000))
    order = [
        one.get("delta") if "transcript" in one["type"] else "audio"
        for _, one in asked(tale).log
        if one["type"].endswith(".delta")
    ]
    assert order == ["once", "audio", " upon", "audio", " a", *["audio"] * 4, " time"]


@pytest.mark.parametrize("announced", [(0,), (0, 1, 2), (5, 3, 7, 9)])
def test_moments_that_fit_no_words_are_refused(announced: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"words|order"):
        Spoken(pattern(1_000), "once upon a time", announced)


def test_ten_minutes_may_come_at_once() -> None:
    flood = pattern(600_000)
    desk = asked(Reply([Spoken(flood)], pacing=Pacing(first_delta_ms=600_000, speed=0)), 400)
    assert sizes_ms(desk) == [600_000]
    assert desk.audio() == flood


def test_several_items_come_one_after_the_other() -> None:
    first, second = Spoken(pattern(500, 1), "one"), Spoken(pattern(700, 2), "two")
    desk = asked(Reply([first, second], [ToolCall("end_call")]))
    memory = desk.model.memory()
    assert [(one.role, one.audio_ms) for one in memory] == [("assistant", 500), ("assistant", 700), ("", 0)]
    assert [desk.audio(one.item_id) for one in memory[:2]] == [first.audio, second.audio]
    assert [one["output_index"] for one in desk.of("response.output_item.done")] == [0, 1, 2]
    assert [one["type"] for one in done(desk)["output"]] == ["message", "message", "function_call"]
    assert len(desk.of("response.done")) == 1


def test_a_function_call_has_its_own_events() -> None:
    desk = asked(Reply(tool_calls=[ToolCall("look_up", '{"q":"x"}', "call_1")]))
    assert desk.kinds() == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        *["response.function_call_arguments.delta"] * 3,
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    (call,) = done(desk)["output"]
    assert (call["name"], call["call_id"], call["arguments"], call["status"]) == (
        "look_up", "call_1", '{"q":"x"}', "completed",
    )  # fmt: skip


def items_in_order(desk: Desk) -> list[str]:
    """The items of the events that end something, and what ends."""
    ends = ("content_part.done", "arguments.done", "item.added", "item.done")
    return [
        f"{event.get('item_id') or event['item']['id']} {event['type'].removeprefix('response.')}"
        for _, event in desk.log
        if event["type"].startswith("response.") and event["type"].endswith(ends)
    ]


@pytest.mark.parametrize("model", ["gpt-realtime-2.1", "gpt-realtime"])
def test_only_a_model_that_reasons_calls_before_its_message_is_done_and_names_its_phase(model: str) -> None:
    desk = Desk([Reply([Spoken(pattern(200), "One moment.")], [ToolCall("look_up")])], model=model, configure=False)
    desk.run(10)
    desk.send("response.create")
    desk.run(5_000)
    early = ["item_0002 output_item.added", "item_0002 function_call_arguments.done"]
    message = ["item_0001 content_part.done", "item_0001 output_item.done"]
    reasons = model == "gpt-realtime-2.1"
    assert items_in_order(desk) == [
        "item_0001 output_item.added",
        *(early + message if reasons else message + early),
        "item_0002 output_item.done",
    ]
    (spoken, call) = done(desk)["output"]
    assert spoken.get("phase") == ("commentary" if reasons else None)
    assert "phase" not in call
    assert ("reasoning_tokens" in done(desk)["usage"]["output_token_details"]) == reasons


def test_a_cut_between_a_call_and_the_end_of_its_response_leaves_both_items_incomplete() -> None:
    reply = Reply(
        [Spoken(pattern(200), "One moment.")], [ToolCall("look_up")], Pacing(first_audio_ms=0, speed=0, call_gap_ms=500)
    )
    desk = asked(reply, 200)
    assert not desk.of("response.output_item.done")
    desk.send("response.cancel")
    assert [item["status"] for item in done(desk)["output"]] == ["incomplete", "incomplete"]


def test_a_result_that_comes_before_its_response_is_done_is_placed_after_it() -> None:
    reply = Reply(tool_calls=[ToolCall("look_up", call_id="call_1")], pacing=Pacing(call_gap_ms=500))
    desk = asked(reply, 400)
    desk.take()
    item = {"type": "function_call_output", "call_id": "call_1", "output": "here"}
    desk.send("conversation.item.create", item=item)
    assert desk.take() == []
    desk.run(3_000)
    kinds = [kind for kind in desk.kinds() if kind != "rate_limits.updated"]
    assert kinds[-3:] == ["response.done", "conversation.item.added", "conversation.item.done"]
    assert "status" not in desk.of("conversation.item.added")[-1]["item"]
    assert desk.model.violations == []


# ---- whose server it is ----------------------------------------------------------------------------------------------


def test_azure_has_the_part_twice_and_tells_no_limits() -> None:
    desk = Desk([TALE], dialect="azure", model="gpt-realtime", configure=False)
    desk.run(10)
    desk.send("response.create")
    desk.run(10_000)
    part = desk.one("response.content_part.done")
    assert part["content"] == part["part"]
    assert not desk.of("rate_limits.updated")


def test_xai_says_unimplemented_where_the_details_are_and_its_usage_stands_beside() -> None:
    desk = Desk(
        [Reply([Spoken(pattern(200), "Yes.")], [ToolCall("look_up")])], dialect="xai", check=None, configure=False
    )
    desk.run(10)
    desk.send("response.create")
    desk.run(5_000)
    over = desk.one("response.done")
    assert desk.one("response.created")["response"]["status_details"] == "unimplemented"
    assert (over["response"]["status_details"], over["response"]["usage"]) == ("unimplemented", {})
    assert over["usage"]["billable_audio_seconds"] == 1
    assert [event["output_index"] for event in desk.of("response.output_item.done")] == [0, 0]
    assert not desk.of("conversation.item.done")
    kinds = desk.kinds()
    assert kinds.index("response.output_audio.done") > kinds.index("response.content_part.done")


def test_xai_does_not_know_truncation() -> None:
    desk = Desk([TALE], dialect="xai", check=None, configure=False)
    desk.run(10)
    desk.send("response.create")
    desk.run(2_000)
    desk.send("conversation.item.truncate", item_id="item_0001", content_index=0, audio_end_ms=100)
    assert desk.refused()["param"] == "type"
    assert desk.model.violations


# ---- one at a time ---------------------------------------------------------------------------------------------------


def test_a_second_response_is_refused_while_one_is_active() -> None:
    desk = asked(TALE, 400)
    desk.send("response.create")
    assert desk.refused()["code"] == "conversation_already_has_active_response"
    assert desk.model.responses[0].id in desk.refused()["message"]
    assert len(desk.model.violations) == 1


def test_crossing_with_the_server_s_own_answer_is_a_race_not_a_fault() -> None:
    desk = Desk([TALE], speech=[SpeechAt(1_000_000, 2_000_000)])
    desk.run(2600)
    desk.send("response.create")
    assert desk.refused()["code"] == "conversation_already_has_active_response"
    assert desk.model.violations == []


def test_out_of_band_responses_run_beside_and_leave_no_items() -> None:
    desk = asked(TALE, 400)
    desk.send("response.create", response={"conversation": "none", "metadata": {"why": "summary"}, "input": []})
    desk.run(60_000)
    assert [one["response"]["conversation_id"] for one in desk.of("response.done")] == ["conv_0001", None]
    assert desk.of("response.done")[1]["response"]["metadata"] == {"why": "summary"}
    assert len(desk.of("conversation.item.added")) == len(desk.model.memory()) == 1
    assert desk.model.violations == []


def test_an_out_of_band_response_is_not_interrupted() -> None:
    desk = Desk([TALE], speech=[SpeechAt(500_000, 1_000_000)])
    desk.send("response.create", response={"conversation": "none"})
    desk.run(1400)
    assert done(desk)["status"] == "completed"


def test_overrides_hold_for_one_response() -> None:
    desk = asked(TALE, response={"instructions": "Say hello.", "output_modalities": ["text"]})
    assert desk.agent.turns[0].instructions == "Say hello."
    assert desk.audio() == b""
    assert desk.one("response.output_text.done")["text"] == TALE.transcript
    assert done(desk)["output"][0]["content"] == [{"type": "output_text", "text": TALE.transcript}]


def test_the_token_limit_ends_a_reply_as_incomplete() -> None:
    desk = asked(TALE, response={"max_output_tokens": 20})
    assert len(desk.audio()) == 20 * 400
    assert (done(desk)["status"], done(desk)["status_details"]["reason"]) == ("incomplete", "max_output_tokens")


def test_bad_overrides_are_refused() -> None:
    desk = asked(TALE, 20, response={"voice": "alloy"}, check=None)
    assert (desk.refused()["code"], desk.refused()["param"]) == ("unknown_parameter", "response.voice")
    assert desk.model.responses == []


# ---- cut -------------------------------------------------------------------------------------------------------------


def test_speech_cuts_the_reply_and_the_tail_comes_first() -> None:
    desk = Desk([Reply([TALE], pacing=TRICKLE)], speech=[SpeechAt(1_000_000, 2_000_000)])
    desk.send("response.create")
    desk.run(1499)
    kinds = desk.kinds()
    assert kinds[kinds.index("input_audio_buffer.speech_started") + 1 :] == [*TAIL, "rate_limits.updated"]
    (item,) = done(desk)["output"]
    assert (done(desk)["status"], item["status"]) == ("cancelled", "incomplete")
    assert done(desk)["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert desk.model.memory()[0].audio_ms == len(desk.audio()) // 8 == 700


def test_before_any_item_the_output_is_empty() -> None:
    desk = Desk([TALE], speech=[SpeechAt(200_000, 2_000_000)])
    desk.send("response.create")
    desk.run(300)
    assert desk.kinds() == [
        "response.created", "input_audio_buffer.speech_started", "response.done", "rate_limits.updated",
    ]  # fmt: skip
    assert (done(desk)["output"], done(desk)["usage"]["total_tokens"]) == ([], 0)
    assert desk.model.memory() == []


def test_an_item_announced_but_not_begun_is_closed_empty() -> None:
    desk = Desk([Reply([TALE], pacing=Pacing(item_gap_ms=500))], speech=[SpeechAt(400_000, 2_000_000)])
    desk.send("response.create")
    desk.run(1000)
    assert desk.audio() == b""
    assert desk.model.memory()[0].audio_ms == 0
    assert done(desk)["output"][0]["status"] == "incomplete"


def test_a_finished_reply_is_not_cancelled_by_speech() -> None:
    desk = Desk([Reply([TALE], pacing=AT_ONCE)], speech=[SpeechAt(1_000_000, 2_000_000)])
    desk.send("response.create")
    desk.run(1100)
    assert done(desk)["status"] == "completed"
    assert desk.kinds()[-1] == "input_audio_buffer.speech_started"


def test_speech_leaves_the_reply_alone_when_told_so() -> None:
    desk = Desk([Reply([TALE], pacing=TRICKLE)], speech=[SpeechAt(1_000_000, 2_000_000)])
    turns = {"type": "server_vad", "interrupt_response": False, "create_response": True}
    desk.update({"type": "realtime", "audio": {"input": {"turn_detection": turns}}})
    desk.send("response.create")
    desk.run(20_000)
    assert desk.audio() == TALE.audio
    assert [error["code"] for error in desk.model.errors] == ["conversation_already_has_active_response"]
    assert desk.model.violations == []


def test_the_client_may_cancel() -> None:
    desk = asked(Reply([TALE], pacing=TRICKLE), 1000)
    desk.send("response.cancel")
    assert done(desk)["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert desk.kinds()[-6:] == TAIL


def test_cancelling_nothing_is_a_fault_unless_it_only_just_ended() -> None:
    desk = asked(Reply([TALE], pacing=AT_ONCE), 400)
    desk.send("response.cancel", response_id=desk.model.responses[0].id)
    assert (desk.refused()["code"], desk.model.violations) == ("response_cancel_not_active", [])
    desk.run(5000)
    desk.send("response.cancel")
    assert len(desk.model.violations) == 1


def test_a_cut_can_take_its_time_and_deltas_can_come_late() -> None:
    desk = Desk(
        [Reply([TALE], pacing=TRICKLE)],
        speech=[SpeechAt(1_000_000, 2_000_000)],
        cancel_after_ms=200,
        late_deltas=3,
        late_delta_ms=10,
    )
    desk.send("response.create")
    desk.run(1450)
    assert desk.times_ms("response.done") == [1200]
    assert desk.times_ms("response.output_audio.delta")[-3:] == [1210, 1220, 1230]
    assert desk.model.memory()[0].audio_ms == 900


# ---- wrong -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "status", "details"),
    [
        (Failure("failed", 0, "inference_rate_limit_exceeded"), "failed", "inference_rate_limit_exceeded"),
        (Failure("failed", 1000), "failed", None),
        (Failure("incomplete", 1000, "content_filter"), "incomplete", "content_filter"),
        (Failure("incomplete", 4000), "incomplete", "max_output_tokens"),
    ],
)
def test_a_response_can_end_badly_and_response_done_says_so(failure: Failure, status: str, details: str | None) -> None:
    desk = asked(Reply([TALE], failure=failure))
    assert done(desk)["status"] == status
    said = done(desk)["status_details"]
    assert details == (said["error"]["code"] if status == "failed" else said["reason"])
    assert len(desk.audio()) == failure.after_ms * 8
    desk.send("response.create")
    assert desk.model.violations == []


def test_a_stalled_reply_is_active_until_it_is_cancelled() -> None:
    desk = asked(Reply([TALE], failure=Failure("stalls", 1000)))
    assert len(desk.audio()) == 8000
    assert desk.of("response.done") == []
    desk.send("response.cancel")
    assert done(desk)["status"] == "cancelled"


def test_a_pausing_reply_goes_on_and_loses_nothing() -> None:
    desk = asked(Reply([TALE], pacing=AT_ONCE, failure=Failure("pauses", 1000, pause_ms=3000)))
    assert desk.audio() == TALE.audio
    assert set(desk.times_ms("response.output_audio.delta")) == {310, 3310}


def test_an_error_in_the_middle_is_not_the_end() -> None:
    desk = asked(Reply([TALE], failure=Failure("error", 1000)))
    assert desk.one("error")["error"]["type"] == "server_error"
    assert desk.audio() == TALE.audio
    assert done(desk)["status"] == "completed"


@pytest.mark.parametrize(("kind", "code"), [("closes", 1011), ("aborts", 1006)])
def test_the_server_can_go_away_in_the_middle(kind: Any, code: int) -> None:
    desk = asked(Reply([TALE], failure=Failure(kind, 1000)))
    assert desk.model.closed == (code, "")
    assert len(desk.audio()) == 8000
    assert desk.of("response.done") == []


def test_a_silent_model_says_nothing_and_may_be_asked_again() -> None:
    agent = ScriptedAgent([Reply(failure=Failure("silent")), TALE])
    desk = Desk(agent)
    desk.send("response.create")
    desk.run(10_000)
    assert desk.kinds() == []
    desk.send("response.cancel")
    desk.send("response.create")
    desk.run(20_000)
    assert desk.audio() == TALE.audio
    assert desk.model.violations == []


# ---- agents ----------------------------------------------------------------------------------------------------------


def test_an_agent_is_told_what_a_turn_is() -> None:
    desk = Desk([Reply([TALE], pacing=TRICKLE)], speech=[SpeechAt(1_000_000, 2_000_000)])
    desk.send("response.create", response={"instructions": "Greet."})
    desk.run(10_000)
    greeting, answer = desk.agent.turns
    assert (greeting.number, greeting.greeting, greeting.instructions, greeting.audio_ms) == (0, True, "Greet.", 0)
    assert (answer.number, answer.greeting, answer.interrupted, answer.audio_ms) == (1, False, True, 1800)


def test_patterns_are_loud_repeatable_and_nowhere_the_same() -> None:
    audio = pattern(60_000, 7)
    frames = [audio[at : at + 160] for at in range(0, len(audio), 160)]
    assert len(set(frames)) == len(frames) == 3000
    assert not {0xFF, 0x7F} & set(audio)
    assert pattern(1000, 7) == audio[:8000] != pattern(1000, 8)


def test_spoken_audio_is_whole_tokens() -> None:
    with pytest.raises(ValueError, match="50 ms"):
        Spoken(b"\x00" * 401)
    assert Spoken(padded(b"\x00" * 401)).audio_ms == 100


pacings = st.builds(
    Pacing,
    first_audio_ms=st.integers(0, 1500),
    first_delta_ms=st.sampled_from([50, 100]),
    delta_ms=st.sampled_from([50, 100, 400]),
    speed=st.sampled_from([0.0, 1.0, 4.0, 10.0]),
    item_gap_ms=st.integers(0, 50),
)
failures = st.none() | st.builds(
    Failure, st.sampled_from(["failed", "incomplete", "stalls", "pauses", "error"]), st.integers(0, 2000), pause_ms=st.integers(0, 2000)
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(pacings, failures, st.lists(st.integers(1, 30), max_size=3), st.integers(20, 6000))
def test_every_response_is_done_once_and_its_audio_is_a_prefix(
    pacing: Pacing, failure: Failure | None, items: list[int], speech_ms: int
) -> None:
    spoken = [Spoken(pattern(50 * tokens, at)) for at, tokens in enumerate(items)]
    script = ScriptedAgent([Reply(spoken, pacing=pacing, failure=failure), Spoken(pattern(50))])
    desk = Desk(script, speech=[SpeechAt(speech_ms * 1000, speech_ms * 1000 + 500_000)])
    desk.send("response.create")
    desk.run(60_000)
    assert len(desk.of("response.created")) == len(desk.of("response.done"))
    first = desk.of("response.done")[0]["response"]["id"]
    sent = b"".join(
        base64.b64decode(one["delta"]) for one in desk.of("response.output_audio.delta") if one["response_id"] == first
    )
    assert b"".join(one.audio for one in spoken).startswith(sent)
    assert desk.model.violations == []
    for memory in desk.model.memory():
        if memory.role == "assistant":
            assert len(desk.audio(memory.item_id)) == memory.audio_ms * 8
