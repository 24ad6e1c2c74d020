"""Tools that the model calls, as the call deals with them: what goes out, and when."""

from __future__ import annotations

import json

import pytest

from bot.call.inputs import ModelClosed, SessionWaiting, ToolDone
from bot.call.outputs import Report, RunTool
from bot.call.settings import CallSettings, ToolRules
from bot.call.tool_calls.approval import APPROVAL_US, NO_KEY, REFUSED
from bot.call.tool_calls.cancel_tool import NO_MORE, NOTHING_RUNS
from bot.call.tool_calls.function_calls import BAD_ARGUMENTS, INTERRUPTED, NO_SUCH_FUNCTION, STOPPED, TOO_LATE
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SESSION,
    SID,
    ScriptedCall,
    added,
    audio,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    function,
    speaks,
    stops,
    updated,
)

SETTINGS = CallSettings(tools=(ToolRules("look_up"), ToolRules("book")), filler_audio=audio(400))
DIES = ModelClosed("closed", 1006)


def calls(
    name: str = "look_up", call_id: str = "call_1", arguments: str = "{}", response: str = "R1"
) -> events.OutputItemDone:
    item = events.Item(f"fn_{call_id}", "function_call", None, "completed", name, call_id, arguments)
    return events.OutputItemDone(response, item)


def rules(**chosen: object) -> CallSettings:
    """A call with one tool of these rules beside another with none."""
    return changed(SETTINGS, tools=(ToolRules("look_up", **chosen), ToolRules("book")))  # type: ignore[arg-type]


def asked(settings: CallSettings = SETTINGS) -> ScriptedCall:
    """The caller has asked for something, and the model begins to answer."""
    desk = ScriptedCall(settings)
    desk.give(speaks(), stops(), committed("U1"), created("R1"))
    return desk


def running(settings: CallSettings = SETTINGS) -> ScriptedCall:
    desk = asked(settings)
    assert desk.give(calls()) == ["run look_up call_1"]
    assert desk.give(done("R1")) == []
    return desk


def given(call_id: str = "call_1") -> events.ItemAdded:
    """The server confirms an output."""
    return events.ItemAdded(events.Item("O", "function_call_output", call_id=call_id))


def outputs(desk: ScriptedCall) -> dict[str, str]:
    """The outputs so far by call; a second one for the same call fails."""
    found: dict[str, str] = {}
    for one in desk.sent(events.CreateItem):
        if one.item["type"] == "function_call_output":
            assert one.item["call_id"] not in found, "an output was sent twice"
            found[one.item["call_id"]] = one.item["output"]
    return found


def says(desk: ScriptedCall, call_id: str = "call_1") -> str:
    return str(json.loads(outputs(desk)[call_id])["result"])


def tick(desk: ScriptedCall, ms: float) -> list[str]:
    """Orders, items and sound that are due by then, but for what is always sent."""
    return [one for one in desk.at(ms).tick() if not one.startswith(("append", "mark"))]


def spoken(desk: ScriptedCall, response: str, ms: int = 500) -> None:
    """A response is made, and heard to its end."""
    desk.give(created(response), delta(response, f"A{response}", ms), done(response))
    marks = [one.mark.name for one in desk.outputs if isinstance(one, stream.SetMark)]
    desk.at(desk.now_us / MS + ms).give(*map(echo, marks))


# ---- one output each, and one response behind them ----


def test_a_tool_is_run_at_once_and_its_output_goes_to_the_model_as_it_is() -> None:
    desk = asked()
    assert desk.give(calls(arguments='{"day": "friday"}')) == ["run look_up call_1"]
    order = next(one for one in desk.outputs if isinstance(one, RunTool))
    assert order.arguments == '{"day": "friday"}'
    assert desk.give(done("R1")) == []
    assert desk.give(ToolDone("call_1", '{"free": [19, 20]}')) == ["item function_call_output call_1", "create"]
    assert outputs(desk) == {"call_1": '{"free": [19, 20]}'}


def test_an_output_goes_before_the_response_is_over_and_the_next_one_is_asked_for_after() -> None:
    desk = asked()
    desk.give(calls())
    assert desk.give(ToolDone("call_1", "1")) == ["item function_call_output call_1"]
    assert desk.give(done("R1")) == ["create"]


def test_one_response_follows_all_outputs_of_parallel_calls() -> None:
    desk = asked()
    assert desk.give(calls(), calls("book", "call_2"), calls("pizza", "call_3")) == [
        "run look_up call_1",
        "run book call_2",
        "item function_call_output call_3",
    ]
    assert desk.give(ToolDone("call_2", "2")) == ["item function_call_output call_2"]
    assert desk.give(done("R1")) == []
    assert desk.give(ToolDone("call_1", "1")) == ["item function_call_output call_1", "create"]
    assert says(desk, "call_3") == NO_SUCH_FUNCTION


@pytest.mark.parametrize("arguments", ["{bad", "", "[1]", "null", '"x"', '{"a": 1', "\ud800", "[" * 2000])
def test_arguments_that_are_no_json_object_are_told_so_and_nothing_runs(arguments: str) -> None:
    desk = asked()
    if not arguments:  # nothing at all is what a function without parameters is called with
        assert desk.give(calls(arguments="")) == ["run look_up call_1"]
        return
    assert desk.give(calls(arguments=arguments)) == ["item function_call_output call_1"]
    assert says(desk) == BAD_ARGUMENTS
    assert desk.give(done("R1")) == ["create"]


def test_a_call_that_is_told_of_twice_is_run_once() -> None:
    desk = asked()
    assert desk.give(calls(), calls()) == ["run look_up call_1"]
    assert desk.give(done("R1"), ToolDone("call_1", "1"), ToolDone("call_1", "2")) == [
        "item function_call_output call_1",
        "create",
    ]


def test_a_call_of_a_response_that_was_cut_is_not_run_and_says_so() -> None:
    desk = asked()
    desk.give(delta("R1", "A", 900))
    desk.at(100).give(speaks())
    assert desk.give(calls()) == ["item function_call_output call_1"]
    assert says(desk) == INTERRUPTED
    assert desk.give(done("R1", "cancelled")) == []


def test_a_call_that_broke_off_is_neither_run_nor_answered() -> None:
    desk = asked()
    item = events.Item("fn", "function_call", None, "incomplete", "look_up", "call_1", '{"da')
    assert desk.give(events.OutputItemDone("R1", item)) == []


def test_the_wrong_call_id_and_a_result_nobody_waits_for_change_nothing() -> None:
    desk = running()
    assert desk.give(ToolDone("call_9", "1")) == []
    assert outputs(desk) == {}


def test_a_silent_result_is_given_and_nothing_is_said() -> None:
    desk = running()
    assert desk.give(ToolDone("call_1", "1", respond=False)) == ["item function_call_output call_1"]
    assert tick(desk, 2_000) == []


def test_a_tool_that_takes_too_long_is_stopped_and_a_late_result_is_none() -> None:
    desk = running(rules(timeout_s=3, meanwhile="nothing"))
    assert tick(desk, 2_999) == []
    assert tick(desk, 3_000) == ["cancel tool call_1 timeout", "item function_call_output call_1", "create"]
    assert says(desk) == TOO_LATE
    assert desk.give(ToolDone("call_1", "1")) == []


def test_an_output_that_was_refused_is_sent_again_and_its_tool_is_not_run_again() -> None:
    desk = running()
    desk.give(ToolDone("call_1", "1"))
    sent = desk.sent(events.CreateItem)[-1].event_id
    assert desk.give(error("server_error", sent)) == ["item function_call_output call_1"]
    again = desk.sent(events.CreateItem)[-1]
    assert again.item["output"] == "1"
    assert desk.give(error("server_error", again.event_id)) == []


def test_no_answer_and_no_idle_prompt_is_missed_while_a_tool_runs() -> None:
    desk = running(changed(rules(timeout_s=60, meanwhile="nothing"), idle_s=10, response_s=8))
    for at in range(1_000, 59_000, 500):
        assert tick(desk, at) == []
    assert desk.give(ToolDone("call_1", "1")) == ["item function_call_output call_1", "create"]


# ---- the caller speaks meanwhile ----


def test_a_result_that_comes_while_the_caller_speaks_is_given_and_told_in_the_answer_to_them() -> None:
    desk = running()
    desk.at(1_000).give(speaks())
    assert desk.at(1_500).give(ToolDone("call_1", "1")) == ["item function_call_output call_1"]
    desk.give(given())
    desk.at(2_000).give(stops(), committed("U2"))
    spoken(desk, "R2")
    assert tick(desk, 4_000) == []
    assert len(desk.sent(events.CreateResponse)) == 0


def test_a_result_that_comes_after_the_subject_changed_is_spoken_once_nobody_speaks() -> None:
    desk = running()
    desk.at(1_000).give(speaks(), stops(), committed("U2"), created("R2"), delta("R2", "B", 2_000))
    assert desk.at(1_200).give(ToolDone("call_1", "1"), given()) == ["item function_call_output call_1"]
    desk.give(done("R2"))
    marks = [one.mark.name for one in desk.outputs if isinstance(one, stream.SetMark)]
    assert desk.at(3_100).give(*map(echo, marks))[-1] == "create"
    spoken(desk, "R3")
    assert tick(desk, 6_000) == []
    assert len(desk.sent(events.CreateResponse)) == 1


def test_a_result_the_server_had_not_confirmed_when_it_began_to_answer_is_spoken_after() -> None:
    desk = running()
    desk.at(1_000).give(speaks())
    desk.give(ToolDone("call_1", "1"), stops(), committed("U2"))
    spoken(desk, "R2")
    assert len(desk.sent(events.CreateResponse)) == 1


def test_a_response_to_a_result_that_the_caller_speaks_over_is_not_asked_for_again() -> None:
    desk = running()
    desk.give(ToolDone("call_1", "1"), given())
    desk.at(300).give(speaks(), created("R2"), done("R2", "cancelled"))
    desk.give(stops(), committed("U2"))
    spoken(desk, "R3")
    assert tick(desk, 4_000) == []
    assert len(desk.sent(events.CreateResponse)) == 1


def test_a_tool_the_caller_may_interrupt_is_stopped_when_they_speak() -> None:
    desk = running(rules(interruptible=True))
    assert desk.at(500).give(speaks()) == ["cancel tool call_1 interrupted", "item function_call_output call_1"]
    assert says(desk) == STOPPED
    desk.give(stops(), committed("U2"))
    spoken(desk, "R2")
    assert desk.sent(events.CreateResponse) == []


def test_any_other_goes_on_when_they_speak() -> None:
    assert running().at(500).give(speaks()) == []


def test_the_caller_calls_a_slow_tool_off_by_voice() -> None:
    desk = running()
    desk.at(1_000).give(speaks(), stops(), committed("U2"), created("R2"))
    assert desk.give(calls("cancel_tool", "call_2", '{"name": "look_up"}', "R2")) == [
        "cancel tool call_1 called_off",
        "item function_call_output call_1",
        "item function_call_output call_2",
    ]
    assert (says(desk), says(desk, "call_2")) == (NO_MORE, "Called off: look_up.")
    assert desk.give(done("R2")) == ["create"]


@pytest.mark.parametrize("arguments", ['{"name": "book"}', '{"name": "end_call"}'])
def test_what_does_not_run_cannot_be_called_off(arguments: str) -> None:
    desk = running()
    desk.at(1_000).give(speaks(), stops(), committed("U2"), created("R2"))
    assert desk.give(calls("cancel_tool", "call_2", arguments, "R2")) == ["item function_call_output call_2"]
    assert says(desk, "call_2") == NOTHING_RUNS


# ---- once, duplicates, approval ----


def test_a_tool_that_may_run_once_a_call_is_refused_the_second_time() -> None:
    desk = running(rules(once=True))
    desk.give(ToolDone("call_1", "1"), created("R2"))
    assert desk.give(calls(call_id="call_2", response="R2")) == ["item function_call_output call_2"]
    assert "only once" in says(desk, "call_2")


def test_nor_does_it_run_in_the_same_call_carried_on_by_another_process() -> None:
    desk = asked(rules(once=True, ran=True))
    assert desk.give(calls()) == ["item function_call_output call_1"]
    assert "only once" in says(desk, "call_1")


def test_a_tool_that_may_run_often_runs_in_a_call_that_is_carried_on() -> None:
    assert asked(rules(ran=True)).give(calls()) == ["run look_up call_1"]


def test_unless_the_first_was_not_run_since_its_arguments_were_wrong() -> None:
    desk = running(rules(once=True))
    desk.give(ToolDone("call_1", '{"error": "day is missing"}', ok=False, ran=False), created("R2"))
    assert desk.give(calls(call_id="call_2", response="R2")) == ["run look_up call_2"]


@pytest.mark.parametrize(
    ("duplicates", "arguments", "runs"),
    [
        ("allow", '{"a":1}', True),
        ("refuse_arguments", '{"a":1}', False),
        ("refuse_arguments", '{ "a" : 1 }', False),
        ("refuse_arguments", '{"a":2}', True),
        ("refuse_name", '{"a":2}', False),
    ],
)
def test_a_second_call_while_the_first_runs(duplicates: str, arguments: str, *, runs: bool) -> None:
    desk = asked(rules(duplicates=duplicates))
    desk.give(calls(arguments='{"a":1}'))
    second = desk.give(calls(call_id="call_2", arguments=arguments))
    assert second == (["run look_up call_2"] if runs else ["item function_call_output call_2"])
    desk.give(done("R1"), ToolDone("call_1", "1"), *([ToolDone("call_2", "1")] if runs else []), created("R2"))
    assert desk.give(calls(call_id="call_3", arguments=arguments, response="R2")) == ["run look_up call_3"]


def waits_for_a_key() -> ScriptedCall:
    """The caller has been asked to press a key."""
    desk = asked(rules(approval="key"))
    assert desk.give(calls()) == ["item message approval_1"]
    assert desk.give(done("R1")) == ["create"]
    spoken(desk, "R2")
    return desk


def key(digit: str) -> stream.Dtmf:
    return stream.Dtmf(stream.DtmfPart(digit), SID)


def test_a_tool_that_needs_the_callers_key_is_run_when_they_press_it() -> None:
    desk = waits_for_a_key()
    assert desk.give(key("1")) == ["run look_up call_1"]
    assert desk.give(ToolDone("call_1", "1")) == ["item function_call_output call_1", "create"]


def test_any_other_key_refuses_it() -> None:
    desk = waits_for_a_key()
    assert desk.give(key("2")) == ["item function_call_output call_1", "create"]
    assert says(desk) == REFUSED
    assert desk.give(key("1")) == []


def test_no_key_in_time_refuses_it() -> None:
    desk = waits_for_a_key()
    assert tick(desk, APPROVAL_US / MS) == ["item function_call_output call_1", "create"]
    assert says(desk) == NO_KEY
    assert desk.give(key("1")) == []


def test_a_key_from_before_the_question_is_no_answer_to_it_and_words_never_are() -> None:
    desk = asked(rules(approval="key"))
    assert desk.give(calls(), key("1")) == ["item message approval_1", "cancel R1"]
    desk.give(done("R1", "cancelled"))
    assert tick(desk, 2_000)[-2:] == ["item message keys_1", "create"]
    spoken(desk, "R2")
    desk.give(speaks(), stops(), committed("U2"), events.CallerTranscript("U2", "Yes, one, I press one!"))
    assert not any(isinstance(one, RunTool) for one in desk.outputs)
    spoken(desk, "R3")
    assert desk.give(key("1")) == ["run look_up call_1"]


def test_an_approval_is_called_off_by_voice_too() -> None:
    desk = waits_for_a_key()
    desk.give(speaks(), stops(), committed("U2"), created("R3"))
    assert desk.give(calls("cancel_tool", "call_2", '{"name": "look_up"}', "R3")) == [
        "item function_call_output call_1",
        "item function_call_output call_2",
    ]
    assert desk.give(key("1")) == ["cancel R3"]
    assert not any(isinstance(one, RunTool) for one in desk.outputs)


# ---- what is heard meanwhile ----


def test_after_a_second_of_silence_the_caller_hears_the_filler() -> None:
    desk = running()
    assert tick(desk, 999) == []
    assert tick(desk, 1_000) == ["media 400"]
    assert tick(desk, 7_390) == []
    assert tick(desk, 7_400) == ["media 400"]


def test_a_second_counts_from_the_end_of_what_the_model_said_before() -> None:
    desk = asked()
    desk.give(added("R1", "A"), delta("R1", "A", 1_500), calls(), done("R1"))
    desk.at(1_500).give(echo("e0.0"), echo("e0.1"))
    assert tick(desk, 2_490) == []
    assert tick(desk, 2_500) == ["media 400"]


def preamble(meanwhile: str) -> ScriptedCall:
    desk = asked(rules(meanwhile=meanwhile))
    desk.give(events.OutputItemAdded("R1", events.Item("A", "message", "assistant", phase="commentary")))
    desk.give(delta("R1", "A", 1_000), calls(), done("R1"))
    desk.at(1_000).give(echo("e0.0"), echo("e0.1"))
    return desk


def test_a_preamble_stands_for_the_filler() -> None:
    desk = preamble("preamble")
    assert tick(desk, 6_990) == []
    assert tick(desk, 7_000) == ["media 400"]  # but not for ever


def test_a_filler_that_is_asked_for_by_name_comes_after_a_preamble_too() -> None:
    desk = preamble("filler")
    assert tick(desk, 2_000) == ["media 400"]


def test_a_sentence_is_asked_of_the_model_once() -> None:
    desk = running(rules(meanwhile="One moment, the ovens are slow."))
    assert tick(desk, 1_000) == ["item message meanwhile_1", "create ['tool_choice']"]
    assert "the ovens are slow" in desk.sent(events.CreateItem)[-1].item["content"][0]["text"]
    assert desk.give(ToolDone("call_1", "1")) == ["item function_call_output call_1"]
    desk.give(given(), created("R2"), delta("R2", "B", 500), done("R2"))
    assert desk.at(1_500).give(echo("e0.0"), echo("e0.1"), echo("e0.2"))[-1] == "create"


def test_a_tool_that_is_quick_needs_no_sentence() -> None:
    desk = running(rules(meanwhile="One moment."))
    assert desk.at(900).give(ToolDone("call_1", "1")) == ["item function_call_output call_1", "create"]
    assert "item message meanwhile_1" not in tick(desk, 1_100)


def test_where_nothing_is_to_be_heard_nothing_is() -> None:
    desk = running(rules(meanwhile="nothing"))
    assert [tick(desk, at) for at in range(500, 9_500, 500)] == [[]] * 18


def test_a_caller_who_speaks_hears_no_filler() -> None:
    desk = running()
    desk.at(500).give(speaks())
    assert tick(desk, 3_000) == []


# ---- the end of the call, and of a session ----


@pytest.mark.parametrize(("at_hang_up", "said"), [("finish", []), ("cancel", ["cancel tool call_1 hang_up"])])
def test_a_tool_that_runs_as_the_caller_hangs_up(at_hang_up: str, said: list[str]) -> None:
    desk = running(rules(at_hang_up=at_hang_up))
    assert desk.give(stream.Stop(SID)) == [*said, "end caller_hung_up"]


def test_a_result_is_given_but_not_spoken_once_the_bot_is_about_to_hang_up() -> None:
    desk = asked()
    desk.give(
        events.CallerTranscript("U1", "Bye"), delta("R1", "A", 1_000), calls(), function("R1", "end_call", "call_2")
    )
    assert desk.give(done("R1"), ToolDone("call_1", "1")) == ["item function_call_output call_1"]
    assert desk.at(1_000).give(echo("e0.0"), echo("e0.1"))[-1] == "end bot_hung_up"


def replaced(desk: ScriptedCall) -> list[str]:
    """Another session takes over: what it is told."""
    assert "adopt" in desk.give(SessionWaiting())
    return desk.give(events.SessionCreated(SESSION), updated())


def test_the_next_session_is_told_what_was_asked_and_gets_the_output_when_it_comes() -> None:
    desk = running()
    desk.give(events.CallerTranscript("U1", "Is there a table?"), DIES)
    told = replaced(desk)
    assert [one for one in told if one.startswith("item")] == [
        "item message said_1",
        "item function_call call_1",
        "item message carry_on",
    ]
    assert "create" not in told
    assert desk.give(ToolDone("call_1", '{"free": 2}')) == ["item function_call_output call_1", "create"]


def test_and_what_came_while_there_was_none() -> None:
    desk = running()
    desk.give(events.CallerTranscript("U1", "Is there a table?"), DIES)
    assert desk.give(ToolDone("call_1", '{"free": 2}')) == []
    told = replaced(desk)
    assert [one for one in told if one.startswith(("item", "create"))] == [
        "item message said_1",
        "item function_call call_1",
        "item function_call_output call_1",
        "item message carry_on",
        "create",
    ]
    assert outputs(desk) == {"call_1": '{"free": 2}'}


def test_a_session_that_is_lost_right_after_an_output_was_sent_leaves_the_answer_to_the_next() -> None:
    desk = running()
    desk.give(events.CallerTranscript("U1", "Is there a table?"), ToolDone("call_1", "1"), DIES)
    told = replaced(desk)
    assert told.count("item function_call_output call_1") == 1
    assert told[-1] == "create"


def test_a_tool_is_timed_out_also_while_there_is_no_session() -> None:
    desk = running(rules(timeout_s=2))
    desk.give(DIES)
    assert "cancel tool call_1 timeout" in tick(desk, 2_000)
    assert "item function_call_output call_1" in replaced(desk)


def test_a_session_that_takes_over_knows_what_the_caller_is_to_approve() -> None:
    desk = waits_for_a_key()
    desk.give(DIES)
    told = replaced(desk)
    assert [one for one in told if one.startswith("item")] == [
        "item function_call call_1",
        "item message carry_on",
        "item message approval_2",
    ]
    assert "run look_up call_1" in desk.give(key("1"))


def test_no_argument_and_no_result_of_a_tool_is_logged() -> None:
    desk = asked()
    desk.give(calls(arguments='{"name": "Ann Secret"}'), done("R1"), ToolDone("call_1", '{"iban": "DE00SECRET"}'))
    assert "ecret" not in str([one for one in desk.outputs if isinstance(one, Report)]).lower()


@pytest.mark.parametrize("settings", [changed(SETTINGS, filler_audio=""), changed(SETTINGS, filler_s=0.0)])
def test_where_there_is_no_filler_nothing_is_due_again_and_again(settings: CallSettings) -> None:
    desk = running(settings)
    assert tick(desk, 1_000) == []
    assert desk.call.deadline_us is not None
    assert desk.call.deadline_us > 1_000 * MS
