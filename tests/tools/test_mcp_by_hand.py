"""`bot tools` and `bot check` with servers of BOT_MCP, a real one among them."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.config import load_settings
from bot.doctor.readiness import judge
from bot.tools.mcp_servers import NO_PACKAGE
from tests.tools.library_server import TOKEN, library
from tests.tools.test_tools_by_hand import said


def test_it_asks_a_server_for_its_tools_and_tells_the_rules(tmp_path: Path) -> None:
    with library() as books:
        path = books.file(tmp_path, approval='"never"', approvals='{ reserve = "key" }')
        result = said(BOT_MCP=path, LIBRARY_TOKEN=TOKEN)
    assert result.exit_code == 0
    assert f"library: the MCP server at {books.url}" in result.stdout
    assert "rules: approval=never, reserve=key; timeout 20 s" in result.stdout
    assert "find_book: Find a book by its title." in result.stdout
    assert TOKEN not in result.output


def test_it_names_tools_that_the_server_does_not_have(tmp_path: Path) -> None:
    with library() as books:
        result = said(BOT_MCP=books.file(tmp_path, allowed_tools='["find_book", "lend"]'), LIBRARY_TOKEN=TOKEN)
    assert result.exit_code == 1
    assert "it has no tool lend" in result.stderr
    assert "reserve" not in result.stdout


def test_a_server_that_refuses_us_is_told_of(tmp_path: Path) -> None:
    with library() as books:
        result = said(BOT_MCP=books.file(tmp_path), LIBRARY_TOKEN="another-token-123")
    assert result.exit_code == 1
    assert "it does not tell its tools" in result.stderr


def test_without_the_package_it_says_that_nobody_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "servers.toml"
    path.write_text('[library]\nurl = "https://mcp.example.com/mcp"\n')
    imports = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in {"mcp", "httpx2"}:
            raise ImportError(name)
        return imports(name, *rest)

    for name in [one for one in sys.modules if one.partition(".")[0] in {"mcp", "httpx2"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    result = said(BOT_MCP=str(path))
    assert result.exit_code == 0
    assert NO_PACKAGE in result.stderr


def test_a_file_that_is_wrong_is_told_by_both_commands(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text('[library]\nurl = "http://mcp.example.com/mcp"\n')
    result = said(BOT_MCP=str(path))
    assert result.exit_code == 2
    assert "BOT_MCP has a server [library]" in result.stderr


@pytest.mark.parametrize(
    ("url", "warned"), [("http://127.0.0.1:8000/mcp", True), ("https://mcp.example.com/mcp", False)]
)
def test_bot_check_warns_of_a_server_that_openai_can_not_reach(tmp_path: Path, url: str, *, warned: bool) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(f'[library]\nurl = "{url}"\n')
    warnings = judge(load_settings({"BOT_MCP": str(path)})).warnings
    assert any("BOT_MCP" in one for one in warnings) is warned
