"""Remote servers as a session is told of them, and where their credentials go in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.realtime.events import UpdateSession, parse_command
from bot.realtime.remote_server import RemoteServer, mcp_approval_response, with_credentials
from bot.realtime.session import SessionSettings, session_object
from bot.testing.virtual.client_event_schema import check_client_event

URL = "https://mcp.example.com/mcp"
TOKEN = "tok-0123456789"
LIBRARY = RemoteServer("library", URL, "Books.", "LIBRARY_TOKEN", {"X-Key": "LIBRARY_KEY"}, approval="never")


def update(server: RemoteServer = LIBRARY, instructions: str = "") -> bytes:
    session = session_object(SessionSettings(servers=(server,), instructions=instructions), server_owns_turns=True)
    return json.dumps({"type": "session.update", "session": session}, separators=(",", ":")).encode()


def tool(text: bytes) -> dict[str, Any]:
    return next(one for one in json.loads(text)["session"]["tools"] if one["type"] == "mcp")


def test_a_server_is_one_tool_of_the_session_as_the_openai_package_knows_it() -> None:
    text = update()
    assert tool(text) == {
        "type": "mcp",
        "server_label": "library",
        "server_url": URL,
        "server_description": "Books.",
        "authorization": "${LIBRARY_TOKEN}",
        "headers": {"X-Key": "${LIBRARY_KEY}"},
        "require_approval": "never",
    }
    check_client_event(text.decode())
    assert isinstance(parse_command(text), UpdateSession)


def test_credentials_go_in_as_the_message_leaves_and_nowhere_else() -> None:
    text = update(instructions="Never say ${LIBRARY_TOKEN}.")
    left = with_credentials(text, {"LIBRARY_TOKEN": TOKEN, "LIBRARY_KEY": "key-0123456789"})
    assert tool(left)["authorization"] == TOKEN
    assert tool(left)["headers"] == {"X-Key": "key-0123456789"}
    assert json.loads(left)["session"]["instructions"] == "Never say ${LIBRARY_TOKEN}."
    assert left.count(TOKEN.encode()) == 1


def test_other_messages_leave_as_they_are() -> None:
    text = b'{"type":"conversation.item.create","item":{"text":"${LIBRARY_TOKEN}"}}'
    assert with_credentials(text, {"LIBRARY_TOKEN": TOKEN}) is text
    assert with_credentials(update(), {}) == update()


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        ({"approval": "never"}, "never"),
        ({"approval": "key"}, "always"),
        ({"approval": "always"}, "always"),
        ({"approval": "never", "approvals": {"a": "key"}, "tools": ("a",)}, "always"),
        ({"approval": "key", "approvals": {"a": "never"}, "tools": ("a",)}, "never"),
        ({"approval": "key", "approvals": {"a": "never"}}, {"never": {"tool_names": ["a"]}}),
        ({"approval": "never", "approvals": {"a": "key"}}, {"always": {"tool_names": ["a"]}}),
        (
            {"approval": "never", "approvals": {"b": "key"}, "tools": ("a", "b", "c")},
            {"always": {"tool_names": ["b"]}, "never": {"tool_names": ["a", "c"]}},
        ),
    ],
)
def test_what_is_to_be_asked_for_approval(rules: dict[str, Any], asked: Any) -> None:
    server = RemoteServer("library", URL, **rules)
    assert server.shown()["require_approval"] == asked
    check_client_event(update(server).decode())


def test_an_answer_to_a_request_is_one_that_the_openai_package_knows() -> None:
    item = mcp_approval_response("p_1", "mcpr_1", approve=False, reason="No key was pressed.")
    check_client_event(json.dumps({"type": "conversation.item.create", "item": item}))
