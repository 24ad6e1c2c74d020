"""BOT_MCP: which files of servers are taken, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings, SettingsError, load_settings
from bot.config.dialects import contradictions
from bot.config.loading import over

TOKEN = "tok-0123456789"
GOOD = 'url = "https://mcp.example.com/mcp"\n'


def loaded(tmp_path: Path, text: str, **env: str) -> Settings:
    path = tmp_path / "servers.toml"
    path.write_text(text)
    return load_settings({"BOT_MCP": str(path), **env})


def test_a_server_is_read_with_its_rules_and_credentials(tmp_path: Path) -> None:
    text = f"""[library]
{GOOD}about = "Books."
authorization = "LIBRARY_TOKEN"
headers = {{ X-Branch = "LIBRARY_BRANCH" }}
allowed_tools = ["find", "reserve"]
approval = "never"
approvals = {{ reserve = "key" }}
timeout_s = 15
meanwhile = "filler"
[maps]
url = "http://127.0.0.1:8000/mcp"
"""
    settings = loaded(tmp_path, text, LIBRARY_TOKEN=TOKEN, LIBRARY_BRANCH="branch-of-the-town")
    library, maps = settings.mcp
    assert library.sent == {"Authorization": f"Bearer {TOKEN}", "X-Branch": "branch-of-the-town"}
    assert (library.tools, library.approval, library.approvals) == (("find", "reserve"), "never", (("reserve", "key"),))
    assert (library.timeout_s, library.meanwhile) == (15, "filler")
    assert (maps.approval, maps.credentials, maps.sent) == ("key", (), {})
    assert {TOKEN, "branch-of-the-town"} <= set(settings.secrets)
    assert TOKEN not in repr(settings)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "has a url that"),
        ('url = "http://mcp.example.com/mcp"', "must start with https://"),
        ('url = "https://mcp.example.com/mcp?key=1"', "take away the query"),
        ('url = "https://user:secret@mcp.example.com/mcp"', "must not hold a user name or password"),
        ('url = "ftp://mcp.example.com"', "must be an absolute URL"),
        ("url = 7", "must have its url as text"),
        (GOOD + 'token = "x"', "has 'token', which nothing reads"),
        (GOOD + 'approval = "sometimes"', "one of never, always, key"),
        (GOOD + "approval = true", "one of never, always, key"),
        (GOOD + 'approvals = { find = "yes" }', "one of never, always, key"),
        (GOOD + 'approvals = ["find"]', "approvals as a table"),
        (GOOD + 'allowed_tools = ["find"]\napprovals = { lend = "key" }', "lend, which is not among its allowed_tools"),
        (GOOD + 'allowed_tools = "find"', "allowed_tools as a list"),
        (GOOD + 'allowed_tools = ["a b"]', "allowed_tools as a list"),
        (GOOD + "timeout_s = 0", "timeout_s above 0"),
        (GOOD + "timeout_s = 301", "timeout_s above 0"),
        (GOOD + "timeout_s = nan", "timeout_s above 0"),
        (GOOD + "timeout_s = true", "timeout_s above 0"),
        (GOOD + 'meanwhile = "One moment."', "meanwhile as one of"),
        (GOOD + 'headers = ["X"]', "headers as a table"),
        (GOOD + 'headers = { "X Y" = "LIBRARY_TOKEN" }', "no name of a header"),
        (GOOD + 'authorization = "UNSET_TOKEN"', "takes its credential from UNSET_TOKEN, which is not set"),
        (GOOD + 'authorization = "SHORT_TOKEN"', "8 visible characters or more"),
        (GOOD + 'authorization = "QUOTED_TOKEN"', "no quotes or backslashes"),
        (GOOD + f'authorization = "{TOKEN}"', "must name environment variables"),
        (GOOD + 'about = "two\\nlines"', "about on one line"),
    ],
)
def test_what_is_wrong_with_a_server_is_told_in_one_sentence(tmp_path: Path, table: str, said: str) -> None:
    env = {"LIBRARY_TOKEN": TOKEN, "SHORT_TOKEN": "short", "QUOTED_TOKEN": 'a"quoted"token'}
    with pytest.raises(SettingsError) as wrong:
        loaded(tmp_path, f"[library]\n{table}\n", **env)
    (problem,) = wrong.value.problems
    assert problem.startswith("BOT_MCP has a server [library] that ")
    assert said in problem
    assert not {TOKEN, "short,", 'a"quoted"token', "secret"} & set(problem.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a server"),
        ("[", "it is no TOML"),
        ("library = 1", "outside of a table"),
        ("".join(f"[s{n}]\n{GOOD}" for n in range(17)), "at most 16 servers"),
        (f'["a b"]\n{GOOD}', "must have a name"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        loaded(tmp_path, text)
    assert said in wrong.value.problems[0]


def test_a_file_that_is_not_there_is_told_of() -> None:
    with pytest.raises(SettingsError, match="BOT_MCP must be a file that exists"):
        load_settings({"BOT_MCP": "/nowhere/servers.toml"})


def test_a_profile_has_its_own_file_and_finds_its_credentials_where_the_server_does(tmp_path: Path) -> None:
    base = load_settings({"SHOP_TOKEN": TOKEN})
    path = tmp_path / "shop.toml"
    path.write_text(f'[shop]\n{GOOD}authorization = "SHOP_TOKEN"\n')
    changed, problems = over(base, {"BOT_MCP": str(path)}, "profile shop")
    assert problems == {}
    assert changed.mcp[0].sent == {"Authorization": f"Bearer {TOKEN}"}
    assert TOKEN in changed.secrets
    assert base.mcp == ()


def test_xai_is_given_no_remote_tools(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path, f"[library]\n{GOOD}", BOT_DIALECT="xai", OPENAI_REALTIME_URL="wss://api.x.ai/v1/realtime"
    )
    assert [one for one in contradictions(settings) if "BOT_MCP" in one]
