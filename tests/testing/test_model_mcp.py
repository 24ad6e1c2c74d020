"""Remote tools at the simulated model: listed once, called by the server itself, and then it is silent."""

from __future__ import annotations

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
