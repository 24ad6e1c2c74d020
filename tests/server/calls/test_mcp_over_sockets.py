"""An MCP server of the `mcp` package over loopback HTTP, called through in whole calls over real sockets.

The simulated Realtime server asks it, as OpenAI's would, with the credentials that the session brings.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.docs import source
from bot.recording.fixture import SUFFIX
from bot.testing import assert_replays
from bot.testing.agent import McpCall, Reply, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour
from bot.testing.model.mcp_client import McpClient, listed
from tests.server.simulated_server import QUICK, ServerUnderTest, a_phone, an_asking_phone, heard, standing, until
from tests.server.test_recording import watched
from tests.tools.library_server import TOKEN, Library, library

GREETING = Reply([Spoken(pattern(200, "greeting"), "Hello.")], pacing=QUICK)
ASKS = Reply([Spoken(pattern(200, "question"), "Press one.")], pacing=QUICK)
ANSWER = Reply([Spoken(pattern(300, "answer"), "Shelf seven.")], pacing=QUICK)
SILENT = {"BOT_GREETING": "off"}
UNASKED = {"approval": '"never"'}
LIST_MS = 400


@pytest.fixture
async def books() -> AsyncIterator[Library]:
    """The library, asked once: the package imports much at the first time."""
    with library() as here:
        await listed({"server_url": here.url, "authorization": TOKEN})
        here.headers.clear()
        yield here


def finds(title: str = "Emma", tool: str = "find_book") -> Reply:
    return Reply(mcp_calls=(McpCall("library", tool, f'{{"title": "{title}"}}'),), pacing=QUICK)


class Desk:
    """A server whose sessions may use the library, and the client that asks it for them."""

    def __init__(self, server: ServerUnderTest, client: McpClient) -> None:
        self.server, self.client = server, client

    @property
    def state(self) -> Any:
        return self.server.model.sessions[-1]._state

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Items of this type in the last session's conversation."""
        return [one.body for one in self.state.conversation if one.type == kind]

    async def call(self, phone: SimulatedPhone, word: str, ms: int) -> None:
        await self.server.dial_until(phone, lambda: pattern(ms, word) in heard(phone))


@asynccontextmanager
async def desk_with(
    books: Library, folder: Path, *replies: Reply, rules: dict[str, str], at_once: bool = False, **env: str
) -> AsyncIterator[Desk]:
    """A desk with these rules for the library."""
    client = McpClient()
    behaviour = Behaviour(remote=client, mcp_list_ms=LIST_MS, mcp_calls_when_approved=at_once)
    environment = {"BOT_MCP": books.file(folder, **rules), "LIBRARY_TOKEN": TOKEN, **env}
    try:
        async with standing(*replies, behaviour=behaviour, **environment) as server:
            yield Desk(server, client)
    finally:
        await client.close()


async def test_a_tool_of_a_real_server_is_listed_called_and_spoken_of(books: Library, tmp_path: Path) -> None:
    async with desk_with(books, tmp_path, finds(), ANSWER, rules=UNASKED, **SILENT) as desk:
        await desk.call(an_asking_phone(), "answer", 300)
        assert books.found == ["Emma"]
        assert desk.client.called == [("find_book", '{"title": "Emma"}')]
        assert [one["name"] for one in desk.items("mcp_list_tools")[0]["tools"]] == ["find_book", "reserve"]
        assert desk.items("mcp_call")[0]["output"] == "Emma is on shelf 7."
        assert {one["authorization"] for one in books.headers} == {f"Bearer {TOKEN}"}
        called = desk.server.logged("tool_called")
        assert [(one["tool"], one["server"]) for one in called] == [("find_book", "library")]
        assert "Emma" not in str(desk.server.logs)
        assert TOKEN not in str(desk.server.logs)


async def test_the_greeting_waits_for_the_list_of_a_real_server(books: Library, tmp_path: Path) -> None:
    async with desk_with(books, tmp_path, GREETING, rules={}) as desk:
        await desk.call(a_phone(), "greeting", 200)
        assert desk.server.model.sessions[-1].responses[0].started_us >= LIST_MS * 1_000
        assert len(desk.server.logged("mcp_tools_listed")) == 1


async def test_a_tool_that_fails_is_told_of_and_the_call_goes_on(books: Library, tmp_path: Path) -> None:
    async with desk_with(books, tmp_path, finds("nothing"), ANSWER, rules=UNASKED, **SILENT) as desk:
        await desk.call(an_asking_phone(), "answer", 300)
        assert "no such book" in str(desk.items("mcp_call")[0]["error"])
        assert [one["ok"] for one in desk.server.logged("tool_done")] == [False]


async def test_a_server_that_refuses_us_is_gone_on_without(books: Library, tmp_path: Path) -> None:
    async with desk_with(books, tmp_path, GREETING, rules={}, LIBRARY_TOKEN="another-token-123456") as desk:
        await desk.call(a_phone(), "greeting", 200)
        assert [one["why"] for one in desk.server.logged("mcp_tools_away")] == ["failed"]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("digit", ["1", "2"])
async def test_a_key_of_the_callers_decides_about_a_real_call(
    books: Library, tmp_path: Path, digit: str, *, at_once: bool
) -> None:
    replies, rules = (finds(tool="reserve"), ASKS, ANSWER), {"approvals": '{ find_book = "never" }'}
    async with desk_with(books, tmp_path, *replies, rules=rules, at_once=at_once, **SILENT) as desk:
        phone = an_asking_phone()
        pressing = asyncio.create_task(_press_when_asked(phone, digit))
        reserved = ["Emma"] if digit == "1" else []
        # The answer does not wait for a call that is made at once, and may be heard before the library has it.
        enough = lambda: pattern(300, "answer") in heard(phone) and len(books.reserved) >= len(reserved)  # noqa: E731
        await desk.server.dial_until(phone, enough)
        await pressing
        assert books.reserved == reserved
        assert [one["approve"] for one in desk.items("mcp_approval_response")] == [digit == "1"]


async def _press_when_asked(phone: SimulatedPhone, digit: str) -> None:
    await until(lambda: pattern(200, "question") in heard(phone))
    came_us = phone.received[-1].at_us
    await until(lambda: phone.marks[-1].at_us >= came_us and len(phone.echoed) == len(phone.marks))
    phone.press(digit, 0)


async def test_no_credential_is_in_a_fixture_which_replays(books: Library, tmp_path: Path) -> None:
    recorded = {"BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(tmp_path / "calls")}
    rules = {**UNASKED, "headers": '{ X-Branch = "LIBRARY_TOKEN" }'}
    async with desk_with(books, tmp_path, finds(), ANSWER, rules=rules, **SILENT, **recorded) as desk:
        recorders = watched(desk.server)
        await desk.call(an_asking_phone(), "answer", 300)
        await desk.server.quiet()
        assert books.headers[-1]["x-branch"] == TOKEN
        assert TOKEN in str(desk.state.session["tools"])  # and in its echo
        assert await asyncio.to_thread(recorders[0].wait, 5)
    (path,) = (tmp_path / "calls").rglob(f"*{SUFFIX}")
    text = path.read_text()
    assert "mcp_call" in text
    assert TOKEN not in text
    assert_replays(path)


async def test_the_example_of_the_manual_works_as_it_stands(
    books: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", source("tools"), re.DOTALL)

    def file(folder: Path, **_: str) -> str:
        path = folder / "servers.toml"
        path.write_text(example.replace("https://mcp.example.com/mcp", books.url))
        return str(path)

    monkeypatch.setattr(books, "file", file)
    branch = {"LIBRARY_BRANCH": "branch-of-the-town"}
    async with desk_with(books, tmp_path, finds(), ANSWER, rules={}, **SILENT, **branch) as desk:
        await desk.call(an_asking_phone(), "answer", 300)
        assert books.found == ["Emma"]
        assert books.headers[-1]["x-branch"] == "branch-of-the-town"
        (tool,) = [one for one in desk.state.session["tools"] if one["type"] == "mcp"]
        assert tool["require_approval"] == {
            "always": {"tool_names": ["reserve"]},
            "never": {"tool_names": ["find_book"]},
        }
