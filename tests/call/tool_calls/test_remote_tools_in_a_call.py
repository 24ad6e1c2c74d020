"""Tools of remote MCP servers, as the call deals with them: lists, calls, approvals."""

from __future__ import annotations

from typing import Any

import pytest

from bot.call.inputs import ModelClosed, SessionWaiting
from bot.call.outputs import Report
from bot.call.settings import CallSettings
from bot.call.tool_calls.approval import APPROVAL_US, NO_KEY, REFUSED
from bot.call.tool_calls.function_calls import INTERRUPTED, LOST, TOO_LATE
from bot.call.tool_calls.mcp_calls import MOST_ASKED, MOST_RUNNING, TOO_MANY, UNFINISHED, UNKNOWN_SERVER
from bot.call.tool_calls.mcp_tool_lists import LIST_US
from bot.realtime import events
from bot.realtime.remote_server import RemoteServer
from bot.realtime.session import SessionSettings
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SID,
    ScriptedCall,
    audio,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    speaks,
    stops,
    updated,
)

BOOKS = RemoteServer("books", "https://example.com/mcp", approval="never", approvals={"reserve": "key"})
SETTINGS = CallSettings(session=SessionSettings(servers=(BOOKS,)), filler_audio=audio(400))
GREETED = changed(SETTINGS, greeting="Hello.")
DIES = ModelClosed("closed", 1006)
LISTED = events.ToolsListed("L1")


def added(item_id: str = "L1", label: str = "books") -> events.ItemAdded:
    return events.ItemAdded(events.Item(item_id, "mcp_list_tools", server_label=label))


def with_rules(**chosen: Any) -> CallSettings:
    server = RemoteServer("books", "https://example.com/mcp", **chosen)
    return changed(SETTINGS, session=SessionSettings(servers=(server,)))


def mcp(kind: str = "mcp_call", name: str = "find", item_id: str = "M1", **more: Any) -> events.Item:
    return events.Item(item_id, kind, name=name, arguments='{"q":1}', **{"server_label": "books", **more})


def begins(response: str = "R1", **more: Any) -> events.OutputItemAdded:
    return events.OutputItemAdded(response, mcp(**more))


def comes(output: str | None = "a book", response: str = "R1", **more: Any) -> events.OutputItemDone:
    return events.OutputItemDone(response, mcp(output=output, **more))


def asks(name: str = "reserve", response: str = "R1", **more: Any) -> events.OutputItemDone:
    return events.OutputItemDone(response, mcp("mcp_approval_request", name, "P1", **more))


def asked(settings: CallSettings = SETTINGS) -> ScriptedCall:
    """The tools are listed, the caller has asked for something, and the model begins to answer."""
    desk = ScriptedCall(settings)
    desk.give(added(), LISTED, speaks(), stops(), committed("U1"), created("R1"))
    return desk


def calling(settings: CallSettings = SETTINGS) -> ScriptedCall:
    desk = asked(settings)
    assert desk.give(begins()) == []
    return desk


def tick(desk: ScriptedCall, ms: float) -> list[str]:
    return [one for one in desk.at(ms).tick() if not one.startswith(("append", "mark"))]


def key(digit: str) -> stream.Dtmf:
    return stream.Dtmf(stream.DtmfPart(digit), SID)


def approvals(desk: ScriptedCall) -> list[tuple[str, bool, str]]:
    items = [one.item for one in desk.sent(events.CreateItem) if one.item["type"] == "mcp_approval_response"]
    return [(one["approval_request_id"], one["approve"], one.get("reason", "")) for one in items]


def reported(desk: ScriptedCall, event: str) -> list[dict[str, Any]]:
    return [one.details for one in desk.reports if one.event == event]


# ---- the list ----


def test_the_greeting_is_asked_for_once_the_tools_are_listed() -> None:
    desk = ScriptedCall(GREETED)
    assert desk.sent(events.CreateResponse) == []
    assert desk.at(200).give(added()) == []
    assert desk.at(400).give(LISTED) == ["create ['instructions']"]
    assert reported(desk, "mcp_tools_listed") == [{"server": "books", "after_ms": 400}]


def test_a_list_that_fails_is_told_of_and_the_greeting_comes_at_once() -> None:
    desk = ScriptedCall(GREETED)
    sent = desk.at(300).give(added(), events.ToolsNotListed("L1"))
    assert sent == ["item message away_1", "create ['instructions']"]
    assert reported(desk, "mcp_tools_away") == [{"server": "books", "why": "failed", "after_ms": 300}]
    assert "books" in desk.sent(events.CreateItem)[-1].item["content"][0]["text"]


def test_a_list_that_does_not_come_is_waited_for_no_longer_than_its_bound() -> None:
    desk = ScriptedCall(GREETED)
    assert tick(desk, LIST_US / MS - 1)[:1] in ([], ["media 400"])  # a filler, perhaps
    assert desk.sent(events.CreateResponse) == []
    assert tick(desk, LIST_US / MS) == ["item message away_1", "create ['instructions']"]
    assert desk.at(4_000).give(added(), LISTED) == ["delete away_1"]
    assert len(desk.sent(events.CreateResponse)) == 1


def test_of_two_servers_both_are_waited_for() -> None:
    other = RemoteServer("maps", "https://maps.example.com/mcp")
    desk = ScriptedCall(changed(GREETED, session=SessionSettings(servers=(BOOKS, other))))
    assert desk.give(added(), added("L2", "maps"), events.ToolsListed("L2")) == []
    assert desk.give(LISTED) == ["create ['instructions']"]


def test_events_of_a_list_that_nobody_asked_for_change_nothing() -> None:
    desk = ScriptedCall(GREETED)
    assert desk.give(events.ToolsListed("L9"), added("L8", "others"), events.ToolsNotListed("L8")) == []


# ---- calls ----


def test_the_response_behind_a_remote_call_is_asked_for_once_and_after_its_own_is_over() -> None:
    desk = calling()
    assert desk.give(comes(), events.ItemDone(mcp(output="a book"))) == []
    assert desk.give(done("R1")) == ["create"]
    assert [one["tool"] for one in reported(desk, "tool_called")] == ["find"]
    assert reported(desk, "tool_done") == [{"tool": "find", "ok": True}]
    assert not [one for one in desk.sent(events.CreateItem) if one.item["type"] == "function_call_output"]


def test_one_response_follows_several_remote_calls() -> None:
    desk = calling()
    desk.give(comes(), begins(item_id="M2"), comes(item_id="M2", output=None, error={"type": "http_error"}))
    assert desk.give(done("R1")) == ["create"]
    assert [one["ok"] for one in reported(desk, "tool_done")] == [True, False]


def test_the_caller_hears_a_filler_after_a_second_of_a_remote_call_and_no_timeout_strikes() -> None:
    desk = calling(changed(SETTINGS, response_s=4))
    assert tick(desk, 999) == []
    assert tick(desk, 1_000) == ["media 400"]
    for at in range(1_500, 19_000, 500):
        assert not {"cancel R1", "create", "dial"} & set(tick(desk, at))
    assert desk.give(comes(), done("R1")) == ["create"]


def test_nothing_is_heard_where_the_rules_say_so() -> None:
    desk = calling(with_rules(approval="never", meanwhile="nothing"))
    for at in range(500, 19_000, 500):
        assert tick(desk, at) == []


def test_a_preamble_stands_for_the_first_filler() -> None:
    desk = asked()
    preamble = events.OutputItemAdded("R1", events.Item("A", "message", "assistant", phase="commentary"))
    desk.give(preamble, delta("R1", "A", 500), begins())
    marks = [one.mark.name for one in desk.outputs if isinstance(one, stream.SetMark)]
    desk.at(500).give(*map(echo, marks))
    assert tick(desk, 5_000) == []
    assert tick(desk, 6_600) == ["media 400"]


def test_a_remote_call_that_takes_too_long_is_left_and_the_model_told() -> None:
    desk = calling(with_rules(approval="never", timeout_s=5, meanwhile="nothing"))
    assert tick(desk, 5_000) == ["cancel R1", "item message remote_0"]
    assert TOO_LATE in desk.sent(events.CreateItem)[-1].item["content"][0]["text"]
    assert desk.give(done("R1", "cancelled")) == ["create"]


def test_a_call_that_a_response_leaves_open_is_not_known_of() -> None:
    desk = calling()
    assert desk.give(done("R1", "incomplete")) == ["create"]
    assert desk.call._parts.functions.calls.open == []
    assert UNFINISHED in str(desk.call._parts.functions.told())


def test_a_remote_call_the_caller_speaks_over_starts_no_response_over_them() -> None:
    desk = calling()
    desk.at(500).give(speaks(), done("R1", "cancelled"))
    desk.at(1_500).give(stops(), committed("U2"), created("R2"))
    desk.give(delta("R2", "A", 100), done("R2"))
    assert desk.sent(events.CreateResponse) == []


def test_a_call_the_server_makes_between_two_responses_is_followed_by_one() -> None:
    desk = asked()
    desk.give(delta("R1", "A", 100), done("R1"))
    marks = [one.mark.name for one in desk.outputs if isinstance(one, stream.SetMark)]
    desk.at(200).give(*map(echo, marks))
    assert desk.give(events.ItemAdded(mcp())) == []
    assert tick(desk, 1_200) == ["media 400"]
    assert desk.give(events.ItemDone(mcp(output="a book"))) == ["create"]


# ---- approval ----


def test_a_tool_with_no_rule_against_it_is_approved_at_once() -> None:
    desk = asked()
    assert desk.give(asks("find")) == ["item mcp_approval_response P1_0"]
    assert approvals(desk) == [("P1", True, "")]
    assert desk.give(done("R1")) == ["create"]


def test_always_means_that_each_call_is_approved_by_us() -> None:
    desk = asked(with_rules(approval="always"))
    desk.give(asks("anything"), done("R1"))
    assert approvals(desk) == [("P1", True, "")]
    assert len(desk.sent(events.CreateResponse)) == 1


def waits_for_a_key() -> ScriptedCall:
    desk = asked()
    assert desk.give(asks()) == ["item message approval_1"]
    assert desk.give(done("R1")) == ["create"]
    desk.give(created("R2"), delta("R2", "A2", 500), done("R2"))
    marks = [one.mark.name for one in desk.outputs if isinstance(one, stream.SetMark)]
    desk.at(desk.now_us / MS + 500).give(*map(echo, marks))
    assert approvals(desk) == []
    return desk


def test_a_tool_that_needs_the_callers_key_is_approved_when_they_press_it() -> None:
    desk = waits_for_a_key()
    assert desk.give(key("1")) == ["item mcp_approval_response P1_0", "create"]
    assert approvals(desk) == [("P1", True, "")]
    desk.give(created("R3"), begins("R3", name="reserve", approval_request_id="P1"))
    desk.give(comes(response="R3", name="reserve"))
    assert desk.give(done("R3")) == ["create"]
    assert [one["name"] for one in desk.call._parts.functions.told() if "name" in one] == ["reserve"]


@pytest.mark.parametrize("digit", ["2", "#", "0"])
def test_any_other_key_refuses(digit: str) -> None:
    desk = waits_for_a_key()
    assert desk.give(key(digit)) == ["item mcp_approval_response P1_0", "create"]
    assert approvals(desk) == [("P1", False, REFUSED)]


def test_a_key_that_does_not_come_is_a_refusal_and_no_silent_wait() -> None:
    desk = waits_for_a_key()
    assert "item mcp_approval_response P1_0" in tick(desk, APPROVAL_US / MS)
    assert approvals(desk) == [("P1", False, NO_KEY)]
    assert len(desk.sent(events.CreateResponse)) == 2


def test_words_approve_nothing() -> None:
    desk = waits_for_a_key()
    desk.give(speaks(), stops(), committed("U2"), created("R3"), done("R3"))
    assert approvals(desk) == []


def test_a_request_of_a_response_that_was_cut_is_refused() -> None:
    desk = asked()
    desk.give(delta("R1", "A", 900))
    desk.at(100).give(speaks())
    desk.give(asks("find"))
    assert approvals(desk) == [("P1", False, INTERRUPTED)]
    assert desk.give(done("R1", "cancelled")) == []


@pytest.mark.parametrize("item", [{"server_label": "others"}, {"server_label": None}])
def test_a_server_that_is_not_in_the_file_is_approved_nothing(item: dict[str, Any]) -> None:
    desk = asked()
    desk.give(asks("find", **item))
    assert approvals(desk) == [("P1", False, UNKNOWN_SERVER)]


def test_a_tool_that_is_not_allowed_is_approved_by_nothing() -> None:
    desk = asked(with_rules(approval="always", tools=("find",)))
    desk.give(asks("delete_all"))
    assert approvals(desk) == [("P1", False, UNKNOWN_SERVER)]


def test_an_answer_that_was_refused_is_given_again_as_it_was() -> None:
    desk = asked()
    desk.give(asks("find"))
    sent = desk.sent(events.CreateItem)[-1].event_id
    assert desk.give(error("server_error", sent)) == ["item mcp_approval_response P1_1"]
    assert approvals(desk) == [("P1", True, "")] * 2


def test_requests_without_end_are_not_all_kept() -> None:
    desk = asked()
    for number in range(100):
        desk.give(events.OutputItemDone("R1", mcp("mcp_approval_request", "reserve", f"P{number}")))
    assert len(desk.call._parts.approval.waiting) == MOST_ASKED
    assert approvals(desk)[0] == (f"P{MOST_ASKED}", False, TOO_MANY)


def test_calls_and_lists_without_end_are_not_all_kept() -> None:
    desk = calling()
    for number in range(1_000):
        desk.give(begins(item_id=f"M_{number}"), added(f"L_{number}"))
    assert len(desk.call.session.remote_calls) == MOST_RUNNING
    assert len(desk.call.session.lists) == 1


def test_an_approval_is_called_off_by_voice_too() -> None:
    desk = waits_for_a_key()
    desk.give(speaks(), stops(), committed("U2"), created("R3"))
    item = events.Item("F", "function_call", None, "completed", "cancel_tool", "call_1", '{"name": "reserve"}')
    desk.give(events.OutputItemDone("R3", item))
    assert [(one[0], one[1]) for one in approvals(desk)] == [("P1", False)]
    assert desk.give(key("1")) == ["cancel R3"]
    assert len(approvals(desk)) == 1


# ---- a session that is lost ----


def taken_over(desk: ScriptedCall) -> list[dict[str, Any]]:
    """Another session takes over: what it was told of calls."""
    before = len(desk.sent(events.CreateItem))
    desk.give(DIES)
    desk.give(SessionWaiting(), events.SessionCreated(), updated(), added(), LISTED)
    return [one.item for one in desk.sent(events.CreateItem)[before:]]


def test_a_call_that_was_made_by_a_lost_session_is_told_the_next_one_with_its_result() -> None:
    desk = calling()
    desk.give(comes(), done("R1"), created("R2"), delta("R2", "A", 100), done("R2"))
    told = {one["type"]: one for one in taken_over(desk)}
    assert told["function_call"]["name"] == "find"
    assert told["function_call_output"]["output"] == "a book"


def test_a_call_that_ran_when_its_session_was_lost_may_have_been_done_and_the_next_one_says_so() -> None:
    desk = calling()
    told = {one["type"]: one for one in taken_over(desk)}
    assert LOST in told["function_call_output"]["output"]
    assert len(desk.sent(events.CreateResponse)) == 1
    assert reported(desk, "tool_call_lost") == [{"tool": "find"}]


def test_a_key_pressed_after_the_session_that_asked_is_lost_approves_nothing() -> None:
    desk = waits_for_a_key()
    taken_over(desk)
    desk.give(key("1"))
    assert approvals(desk) == []


def test_the_next_session_is_asked_for_nothing_before_it_knows_its_tools() -> None:
    desk = calling()
    desk.give(DIES, SessionWaiting(), events.SessionCreated(), updated())
    assert desk.sent(events.CreateResponse) == []
    assert desk.give(added(), LISTED)[-1] == "create"


def test_no_number_and_no_argument_is_in_the_log() -> None:
    desk = calling()
    desk.give(comes("+15555550123"), done("R1"))
    assert "+1555" not in str([one for one in desk.outputs if type(one) is Report])
