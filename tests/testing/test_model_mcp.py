"""Remote tools at the simulated model: listed once, called by the server itself, and then it is silent."""

from __future__ import annotations

import pytest

from bot.testing.agent import McpCall, Pacing, Reply, Spoken, pattern
from tests.testing.model_desk import Desk

TOOL = {"name": "find", "input_schema": {"type": "object"}}
SERVER = {"type": "mcp", "server_label": "books", "server_url": "https://example.com/mcp"}


def listing(**behaviour: object) -> Desk:
    desk = Desk(**behaviour)
    desk.update({"type": "realtime", "tools": [SERVER]})
    desk.run(1_000)
    return desk


def test_a_server_s_tools_are_listed_as_an_item_and_once() -> None:
    desk = listing(mcp_tools={"books": [TOOL]})
    desk.update({"type": "realtime", "tools": [SERVER]})
    desk.run(2_000)
    assert desk.take() == [
        "session.updated",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "conversation.item.done",
        "session.updated",
    ]


def test_the_tools_stand_in_the_item_that_is_done() -> None:
    desk = listing(mcp_tools={"books": [TOOL]})
    assert desk.one("conversation.item.added")["item"]["tools"] == []
    assert desk.one("conversation.item.done")["item"]["tools"] == [TOOL]


def test_a_server_that_is_not_there_fails() -> None:
    desk = listing()
    assert desk.of("mcp_list_tools.failed")
    assert desk.model.violations == []


def called(call: McpCall) -> Desk:
    desk = Desk([Reply([Spoken(pattern(100), "One moment.")], mcp_calls=[call], pacing=Pacing(call_gap_ms=300))])
    desk.send("response.create")
    desk.run(5_000)
    return desk


def test_a_remote_tool_is_called_within_the_response_which_then_ends() -> None:
    desk = called(McpCall("books", "find", '{"q":1}', "a book"))
    kinds = [kind for kind in desk.kinds() if "mcp" in kind or kind == "response.done"]
    assert kinds == [
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.done",
    ]
    (_, call) = desk.one("response.done")["response"]["output"]
    assert (call["type"], call["output"], call["arguments"]) == ("mcp_call", "a book", '{"q":1}')
    assert "error" not in call
    assert len(desk.model.responses) == 1


def test_a_remote_tool_that_fails_says_so_in_its_item() -> None:
    desk = called(McpCall("books", "find", error={"type": "http_error", "code": 502, "message": "bad gateway"}))
    assert desk.of("response.mcp_call.failed")
    assert desk.of("response.output_item.done")[-1]["item"]["error"]["code"] == 502


def asking(rule: object, **behaviour: object) -> Desk:
    """The model wants to call a tool of a server with this rule for approvals."""
    call = McpCall("books", "find", '{"q":1}', "a book")
    desk = Desk([Reply(mcp_calls=[call]), Reply([Spoken(pattern(100), "Found.")])], **behaviour)
    desk.update({"type": "realtime", "tools": [{**SERVER, "require_approval": rule}]})
    desk.run(1_000)
    desk.send("response.create")
    desk.run(2_000)
    return desk


def answer(desk: Desk, *, approve: bool, request_id: str = "") -> None:
    (request,) = desk.one("response.done")["response"]["output"]
    item = {"id": "a_1", "type": "mcp_approval_response", "approval_request_id": request_id or request["id"]}
    desk.send("conversation.item.create", item={**item, "approve": approve})
    desk.run(3_000)


@pytest.mark.parametrize("rule", ["always", {"always": {"tool_names": ["find"]}}, {"never": {"tool_names": ["lend"]}}])
def test_a_tool_that_needs_approval_is_asked_about_and_the_response_ends(rule: object) -> None:
    desk = asking(rule)
    (request,) = desk.one("response.done")["response"]["output"]
    assert (request["type"], request["name"], request["arguments"]) == ("mcp_approval_request", "find", '{"q":1}')
    assert not desk.of("response.mcp_call.in_progress")


@pytest.mark.parametrize("rule", ["never", {"never": {"tool_names": ["find"]}}])
def test_one_that_needs_none_is_called_at_once(rule: object) -> None:
    assert asking(rule).of("response.mcp_call.completed")


def test_an_approved_call_is_made_by_the_next_response() -> None:
    desk = asking("always")
    answer(desk, approve=True)
    assert not desk.of("response.mcp_call.in_progress")
    desk.send("response.create")
    desk.run(4_000)
    (call,) = desk.of("response.done")[-1]["response"]["output"]
    assert (call["type"], call["output"]) == ("mcp_call", "a book")
    desk.send("response.create")
    desk.run(5_000)
    assert desk.of("response.done")[-1]["response"]["output"][0]["type"] == "message"
    assert desk.model.violations == []


def test_or_as_soon_as_it_is_approved_between_two_responses() -> None:
    desk = asking("always", mcp_calls_when_approved=True)
    answer(desk, approve=True)
    assert desk.of("conversation.item.done")[-1]["item"]["output"] == "a book"
    assert len(desk.model.responses) == 1


def test_a_call_that_is_refused_is_not_made() -> None:
    desk = asking("always")
    answer(desk, approve=False)
    desk.send("response.create")
    desk.run(4_000)
    assert not desk.of("response.mcp_call.in_progress")


def test_an_approval_that_nobody_asked_for_is_a_fault() -> None:
    desk = asking("always")
    answer(desk, approve=True, request_id="mcpr_9")
    assert desk.model.violations
